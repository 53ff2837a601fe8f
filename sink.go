package zapcw

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/decode"
	"example.com/zapcw/internal/delivery"
)

// Destination is a log stream, what its events look like, and how they are sent.
//
// In JSON, YAML or a map each field is a key with the same name in snake case, like
// max_age; the key format sets Format and JSON. Sizes are numbers of bytes or strings
// like 64KiB, durations are strings like 5s, WhenFull is spill or block. Numbers and
// booleans may also be strings.
type Destination struct {
	// Group is the log group. Without one, cloud-watch does what #print does.
	Group string
	// Stream is the log stream, required with a Group. Besides {date} and {host}, see
	// [Syncer], it may have {function}, which stands for Function or, if that is
	// empty, for AWS_LAMBDA_FUNCTION_NAME in the environment; one of them must be set.
	Stream string

	// Function is what {func} stands for, see [NewPrefixEncoder]. In JSON events it
	// is the first field, "function", unless it is empty.
	Function string
	// Format is the prefix of events. As a string it is read by [ParsePrefix]; a map
	// may also hold a Prefix. A nil Format is [StandardPrefix].
	Format Prefix
	// JSON selects [NewJSONEncoder] with [NewEncoderConfig]; Format is then not used.
	// Its key is format with the value #json; every other format unsets it.
	JSON bool
	// Hold, if not nil, keeps back entries below the level. The value of its key is
	// MaxBytes, at most 1GiB; 0 means no Hold.
	Hold *Hold
	// Echo also prints what is sent to standard output. Nil means only if the level
	// is exactly debug.
	Echo *bool
	// Caller finds the caller of each logging call, which costs as much as the rest
	// of the call. Nil means only if Format or JSON can show it.
	Caller *bool
	// Stacks adds a stack trace to entries at ErrorLevel and above.
	Stacks bool

	// These are fields of the [Syncer], with their bounds and defaults.
	MaxEvents     int
	MaxAge        time.Duration
	MaxPending    int
	WhenFull      Overflow
	Spool         string
	MaxSpool      int64
	MaxEventBytes int
	Concurrency   int
	Timeout       time.Duration
	Compress      bool
	Retention     int32
	// Service and Environment are the Entity of the Syncer, unless both are empty.
	Service, Environment string

	// Region, Profile and Endpoint configure the client, unless Build is given one.
	// If one is empty, the SDK's default chain decides. Endpoint is the URL of a
	// server, such as a local one.
	Region, Profile, Endpoint string
}

// parameters are the keys below "cloud-watch" in a file. A URL has the same ones,
// except those with a NotInURL.
func (d *Destination) parameters() []decode.Parameter {
	const (
		encoded = "a sink gets lines that are encoded already: want it in a Config, or in the encoder of the zap.Config"
		held    = "a sink gets lines without levels, so it cannot tell what to hold back: want Hold around NewCore, or hold in a Config"
		echoed  = "a sink has no echo: want stdout beside it, as another of the outputPaths"
	)
	return []decode.Parameter{
		{Name: "group", Read: decode.Text(&d.Group), Null: func() { d.Group = "" }, Needed: true},
		{Name: "stream", Read: decode.Text(&d.Stream), Needed: true},
		{Name: "function", Read: decode.Text(&d.Function), NotInURL: encoded},
		{Name: "format", Read: d.readFormat, NotInURL: encoded},
		{Name: "hold", Read: d.readHold, NotInURL: held},
		{Name: "echo", Read: decode.MayBe(&d.Echo), NotInURL: echoed},
		{Name: "caller", Read: decode.MayBe(&d.Caller), NotInURL: encoded},
		{Name: "stacks", Read: decode.Bool(&d.Stacks), NotInURL: encoded},
		{Name: "max_events", Read: decode.Whole(&d.MaxEvents)},
		{Name: "max_age", Read: decode.Duration(&d.MaxAge)},
		{Name: "max_pending", Read: decode.Bytes(&d.MaxPending, math.MaxInt)},
		{Name: "when_full", Read: decode.Word(&d.WhenFull, "spill", "block")},
		{Name: "spool", Read: decode.Text(&d.Spool)},
		{Name: "max_spool", Read: decode.Bytes(&d.MaxSpool, math.MaxInt64)},
		{Name: "max_event_bytes", Read: decode.Bytes(&d.MaxEventBytes, batch.MaxBytes)},
		{Name: "concurrency", Read: decode.Whole(&d.Concurrency)},
		{Name: "timeout", Read: decode.Duration(&d.Timeout)},
		{Name: "compress", Read: decode.Bool(&d.Compress)},
		{Name: "retention", Read: decode.Whole(&d.Retention)},
		{Name: "service", Read: decode.Text(&d.Service)},
		{Name: "environment", Read: decode.Text(&d.Environment)},
		{Name: "region", Read: decode.Text(&d.Region)},
		{Name: "profile", Read: decode.Text(&d.Profile)},
		{Name: "endpoint", Read: decode.Endpoint(&d.Endpoint)},
	}
}

