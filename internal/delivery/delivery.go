package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/internal/batch"
)

// A delivery is one batch on its way.
//
// A batch with bad events is halved until each bad one stands alone, the older
// half first: one among n costs 2·log2(n) puts. What is left is a stack, the
// oldest on top, so the order in time is kept.
type delivery struct {
	stream *Stream
	report Report
	left   []*request
	bad    int // puts in a row that failed with bad events
}

// maxBad is how many puts in a row may fail with bad events before they are
// spaced: more than lead to one bad event among 10,000.
const maxBad = 64

// attempt waits for its turn, tries the next request, and acts on the outcome.
func (d *delivery) attempt(ctx context.Context) {
	s, r := d.stream, d.next()
	round, err := s.pace.admit(ctx)
	if err != nil {
		d.abandon(s.FateOfUntried(context.Cause(ctx)))
		return
	}
	tracked, untrack := s.pace.track(ctx, s.latency.slowAfter(r.size, fastRate))
	out, err := s.put(tracked, r, round)
	untrack()
	switch c := classify(err); {
	case err == nil, c == classDone:
		s.pace.report(round, nil, false)
		d.succeed(out)
	case errors.Is(err, errTooLarge):
		s.pace.cancel(round)
		d.bisect(err)
	case ctx.Err() != nil: // whatever came, nobody waits any longer
		s.pace.cancel(round)
		s.Recorder.RecordTrouble(err, false)
		fate, _ := s.FateOfUntried(context.Cause(ctx))
		d.abandon(fate, err)
	case c == classBisect:
		// The service answers, so nothing speaks against going on.
		s.pace.report(round, nil, false)
		s.Recorder.RecordTrouble(err, false)
		d.bisect(err)
		d.slowDown(ctx)
	case c == classFatal:
		s.pace.report(round, err, true)
		s.Recorder.RecordTrouble(err, false) // the fallback tells, with the events
		d.abandon(Refused, err)
	default:
		s.pace.report(round, err, false)
		// One failure is everyday business: a connection that the server
		// closed while it was idle, a throttle.
		s.Recorder.RecordTrouble(err, round > 0)
	}
}

func (d *delivery) next() *request { return d.left[len(d.left)-1] }

// pop takes the next request off the stack.
func (d *delivery) pop() *request {
	r := d.next()
	r.release()
	d.left = d.left[:len(d.left)-1]
	return r
}

// succeed reports a request that the service took, except for what it rejected.
func (d *delivery) succeed(out *cloudwatchlogs.PutLogEventsOutput) {
	d.bad = 0
	r := d.pop()
	for _, run := range runsOf(r, out) {
		var err error
		if run.fate != Delivered {
			err = &putError{run.evs.Len(), d.stream.Group, d.stream.Name, fmt.Errorf("the service takes none that is %s", run.fate)}
		}
		d.report(run.evs, run.notice, run.fate, err)
	}
}

// bisect looks for what is bad in the next request. A notice goes first, so that
// no event is blamed for it.
func (d *delivery) bisect(err error) {
	r := d.pop()
	n := r.evs.Len()
	switch {
	case r.notice != "":
		d.report(batch.List{}, true, Invalid, err)
		d.left = append(d.left, newRequest(r.evs, ""))
	case n > 1:
		d.left = append(d.left, newRequest(r.evs.Slice(n/2, n), ""), newRequest(r.evs.Slice(0, n/2), ""))
	default:
		d.report(r.evs, false, Invalid, err)
	}
}

// slowDown keeps a service that finds fault with everything from becoming a hot
// loop.
func (d *delivery) slowDown(ctx context.Context) {
	if d.bad++; d.bad > maxBad && len(d.left) > 0 {
		sleep(ctx, time.Second)
	}
}

// abandon reports all that is left.
func (d *delivery) abandon(f Fate, err error) {
	for len(d.left) > 0 {
		r := d.pop()
		d.report(r.evs, r.notice != "", f, err)
	}
}
