package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// A Service is what the streams of one writer have in common: the client and how
// that is doing, the group and how that is created. Its methods may be called by
// several goroutines at once.
type Service struct {
	// Client must not be nil.
	Client Client
	Group  string
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

// prepare does what is to be done once.
func (s *Service) prepare() {
	s.setUp.Do(func() {
		s.Client = withoutSignerLog(s.Client)
		s.takesBodies.Store(takesBodies(s.Client))
	})
}

// WhyUntried is why with what stood in the way of events that were not tried. name
// is that of their stream, or what their streams' names are made from.
func (s *Service) WhyUntried(name string, why error) error {
	if cause := s.pace.cause(); cause != nil {
		return fmt.Errorf("%w: %w", why, cause)
	}
	return &untriedError{fmt.Errorf("put events to %s/%s: %w", s.Group, name, why)}
}

// Expedite has the next attempt made soon, because somebody waits for it until
// then.
func (s *Service) Expedite(until time.Time) { s.pace.expedite(until) }

// Refusing tells whether a Deliver that began now would wait for long, only to
// be refused.
func (s *Service) Refusing() bool { return s.pace.refusing() }

// LastLatency is how long the last put took that succeeded.
func (s *Service) LastLatency() time.Duration { return s.latency.ofLast() }

// TakeThrottles is how many rounds of puts the service throttled since the last
// call.
func (s *Service) TakeThrottles() int { return s.pace.takeThrottles() }

// Jitter is a wait up to d, an even choice.
func (s *Service) Jitter(d time.Duration) time.Duration { return s.pace.pick(d) }

// SetJitter replaces the choice of a wait up to d. It is for tests.
func (s *Service) SetJitter(f func(d time.Duration) time.Duration) { s.pace.jitter = f }

// ErrRefusing cancels a Deliver that waits for its turn while the service
// refuses every put: somebody waits for the outcome, and it is known.
var ErrRefusing = errors.New("refused")
