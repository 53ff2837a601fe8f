package zapcw

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
	"example.com/zapcw/internal/engine"
	"example.com/zapcw/internal/spool"
	"example.com/zapcw/internal/streamname"
)

// Client is the part of *cloudwatchlogs.Client that a Syncer calls. Every call
// gets a context with a deadline, and options that turn off the SDK's own retries
// and logging: the Syncer has its own back-off, and what the SDK logs might end up
// in the stream that is being written.
//
// A *cloudwatchlogs.Client is handed the finished body of a put, through the
// Protocol in its options; its middleware sees inputs without events. Any other
// Client, such as one for tests, gets a copy of the LogEvents.
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
	// closed. An event that is larger than MaxPending is still spilled.
	Block
)

// A Syncer buffers events and sends them to one CloudWatch Logs stream, or to one
// for each day, see Stream. Several Cores, and several processes, may write to one
// stream; the service sorts their events by time.
//
// A Syncer is a struct literal with Client, Group and Stream; the zero values of the
// other fields are the defaults. Nothing is sent, or read from the environment,
// before the first event is due. After the first use the fields must not be
// changed, and the Syncer must not be copied. A Syncer with an invalid field never
// panics: it writes every event to Fallback, with one line that names the field.
//
// Its methods are safe for concurrent use. It owns a goroutine and a timer only
// while it has something to send; with a Spool also for a few seconds after that,
// and while the directory cannot be read.
//
// Every accepted event is settled once: it is delivered, or the service rejects it,
// or it is spilled. Rejected and spilled events are written to Fallback, each as it
// would have been sent and with a newline, below one line for each cause. A put
// without a response is sent again, so an event may be delivered twice.
type Syncer struct {
	// Client calls the service. Required; cloudwatchlogs.NewFromConfig makes one.
	// The Syncer does not close idle connections of its HTTP client.
	Client Client
	// Group and Stream name the log stream. Required; 1 to 512 characters, see
	// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html
	// If one does not exist, it is created when a put finds it missing.
	//
	// In Stream, {date} stands for the UTC day of the event, like 2006-01-02: each
	// event goes to the stream of its own day, however late it is sent. {host} stands
	// for the host name at the time of the first send. {{ and }} stand for braces.
	// Characters of a host name that a stream's name may not have become -, and a
	// name that is too long is cut; one line on Fallback says so. The streams of all
	// days share MaxPending, the puts in flight and the back-off. With {date}, small
	// puts wait up to a minute after midnight UTC, unless a Sync, Flush or Close waits
	// for them, so that a fleet does not create all its streams at once.
	Group, Stream string

	// MaxEvents is the number of buffered events that starts a send. It is a
	// trigger, not a batch size: a send takes everything that is buffered. Defaults
	// to 20. A buffer that fills a put always starts a send. Puts that are not full
	// and that nobody waits for are limited to five a second after a burst of ten,
	// and to fewer while the service throttles.
	MaxEvents int
	// MaxAge is the age of the oldest buffered event that starts a send.
	// Defaults to one minute.
	MaxAge time.Duration
	// MaxPending bounds the memory for events that are not settled, in bytes; the
	// process needs little more than one request on top of that. The last eighth
	// is kept for events at ErrorLevel and above. The maximum is 4 GiB; larger
	// values count as that. Defaults to 32 MiB, or to 14 MiB with Block; see
	// docs/operations.md for the outages that they survive.
	MaxPending int
	// MaxEventBytes is the maximum size of an event, as the service counts it:
	// UTF-8 length plus 26. Longer entries are split. 30 to 1,048,576, which is
	// the default; partitions like aws-cn may still have 262,144.
	MaxEventBytes int
	// Spool is a directory for events that are not settled. They are kept in
	// memory-mapped files: a logging call costs about the same as without, and no
	// accepted event is lost when the process exits, crashes or is killed. The next
	// Syncer with the same directory, Group and Stream, or [Recover], sends what dead
	// processes left; events of a put that was in flight may be in the stream twice.
	// A crash of the machine may lose what it has not written to disk yet.
	//
	// With a Spool, events that exceed MaxPending stay there instead of going to
	// Fallback, and so do those that a Sync or Close could not deliver in time; the
	// error says how many.
	//
	// If the directory is missing it is created, with its parents, for this user
	// only. A directory that everybody may write to is refused, unless it is sticky,
	// as /tmp is. Processes and Syncers may share it. While it cannot be used, events
	// are kept in memory, and a line on Fallback says why. It works on Linux and
	// macOS; elsewhere Check returns an error, and events are kept in memory.
	// Defaults to none.
	Spool string
	// MaxSpool bounds the files that this Syncer has in Spool, in bytes. Events beyond
	// it are kept in memory, up to MaxPending. Defaults to 1 GiB.
	MaxSpool int64
	// Concurrency is how many puts may be in flight at once. More than one is
	// used only while a Sync, Flush or Close waits, or much is pending. Defaults
	// to 4.
	Concurrency int
	// Timeout bounds Sync and Close, and logging calls with the field Flush or above
	// ErrorLevel. Defaults to 10 s.
	Timeout time.Duration
	// Fallback receives events that cannot be delivered, and diagnostics about them.
	// Writes to it are serialized, and a caller that has events to write waits for
	// it: it should not block, and must not log to this Syncer. Defaults to
	// os.Stderr, where a write ends the process if nobody reads the other end of a
	// pipe, see docs/operations.md.
	Fallback zapcore.WriteSyncer
	// WhenFull says what happens to new events when MaxPending is reached. Defaults
	// to Spill.
	WhenFull Overflow
	// Compress compresses bodies of puts from 1 KiB up with gzip, if Client is the
	// SDK's own; it has no effect on others. Log lines shrink to a fifth or less, for
	// about 7 ms of CPU a MiB. Each body under construction needs 1 MiB of memory
	// beyond MaxPending; a process builds at most 4 at a time, and keeps that memory.
	// It only pays on slow or metered links: the service counts, and bills, the
	// uncompressed size, and so does Stats. When a server refuses a compressed put
	// and then accepts it uncompressed, a line on Fallback says so and this Syncer
	// stops compressing; no events are lost. Defaults to false.
	Compress bool

	// Retention is how many days a group that this Syncer creates keeps its events;
	// existing groups are left alone. Defaults to 0: for ever. For the allowed
	// numbers see
	// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
	Retention int32
	// NewGroup, if set, may add a KMS key, tags and a class to the request that
	// creates a missing group.
	NewGroup func(*cloudwatchlogs.CreateLogGroupInput)

	// Entity, if not nil, is sent with every put: CloudWatch shows the events as
	// those of a service, next to its metrics and traces. If CloudWatch rejects it,
	// one line on Fallback says so, and the events are still delivered. Defaults to
	// nil.
	Entity *Entity

	engine atomic.Pointer[engine.Engine] // nil before the first use
}

