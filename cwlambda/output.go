package cwlambda

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"
)

// A drainer is what holds the events of one stream.
type drainer interface {
	// Drain sends what is buffered and returns when all of it has its fate. What
	// has none when ctx ends stays in memory, and that is an error.
	Drain(ctx context.Context) error
	// Flush is Drain, but what has no fate when ctx ends is spilled.
	Flush(ctx context.Context) error
	// Puts counts puts that succeeded.
	Puts() uint64
}

// outputs is all that a logger writes to.
type outputs struct {
	streams []*output
	rest    *resync // nil if there is nothing else
}

// newOutputs finds the streams behind a core. Cores are wrapped in cores, but
// all of them pass on the fields of With, so a field goes and asks. What a
// stream's own Core gives back has a Sync that does nothing: the rest is synced
// without waiting for the streams again.
func newOutputs(core zapcore.Core) *outputs {
	var f finder
	rest := core.With([]zapcore.Field{f.field()})
	o := new(outputs)
	for _, d := range f.found {
		o.streams = append(o.streams, &output{drainer: d})
	}
	if !isStream(rest) {
		o.rest = &resync{sync: rest.Sync}
	}
	return o
}

// include reports whether all that other writes to is flushed with o.
func (o *outputs) include(other *outputs) bool {
	for _, s := range other.streams {
		if !slices.ContainsFunc(o.streams, func(t *output) bool { return t.drainer == s.drainer }) {
			return false
		}
	}
	return len(other.streams) > 0
}

// drain sends what is buffered and waits, no longer than limit and, for what is
// out of reach, than outageWait. What is not delivered by then stays in memory.
func (o *outputs) drain(limit time.Duration) {
	o.each(func(s *output) { s.drain(limit) }, func() { o.rest.wait(limit) })
}

// drainUntil is drain with no bound but ctx.
func (o *outputs) drainUntil(ctx context.Context) {
	o.each(func(s *output) { _ = s.Drain(ctx) }, func() { o.rest.waitUntil(ctx) })
}

// flush leaves nothing in memory.
func (o *outputs) flush(limit time.Duration) {
	o.each(func(s *output) { s.flush(limit) }, func() { o.rest.wait(limit) })
}

// each calls side by side: one that hangs must not take the time of the others.
func (o *outputs) each(stream func(*output), rest func()) {
	var all sync.WaitGroup
	if o.rest != nil {
		all.Go(rest)
	}
	for i, s := range o.streams {
		if i == len(o.streams)-1 {
			stream(s)
		} else {
			all.Go(func() { stream(s) })
		}
	}
	all.Wait()
}

// An output is one stream, and whether it is out of reach.
type output struct {
	drainer

	// outage is one more than the puts that had succeeded when a drain took long
	// without another; it is over with the next that does.
	outage atomic.Uint64
}

func (s *output) drain(limit time.Duration) {
	before := s.Puts()
	if s.outage.Load() == before+1 {
		limit = min(limit, outageWait)
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_ = s.Drain(ctx) // the stream tells on its Fallback
	// In less than that a put may just not have been possible.
	if time.Since(begin) >= outageWait && s.Puts() == before {
		s.outage.Store(before + 1)
	}
}

func (s *output) flush(limit time.Duration) {
	if s.outage.Load() == s.Puts()+1 {
		limit = min(limit, outageWait)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_ = s.Flush(ctx) // whatever it is, it is on the Fallback
}
