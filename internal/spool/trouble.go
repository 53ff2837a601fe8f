package spool

import "sync/atomic"

// trouble stands for a system in trouble, in tests; nil for none.
var trouble atomic.Pointer[func(call string) error]

// SetTrouble has calls of the system fail with the error that f gives for their name,
// as in "fallocate" or "mmap"; nil has the call made. It is for tests, and all Spools
// of the process. restore ends it.
func SetTrouble(f func(call string) error) (restore func()) {
	trouble.Store(&f)
	return func() { trouble.Store(nil) }
}
