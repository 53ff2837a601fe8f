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

// A Stream delivers batches to one log stream. Its methods may be called by
// several goroutines at once.
type Stream struct {
	// Client must not be nil.
	Client      Client
	Group, Name string
	// Retention is how many days a group that is created keeps its events; 0 is
	// for ever.
	Retention int32
	// Compress is for request bodies, as long as the server takes that.
	Compress bool
	// NewGroup, if not nil, completes the request that creates the group.
	NewGroup func(*cloudwatchlogs.CreateLogGroupInput)
	// Entity, if not nil, goes with every put.
	Entity   *Entity
	Recorder Recorder

	setUp       sync.Once
	takesBodies atomic.Bool // the client sends bodies that were made here
	calls       caller
	pace        pace
	latency     latency
	tokens      tokens
	creator     creator
	compression compression

	entityRejected atomic.Bool // and told
}

// Client is the part of *cloudwatchlogs.Client that is called.
type Client interface {
	PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error)
	CreateLogStream(context.Context, *cloudwatchlogs.CreateLogStreamInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error)
	CreateLogGroup(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error)
	PutRetentionPolicy(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error)
}

// A Recorder is told what goes over the network and what goes wrong on the way.
type Recorder interface {
	// RecordPut is told of each answered or failed put: how many events it
	// carried, not counting a gap notice, its bytes as the service counts them,
	// and whether the service took it.
	RecordPut(events, bytes int, ok bool)
	// RecordTrouble is told of an error that the attempt itself did not mend,
	// and whether people should hear of it: if so, no event is lost by it.
	RecordTrouble(err error, tell bool)
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

// prepare does what is to be done once.
func (s *Stream) prepare() {
	s.setUp.Do(func() {
		s.Client = withoutSignerLog(s.Client)
		s.takesBodies.Store(takesBodies(s.Client))
	})
}

// FateOfUntried is the fate of events for which there is no more time, because of
// why, and the reason with what stood in their way. That is the reason alone if
// more time would not have helped: one cause has one number.
func (s *Stream) FateOfUntried(why error) (Fate, error) {
	if cause := s.pace.cause(); cause != nil && (errors.Is(why, ErrRefusing) || s.pace.refused()) {
		return Refused, cause
	}
	return Late, s.WhyUntried(why)
}

// WhyUntried is why with what stood in the way of events that were not tried.
func (s *Stream) WhyUntried(why error) error {
	if cause := s.pace.cause(); cause != nil {
		return fmt.Errorf("%w: %w", why, cause)
	}
	return &untriedError{fmt.Errorf("put events to %s/%s: %w", s.Group, s.Name, why)}
}

// Expedite has the next attempt made soon, because somebody waits for it until
// then.
func (s *Stream) Expedite(until time.Time) { s.pace.expedite(until) }

// Refusing tells whether a Deliver that began now would wait for long, only to
// be refused.
func (s *Stream) Refusing() bool { return s.pace.refusing() }

// LastLatency is how long the last put took that succeeded.
func (s *Stream) LastLatency() time.Duration { return s.latency.ofLast() }

// TakeThrottles is how many rounds of puts the service throttled since the last
// call.
func (s *Stream) TakeThrottles() int { return s.pace.takeThrottles() }

// SetJitter replaces the choice of a wait up to d. It is for tests.
func (s *Stream) SetJitter(f func(d time.Duration) time.Duration) { s.pace.jitter = f }

// ErrRefusing cancels a Deliver that waits for its turn while the service
// refuses every put: somebody waits for the outcome, and it is known.
var ErrRefusing = errors.New("refused")
