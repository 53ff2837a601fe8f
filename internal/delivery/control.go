package delivery

import (
	"context"
	"fmt"
	"time"
)

// What follows is the part of delivery that deals with puts about which the service
// says nothing. Most of them are an outage. But firewalls and proxies also refuse
// what they find too large, or what some event holds: they answer with a page of
// theirs, reset the connection, or swallow the request. So what fails again and
// again is halved, down to the event that stands alone. That is given up only if
// other puts get through: in an outage none does.

// A refusal is what a request knows about such failures.
type refusal struct {
	failures int  // in all
	refusals int  // alone, each just after another put got through
	control  bool // it is a control itself
}

const (
	// maxUnheard is how often a request may fail before its size or its events
	// are taken to be the reason; and how many may fail in a row before a
	// control shows whether it is an outage.
	maxUnheard = 3
	// maxRefusals is how often an event may fail alone, each time just after
	// another put got through. With the failures before that, somebody who fails
	// every second put at random refuses one event in 8,000 so often. It is
	// maxFiltered when such an event was found in the same batch.
	maxRefusals, maxFiltered = 10, 4
	// refusalPause lies between these, so that an outage of some seconds which
	// spares a few puts is no event's fault.
	refusalPause = 500 * time.Millisecond
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

// newControl is a request that shows whether puts get through, and does nothing
// else.
func newControl() *request {
	r := newNotice(controlText, 0)
	r.control = true
	return r
}

// control acts on the outcome of a control.
func (d *delivery) control(ctx context.Context, round int, err error) {
	d.pop()
	if ctx.Err() != nil {
		d.stream.pace.cancel(round)
		return
	}
	d.stream.pace.report(round, err, false)
	if c := classify(err); err == nil || c == classDone || c == classBisect || c == classSuspect {
		d.silent = 0 // the service read it
	}
}

// fateOfUntried is Stream.FateOfUntried, with what stood in the way of the next
// request if it was no outage.
func (d *delivery) fateOfUntried(why error) (Fate, error) {
	if d.mute != nil && d.stream.pace.cause() == nil {
		return Late, fmt.Errorf("%w: %w", why, d.mute)
	}
	return d.stream.FateOfUntried(why)
}

// unheard acts on a failure of the next request that may be for its size or for
// what it holds.
func (d *delivery) unheard(ctx context.Context, err error) {
	r := d.next()
	gateway := originOf(err) == fromGateway && !throttled(err)
	if !gateway && !isReset(err) && !isTimeout(err) {
		return
	}
	d.silent, d.mute = d.silent+1, err
	r.failures++
	switch {
	case r.failures < maxUnheard:
		return
	case r.count() > 1 && d.silent < maxUnheard:
		d.halve(err)
		return
	case r.count() > 1:
	case isTimeout(err) && r.size > smallBody: // the link may be slow
		return
	case d.silent == 1:
		if d.refuse(ctx, err) {
			return
		}
	}
	d.left = append(d.left, newControl())
}

// refuse counts that the next request failed alone, just after another got through.
// If that happened often enough it is given up.
func (d *delivery) refuse(ctx context.Context, err error) bool {
	r := d.next()
	r.refusals++
	switch {
	case d.filtered && r.refusals >= maxFiltered, r.refusals >= maxRefusals:
		d.filtered = true
		d.mute = nil
		d.pop()
		d.report(r.evs, r.notice != "", Refused, &filteredError{err})
		return true
	case !d.filtered:
		sleep(ctx, refusalPause)
	}
	return false
}