// Entity names the service that events come from. Both names are required, with 1 to
// 512 characters each. See
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/adding-your-own-related-telemetry.html
type Entity struct {
	// Service is the name of the service.
	Service string
	// Environment is where it runs, like prod or eks:orders/default.
	Environment string
}

var _ zapcore.WriteSyncer = (*Syncer)(nil)

// Write takes p as one event, with the current time and without a trailing newline.
// So a Syncer can be the sink of any zapcore.Core; NewCore is better, since it keeps
// the time and level of each entry. Write copies p and does not wait for the
// network. After Close the event goes to Fallback, and the error wraps
// os.ErrClosed.
func (s *Syncer) Write(p []byte) (int, error) {
	text := p
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	if err := s.started().Add(time.Now(), zapcore.InfoLevel, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Sync flushes: when it returns, everything that was accepted before the call has
// been delivered, is on Fallback, or stays in the Spool to be sent later. It returns
// after Timeout at the latest. The error says how many events went to Fallback since
// the last Sync, Flush or Close, or stay in the Spool, and why.
func (s *Syncer) Sync() error {
	e := s.started()
	ctx, cancel := e.Bounded()
	defer cancel()
	return e.Flush(ctx)
}

// Flush does what Sync does, but until ctx is done instead of Timeout. Without a
// deadline it may wait for ever: in an outage it waits as long as that lasts.
func (s *Syncer) Flush(ctx context.Context) error { return s.started().Flush(ctx) }

// Close flushes for the last time, as Sync does. Later events go to Fallback, and a
// Write that blocks returns with an error. It is safe to call Close more than once.
func (s *Syncer) Close() error {
	e := s.started()
	ctx, cancel := e.Bounded()
	defer cancel()
	return e.Close(ctx)
}

// Check returns an error that names a missing or invalid field and says what would
// be right. It uses no network: missing credentials and permissions only show in the
// error of the first Sync, see docs/operations.md. Without Check, the same error is
// on Fallback at the first event.
func (s *Syncer) Check() error {
	if err := s.check(); err != nil {
		return err
	}
	if err := spool.Supported(); s.Spool != "" && err != nil {
		return fmt.Errorf("syncer for %s/%s: Spool %q: %w", s.Group, s.Stream, s.Spool, err)
	}
	return nil
}

// check returns an error if nothing can be sent.
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
	case checkStream(s.Group, s.Stream) != nil:
		return checkStream(s.Group, s.Stream)
	case s.Fallback == s:
		return fmt.Errorf("syncer for %s/%s: Fallback is the Syncer itself: want another writer, or nil for the standard error", s.Group, s.Stream)
	case s.MaxEvents < 0:
		return fmt.Errorf("syncer for %s/%s: MaxEvents is %d: want 0 or more, 0 for %d", s.Group, s.Stream, s.MaxEvents, engine.DefaultMaxEvents)
	case s.MaxAge < 0:
		return fmt.Errorf("syncer for %s/%s: MaxAge is %s: want 0 or more, 0 for %s", s.Group, s.Stream, s.MaxAge, engine.DefaultMaxAge)
	case s.MaxPending < 0:
		return fmt.Errorf("syncer for %s/%s: MaxPending is %d: want 0 or more, 0 for %d", s.Group, s.Stream, s.MaxPending, engine.DefaultMaxPending(s.WhenFull == Block))
	case s.MaxSpool < 0:
		return fmt.Errorf("syncer for %s/%s: MaxSpool is %d: want 0 or more, 0 for %d", s.Group, s.Stream, s.MaxSpool, engine.DefaultMaxSpool)
	case s.MaxEventBytes != 0 && (s.MaxEventBytes < minEventBytes || s.MaxEventBytes > batch.MaxBytes):
		return fmt.Errorf("syncer for %s/%s: MaxEventBytes is %d: want %d to %d, or 0 for the latter", s.Group, s.Stream, s.MaxEventBytes, minEventBytes, batch.MaxBytes)
	case s.Concurrency < 0:
		return fmt.Errorf("syncer for %s/%s: Concurrency is %d: want 0 or more, 0 for %d", s.Group, s.Stream, s.Concurrency, engine.DefaultConcurrency)
	case s.Timeout < 0:
		return fmt.Errorf("syncer for %s/%s: Timeout is %s: want 0 or more, 0 for %s", s.Group, s.Stream, s.Timeout, engine.DefaultTimeout)
	case s.WhenFull != Spill && s.WhenFull != Block:
		return fmt.Errorf("syncer for %s/%s: WhenFull is %d: want Spill or Block", s.Group, s.Stream, s.WhenFull)
	case s.Retention != 0 && !retentions[s.Retention]:
		return fmt.Errorf("syncer for %s/%s: Retention is %d days: the service allows 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653", s.Group, s.Stream, s.Retention)
	}
	if err := s.Entity.check(); err != nil {
		return fmt.Errorf("syncer for %s/%s: %w", s.Group, s.Stream, err)
	}
	return nil
}

