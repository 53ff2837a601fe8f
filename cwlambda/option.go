package cwlambda

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"go.uber.org/zap"
)

// An Option changes what [Start] and [Wrap] do.
type Option func(*options)

type options struct {
	flushTimeout  time.Duration
	warning       time.Duration // 0: see newWatch
	afterResponse bool
	fields        func(context.Context) []zap.Field
	lambda        []lambda.Option
}

const (
	defaultFlushTimeout = 2 * time.Second
	// outageWait bounds a flush while CloudWatch is unreachable.
	outageWait = 200 * time.Millisecond
)

func newOptions(opts []Option) options {
	o := options{flushTimeout: defaultFlushTimeout}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// AfterResponse flushes after the response instead of before it: the caller does
// not wait. An internal extension, registered by Start or Wrap, keeps the sandbox
// awake until the flush is over. That time is billed, and counted by the metric
// PostRuntimeExtensionsDuration; the sandbox takes its next invocation after it. In
// case of an error, a panic or a deadline the flush still comes first.
//
// If the extension cannot be registered, because Lambda refuses or an invocation is
// already under way, the option has no effect, and a warning is logged. It also has
// no effect if a sandbox runs invocations concurrently, since there none of them
// waits for a flush.
//
// See https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
func AfterResponse() Option {
	return func(o *options) { o.afterResponse = true }
}

// FlushTimeout bounds the flush of one invocation. Defaults to 2 s; zero and negative
// values have no effect. The flush also ends before the deadline, by a tenth of the
// time left, but at least 50 ms and at most 500 ms. After a flush of 200 ms or more
// without a successful put, the bound is 200 ms until a put succeeds.
func FlushTimeout(d time.Duration) Option {
	return func(o *options) {
		if d > 0 {
			o.flushTimeout = d
		}
	}
}

// TimeoutWarning is how long before its deadline an invocation that still runs logs
// that it is about to time out. Defaults to half a second, or to a quarter of the
// invocation's time if that is less; zero and negative values have no effect. Leave
// enough time for a put.
func TimeoutWarning(d time.Duration) Option {
	return func(o *options) {
		if d > 0 {
			o.warning = d
		}
	}
}

// Fields adds the fields that f returns to the logger of each invocation.
func Fields(f func(context.Context) []zap.Field) Option {
	return func(o *options) { o.fields = f }
}

// WithLambda passes options on to lambda.StartWithOptions.
func WithLambda(opts ...lambda.Option) Option {
	return func(o *options) { o.lambda = append(o.lambda, opts...) }
}
