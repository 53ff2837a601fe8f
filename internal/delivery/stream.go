// Package delivery brings batches of events to log streams: it creates what
// is missing, tells errors that pass from those that do not, tries again,
// isolates events that the service refuses, and reports the fate of each event.
package delivery

import (
	"context"
	"errors"

	"example.com/zapcw/internal/batch"
)

// A Stream delivers batches to one log stream. Its methods may be called by
// several goroutines at once.
type Stream struct {
	*Service
	Name string

	tokens  tokens
	creator creator
}

// A Report is called with every event of a batch once, in runs, with the fate of
// the run and, for all but delivered ones, the reason. With notice set the gap
// notice shares the fate; evs is empty when it is the notice alone.
type Report func(evs batch.List, notice bool, f Fate, err error)

// Deliver brings evs to the stream and reports each of them before it returns.
// It tries until ctx is done.
//
// A notice that is not empty is sent as the first event of the put, with the time
// of the first of evs. Both together are within the limits of one put.
func (s *Stream) Deliver(ctx context.Context, evs batch.List, notice string, report Report) {
	s.prepare()
	d := delivery{stream: s, report: report, whole: evs, first: evs.First(), left: []*request{newRequest(evs, notice)}}
	for len(d.left) > 0 || d.tellAlone() {
		d.attempt(ctx)
	}
}

// FateOfUntried is the fate of events for which there is no more time, because of
// why, and the reason with what stood in their way. That is the reason alone if
// more time would not have helped: one cause has one number.
func (s *Stream) FateOfUntried(why error) (Fate, error) {
	if cause := s.pace.cause(); cause != nil && (errors.Is(why, ErrRefusing) || s.pace.refused()) {
		return Refused, cause
	}
	return Late, s.WhyUntried(s.Name, why)
}
