package engine

import (
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
)

// Defaults of the fields of Options that are 0.
const (
	DefaultMaxEvents   = 20
	DefaultMaxAge      = time.Minute
	DefaultMaxSpool    = 1 << 30
	DefaultConcurrency = 4
	DefaultTimeout     = 10 * time.Second
)

// DefaultMaxPending is that of MaxPending. What exceeds it is spilled, so it takes a
// burst of 100,000 entries; with block it only waits, so there is less of it, and of
// the as much again that the collector leaves until it comes.
func DefaultMaxPending(block bool) int {
	if block {
		return 14 << 20
	}
	return 32 << 20
}

// Options are the fields of a Syncer, whose documentation says what they mean.
// New fills in the defaults; nothing is written after that.
type Options struct {
	Client        delivery.Client
	Group, Stream string
	NewGroup      func(*cloudwatchlogs.CreateLogGroupInput)
	Retention     int32
	Compress      bool
	Entity        *delivery.Entity // nil for none

	MaxEvents     int
	MaxAge        time.Duration
	MaxPending    int
	MaxEventBytes int
	Concurrency   int
	Timeout       time.Duration
	Block         bool // when memory is full, callers wait

	Spool    string // a directory, empty for none
	MaxSpool int64
	// TellOfSpool, if not nil, hears of files that can't be used and the like, in place
	// of Fallback.
	TellOfSpool func(error)

	Fallback zapcore.WriteSyncer
	// Invalid, if not nil, says why nothing can be sent: every event goes to
	// Fallback.
	Invalid error
}

// limits are the Options that bound and trigger.
type limits struct {
	maxAge      time.Duration
	timeout     time.Duration
	maxPending  int
	maxEvents   int32
	maxText     int32 // bytes of one event's text, as the service counts them
	concurrency int32
	block       bool
	invalid     error
}

func newLimits(o *Options) limits {
	l := limits{
		maxEvents:   int32(min(orDefault(o.MaxEvents, DefaultMaxEvents), math.MaxInt32)),
		maxAge:      orDefault(o.MaxAge, DefaultMaxAge),
		maxPending:  int(min(int64(orDefault(o.MaxPending, DefaultMaxPending(o.Block))), maxPending)),
		maxText:     int32(orDefault(o.MaxEventBytes, batch.MaxBytes) - batch.Overhead),
		timeout:     orDefault(o.Timeout, DefaultTimeout),
		concurrency: int32(min(orDefault(o.Concurrency, DefaultConcurrency), math.MaxInt32)),
		block:       o.Block,
		invalid:     o.Invalid,
	}
	if l.invalid != nil {
		l.maxText = math.MaxInt32 // the limit itself may be what is wrong: split nothing
	}
	return l
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// pendingFor is the memory that all pending events may take together when one
// more at this level comes in. The last eighth is kept for errors.
func (l *limits) pendingFor(level zapcore.Level) int {
	if level >= zapcore.ErrorLevel {
		return l.maxPending
	}
	return l.maxPending - l.maxPending/8
}

// parallelFrom is how many buffered bytes are worth puts side by side.
func (l *limits) parallelFrom() int { return int(min(l.concurrency, 1<<10)) * batch.MaxBytes }

// triggerFrom is how many buffered events may start a send.
func (l *limits) triggerFrom() int { return min(int(l.maxEvents), batch.MaxEvents) }

// urgencyOf is what is to be done about so much.
func (l *limits) urgencyOf(t tally) urgency {
	switch {
	case t == 0: // whatever the limits are, which may be out of their bounds
		return gathering
	case t.bytes() >= l.parallelFrom():
		return backlog
	case batch.Fills(t.events(), t.bytes()):
		return sendNow
	case t.events() >= int(l.maxEvents):
		return smallPut
	}
	return gathering
}
