package cwlambda

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	group  = "/acme/prod"
	stream = "orders"
)

// A double is a drainer that does as it is told, and remembers.
type double struct {
	mu     sync.Mutex
	takes  time.Duration // of a drain; for ever if negative
	fails  bool          // a drain that took its time delivered nothing
	puts   uint64
	drains []time.Duration // how long each took
	spills int
	at     []time.Time // when each began
}

var _ drainer = (*double)(nil)

var errDark = errors.New("connection refused")

func (d *double) set(takes time.Duration, fails bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takes, d.fails = takes, fails
}

func (d *double) Drain(ctx context.Context) error {
	begin := time.Now()
	d.mu.Lock()
	takes, fails := d.takes, d.fails
	d.at = append(d.at, begin)
	d.mu.Unlock()
	var err error
	if takes != 0 {
		var over <-chan time.Time
		if takes > 0 {
			over = time.After(takes)
		}
		select {
		case <-over:
		case <-ctx.Done():
			err = fmt.Errorf("1 event pending: %w", errDark)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drains = append(d.drains, time.Since(begin))
	if err == nil && !fails {
		d.puts++
	}
	return err
}

func (d *double) Flush(ctx context.Context) error {
	err := d.Drain(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.spills++
	}
	return err
}

func (d *double) Puts() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.puts
}

func (d *double) counts() (drains, spills int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.drains), d.spills
}

// began tells when each drain began.
func (d *double) began() []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.at)
}

// newDouble makes a function with one double for its only stream.
func newDouble(opts ...Option) (*function, *double) {
	d := new(double)
	f := newFunction(nil, opts)
	f.out = &outputs{streams: []*output{{drainer: d}}}
	return f, d
}

// invocationContext is what aws-lambda-go gives a function.
func invocationContext(t testing.TB, id string, limit time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	ctx = context.WithValue(ctx, traceKey, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
	return lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: id}), cancel
}

// traceKey is the one of aws-lambda-go.
var traceKey any = "x-amzn-trace-id"

// call is one invocation with 15 seconds.
func call(t testing.TB, handler any, payload string) (string, error) {
	t.Helper()
	ctx, cancel := invocationContext(t, "r-1", 15*time.Second)
	defer cancel()
	out, err := lambda.NewHandler(handler).Invoke(ctx, []byte(payload))
	return string(out), err
}

// newStream makes a logger of JSON into a stream of srv.
func newStream(srv *cwltest.Server, fallback zapcore.WriteSyncer, opts ...zap.Option) (*zap.Logger, *zapcw.Syncer) {
	s := &zapcw.Syncer{Client: srv.Client(), Group: group, Stream: stream, Fallback: fallback}
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey = ""
	return zap.New(zapcw.NewCore(zapcw.NewJSONEncoder(cfg), s, zap.DebugLevel), opts...), s
}
