package zapcw

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
)

// Client is the part of *cloudwatchlogs.Client that a Syncer calls. Every call
// gets a context with a deadline, and options that turn the SDK's own retries
// and logging off: the Syncer has its own back-off, and what the SDK logs might
// end up in the stream that is being written.
//
// A *cloudwatchlogs.Client gets the body of its puts ready-made, by way of the
// Protocol in its options, and its middleware sees inputs without events. Every
// other Client, one of a test for example, gets its own copy of the LogEvents.
type Client interface {
	PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error)
	CreateLogStream(context.Context, *cloudwatchlogs.CreateLogStreamInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error)
	CreateLogGroup(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error)
	PutRetentionPolicy(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error)
}

// Overflow says what happens to an event for which there is no memory.
type Overflow int8

const (
	// Spill writes the new event to Fallback; the caller does not wait.
	Spill Overflow = iota
	// Block makes the caller wait until there is room again or the Syncer is
	// closed. An event that is larger than MaxPending is spilled all the same.
	Block
)

// A Syncer buffers events and sends them to one CloudWatch Logs stream. Several
// Cores, and several processes, may write to one stream; the service puts their
// events in order of time.
//
// A Syncer is made as a literal with the Client, Group and Stream; the zero
// values of the rest are the defaults. Nothing is sent or read from the
// environment before the first event is due. The fields must not be changed
// after the first use, and a Syncer must not be copied then. One with a field out
// of its bounds does not panic: every event goes to Fallback, with a line that
// says so.
//
// Its methods are safe for concurrent use. It owns a goroutine and a timer only
// while it has something to send.
//
// Every event that was accepted has one fate: it is delivered, or the service
// rejects it, or it is spilled; rejected and spilled events are written to
// Fallback, each as it would have been sent and with a newline, and one line a
// cause. A put that was not answered is tried again, so an event may be
// delivered twice.
type Syncer struct {
	// Client talks to the service. Required; cloudwatchlogs.NewFromConfig makes
	// one. Its HTTP client's connections are its owner's.
	Client Client
	// Group and Stream name the log stream. Required; 1 to 512 characters, see
	// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html
	// What does not exist is created when a put finds that out.
	Group, Stream string

	// MaxEvents is how many buffered events start a send. It is a trigger and
	// not a batch size: a send takes all that is there. Defaults to 20. A
	// buffer that fills a put starts a send in any case.
	MaxEvents int
	// MaxAge is the age of the oldest buffered event that starts a send.
	// Defaults to one minute.
	MaxAge time.Duration
	// MaxPending bounds the memory for events that are buffered or under way,
	// in bytes; beyond it there is little more than one request. The last eighth
	// is kept for events at ErrorLevel and above. 4 GiB at most, more counts as
	// that. Defaults to 32 MiB.
	MaxPending int
	// WhenFull says what happens when MaxPending is reached. Defaults to Spill.
	WhenFull Overflow
	// MaxEventBytes is the size of the largest event, as the service counts it:
	// UTF-8 length plus 26. Longer entries are split. 30 to 1,048,576, which is
	// the default; partitions like aws-cn may still have 262,144.
	MaxEventBytes int
	// Concurrency is how many puts may be under way at once. More than one is
	// used only while somebody waits in Sync, or much is pending. Defaults to 4.
	Concurrency int
	// Timeout bounds Sync and Close. Defaults to 10 s.
	Timeout time.Duration
	// Fallback is where events go that cannot be delivered, and what is to be
	// said about that. Writes to it are serialized, and whoever has events to
	// write waits for it: it should not block, and must not log to this Syncer.
	// Defaults to os.Stderr.
	Fallback zapcore.WriteSyncer
	// Compress has the bodies of puts from 1 KiB up compressed by gzip, if
	// Client is the SDK's own; it has no effect on another. Log lines shrink to
	// a fifth or less, for about 7 ms of CPU a MiB, and 1 MiB of memory beyond
	// MaxPending for each body that is being made, 4 at most in a process, which
	// keeps them. It pays on thin or metered links only: the service counts, and
	// bills, what is uncompressed, and so does Stats. When a server refuses a
	// compressed put and then takes the same uncompressed, Fallback tells and
	// this Syncer compresses no more; no event is lost by that. Defaults to
	// false.
	Compress bool

	// Retention is for how many days a group keeps its events that this Syncer
	// had to create; existing groups are left alone. Defaults to 0: for ever.
	// For the numbers that are allowed see
	// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
	Retention int32
	// NewGroup, if set, may add a KMS key, tags and a class to the request for
	// a group that this Syncer has to create.
	NewGroup func(*cloudwatchlogs.CreateLogGroupInput)

	set atomic.Pointer[settings] // nil before the first use

	// The buffer: what came in, the larger part of it no longer there.
	one  lane                            // takes events
	more atomic.Pointer[[lanes]wideLane] // take them instead, once they are many
	base load                            // came in before what is in the buffer; written under all locks
	out  atomic.Uint64                   // of what has its fate, less the requests that go side by side

	closed atomic.Bool
	due    atomic.Bool // the buffer is to be sent now
	deep   atomic.Bool // and is more than the puts that may be in flight together
	all    bool        // and what is more than full puts goes, too

	mu      sync.Mutex
	since   time.Time      // when the first of the buffer came in
	sealed  []*batch.Chunk // no longer in a lane
	queue   *queue         // nil if empty; belongs to the sender
	ids     uint64         // of the newest chunk
	live    int            // chunks with events that have no fate
	bodies  int            // bytes of requests that go side by side
	maxAge  *time.Timer
	room    chan struct{} // closed when there is more room, for those who Block
	wake    chan struct{} // tells the sender, if there is one, that due, deep or late changed
	waits   []*wait
	late    uint64 // chunks up to this one are out of time
	lateWhy error
	gap     *gap // spilled since the last delivery
	fates   [delivery.Fates]uint64

	// The load of all that ever came in: the one word that all lanes write, far
	// from what they only read.
	in atomic.Uint64

	failed *failure // since the last Sync

	attempts, puts, sent uint64
	lastErr              error
	lastErrTime, lastPut int64 // nanoseconds since 1970
}

