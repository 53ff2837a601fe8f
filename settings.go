package zapcw

import (
	"fmt"
	"math"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
)

// settings are a Syncer's fields with the defaults filled in, and what is made
// of them on first use.
type settings struct {
	maxEvents   int
	maxAge      time.Duration
	maxPending  int
	maxText     int // of one event, in bytes as the service counts them
	concurrency int
	events      int // from so many on a send may be due
	fallback    fallback
	stream      delivery.Stream
	bad         error // why nothing can be sent
}

const (
	defaultMaxEvents   = 20
	defaultMaxAge      = time.Minute
	defaultMaxPending  = 32 << 20
	defaultConcurrency = 4
	defaultTimeout     = 10 * time.Second
	minEventBytes      = batch.Overhead + utf8.UTFMax
)

const (
	maxName      = 512 // characters in the name of a group or a stream
	groupLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/#"
)

// retentions are the days that the service allows.
var retentions = map[int32]bool{
	1: true, 3: true, 5: true, 7: true, 14: true, 30: true, 60: true, 90: true,
	120: true, 150: true, 180: true, 365: true, 400: true, 545: true, 731: true,
	1096: true, 1827: true, 2192: true, 2557: true, 2922: true, 3288: true, 3653: true,
}

// init fills in the settings. The caller holds mu.
func (s *Syncer) init() *settings {
	if t := s.set.Load(); t != nil {
		return t
	}
	t := &settings{
		maxEvents:   orDefault(s.MaxEvents, defaultMaxEvents),
		maxAge:      orDefault(s.MaxAge, defaultMaxAge),
		maxPending:  int(min(int64(orDefault(s.MaxPending, defaultMaxPending)), maxPending)),
		maxText:     orDefault(s.MaxEventBytes, batch.MaxBytes) - batch.Overhead,
		concurrency: orDefault(s.Concurrency, defaultConcurrency),
		fallback:    fallback{w: s.Fallback},
		stream: delivery.Stream{
			Client: s.Client, Group: s.Group, Name: s.Stream,
			Retention: s.Retention, NewGroup: s.NewGroup, Compress: s.Compress, Observer: (*observer)(s),
		},
		bad: s.check(),
	}
	if s.Fallback == nil || s.Fallback == s {
		t.fallback.w = os.Stderr
	}
	if t.bad != nil {
		// Nothing is split by a limit that may be none.
		t.maxText = math.MaxInt
	}
	t.events = min(t.maxEvents, batch.MaxEvents)
	s.set.Store(t)
	return t
}

// deep is how many bytes in the buffer are worth puts side by side.
func (t *settings) deep() int { return min(t.concurrency, 1<<10) * batch.MaxBytes }

// limit is the memory that all events may take together, for one at this level.
func (t *settings) limit(lvl zapcore.Level) int {
	if lvl >= zapcore.ErrorLevel {
		return t.maxPending
	}
	return t.maxPending - t.maxPending/8
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

func (s *Syncer) timeout() time.Duration { return orDefault(s.Timeout, defaultTimeout) }

// check says what is wrong with the fields.
func (s *Syncer) check() error {
	sdk, ok := s.Client.(*cloudwatchlogs.Client)
	switch {
	case s.Client == nil, ok && sdk == nil:
		return fmt.Errorf("syncer for %q, %q: no Client: want a *cloudwatchlogs.Client", s.Group, s.Stream)
	case s.Group == "":
		return fmt.Errorf("syncer: no Group: want the name of a log group")
	case s.Stream == "":
		return fmt.Errorf("syncer for group %q: no Stream: want the name of a log stream", s.Group)
	case len(s.Group) > maxName:
		return fmt.Errorf("syncer: Group has %d characters: want 1 to %d", len(s.Group), maxName)
	case strings.ContainsFunc(s.Group, func(r rune) bool { return !strings.ContainsRune(groupLetters, r) }):
		return fmt.Errorf("syncer: Group %q: want only letters, digits and . - _ / #", s.Group)
	case utf8.RuneCountInString(s.Stream) > maxName:
		return fmt.Errorf("syncer for group %q: Stream has %d characters: want 1 to %d", s.Group, utf8.RuneCountInString(s.Stream), maxName)
	case strings.ContainsAny(s.Stream, ":*") || !utf8.ValidString(s.Stream):
		return fmt.Errorf("syncer for group %q: Stream %q: want UTF-8 without : and *", s.Group, s.Stream)
	case s.Fallback == s:
		return fmt.Errorf("syncer for %s/%s: Fallback is the Syncer itself: want another writer, or nil for the standard error", s.Group, s.Stream)
	case s.MaxEvents < 0:
		return fmt.Errorf("syncer for %s/%s: MaxEvents is %d: want 0 or more, 0 for %d", s.Group, s.Stream, s.MaxEvents, defaultMaxEvents)
	case s.MaxAge < 0:
		return fmt.Errorf("syncer for %s/%s: MaxAge is %s: want 0 or more, 0 for %s", s.Group, s.Stream, s.MaxAge, defaultMaxAge)
	case s.MaxPending < 0:
		return fmt.Errorf("syncer for %s/%s: MaxPending is %d: want 0 or more, 0 for %d", s.Group, s.Stream, s.MaxPending, defaultMaxPending)
	case s.MaxEventBytes != 0 && (s.MaxEventBytes < minEventBytes || s.MaxEventBytes > batch.MaxBytes):
		return fmt.Errorf("syncer for %s/%s: MaxEventBytes is %d: want %d to %d, or 0 for the latter", s.Group, s.Stream, s.MaxEventBytes, minEventBytes, batch.MaxBytes)
	case s.Concurrency < 0:
		return fmt.Errorf("syncer for %s/%s: Concurrency is %d: want 0 or more, 0 for %d", s.Group, s.Stream, s.Concurrency, defaultConcurrency)
	case s.Timeout < 0:
		return fmt.Errorf("syncer for %s/%s: Timeout is %s: want 0 or more, 0 for %s", s.Group, s.Stream, s.Timeout, defaultTimeout)
	case s.WhenFull != Spill && s.WhenFull != Block:
		return fmt.Errorf("syncer for %s/%s: WhenFull is %d: want Spill or Block", s.Group, s.Stream, s.WhenFull)
	case s.Retention != 0 && !retentions[s.Retention]:
		return fmt.Errorf("syncer for %s/%s: Retention is %d days: the service allows 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653", s.Group, s.Stream, s.Retention)
	}
	return nil
}

// observer is the Syncer as the delivery sees it.
type observer Syncer

var _ delivery.Observer = (*observer)(nil)

func (o *observer) Put(events, bytes int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.attempts++
	if !ok {
		return
	}
	o.puts++
	o.sent += uint64(bytes)
	o.lastPut = time.Now().UnixNano()
}

func (o *observer) Trouble(err error, tell bool) {
	o.mu.Lock()
	o.lastErr, o.lastErrTime = err, time.Now().UnixNano()
	o.mu.Unlock()
	if tell {
		o.set.Load().fallback.tell(err)
	}
}
