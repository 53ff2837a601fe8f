package delivery

import (
	"context"
	"fmt"
	"time"
)

// What follows is the part of delivery that deals with puts that the service does not
// answer. Most of them are an outage. But firewalls and proxies also refuse what they
// find too large, or what some event holds: they answer with a page of theirs, or reset
// the connection. So what fails again and again while other puts get through is halved,
// down to the event that stands alone, and that is given up. In an outage nothing gets
// through. To tell the two, another request goes first, or a control: a put that
// stores nothing.

// A refusal is what a request knows about such failures.
type refusal struct {
	failures int // in all
	proofs   int // alone, right after a control got through; none if one failed since
}

const (
	// maxUnanswered is how often a request may fail before its size or its events
	// are taken to be the reason; and how many may fail in a row before something
	// else is tried, to tell that from an outage.
	maxUnanswered = 3
	// maxRefusals is how often an event may fail, and maxProofs how often alone
	// and right after a control got through. Somebody who fails puts at random,
	// be it half of them or nearly all, does that to one event in 6,000. If it is
	// known to happen, since such an event was found in the same batch, maxFiltered
	// proofs do.
	maxRefusals, maxProofs, maxFiltered = 10, 4, 2
	// proofPause lies between them: an outage that has just begun is no event's
	// fault.
	proofPause = 2 * time.Second
	// smallBody is what any link sends within a time-out.
	smallBody = 4 << 10
	// controlText is too old for every group, so CloudWatch does not store it.
	controlText = "zapcw: does a put get through? Dated 1970, so that it is not stored."
)

// A filteredError is that somebody on the way refuses an event, and nothing else.
type filteredError struct{ error }

func (e *filteredError) Error() string {
	return fmt.Sprintf("%v: again and again, while other puts get through", e.error)
}

func (e *filteredError) Unwrap() error { return e.error }

// noteUnanswered acts on a failure of the next request that may be for its size or for
// what it holds. Others are left to the back-off.
func (d *delivery) noteUnanswered(ctx context.Context, err error) {
	r, proven := d.next(), d.controlled
	d.controlled = false
	timeout := isTimeout(err)
	if !timeout && !isReset(err) && (originOf(err) != fromGateway || throttled(err)) {
		return
	}
	r.failures++
	if timeout {
		// Nobody refuses it, but the link may be too slow for its size.
		if r.failures >= maxUnanswered && r.size > smallBody && r.count() > 1 {
			d.halve(err)
		}
		return
	}
	d.unanswered, d.unansweredErr = d.unanswered+1, err
	switch {
	case r.failures < maxUnanswered:
	case r.count() == 1:
		d.noteSingle(ctx, err, proven)
	case d.unanswered < maxUnanswered:
		d.halve(err)
	case d.unanswered == maxUnanswered && d.swap():
	case d.unanswered == maxUnanswered, d.unanswered%maxUnanswered == 1:
		d.control(ctx)
	}
}

// noteSingle acts on an unanswered put of one event, or of a notice alone. It is proven
// to be the event's if a control got through just before. That another event did
// proves less: it may be the tenth that was tried.
func (d *delivery) noteSingle(ctx context.Context, err error, proven bool) {
	r := d.next()
	if proven {
		r.proofs++
	}
	if r.failures >= maxRefusals && r.proofs >= maxProofs || d.filtered && r.proofs >= maxFiltered {
		d.filtered, d.unansweredErr = true, nil
		d.pop()
		d.report(r.evs, r.notice != "", Refused, &filteredError{err})
		return
	}
	if proven && !d.filtered {
		sleep(ctx, proofPause)
	}
	if d.unanswered%maxUnanswered == 0 {
		d.control(ctx)
	} else {
		d.swap()
	}
}

// swap has the request behind the next one go first, unless they share a
// millisecond, within which the service sorts by arrival.
func (d *delivery) swap() bool {
	n := len(d.left)
	if n < 2 {
		return false
	}
	r, other := d.left[n-1], d.left[n-2]
	if r.evs.Last() >= other.evs.First() && other.evs.Last() >= r.evs.First() {
		return false
	}
	d.left[n-1], d.left[n-2] = other, r
	return true
}

// control finds out whether puts get through, by one that does nothing else. It
// waits for no turn: right after a put that failed it gets through only if that put
// is to blame, and not because an outage is just over (invariant 9).
func (d *delivery) control(ctx context.Context) {
	s, r := d.stream, newNotice(controlText, 0)
	defer r.release()
	tracked, untrack := s.pace.track(ctx, s.latency.slowAfter(r.size, fastRate))
	defer untrack()
	_, err := s.put(tracked, r, 0)
	if c := classify(err); err == nil || c == classDone || c == classBisect || c == classSuspect { // the service read it
		s.pace.report(0, nil, false)
		d.unanswered, d.controlled = 0, true
	} else {
		d.next().proofs = 0
	}
}

// fateOfUntried is Stream.FateOfUntried, with what stood in the way of the next
// request if it was no outage.
func (d *delivery) fateOfUntried(why error) (Fate, error) {
	if d.unansweredErr != nil && d.stream.pace.cause() == nil {
		return Late, fmt.Errorf("%w: %w", why, d.unansweredErr)
	}
	return d.stream.FateOfUntried(why)
}