// labelJSON is the one format that selects an encoder, not a Prefix.
const labelJSON = "#json"

func (d *Destination) readFormat(v any) (err error) {
	switch v := v.(type) {
	case Prefix:
		d.Format, d.JSON = v, false
	case string:
		if d.JSON = v == labelJSON; !d.JSON {
			d.Format, err = parsePrefix(v, append([]string{labelJSON}, labels...))
		}
	default:
		return decode.Wrong("a label, a template or a Prefix", v)
	}
	return err
}

// readHold sets MaxBytes and keeps the other fields of a Hold that was set before.
func (d *Destination) readHold(v any) error {
	n, err := decode.Size(v, maxHoldBytes)
	if err != nil || n == 0 {
		d.Hold = nil
		return err
	}
	var h Hold
	if d.Hold != nil {
		h = *d.Hold
	}
	h.MaxBytes = int(n)
	d.Hold = &h
	return nil
}

// core makes the core of class cloud-watch with a group.
func (d *Destination) core(ctx context.Context, client Client, level zapcore.Level) (zapcore.Core, error) {
	if d.Stream == "" {
		return nil, fmt.Errorf("no stream for group %q: want the name of a log stream", d.Group)
	}
	if client == nil {
		sdk, err := d.client(ctx)
		if err != nil {
			return nil, err
		}
		client = sdk
	}
	out, err := d.syncer(client)
	if err != nil {
		return nil, err
	}
	var core zapcore.Core = NewCore(d.encoder(), out, level)
	echo := zapcore.NewCore(d.encoder(), Stdout(), level)
	switch {
	case d.Echo == nil && level == zapcore.DebugLevel: // level never changes, so nothing else needs a Tee
		core = Tee(core, echo)
	case d.Echo != nil && *d.Echo:
		core = zapcore.NewTee(echo, core) // echo first: it is visible while core waits for the network
	}
	if d.JSON && d.Function != "" {
		core = core.With([]zapcore.Field{zap.String("function", d.Function)})
	}
	if d.Hold != nil {
		core = d.Hold.Wrap(core)
	}
	return core, nil
}

// options are those of the logger.
func (d *Destination) options() []zap.Option {
	caller := d.JSON || namesCaller(d.Format)
	if d.Caller != nil {
		caller = *d.Caller
	}
	opts := []zap.Option{zap.WithCaller(caller)}
	if d.Stacks {
		opts = append(opts, zap.AddStacktrace(zap.ErrorLevel))
	}
	return opts
}

func (d *Destination) encoder() zapcore.Encoder {
	switch {
	case d.JSON:
		return NewJSONEncoder(NewEncoderConfig())
	case d.Format == nil:
		return NewPrefixEncoder(d.Function, StandardPrefix, NewEncoderConfig())
	}
	return NewPrefixEncoder(d.Function, d.Format, NewEncoderConfig())
}

// syncer returns a Syncer that passes Check.
func (d *Destination) syncer(client Client) (*Syncer, error) {
	s := &Syncer{
		Client: client, Group: d.Group, Stream: d.Stream,
		MaxEvents: d.MaxEvents, MaxAge: d.MaxAge, MaxPending: d.MaxPending, WhenFull: d.WhenFull,
		Spool: d.Spool, MaxSpool: d.MaxSpool,
		MaxEventBytes: d.MaxEventBytes, Concurrency: d.Concurrency, Timeout: d.Timeout,
		Compress: d.Compress, Retention: d.Retention,
	}
	if d.Service != "" || d.Environment != "" {
		s.Entity = &Entity{d.Service, d.Environment}
	}
	name, replaced, err := expandFunction(d.Stream, d.Function)
	if err != nil {
		return nil, fmt.Errorf("stream %q for group %q: %w", d.Stream, d.Group, err)
	}
	s.Stream = name
	if err := s.Check(); err != nil {
		return nil, err
	}
	if replaced != nil {
		s.started().TellFunction(replaced)
	}
	return s, nil
}

