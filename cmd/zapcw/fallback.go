package main

import (
	"bytes"
	"errors"
	"io"

	"example.com/zapcw/internal/engine"
	"example.com/zapcw/internal/replay"
)

// ownLine is how lines begin that zapcw writes to a Fallback about events.
var ownLine = []byte("zapcw: ")

// maxEvent bounds an event of several lines. No Fallback has longer ones.
const maxEvent = 1 << 20

// A fallbackLines gives the events that a Fallback has, each as one Line, without lines
// of zapcw's own.
type fallbackLines struct {
	from replay.Lines

	text  []byte // of the event that Next returned
	ahead *replay.Line
	err   error // of from, after what is ahead
}

var _ replay.Lines = (*fallbackLines)(nil)

// Next returns the next event.
func (f *fallbackLines) Next() (replay.Line, error) {
	first, err := f.next()
	if err != nil || first.Cont || first.More {
		return first, err
	}
	f.text = append(f.text[:0], first.Text...)
	for len(f.text) < maxEvent {
		var l replay.Line
		if l, f.err = f.next(); f.err != nil {
			break
		}
		if !bytes.HasPrefix(l.Text, []byte("\t")) || l.Cont || l.More {
			l.Text = bytes.Clone(l.Text)
			f.ahead = &l
			break
		}
		f.text = append(append(f.text, '\n'), l.Text...)
		first.Ended = l.Ended
	}
	if errors.Is(f.err, io.EOF) {
		f.err = nil // it comes again
	}
	first.Text = engine.Unmark(f.text)
	return first, nil
}

// next returns the next line that is not zapcw's own.
func (f *fallbackLines) next() (replay.Line, error) {
	if l := f.ahead; l != nil {
		f.ahead = nil
		return *l, nil
	}
	if f.err != nil {
		return replay.Line{}, f.err
	}
	for {
		l, err := f.from.Next()
		if err != nil || l.Cont || !bytes.HasPrefix(l.Text, ownLine) {
			return l, err
		}
	}
}
