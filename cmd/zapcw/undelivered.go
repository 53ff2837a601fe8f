package main

import (
	"bytes"
	"sync/atomic"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/terminal"
)

// fewLines is how many events of a file a person wants to see.
const fewLines = 20

// An undelivered is the Fallback of put: what was not delivered goes to standard
// error, where it does not meet the line of progress.
type undelivered struct {
	to *terminal.Progress
	// few has no more than some events printed: a file has them all, and a
	// terminal no room.
	few  bool
	n    int         // events that were printed
	left atomic.Bool // events are no longer printed
}

var _ zapcore.WriteSyncer = (*undelivered)(nil)

// Write is called by one goroutine at a time.
func (u *undelivered) Write(b []byte) (int, error) {
	var out []byte
	for line := range bytes.Lines(b) {
		switch {
		case bytes.HasPrefix(line, ownLine):
		case u.left.Load():
			continue
		case u.few:
			if u.n++; u.n > fewLines {
				if u.n == fewLines+1 {
					out = append(out, "…\n"...)
				}
				continue
			}
		}
		out = append(out, line...)
	}
	if len(out) == 0 {
		return len(b), nil
	}
	if _, err := u.to.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// leave ends the printing of events: what is left of files stays there.
func (u *undelivered) leave() { u.left.Store(true) }

// Sync does nothing.
func (u *undelivered) Sync() error { return nil }
