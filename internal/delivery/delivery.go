package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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
	whole  batch.List
	left   []*request // parts of it, each event once
	first  int64      // the time of its oldest event, in milliseconds since 1970
	notice string     // was taken off a put that failed, and is to be told alone
	blame  blame
	// unanswered are the failures without an answer of the service since a put got
	// through, and unansweredErr the last of them, also when a control did since.
	unanswered    int
	unansweredErr error
	controlled    bool // the last put was a control, and got through
	// filtered is set once somebody on the way was found to refuse single events.
	filtered bool
}

// attempt waits for its turn, tries the next request, and acts on the outcome.
func (d *delivery) attempt(ctx context.Context) {
	s, r := d.stream, d.next()
	round, err := s.pace.admit(ctx)
	if err != nil {
		d.abandon(d.fateOfUntried(context.Cause(ctx)))
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
		d.halve(err)
	case ctx.Err() != nil: // whatever came, nobody waits any longer
		s.pace.cancel(round)
		s.Recorder.RecordTrouble(err, false)
		fate := Late
		if errors.Is(context.Cause(ctx), ErrRefusing) {
			fate = Refused
		}
		d.abandon(fate, err)
	case c == classBisect, c == classSuspect:
		s.Recorder.RecordTrouble(err, false)
		giveUp := d.suspect(ctx, c, err)
		s.pace.report(round, giveUp, true)
		if giveUp != nil {
			d.abandon(Refused, giveUp)
		}
	case c == classFatal:
		s.pace.report(round, err, true)
		s.Recorder.RecordTrouble(err, false) // the fallback tells, with the events
		d.abandon(Refused, err)
	default:
		s.pace.report(round, err, false)
		// One failure is everyday business: a connection that the server
		// closed while it was idle, a throttle.
		s.Recorder.RecordTrouble(err, round > 0)
		d.noteUnanswered(ctx, err)
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
	d.blame.settle(d.report)
	d.unanswered, d.controlled, d.unansweredErr = 0, false, nil
	r := d.pop()
	for _, run := range runsOf(r, out) {
		var err error
		if run.fate != Delivered {
			err = &putError{run.evs.Len(), d.stream.Group, d.stream.Name, fmt.Errorf("rejected by the service: %s", run.fate)}
		}
		d.report(run.evs, run.notice, run.fate, err)
	}
}

// halve divides the next request. A notice goes first, so that no event is blamed
// for it.
func (d *delivery) halve(err error) {
	r := d.pop()
	n := r.evs.Len()
	switch {
	case n == 0:
		d.report(batch.List{}, true, Invalid, err)
	case r.notice != "":
		d.notice = r.notice
		d.left = append(d.left, r.part(0, n))
	default:
		d.left = append(d.left, r.part(n/2, n), r.part(0, n/2))
	}
}

// tellAlone puts a notice that was taken off, after the events that it stood
// before: the next batch may have a bad event, too. It reports whether there is
// one.
func (d *delivery) tellAlone() bool {
	if d.notice == "" {
		return false
	}
	d.left = append(d.left, newNotice(d.notice, d.first))
	d.notice = ""
	return true
}

// suspect looks for what is bad in the next request. It gives up, with the reason,
// when everything is found bad: then no event is to blame.
func (d *delivery) suspect(ctx context.Context, c class, err error) error {
	r := d.next()
	if c == classSuspect && !r.suspected {
		r.suspected = true // it may have been damaged on its way
		return nil
	}
	d.blame.count(err, d.stream.pace.cause())
	if r.notice != "" || r.evs.Len() > 1 {
		d.halve(err)
	} else {
		d.blame.add(d.pop(), err)
	}
	switch {
	case len(d.left) == 0:
		d.blame.settle(d.report)
	case d.blame.suspicious() && d.newestFirst():
		d.blame.probed = true
	case d.blame.everything():
		rs, why := d.blame.withdraw()
		d.left = append(d.left, rs...)
		return why
	case d.blame.often():
		sleep(ctx, time.Second)
	}
	return nil
}

// newestFirst has the events of the last millisecond go next, which keeps their
// order in the stream. It reports whether there are others.
func (d *delivery) newestFirst() bool {
	d.sort()
	from, last := 0, d.whole.Last()
	for e := range d.whole.All() {
		if e.Time == last {
			break
		}
		from++
	}
	if from <= d.next().at {
		return false
	}
	for d.left[0].at >= from {
		d.left = d.left[1:]
	}
	if r := d.left[0]; r.at+r.evs.Len() > from {
		d.left[0] = r.part(0, from-r.at)
	}
	newest := newRequest(d.whole.Slice(from, d.whole.Len()), "")
	newest.at, newest.suspected = from, true
	d.left = append(d.left, newest)
	return true
}

// sort has the oldest go next.
func (d *delivery) sort() {
	slices.SortStableFunc(d.left, func(a, b *request) int { return cmp.Compare(b.at, a.at) })
}

// abandon reports all that is left, in as few runs as can be: what lies between
// may have its fate already, since the newest events were tried out of turn.
func (d *delivery) abandon(f Fate, err error) {
	d.blame.settle(d.report)
	if d.notice != "" {
		d.report(batch.List{}, true, f, err)
		d.notice = ""
	}
	d.sort()
	for len(d.left) > 0 {
		r := d.pop()
		from, to, notice := r.at, r.at+r.evs.Len(), r.notice != ""
		for len(d.left) > 0 && d.next().at == to {
			to += d.pop().evs.Len()
		}
		d.report(d.whole.Slice(from, to), notice, f, err)
	}
}
