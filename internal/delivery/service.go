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

// A Service is what the streams of one Syncer share: the client and its recent errors
// and latency, the group and how it is created. Its methods are safe for concurrent
// use.
type Service struct {
	// Client must not be nil.
	Client Client
	Group  string
	// Retention is how many days a created group keeps its events; 0 is for ever.
	Retention int32
	// Compress compresses request bodies, until the server refuses one.
	Compress bool
	// NewGroup, if not nil, completes the request that creates the group.
	NewGroup func(*cloudwatchlogs.CreateLogGroupInput)
	// Entity, if not nil, is sent with every put.
	Entity   *Entity
	Recorder Recorder

	setUp       sync.Once
	takesBodies atomic.Bool // the client sends bodies that this package made
	calls       caller
	pace        pace
	latency     latency
	compression compression

	entityRejected atomic.Bool // and reported
}

// Client is the part of *cloudwatchlogs.Client that is called.
type Client interface {
	PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error)
	CreateLogStream(context.Context, *cloudwatchlogs.CreateLogStreamInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error)
	CreateLogGroup(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error)
	PutRetentionPolicy(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error)
}

// A Recorder records puts and their errors.
type Recorder interface {
	// RecordPut records a put that succeeded or failed: its number of events
	// without a gap notice, its bytes as the service counts them, and whether it
	// succeeded.
	RecordPut(events, bytes int, ok bool)
	// RecordTrouble records an error that the attempt itself did not recover from.
	// With tell it is to be reported now: it costs no event, so no line about
	// spilled events will name it.
	RecordTrouble(err error, tell bool)
}

// prepare initializes the Service, once.
func (s *Service) prepare() {
	s.setUp.Do(func() {
		s.Client = withoutSignerLog(s.Client)
		s.takesBodies.Store(takesBodies(s.Client))
	})
}

// WhyUntried adds to why the error that kept events from being tried. name is the name
// of their stream, or the pattern of their streams' names.
func (s *Service) WhyUntried(name string, why error) error {
	if cause := s.pace.cause(); cause != nil {
		return fmt.Errorf("%w: %w", why, cause)
	}
	return &untriedError{fmt.Errorf("put events to %s/%s: %w", s.Group, name, why)}
}

// Expedite makes the next attempt come soon, because somebody waits for it until the
// given time.
func (s *Service) Expedite(until time.Time) { s.pace.expedite(until) }

// Refusing reports whether a Deliver that began now would have a long wait, only to be
// refused.
func (s *Service) Refusing() bool { return s.pace.refusing() }

// LastLatency is how long the last successful put took.
func (s *Service) LastLatency() time.Duration { return s.latency.ofLast() }

// TakeThrottles returns how many rounds of puts the service has throttled since the
// last call.
func (s *Service) TakeThrottles() int { return s.pace.takeThrottles() }

// Jitter returns a random wait up to d, uniformly distributed.
func (s *Service) Jitter(d time.Duration) time.Duration { return s.pace.pick(d) }

// SetJitter replaces the random choice of Jitter and of the back-off. It is for tests.
func (s *Service) SetJitter(f func(d time.Duration) time.Duration) { s.pace.jitter = f }

// ErrRefusing cancels a Deliver that waits for its turn while the service refuses every
// put: somebody waits for the outcome, which is already known.
var ErrRefusing = errors.New("refused")
