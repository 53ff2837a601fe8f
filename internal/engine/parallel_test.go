package engine

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
)

// TestParallel: while memory is full, puts go side by side if answers take long, and
// only then.
func TestParallel(t *testing.T) {
	for _, tt := range []struct {
		name   string
		memory int // MaxPending, 0 for the default
		answer time.Duration
		atOnce int // puts, once memory is full
	}{
		{"quick", 32 << 20, time.Millisecond, 1},
		{"two at once", 32 << 20, 25 * time.Millisecond, 2},
		{"slow", 32 << 20, 50 * time.Millisecond, 4},
		{"slow, by default", 0, 50 * time.Millisecond, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &answering{after: tt.answer}
				e := New(Options{Client: c, Group: "g", Stream: "s", MaxAge: time.Hour, MaxPending: tt.memory, Block: true, Fallback: zapcore.AddSync(discard{})})
				defer func() { _ = e.Close(context.Background()) }()
				text := make([]byte, batch.MaxBytes/64)
				begin := time.Now()
				for i := range 80 * 64 { // 80 MiB, each in a millisecond of its own
					_ = e.Add(begin.Add(time.Duration(i)*time.Millisecond), zapcore.InfoLevel, text)
				}
				// The first went while there was room.
				c.mu.Lock() // some are under way
				most := slices.Max(c.flying[40:])
				c.mu.Unlock()
				if most != tt.atOnce {
					t.Errorf("got up to %d puts at once with answers after %s, want %d", most, tt.answer, tt.atOnce)
				}
			})
		})
	}
}

// TestOverloadEnds: what a slow spell spills ends with it, though as much comes in as
// several puts side by side can carry.
func TestOverloadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &answering{after: 2 * time.Second}
		e := New(Options{Client: c, Group: "g", Stream: "s", MaxAge: time.Hour, Fallback: zapcore.AddSync(discard{})})
		defer func() { _ = e.Close(context.Background()) }()
		text := make([]byte, batch.MaxBytes/32)
		log := func(long time.Duration) (spilled uint64) {
			before := e.Stats().Fates[delivery.Full]
			for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(time.Millisecond) {
				_ = e.Add(time.Now(), zapcore.InfoLevel, text) // 31 MiB a second
			}
			return e.Stats().Fates[delivery.Full] - before
		}
		if log(3*time.Second) == 0 {
			t.Error("got nothing spilled in the slow spell")
		}
		c.set(50 * time.Millisecond)
		log(4 * time.Second)
		if n := log(4 * time.Second); n > 0 {
			t.Errorf("got %d events spilled long after the slow spell, want none", n)
		}
	})
}

// TestLatency: one long put among short ones is no slow service.
func TestLatency(t *testing.T) {
	var l latency
	l.note(7 * time.Millisecond)
	l.note(time.Second)
	if l.long(0) {
		t.Errorf("got %s, want less than %s", time.Duration(l), longLatency)
	}
	for range 12 {
		l.note(time.Second)
	}
	if !l.long(3) {
		t.Errorf("got %s after some long ones, want 40ms or more", time.Duration(l))
	}
	l.note(time.Millisecond)
	if l.long(0) {
		t.Errorf("got %s after a short one, want that", time.Duration(l))
	}
}

// answering is a client that answers after some time, and notes how many puts are
// under way.
type answering struct {
	delivery.Client

	mu     sync.Mutex
	after  time.Duration
	now    int
	flying []int // with each put
}

func (c *answering) PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	time.Sleep(c.count(1))
	c.count(-1)
	return new(cloudwatchlogs.PutLogEventsOutput), nil
}

// count counts puts in or out, and tells how long one takes.
func (c *answering) count(n int) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now += n; n > 0 {
		c.flying = append(c.flying, c.now)
	}
	return c.after
}

func (c *answering) set(after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after = after
}
