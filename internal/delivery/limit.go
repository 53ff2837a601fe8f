package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"sync"
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

// A watch ends a call when its limit is reached, and the connection of a call that
// got no answer.
type watch struct {
	limit
	timer  *time.Timer
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	stale    bool
	conn     net.Conn // that the call got last
	answered bool     // on conn
}

// start begins to watch. stop is to be called at the end.
func (l limit) start(ctx context.Context) (context.Context, *watch) {
	w := &watch{limit: l}
	ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(l.whole, w.expire)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: w.gotConn, GotFirstResponseByte: w.gotAnswer}), w
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

func (w *watch) expire() {
	w.mu.Lock()
	stale := w.stale
	w.mu.Unlock()
	if stale {
		w.cancel(fmt.Errorf("%w: %w", timeoutError(w.limit.stale), errStale))
		return
	}
	w.cancel(timeoutError(w.whole))
}

// gotConn chooses the limit by the connection that the call got.
func (w *watch) gotConn(c httptrace.GotConnInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn, w.answered = c.Conn, false
	old := w.limit.stale < w.whole && c.WasIdle && c.IdleTime >= idleLong
	if old && w.timer.Reset(w.limit.stale) || !old && w.stale && w.timer.Reset(w.whole) {
		w.stale = old
	}
}

func (w *watch) gotAnswer() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered = true
}

// leaveConn closes the connection of a call that failed, unless it was answered on
// it and not cut off. HTTP/2 would go on using it: to cancel a request ends no
// more than a stream of the connection, even if nothing comes through any more.
//
// Others that wait for an answer on it try again with a new one.
func (w *watch) leaveConn(cutOff bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn == nil || w.answered && !cutOff {
		return
	}
	conn := w.conn
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn() // its own Close may wait for the other side
	}
	_ = conn.Close()
	w.conn = nil
}
