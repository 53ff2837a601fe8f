// Package delivery brings batches of events to one log stream: it creates what
// is missing, tells errors that pass from those that do not, tries again,
// isolates events that the service refuses, and reports the fate of each event.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

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
	// service counts them.
	Put(events, bytes int, err error)
	// Trouble is told of an error in an attempt, and whether people should hear
	// of it: if so, it costs no event.
	Trouble(err error, tell bool)
}

// Settle is called with every event of a batch once, in runs, with its fate and
// for all but delivered ones the reason.
type Settle func(evs []batch.Event, f Fate, err error)

// A Stream delivers batches to one log stream. Its methods may be called by
// several goroutines at once.
type Stream struct {
	Client      Client
	Group, Name string
	Retention   int32
	NewGroup    func(*cloudwatchlogs.CreateLogGroupInput)
	Observer    Observer

	pace pace

	init   sync.Once
	bodies atomic.Bool // the client takes bodies
	away   atomic.Int32
	// putting counts bodies that are under way.
	putting atomic.Int32

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
func (s *Stream) Deliver(ctx context.Context, evs []batch.Event, settle Settle) {
	stack := [][]batch.Event{evs}
	rest := func(f Fate, err error) {
		for i := len(stack) - 1; i >= 0; i-- {
			settle(stack[i], f, err)
		}
	}
	for bad := 0; len(stack) > 0; {
		evs := stack[len(stack)-1]
		round, err := s.pace.wait(ctx)
		if err != nil {
			rest(s.GiveUp(context.Cause(ctx)))
			return
		}
		attempt, leave := s.pace.board(ctx, s.hungAfter(evs))
		out, err := s.put(attempt, evs, round)
		leave()
		c := classify(err)
		switch {
		case err == nil, c == taken:
			s.pace.done(round, nil, false)
			stack = stack[:len(stack)-1]
			s.settle(evs, out, settle)
			bad = 0
		case ctx.Err() != nil: // whatever came, nobody waits any longer
			s.pace.leave(round)
			fate, _ := s.GiveUp(context.Cause(ctx))
			rest(fate, err)
			return
		case c == split:
			// The service answers, so nothing speaks against going on.
			s.pace.done(round, nil, false)
			stack = stack[:len(stack)-1]
			if len(evs) == 1 {
				settle(evs, Invalid, err)
			} else {
				stack = append(stack, evs[len(evs)/2:], evs[:len(evs)/2])
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
		return Late, fmt.Errorf("put events to %s/%s: %w", s.Group, s.Name, why)
	case errors.Is(why, ErrHopeless):
		return Refused, cause
	}
	return Late, fmt.Errorf("%w: %w", why, cause)
}

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
func (s *Stream) settle(evs []batch.Event, out *cloudwatchlogs.PutLogEventsOutput, settle Settle) {
	old, expired, fresh := 0, 0, len(evs)
	if out != nil && out.RejectedLogEventsInfo != nil {
		info := out.RejectedLogEventsInfo
		if i := info.TooOldLogEventEndIndex; i != nil {
			old = min(max(int(*i), 0), len(evs))
		}
		if i := info.ExpiredLogEventEndIndex; i != nil {
			expired = min(max(int(*i), 0), len(evs))
		}
		if i := info.TooNewLogEventStartIndex; i != nil {
			fresh = min(max(int(*i), 0), len(evs))
		}
	}
	expired = max(expired, old)
	fresh = max(fresh, expired)
	for _, r := range []struct {
		evs []batch.Event
		f   Fate
	}{{evs[:old], TooOld}, {evs[old:expired], Expired}, {evs[expired:fresh], Delivered}, {evs[fresh:], TooNew}} {
		if len(r.evs) == 0 {
			continue
		}
		var err error
		if r.f != Delivered {
			err = fmt.Errorf("put %s to %s/%s: the service takes none that is %s", Events(len(r.evs)), s.Group, s.Name, r.f)
		}
		settle(r.evs, r.f, err)
	}
}

// put tries once to put evs, which may take several requests: the stream is
// created if it does not exist, and a sequence token is learned.
func (s *Stream) put(ctx context.Context, evs []batch.Event, round int) (*cloudwatchlogs.PutLogEventsOutput, error) {
	for try := 0; ; try++ {
		s.mu.Lock()
		created, tok, slow := s.created, s.token, s.slow
		s.mu.Unlock()

		begin := time.Now()
		out, err := s.putOnce(ctx, evs, tok, max(round, slow))
		s.pull(max(round, slow), time.Since(begin), err)
		c := classify(err)
		if err == nil || c == token || c == taken {
			s.learn(out, err)
		}
		if errors.Is(err, errStale) && try < maxDetours && ctx.Err() == nil {
			continue // with the next connection
		}
		if err == nil {
			return out, nil
		}
		err = fmt.Errorf("put %s to %s/%s: %w", Events(len(evs)), s.Group, s.Name, err)
		if try == maxDetours {
			return nil, err
		}
		switch c {
		case missing:
			if err := s.create(ctx, created); err != nil {
				return nil, &creationError{err}
			}
		case token:
		default:
			return nil, err
		}
	}
}

// hungAfter is when a put is so late that it may as well be tried anew, if that
// is all that stands between somebody and the end of a Sync.
func (s *Stream) hungAfter(evs []batch.Event) time.Duration {
	size := 0
	for _, e := range evs {
		size += e.Size()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(2*time.Second, 3*s.took) + time.Duration(size)*time.Second/batch.MaxBytes
}

// staleTimeout bounds a put on a connection that has been idle for a while: the
// process may have been frozen, or something on the way has forgotten it. 2 s, or
// three times what the last put took, and what the bytes take.
func (s *Stream) staleTimeout(size int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(2*time.Second, 3*s.took) + time.Duration(size)*time.Second/(64<<10)
}

// pull keeps the time-out in the round in which a slow service answered, until it
// answers quickly again.
func (s *Stream) pull(round int, took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.took = took
	}
	switch quick := putTimeout(0, 0) / 2; {
	case err == nil && took > quick:
		s.slow = round
	case took < quick:
		s.slow = max(s.slow-1, 0)
	}
}

// maxDetours bounds what one attempt may take besides its put. Several writers
// may race for one token.
const maxDetours = 4

// putTimeout bounds one put, because the SDK's HTTP client waits for ever: 5 s
// and what the bytes take at 64 KiB a second, so that a connection that died in
// a frozen process is found out. With each failed round there is more, for the
// sake of a service or a link that is just slow: what is cut off there may well
// be stored, and once more with the next attempt.
func putTimeout(size, round int) time.Duration {
	d := 5*time.Second + time.Duration(size)*time.Second/(64<<10)
	return d * time.Duration(min(1+round, 6))
}

func (s *Stream) putOnce(ctx context.Context, evs []batch.Event, tok *string, round int) (*cloudwatchlogs.PutLogEventsOutput, error) {
	size := 0
	for _, e := range evs {
		size += e.Size()
	}
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &s.Group, LogStreamName: &s.Name, SequenceToken: tok}
	s.init.Do(func() {
		s.Client = quiet(s.Client)
		s.bodies.Store(takesBodies(s.Client))
	})
	var out *cloudwatchlogs.PutLogEventsOutput
	var err error
	for {
		var used atomic.Bool
		fast := s.bodies.Load()
		f := func(ctx context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
			return s.Client.PutLogEvents(ctx, in, once)
		}
		if fast {
			b := bodies.Get().(*body)
			s.putting.Add(1)
			b.used = &used
			// The SDK's syntax takes some bytes an event more than the service
			// counts, and quotes in the text take one each.
			b.text = appendPut(slices.Grow(b.text[:0], size+20*len(evs)+size/32), s.Group, s.Name, tok, evs)
			in.LogEvents = noEvents
			f = func(ctx context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
				// A client that does not come back keeps it.
				defer s.free(b)
				return s.Client.PutLogEvents(ctx, in, once, b.option)
			}
		} else {
			in.LogEvents = input(evs, size)
		}
		out, err = callWithin(ctx, &s.away, limit{putTimeout(size, round), s.staleTimeout(size)}, f)
		if fast && errors.Is(err, errAway) {
			s.putting.Add(-1) // it never was
		}
		var api smithy.APIError
		if !fast || used.Load() || err != nil && !errors.As(err, &api) {
			break
		}
		// Something was sent, and by an SDK that does not ask its protocol any
		// more: it gets the events.
		s.bodies.Store(false)
	}
	if err == nil && out == nil {
		out = new(cloudwatchlogs.PutLogEventsOutput)
	}
	s.Observer.Put(len(evs), size, err)
	return out, err
}

// learn keeps the token for the next put. The service has ignored tokens since
// 2023 and gives none a caller could be in need of, so none is sent before a
// server asked for one.
func (s *Stream) learn(out *cloudwatchlogs.PutLogEventsOutput, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var (
		wrong *types.InvalidSequenceTokenException
		taken *types.DataAlreadyAcceptedException
	)
	switch {
	case errors.As(err, &wrong):
		s.tokens, s.token = true, wrong.ExpectedSequenceToken
	case errors.As(err, &taken) && s.tokens:
		s.token = taken.ExpectedSequenceToken
	case err == nil && s.tokens:
		s.token = out.NextSequenceToken
	}
}
