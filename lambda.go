package zapcw

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/engine"
)

// Handler wraps a Lambda function so that everything it logged is settled
// before it returns: Lambda may freeze the process as soon as the response is
// out, and thaw it never. Pass the result to lambda.Start. A nil logger is
// zap.NewNop().
//
// A function without a result returns (any, error) and nil:
//
//	func(ctx context.Context, e events.SQSEvent) (any, error)
//
// One without an event takes struct{} or json.RawMessage.
//
// The flush gets the time that the invocation's context has left, less a tenth
// of it or half a second, whichever is less, so that the response still gets
// out; without a deadline it gets the Syncer's Timeout. What is not delivered by
// then goes to the Syncer's Fallback. The flush happens also when h returns an
// error or panics; both are passed on unchanged, and what goes wrong with the
// flush is never the function's error.
//
// Every Syncer behind a Core of this package is flushed, however that is wrapped.
// One that is the sink of another core, by [OpenSink] or [zapcore.NewCore], is not
// found but synced by the logger: its Timeout counts then, and not the
// invocation's time.
func Handler[In, Out any](logger *zap.Logger, h func(context.Context, In) (Out, error)) func(context.Context, In) (Out, error) {
	if logger == nil {
		logger = zap.NewNop()
	}
	return func(ctx context.Context, in In) (Out, error) {
		defer flushWithin(ctx, logger)
		return h(ctx, in)
	}
}

// flushWithin settles what logger's Syncers hold in the time that ctx has left.
func flushWithin(ctx context.Context, logger *zap.Logger) {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		// The handler may have cancelled what it was given.
		ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline.Add(-min(left/10, time.Second/2)))
		defer cancel()
		// Side by side: one that hangs must not take the time of the others.
		var all sync.WaitGroup
		for _, s := range enginesOf(logger) {
			all.Go(func() { _ = s.Flush(ctx) }) // whatever it is, it is on the Fallback
		}
		all.Wait()
		if ctx.Err() != nil {
			return
		}
	}
	_ = logger.Sync()
}

// enginesOf finds the Syncers behind a logger. Cores are wrapped in cores, but
// all of them pass on the fields of With, so a field goes and asks.
func enginesOf(logger *zap.Logger) []*engine.Engine {
	var f finder
	logger.Core().With([]zapcore.Field{{Key: flushKey, Type: zapcore.SkipType, Interface: &f}})
	return f.found
}

// finder is what a Core puts its engine into.
type finder struct{ found []*engine.Engine }

func (f *finder) Found(e *engine.Engine) {
	if !slices.Contains(f.found, e) {
		f.found = append(f.found, e)
	}
}
