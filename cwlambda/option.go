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
	// outageWait is how long a flush takes while CloudWatch is out of reach.
	outageWait = 200 * time.Millisecond
)

func newOptions(opts []Option) options {
	o := options{flushTimeout: defaultFlushTimeout}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// AfterResponse has the flush after the response instead of before: the caller
// does not wait for it. An internal extension, which is registered by Start or
// Wrap, keeps the sandbox awake until the flush is over. The time that takes is
// billed, and counted by the metric PostRuntimeExtensionsDuration; the sandbox
// takes its next invocation after it. Errors, panics and deadlines are flushed
// before, as without the option.
//
// Where Lambda does not register the extension, because it refuses or because an
// invocation is under way already, it is as without the option, and a warning is
// logged. With invocations side by side it has no effect: none of them waits
// there.
//
// See https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
func AfterResponse() Option {
	return func(o *options) { o.afterResponse = true }
}

// FlushTimeout bounds the flush of one invocation, whose time left less a tenth, half a
// second at most and 50 ms at least, bounds it too. Defaults to 2 s; what is not above
// zero has no effect. After a flush that ran out of time without a put that
// succeeded the bound is 200 ms until one does.
func FlushTimeout(d time.Duration) Option {
	return func(o *options) {
		if d > 0 {
			o.flushTimeout = d
		}
	}
}

// TimeoutWarning says how long before the deadline an invocation that still runs
// logs that it is about to time out. Defaults to half a second, or a quarter of
// the time that the invocation has if that is less; what is not above zero has
// no effect. A put should be possible in that time.
func TimeoutWarning(d time.Duration) Option {
	return func(o *options) {
		if d > 0 {
			o.warning = d
		}
	}
}

// Fields adds fields to the logger of each invocation, made from its context.
func Fields(f func(context.Context) []zap.Field) Option {
	return func(o *options) { o.fields = f }
}

// WithLambda passes options on to lambda.StartWithOptions.
func WithLambda(opts ...lambda.Option) Option {
	return func(o *options) { o.lambda = append(o.lambda, opts...) }
}
