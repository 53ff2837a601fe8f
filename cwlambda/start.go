// Package cwlambda runs an AWS Lambda function that logs through zapcw.
//
//	func main() {
//		logger := ...                    // with a zapcw.Core
//		cwlambda.Start(logger, handle)   // instead of lambda.Start(handle)
//	}
//
// Lambda freezes a process as soon as its response is out, may never thaw it,
// and kills it at the time-out. So the package flushes what was logged
//
//   - before the response goes out, or after it with [AfterResponse],
//   - when the body of a streaming response has been read,
//   - before an error or a panic is reported; both are logged first, with the
//     request id, and passed on unchanged,
//   - shortly before the deadline, while the function still runs; an entry says
//     that it is about to time out,
//   - at SIGTERM.
//
// An invocation waits for its flush no longer than [FlushTimeout], and no longer
// than 200 ms once CloudWatch has proved unreachable. What is not delivered by then
// stays in memory and is sent with a later invocation; it goes to the Syncer's
// Fallback when the memory is full, before a time-out, after a panic and at SIGTERM.
//
// [Logger] returns the logger of one invocation. docs/lambda.md has a table of what
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

// Start is [lambda.Start] for a function that logs through logger. It takes every
// handler that lambda.Start takes, does not return, and flushes as the package
// comment says. A nil logger is zap.NewNop().
//
// At SIGTERM, which Lambda sends 500 ms before it kills a process, it flushes for
// a quarter of a second and then ends the process, unless an invocation is under
// way. Functions given with lambda.WithEnableSIGTERM are called before that.
//
// Outside of Lambda it flushes and then ends the process, as lambda.Start does.
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

// Wrap returns the handler that [Start] would start. Pass it to lambda.Start or, in a
// test, to lambda.NewHandler. For a function it is a func(context.Context, TIn) (any,
// error), or a func(context.Context) (any, error). [WithLambda] has no effect: pass
// its options to lambda.StartWithOptions. Handling SIGTERM is up to the caller:
//
//	lambda.StartWithOptions(cwlambda.Wrap(logger, handle),
//		lambda.WithEnableSIGTERM(func() { cwlambda.Shutdown(logger) }))
//
// If a handler is wrapped twice with the same Syncers, only the outer one flushes. A
// streaming response of a handler that is a lambda.Handler is buffered, as its Invoke
// does.
func Wrap(logger *zap.Logger, handler any, options ...Option) any {
	return newFunction(logger, options).wrap(handler)
}

// Shutdown flushes logger's Syncers within 250 ms, half the time that Lambda leaves
// after SIGTERM. What is not delivered by then is on their Fallback. It is for
// programs that do not use [Start].
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
// and those added by [Fields]. CloudWatch Logs indexes traceId by default, see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatchLogs-Field-Indexing.html
//
// Each invocation is a scope of zapcw.Hold. It is released by an error that the
// function logs or returns, by a panic, and shortly before the deadline.
//
// Outside of an invocation, or with a nil ctx, Logger returns zap.L().
func Logger(ctx context.Context) *zap.Logger {
	if inv := fromContext(ctx); inv != nil {
		return inv.logger
	}
	return zap.L()
}
