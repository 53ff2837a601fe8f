package cwlambda

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
)

// An invocation is one call of the function, until its response is complete.
type invocation struct {
	f        *function
	logger   *zap.Logger
	deadline time.Time // zero if there is none
	watch    *watch    // nil without a deadline, or if it has passed
	turn     *turn     // nil if nothing keeps the sandbox awake

	once sync.Once // the end
}

type invocationKey struct{}

func fromContext(ctx context.Context) *invocation {
	if ctx == nil {
		return nil
	}
	inv, _ := ctx.Value(invocationKey{}).(*invocation)
	return inv
}

func (f *function) begin(ctx context.Context) *invocation {
	inv := &invocation{f: f}
	f.running.Add(1)
	cold := !f.warm.Swap(true)
	id, tenant := "", ""
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		id, tenant = lc.AwsRequestID, lc.TenantID
	}
	fields := make([]zap.Field, 0, 6)
	for _, field := range [...]struct{ key, value string }{{"requestId", id}, {"traceId", traceID(ctx)}, {"tenantId", tenant}} {
		if field.value != "" {
			fields = append(fields, zap.String(field.key, field.value))
		}
	}
	if cold {
		fields = append(fields, zap.Bool("coldStart", true))
	}
	inv.logger = f.logger.With(append(fields, zapcw.Scope())...)

	if f.ext != nil {
		inv.turn = f.ext.begin(id)
	}
	if f.sender != nil {
		f.sender.begin()
	}
	inv.deadline, _ = ctx.Deadline()
	return inv
}

// traceID is the Root of X-Ray's header, as Lambda hands it over:
// Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1
func traceID(ctx context.Context) string {
	header, _ := ctx.Value("x-amzn-trace-id").(string)
	for part := range strings.SplitSeq(header, ";") {
		if root, ok := strings.CutPrefix(part, "Root="); ok {
			return root
		}
	}
	return ""
}

// done ends the invocation when it has a response. It reports whether it was still
// running.
func (i *invocation) done() (ended bool) {
	i.once.Do(func() {
		ended = true
		if i.turn == nil {
			i.finish()
		} else {
			go i.finish() // the extension waits for it
		}
	})
	return ended
}

func (i *invocation) finish() {
	i.stopWatch()
	i.drain()
	i.end()
}

// failed ends it with an error.
func (i *invocation) failed(err error) {
	i.once.Do(func() {
		i.stopWatch()
		i.release()
		own(i.logger).Error("invocation failed", zap.Error(plain(err)), zap.String("errorType", typeOf(err)))
		i.drain()
		i.end()
	})
}

// own is a logger for entries of this package: they have neither the caller nor the
// stack of a line of this package, which would tell nobody anything.
func own(logger *zap.Logger) *zap.Logger {
	return logger.WithOptions(zap.WithCaller(false), zap.AddStacktrace(zapcore.InvalidLevel))
}

// release sends what the scope holds. It does not ride on an entry, which a
// sampler may drop.
func (i *invocation) release() { i.logger.With(zapcw.Release()) }

// drain flushes, unless others do in the background. What is not delivered in
// time stays in memory, except shortly before the deadline: Lambda may kill the
// process although the response is ready.
func (i *invocation) drain() {
	if i.f.sender != nil && !i.f.terminating.Load() {
		return
	}
	i.f.out.drain(i.limit())
	if i.f.sender == nil && i.watch.spills() {
		i.f.out.flush(0)
	}
}

// panicked ends it with a panic, or with runtime.Goexit if v is nil. The process
// ends after a panic, so nothing stays in memory.
func (i *invocation) panicked(v any, stack string) {
	i.once.Do(func() {
		i.stopWatch()
		if v == nil {
			i.drain()
			i.end()
			return
		}
		err, ok := v.(error)
		if !ok {
			err = errors.New(fmt.Sprint(v))
		}
		i.release()
		if ce := own(i.logger).Check(zapcore.ErrorLevel, "invocation panicked"); ce != nil {
			ce.Stack = stack
			ce.Write(zap.Error(plain(err)), zap.String("errorType", typeOf(v)))
		}
		i.f.out.flush(i.limit())
		i.end()
	})
}

func (i *invocation) end() {
	if i.turn != nil {
		i.turn.end()
	}
	i.f.running.Add(-1)
	if i.f.sender != nil {
		i.f.sender.end()
	}
}

func (i *invocation) stopWatch() {
	if i.watch != nil {
		i.watch.stop()
	}
}

// minMargin is what the response needs on a fraction of a processor: with 128 MB
// a function has a fourteenth.
const minMargin = 50 * time.Millisecond

// limit is how long a flush may take: what is left less what the response needs.
func (i *invocation) limit() time.Duration {
	if i.deadline.IsZero() {
		return i.f.flushTimeout
	}
	left := time.Until(i.deadline)
	return max(0, min(i.f.flushTimeout, left-max(minMargin, min(left/10, time.Second/2))))
}

// plain is an error with the text that Lambda reports.
func plain(err error) error {
	if e, ok := err.(messages.InvokeResponse_Error); ok {
		return errors.New(e.Message) // its own text is Go
	}
	return err
}

// typeOf is the errorType that Lambda reports.
func typeOf(v any) string {
	if e, ok := v.(messages.InvokeResponse_Error); ok {
		return e.Type
	}
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return cmp.Or(t.Name(), t.String())
}
