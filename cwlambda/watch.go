package cwlambda

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// A watch flushes while the function still runs when the deadline nears, because
// Lambda then kills the process. It owns a goroutine from a quarter of the time
// on, or from two seconds before the deadline, until stop.
type watch struct {
	inv    *invocation
	timer  *time.Timer
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{}

	warnAt, spillAt time.Time
}

const (
	maxHeadStart = 2 * time.Second
	maxWarning   = 500 * time.Millisecond
	maxReserve   = 100 * time.Millisecond
	// watchPause lies between two flushes: the function may go on logging.
	watchPause = 20 * time.Millisecond
)

// newWatch returns nil if there is no deadline, or if it has passed.
func newWatch(inv *invocation) *watch {
	if inv.deadline.IsZero() {
		return nil
	}
	left := time.Until(inv.deadline)
	if left <= 0 {
		return nil
	}
	warning := min(left/4, maxWarning)
	if inv.f.warning > 0 {
		warning = min(left, inv.f.warning)
	}
	w := &watch{
		inv:    inv,
		ended:  make(chan struct{}),
		warnAt: inv.deadline.Add(-warning),
		// From then on nothing is left in memory.
		spillAt: inv.deadline.Add(-min(warning/5, maxReserve)),
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.timer = time.AfterFunc(left-max(warning, min(left-left/4, maxHeadStart)), w.run)
	return w
}

// stop returns when the goroutine has ended.
func (w *watch) stop() {
	w.cancel()
	if !w.timer.Stop() {
		<-w.ended
	}
}

func (w *watch) run() {
	defer close(w.ended)
	// A first flush finds or makes the stream and the connection, so that the
	// last one is short.
	w.drain(w.warnAt)
	if !w.sleep(time.Until(w.warnAt)) {
		return
	}
	w.inv.release()
	own(w.inv.logger).Error("function is about to time out",
		zap.Duration("timeLeft", time.Until(w.inv.deadline).Round(time.Millisecond)))
	for time.Until(w.spillAt) > 0 {
		w.drain(w.spillAt)
		if !w.sleep(watchPause) {
			return
		}
	}
	if w.inv.f.sender != nil {
		return // side by side time-outs are not enforced, and others' events stay
	}
	for time.Until(w.inv.deadline) > 0 {
		w.inv.f.out.flush(0)
		if !w.sleep(watchPause) {
			return
		}
	}
}

// spills reports whether nothing is to be left in memory any more.
func (w *watch) spills() bool { return w != nil && !time.Now().Before(w.spillAt) }

func (w *watch) drain(until time.Time) {
	ctx, cancel := context.WithDeadline(w.ctx, until)
	defer cancel()
	w.inv.f.out.drainUntil(ctx)
}

// sleep reports whether it was not stopped.
func (w *watch) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return w.ctx.Err() == nil
	case <-w.ctx.Done():
		return false
	}
}