// client makes a client from the SDK's default chain and what d sets.
func (d *Destination) client(ctx context.Context) (*cloudwatchlogs.Client, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(d.Region), config.WithSharedConfigProfile(d.Profile))
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	return cloudwatchlogs.NewFromConfig(cfg, func(opts *cloudwatchlogs.Options) {
		// Not in config, where the environment would override it.
		if d.Endpoint != "" {
			opts.BaseEndpoint = &d.Endpoint
		}
	}), nil
}

var _ zap.Sink = (*Syncer)(nil)

// OpenSink opens a [Syncer] by its URL. With
//
//	err := zap.RegisterSink("cloudwatch", zapcw.OpenSink)
//
// the outputPaths of a [zap.Config] may say
//
//	cloudwatch://?group=/acme/prod&stream=orders&max_age=5s
//
// and also cloudwatch:stdout or cloudwatch:stderr. The former is [Stdout], the latter
// the same for standard error. With zap's own "stdout" every Sync returns an error if
// standard output is a terminal or a pipe.
//
// The parameters are the keys of a [Destination]; group and stream are required. The
// keys that need entries and not lines are errors: caller, echo, format, function,
// hold and stacks. Values are encoded as in any query: + is a space, %2B a plus and
// %23 a #. A Fallback other than standard error, a NewGroup or a Client of your own
// needs a Syncer made in Go.
//
// OpenSink uses no network. Of the environment it only reads
// AWS_LAMBDA_FUNCTION_NAME, for {function} in a stream. The client is made from the
// SDK's default chain when the first events are due; if that fails, it is tried
// again with every put. OpenSink returns an error if a parameter is unknown, missing,
// repeated, empty or out of bounds, or if the URL has anything but parameters.
//
// zap hands lines to a sink, not entries. So there are limits that [NewCore] does not
// have:
//
//   - Events have the time of the Write. All count as Info, so no memory is kept
//     free for errors.
//   - A line has no level, so nothing can be held back, see [Hold].
//   - [Flush] has no effect, and package cwlambda does not find the Syncer: it
//     calls Sync, which spills after Timeout.
//   - Entries above ErrorLevel are flushed too, but zap drops the error.
//   - All outputs share one lock. Sync holds it while it waits for the network, and
//     logging calls wait for it meanwhile.
//
// zap never closes the sinks of a Config, but the Logger's Sync flushes as Close does.
func OpenSink(u *url.URL) (zap.Sink, error) {
	example := u.Scheme + "://?group=/acme/prod&stream=orders"
	if std := openStandard(u.Opaque); std != nil {
		if u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("%s: it has no parameters: want %s:%s alone", u.Opaque, u.Scheme, u.Opaque)
		}
		return std, nil
	}
	switch path := u.Opaque + u.Path; {
	case u.User != nil:
		return nil, fmt.Errorf("user %q: want parameters alone, like %s", u.User.Username(), example)
	case openStandard(u.Host) != nil:
		return nil, fmt.Errorf("host %q: want %s:%s for that, or parameters alone, like %s", u.Host, u.Scheme, u.Host, example)
	case u.Host != "":
		return nil, fmt.Errorf("host %q: want parameters alone, like %s", u.Host, example)
	case path != "":
		return nil, fmt.Errorf("path %q: want parameters alone, like %s", path, example)
	case u.Fragment != "":
		return nil, fmt.Errorf("fragment %q: want %%23 for a # in a parameter", u.Fragment)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("parameters %q: %w: want %%25 for a %% and %%3B for a ;", u.RawQuery, err)
	}

	d := new(Destination)
	if err := decode.Query(query, d.parameters(), example); err != nil {
		return nil, err
	}
	s, err := d.syncer(&delivery.LazyClient{New: d.client})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// A standardSink is standard output or error as a sink.
type standardSink struct{ zapcore.WriteSyncer }

var _ zap.Sink = standardSink{}

// openStandard returns nil for any name but stdout and stderr.
func openStandard(name string) zap.Sink {
	switch name {
	case "stdout":
		return standardSink{Stdout()}
	case "stderr":
		return standardSink{stderr()}
	}
	return nil
}

// Close does nothing: others write to the file too.
func (standardSink) Close() error { return nil }

// namesCaller reports whether p may use the caller, which costs as much to find as
// the rest of a logging call. Any function may, except for three of our own, which
// are recognized by the address of their code.
func namesCaller(p Prefix) bool {
	return !slices.ContainsFunc([]Prefix{ShortPrefix, SimplePrefix, MiniPrefix}, func(without Prefix) bool {
		return reflect.ValueOf(p).Pointer() == reflect.ValueOf(without).Pointer()
	})
}
