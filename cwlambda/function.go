package cwlambda

import (
	"context"
	"os"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/zap"
)

// A function is a Lambda function in its process.
type function struct {
	options
	logger  *zap.Logger
	out     *outputs
	ext     *extension // nil unless it is registered
	sender  *sender    // nil unless invocations run side by side
	decodes bool       // events, see withContext
	started bool       // by Start: nobody but aws-lambda-go sees its panics

	warm        atomic.Bool  // an invocation came before
	running     atomic.Int64 // invocations
	terminating atomic.Bool
}

func newFunction(logger *zap.Logger, opts []Option) *function {
	if logger == nil {
		logger = zap.NewNop()
	}
	f := &function{options: newOptions(opts), logger: logger, out: newOutputs(logger.Core())}
	if lambdacontext.MaxConcurrency() > 1 {
		f.sender = &sender{out: f.out, timeout: f.flushTimeout}
		return f
	}
	if api := os.Getenv(runtimeAPI); f.afterResponse && api != "" {
		ext, err := register(api)
		if err != nil {
			own(logger).Warn("logs are flushed before the response instead of after it", zap.Error(err))
		} else {
			f.serve(ext)
		}
	}
	return f
}

// serve has ext keep the sandbox awake. Its goroutine lives as long as the process,
// or until Lambda's API fails.
func (f *function) serve(ext *extension) {
	f.ext = ext
	go ext.run(func(requestID string) {
		own(f.logger).Warn("event did not reach the function; what Lambda reports says why", zap.String("requestId", requestID))
		f.out.drain(f.flushTimeout)
	}, func(err error) {
		own(f.logger).Warn("logs are flushed before the response from now on", zap.Error(err))
	})
}

// wrap gives what lambda.Start takes.
func (f *function) wrap(handler any) any {
	if h, ok := handler.(lambda.Handler); ok {
		return invoker{f, h}
	}
	if h, ok := f.withContext(handler); ok {
		return h
	}
	// Its Invoke returns what is wrong with the handler.
	return invoker{f, lambda.NewHandler(handler)}
}

// invoker is a function that takes and gives bytes.
type invoker struct {
	f *function
	h lambda.Handler
}

var _ lambda.Handler = invoker{}

func (i invoker) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var response []byte
	_, err := i.f.invoke(ctx, func(ctx context.Context) (_ any, err error) {
		response, err = i.h.Invoke(ctx, payload)
		return nil, err
	})
	return response, err
}

// invoke has handle deal with one invocation. A response that is streamed ends
// when its body was read.
func (f *function) invoke(ctx context.Context, handle func(context.Context) (any, error)) (any, error) {
	if outer := fromContext(ctx); outer != nil && outer.f.out.include(f.out) {
		return handle(ctx)
	}
	inv := f.begin(ctx)
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover()
		inv.panicked(v, zap.StackSkip("", 1).String)
		switch {
		case v == nil: // runtime.Goexit goes on
		case f.started:
			panic(reported(v))
		default:
			panic(v)
		}
	}()
	if f.fields != nil {
		inv.logger = inv.logger.With(f.fields(ctx)...)
	}
	inv.watch = newWatch(inv)
	response, err := handle(context.WithValue(ctx, invocationKey{}, inv))
	returned = true
	if err != nil {
		inv.failed(err)
		return response, err
	}
	if r, ok := streamed(response); ok {
		return inv.body(r), nil
	}
	inv.done()
	return response, nil
}

// terminate flushes for the last time. It reports whether nothing runs any more.
func (f *function) terminate(limit time.Duration) bool {
	f.terminating.Store(true)
	f.out.flush(limit)
	return f.running.Load() == 0
}
