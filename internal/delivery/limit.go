package delivery

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// A limit is the time-out of a call, and of one that got a connection which lay
// idle for longer than idleLong.
type limit struct{ whole, stale time.Duration }

const idleLong = time.Second

// within is the same limit for every connection.
func within(d time.Duration) limit { return limit{d, d} }

// errStale is a time-out on such a connection, which says nothing of the service.
var errStale = errors.New("connection was idle")

// A timeoutError is a call that was not answered in time.
type timeoutError time.Duration

func (e timeoutError) Error() string        { return fmt.Sprintf("no answer in %s", time.Duration(e)) }
func (e timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// A watch ends a call when its limit is reached.
type watch struct {
	limit
	timer  *time.Timer
	cancel context.CancelCauseFunc
	stale  atomic.Bool
}

// start begins to watch. stop is to be called at the end.
func (l limit) start(ctx context.Context) (context.Context, *watch) {
	w := &watch{limit: l}
	ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(l.whole, w.expire)
	if l.stale < l.whole {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: w.gotConn})
	}
	return ctx, w
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

func (w *watch) expire() {
	if w.stale.Load() {
		w.cancel(fmt.Errorf("%w: %w", timeoutError(w.limit.stale), errStale))
		return
	}
	w.cancel(timeoutError(w.whole))
}

// gotConn chooses the limit by the connection that the call got.
func (w *watch) gotConn(c httptrace.GotConnInfo) {
	old := c.WasIdle && c.IdleTime >= idleLong
	if old && w.timer.Reset(w.limit.stale) || !old && w.stale.Load() && w.timer.Reset(w.whole) {
		w.stale.Store(old)
	}
}
