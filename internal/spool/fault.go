package spool

import "sync/atomic"

// fault stands for a system in trouble, in tests; nil for none.
var fault atomic.Pointer[func(call string) error]

// SetFault has calls of the system fail with the error that f gives for their name,
// as in "fallocate" or "mmap"; nil has the call made. It is for tests, and all Spools
// of the process. restore ends it.
func SetFault(f func(call string) error) (restore func()) {
	fault.Store(&f)
	return func() { fault.Store(nil) }
}
