// Package delivery brings batches of events to one log stream: it creates what
// is missing, tells errors that pass from those that do not, tries again,
// isolates events that the service refuses, and reports the fate of each event.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/internal/batch"
)

// Client is the part of *cloudwatchlogs.Client that is called.
type Client interface {
	PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error)
	CreateLogStream(context.Context, *cloudwatchlogs.CreateLogStreamInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error)
	CreateLogGroup(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error)
	PutRetentionPolicy(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error)
}

// An Observer is told what goes over the network and what goes wrong on the way.
type Observer interface {
	// Put is told of each answered or failed put: events and bytes as the
	// service counts them, and whether it took them.
	Put(events, bytes int, ok bool)
	// Trouble is told of an error that the attempt itself did not mend, and
	// whether people should hear of it: if so, it costs no event.
	Trouble(err error, tell bool)
}

// Settle is called with every event of a batch once, in runs, with its fate and
// for all but delivered ones the reason.
type Settle func(evs batch.List, f Fate, err error)

// A Stream delivers batches to one log stream. Its methods may be called by
// several goroutines at once.
type Stream struct {
	Client      Client
	Group, Name string
	Retention   int32
	Compress    bool // bodies, as long as the server takes that
	NewGroup    func(*cloudwatchlogs.CreateLogGroupInput)
	Observer    Observer

	pace pace

	init   sync.Once
	bodies atomic.Bool // the client takes bodies
	gzip   atomic.Int32
	away   atomic.Int32

	mu       sync.Mutex
	token    *string       // what the next put must carry, on servers from before 2023
	tokens   bool          // this is such a server
	slow     int           // the round from which time-outs count
	took     time.Duration // by the last put
	created  int           // how often the stream was created
	creating chan struct{}
}

// Deliver brings evs, which are within the limits of one put, to the stream and
// settles each of them before it returns. It tries until ctx is done.
//
// A batch with bad events is halved until each bad one stands alone, the older
// half first: one among n costs 2·log2(n) puts. Halves are on a stack, so the
// order in time is kept.
func (s *Stream) Deliver(ctx context.Context, evs batch.List, settle Settle) {
	stack := []*request{newRequest(evs)}
	pop := func() {
		s.release(stack[len(stack)-1])
		stack = stack[:len(stack)-1]
	}
	rest := func(f Fate, err error) {
		for len(stack) > 0 {
			settle(stack[len(stack)-1].evs, f, err)
			pop()
		}
	}
	halve := func(evs batch.List) {
		pop()
		stack = append(stack, newRequest(evs.Slice(evs.Len()/2, evs.Len())), newRequest(evs.Slice(0, evs.Len()/2)))
	}
	for bad := 0; len(stack) > 0; {
		r := stack[len(stack)-1]
		evs := r.evs
		round, err := s.pace.wait(ctx)
		if err != nil {
			rest(s.GiveUp(context.Cause(ctx)))
			return
		}
		attempt, leave := s.pace.board(ctx, s.unusual(r.size, fastRate))
		out, err := s.put(attempt, r, round)
		leave()
		c := classify(err)
		switch {
		case err == nil, c == taken:
			s.pace.done(round, nil, false)
			pop()
			s.settle(evs, out, settle)
			bad = 0
		case errors.Is(err, errTooLarge):
			s.pace.leave(round)
			halve(evs)
		case ctx.Err() != nil: // whatever came, nobody waits any longer
			s.pace.leave(round)
			s.Observer.Trouble(err, false)
			fate, _ := s.GiveUp(context.Cause(ctx))
			rest(fate, err)
			return
		case c == split:
			// The service answers, so nothing speaks against going on.
			s.pace.done(round, nil, false)
			s.Observer.Trouble(err, false)
			if evs.Len() > 1 {
				halve(evs)
			} else {
				pop()
				settle(evs, Invalid, err)
			}
			// But if it finds fault with everything, that must not become a
			// hot loop.
			if bad++; bad > maxBad && len(stack) > 0 {
				sleep(ctx, time.Second)
			}
		case c == refused:
			s.pace.done(round, err, true)
			s.Observer.Trouble(err, false) // the fallback tells, with the events
			rest(Refused, err)
			return
		default:
			s.pace.done(round, err, false)
			// One failure is everyday business: a connection that the server
			// closed while it was idle, a throttle.
			s.Observer.Trouble(err, round > 0)
		}
	}
}

// maxBad is how many puts in a row may fail with bad events before they are
// spaced: more than lead to one bad event among 10,000.
const maxBad = 64

// GiveUp is the fate of events for which there is no more time, because of why,
// with what stood in their way.
func (s *Stream) GiveUp(why error) (Fate, error) {
	cause := s.pace.cause()
	switch {
	case cause == nil:
		return Late, &untried{fmt.Errorf("put events to %s/%s: %w", s.Group, s.Name, why)}
	case errors.Is(why, ErrHopeless):
		return Refused, cause
	}
	return Late, fmt.Errorf("%w: %w", why, cause)
}

// An untried error is that there was no time to try, or to see what comes of it.
type untried struct{ error }

func (e *untried) Unwrap() error { return e.error }

// ErrHopeless cancels a Deliver that waits for its turn while the service
// refuses every put: somebody waits for the outcome, and it is known.
var ErrHopeless = errors.New("refused")

// SetJitter replaces the choice of a wait up to d, for tests.
func (s *Stream) SetJitter(f func(d time.Duration) time.Duration) { s.pace.jitter = f }

// Hurry has the next attempt made soon: somebody waits for it until then.
func (s *Stream) Hurry(until time.Time) { s.pace.hurry(until) }

// Hopeless tells whether a Deliver that began now would wait for long, only to
// be refused.
func (s *Stream) Hopeless() bool { return s.pace.hopeless() }

// settle reports a put that the service took, except for the events that it
// names: it gives indexes, the ends of the old ones exclusive, the start of the
// new ones inclusive.
func (s *Stream) settle(evs batch.List, out *cloudwatchlogs.PutLogEventsOutput, settle Settle) {
	if out == nil || out.RejectedLogEventsInfo == nil {
		settle(evs, Delivered, nil)
		return
	}
	info := out.RejectedLogEventsInfo
	old, expired, fresh := 0, 0, evs.Len()
	if i := info.TooOldLogEventEndIndex; i != nil {
		old = min(max(int(*i), 0), evs.Len())
	}
	if i := info.ExpiredLogEventEndIndex; i != nil {
		expired = min(max(int(*i), 0), evs.Len())
	}
	if i := info.TooNewLogEventStartIndex; i != nil {
		fresh = min(max(int(*i), 0), evs.Len())
	}
	expired = max(expired, old)
	fresh = max(fresh, expired)
	for _, r := range []struct {
		evs batch.List
		f   Fate
	}{{evs.Slice(0, old), TooOld}, {evs.Slice(old, expired), Expired}, {evs.Slice(expired, fresh), Delivered}, {evs.Slice(fresh, evs.Len()), TooNew}} {
		if r.evs.Len() == 0 {
			continue
		}
		var err error
		if r.f != Delivered {
			err = fmt.Errorf("put %s to %s/%s: the service takes none that is %s", Events(r.evs.Len()), s.Group, s.Name, r.f)
		}
		settle(r.evs, r.f, err)
	}
}