var _ zapcore.WriteSyncer = (*Syncer)(nil)

// Write takes one event, stamped now, without its trailing newline. It makes a
// Syncer usable as the sink of any zapcore.Core; NewCore does better, since an
// entry keeps its own time and level there. Write copies p and does not wait
// for the network. After Close the event goes to Fallback, and the error is
// os.ErrClosed.
func (s *Syncer) Write(p []byte) (int, error) {
	text := p
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	if err := s.add(time.Now(), zapcore.InfoLevel, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Sync sends what is buffered and returns when every event that was accepted
// before the call has its fate, after Timeout at the latest: what is not
// delivered by then is on Fallback. The error says how many events went to
// Fallback since the last Sync, Flush or Close, and why.
func (s *Syncer) Sync() error {
	limit := s.timeout()
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, fmt.Errorf("no more time than the Timeout of %s: %w", limit, context.DeadlineExceeded))
	defer cancel()
	return s.Flush(ctx)
}

// Flush is Sync with the time that ctx gives instead of Timeout. A context without
// a deadline has no bound: in an outage Flush then waits as long as that lasts.
func (s *Syncer) Flush(ctx context.Context) error {
	s.lock()
	set := s.init()
	f := s.failed
	s.failed = nil
	if s.live == 0 {
		s.unlock()
	} else {
		until, ok := ctx.Deadline()
		if !ok {
			until = time.Now().Add(s.timeout())
		}
		set.stream.Hurry(until)
		w := s.wait(until)
		w.failed = f
		s.unlock()
		select {
		case <-w.done:
		case <-ctx.Done():
			s.expire(w, context.Cause(ctx))
			<-w.done
		}
		f = w.failed
	}
	return f.err(s.Group, s.Stream)
}

// Close is Sync for the last time. Later events go to Fallback, and whoever
// waits in a blocked Write is let go with an error. Closing again does no harm.
func (s *Syncer) Close() error {
	s.closed.Store(true)
	s.mu.Lock()
	s.letIn()
	s.mu.Unlock()
	return s.Sync()
}

// add takes one event.
func (s *Syncer) add(t time.Time, lvl zapcore.Level, text []byte) error {
	if t.IsZero() {
		t = time.Now()
	}
	if len(text) == 0 {
		// The service refuses a whole put for one empty message.
		text = space
	}
	ms := t.UnixMilli()

	set := s.set.Load()
	if set == nil {
		s.mu.Lock()
		set = s.init()
		s.mu.Unlock()
	}
	// An invalid byte counts three times, so most texts need no count.
	if 3*len(text) > set.maxText {
		return s.addParts(ms, lvl, batch.Split(text, set.maxText))
	}
	l := s.enter()
	if s.closed.Load() || set.bad != nil || !s.admit(l, loadOf(1, batch.Cost(len(text))), set.limit(lvl)) {
		l.mu.Unlock()
		return s.addParts(ms, lvl, [][]byte{text})
	}
	s.append(l, ms, l.seen.bytes(), lvl, text)
	if !s.calm(set, l) {
		s.rouse(set, l, 1)
	}
	l.mu.Unlock()
	return nil
}

var space = []byte(" ")

// addParts takes an event that is split, or that cannot just be appended.
func (s *Syncer) addParts(ms int64, lvl zapcore.Level, parts [][]byte) error {
	var (
		set  = s.set.Load()
		n    = len(parts)
		cost int
		fate delivery.Fate
		why  error
	)
	for _, p := range parts {
		cost += batch.Cost(len(p))
	}
	for why == nil {
		l := s.enter()
		switch {
		case set.bad != nil:
			fate, why = delivery.Unusable, set.bad
		case s.closed.Load():
			fate, why = delivery.AfterClose, fmt.Errorf("write to %s/%s after Close: %w", s.Group, s.Stream, os.ErrClosed)
		case s.admit(l, loadOf(n, cost), set.limit(lvl)):
			number := l.seen.bytes() - cost
			for _, p := range parts {
				number += batch.Cost(len(p))
				s.append(l, ms, number, lvl, p)
			}
			s.rouse(set, l, n)
			l.mu.Unlock()
			return nil
		}
		l.mu.Unlock()
		if why == nil && !s.await(cost, set.limit(lvl)) {
			s.mu.Lock()
			held := s.held()
			s.mu.Unlock()
			fate, why = delivery.Full, fmt.Errorf("%d of %d bytes pending for %s/%s, no room for %d: %w", held, set.limit(lvl), s.Group, s.Stream, cost, errFull)
		}
	}

	// It is pending as long as it is being written.
	s.mu.Lock()
	s.out.Add(uint64(-loadOf(n, 0)))
	s.live++
	s.ids++
	id := s.ids
	s.mu.Unlock()

	lost := set.fallback.parts(parts, fate, why)

	s.mu.Lock()
	s.out.Add(uint64(loadOf(n, 0)))
	s.fates[fate] += uint64(n)
	for range parts {
		s.hole().add(ms, int8(lvl), fate)
	}
	if fate != delivery.AfterClose {
		s.fail(fate, uint64(n), why, lost)
	}
	s.finish(id)
	s.mu.Unlock()
	if fate == delivery.AfterClose {
		return errors.Join(why, lost)
	}
	return nil
}

var errFull = errors.New("memory full")
