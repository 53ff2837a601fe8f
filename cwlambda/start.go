// Package cwlambda runs an AWS Lambda function that logs through zapcw.
//
//	func main() {
//		logger := ...                    // with a zapcw.Core
//		cwlambda.Start(logger, handle)   // instead of lambda.Start(handle)
//	}
//
// Lambda freezes a process as soon as its response is out, may never thaw it,
// and kills it at the time-out. So what was logged is flushed
//
//   - before the response goes out, or after it with [AfterResponse],
//   - when the body of a streaming response was read,
//   - before an error or a panic is reported; both are logged first, with the
//     request id, and passed on unchanged,
//   - when the deadline nears, while the function still runs, with an entry that
//     says so,
//   - at SIGTERM.
//
// An invocation never waits longer for that than [FlushTimeout] says, and no longer than
// a fifth of a second as long as CloudWatch is out of reach. What is not
// delivered by then stays in memory and is sent with a later invocation; it goes
// to the Syncer's Fallback when its memory is full, before a time-out and at
// SIGTERM.
//
// [Logger] is the logger of one invocation. docs/lambda.md has a table of what
// happens when, and what it costs.
package cwlambda

import (
	"context"
	"os"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"go.uber.org/zap"
)

// Start is [lambda.Start] for a function that logs through logger. It takes
// every handler that lambda.Start takes, does not return, and has what the
// package comment lists flushed. A nil logger is zap.NewNop().
//
// At SIGTERM, which Lambda sends 500 ms before it kills a process, it flushes for
// a quarter of a second and then ends the process, unless an invocation is under
// way. Functions given with lambda.WithEnableSIGTERM are called before that.
//
// Where there is no Lambda it ends the process as lambda.Start does, after a
// flush.
func Start(logger *zap.Logger, handler any, options ...Option) {
	f := newFunction(logger, options)
	f.decodes = len(f.lambda) == 0
	f.started = true
	if os.Getenv(runtimeAPI) == "" {
		f.out.flush(f.flushTimeout)
	}
	var at atomic.Pointer[time.Time]
	opts := []lambda.Option{lambda.WithEnableSIGTERM(func() {
		now := time.Now()
		at.Store(&now)
	})}
	opts = append(opts, f.lambda...)
	opts = append(opts, lambda.WithEnableSIGTERM(func() {
		if f.terminate(shutdownTime - time.Since(*at.Load())) {
			os.Exit(0)
		}
	}))
	lambda.StartWithOptions(f.wrap(handler), opts...)
}

// Wrap gives the handler that [Start] starts, to be passed to lambda.Start or,
// in a test, to lambda.NewHandler. Of a function it is a func(context.Context,
// TIn) (any, error), or a func(context.Context) (any, error). Options of [WithLambda] have no effect; they
// go to lambda.StartWithOptions. SIGTERM is the caller's:
//
//	lambda.StartWithOptions(cwlambda.Wrap(logger, handle),
//		lambda.WithEnableSIGTERM(func() { cwlambda.Shutdown(logger) }))
//
// A handler that is wrapped twice with the same Syncers is flushed once, by the
// outer one. Of a handler that is a lambda.Handler a streaming response is
// buffered, as it is by its Invoke.
func Wrap(logger *zap.Logger, handler any, options ...Option) any {
	return newFunction(logger, options).wrap(handler)
}

// Shutdown flushes what logger's Syncers hold within a quarter of a second, half
// of what Lambda leaves after SIGTERM. What is not delivered by then is on their
// Fallback. It is for programs that do not use [Start].
func Shutdown(logger *zap.Logger) {
	if logger == nil {
		return
	}
	newOutputs(logger.Core()).flush(shutdownTime)
}

// shutdownTime is how long a flush at SIGTERM takes. Lambda kills the process
// 500 ms after SIGTERM, and after 300 ms if it has external extensions. See
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
const shutdownTime = 250 * time.Millisecond

// runtimeAPI is set in Lambda.
const runtimeAPI = "AWS_LAMBDA_RUNTIME_API"

// Logger returns the logger of the invocation that ctx belongs to, which is the
// logger given to [Start] with these fields:
//
//	requestId  as Lambda reports it
//	traceId    of X-Ray, the Root of its header, if there is one
//	tenantId   if the function has tenants
//	coldStart  true, in the first invocation of a process only
//
// and those of [Fields]. CloudWatch Logs indexes traceId by default, see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatchLogs-Field-Indexing.html
//
// Each invocation is a scope of zapcw.Hold: what is held there is released by an
// error that the function logs or returns, a panic, and when the deadline nears.
//
// Outside of an invocation, and without a context, it is zap.L().
func Logger(ctx context.Context) *zap.Logger {
	if inv := fromContext(ctx); inv != nil {
		return inv.logger
	}
	return zap.L()
}