// check returns an error for what the service would reject.
func (e *Entity) check() error {
	if e == nil {
		return nil
	}
	for _, f := range [...]struct{ name, value string }{{"Service", e.Service}, {"Environment", e.Environment}} {
		switch n := utf8.RuneCountInString(f.value); {
		case n < 1 || n > maxName:
			return fmt.Errorf("%s of Entity has %d characters: want 1 to %d", f.name, n, maxName)
		case !utf8.ValidString(f.value):
			return fmt.Errorf("%s of Entity is %q: want UTF-8", f.name, f.value)
		}
	}
	return nil
}

// started returns the engine, which is made on first use.
func (s *Syncer) started() *engine.Engine {
	if e := s.engine.Load(); e != nil {
		return e
	}
	return s.start()
}

func (s *Syncer) start() *engine.Engine {
	if e := engine.New(s.options()); s.engine.CompareAndSwap(nil, e) {
		e.Start()
	}
	return s.engine.Load()
}

// options returns the fields as options of the engine.
func (s *Syncer) options() engine.Options {
	o := engine.Options{
		Client: s.Client, Group: s.Group, Stream: s.Stream,
		NewGroup: s.NewGroup, Retention: s.Retention, Compress: s.Compress,
		Entity:    (*delivery.Entity)(s.Entity),
		MaxEvents: s.MaxEvents, MaxAge: s.MaxAge, MaxPending: s.MaxPending, MaxEventBytes: s.MaxEventBytes,
		Concurrency: s.Concurrency, Timeout: s.Timeout, Block: s.WhenFull == Block,
		Spool: s.Spool, MaxSpool: s.MaxSpool,
		Fallback: s.Fallback, Invalid: s.check(),
	}
	if s.Fallback == nil || s.Fallback == s {
		o.Fallback = os.Stderr
	}
	return o
}

const (
	maxName       = streamname.MaxLen // characters in the name of a group or a stream
	groupLetters  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/#"
	minEventBytes = batch.Overhead + utf8.UTFMax
)

// retentions are the days that the service allows.
var retentions = map[int32]bool{
	1: true, 3: true, 5: true, 7: true, 14: true, 30: true, 60: true, 90: true,
	120: true, 150: true, 180: true, 365: true, 400: true, 545: true, 731: true,
	1096: true, 1827: true, 2192: true, 2557: true, 2922: true, 3288: true, 3653: true,
}
