// Package engine is the inside of a Syncer: the machine behind one log stream, or
// behind those that one name with a date stands for. It accepts entries, has them
// delivered, and gives each event one fate.
//
// An entry goes through these rooms, each a struct in a file of its name:
//
//	engine    Add, and everything that needs several rooms at once
//	intake    accepts entries into lanes; memory bounds, triggers start a send
//	sender    takes what is buffered, cuts batches, launches flights
//	bucket    how many small puts may go
//	shelf     what lies in the spool only
//	flight    one batch on its way, by way of package delivery
//	streams   where flights go: one stream, or that of their day
//	ledger    fates, counters, the open gap, the failure to report
//	waits     who is blocked in Sync, Flush, Drain and Close
//	fallback  writes what is not delivered, for people
//
// A room's fields are touched by its own methods only; rooms call each other's
// methods. One mutex, Engine.mu, lies below the locks of the lanes. Methods that
// want it held end in Locked. docs/architecture.md has the whole picture, with
// the invariants that comments here name by number.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
)

// An Engine carries events into the log streams of one name. Its methods are safe for
// concurrent use. It owns a goroutine and a timer only while it has something to
// send (invariant 12).
type Engine struct {
	limits   limits // read-only
	mu       sync.Mutex
	intake   intake
	sender   *sender // nil while there is none
	parked   *queue  // what the last sender left: less than a full put, and not due
	bucket   bucket
	waits    waits
	ledger   ledger
	fallback fallback
	holds    atomic.Pointer[holds] // nil as long as nothing was kept back
	shelf    *shelf                // nil without a spool
	streams  *streams
}

// New makes an Engine. It does no I/O.
func New(o Options) *Engine {
	e := &Engine{
		limits:   newLimits(&o),
		bucket:   newBucket(),
		fallback: fallback{w: o.Fallback},
	}
	e.streams = newStreams(e, &o)
	e.intake.setUp(e)
	e.ledger.engine = e
	if o.Spool != "" && o.Invalid == nil {
		e.shelf = newShelf(e, &o)
	}
	return e
}

// Start has what dead owners of a spool left sent. It does not wait for that.
func (e *Engine) Start() {
	if e.shelf != nil {
		go e.shelf.adoptAll()
	}
}

// Add accepts one entry, which is one event, or several if it is too long for
// one. It copies text. Memory that is full sends it to the fallback, or makes
// the caller wait with Options.Block. The error is os.ErrClosed after Close.
func (e *Engine) Add(t time.Time, level zapcore.Level, text []byte) error {
	if t.IsZero() {
		t = time.Now()
	}
	ms := t.UnixMilli()
	// Nearly every entry is one event that comes in. An invalid byte counts three
	// times, so most texts need no count.
	if len(text) > 0 && 3*len(text) <= int(e.limits.maxText) && e.intake.accept(ms, level, text) == admitted {
		return nil
	}
	return e.add(ms, level, text, nil)
}

// add accepts any entry. One that was kept back has a place.
func (e *Engine) add(ms int64, level zapcore.Level, text []byte, place *uint32) error {
	if len(text) == 0 {
		text = space // the service refuses a whole put for one empty message
	}
	parts := batch.Split(text, int(e.limits.maxText))
	cost := len(text) + len(parts)*batch.Cost(0)
	for {
		v := e.intake.acceptParts(ms, level, parts, cost, place)
		if v == admitted {
			return nil
		}
		fits := cost <= e.limits.pendingFor(level)
		switch {
		case v != memoryFull:
			return e.refuse(ms, level, parts, cost, v)
		case fits && e.shelve():
		case e.store(ms, level, parts):
			return nil
		case fits && e.limits.block: // what never fits is not waited for
			e.intake.waitForRoom(cost, level)
		default:
			return e.refuse(ms, level, parts, cost, v)
		}
	}
}

var space = []byte(" ")

// Bounded gives a context for Options.Timeout, which is for Sync and Close.
func (e *Engine) Bounded() (context.Context, context.CancelFunc) {
	limit := e.limits.timeout
	return context.WithTimeoutCause(context.Background(), limit, fmt.Errorf("the Timeout of %s is exceeded: %w", limit, context.DeadlineExceeded))
}

// Flush sends what is buffered and returns when every event that was accepted
// before has its fate. What has none when ctx is done is spilled. The error says
// what went to the fallback since the last call.
func (e *Engine) Flush(ctx context.Context) error { return e.flush(ctx, false) }

// flush is Flush, or the last one.
func (e *Engine) flush(ctx context.Context, last bool) error {
	unread := e.shelf.awaitAdopted(ctx)
	w, f := e.addWait(ctx)
	if w == nil {
		return e.report(f, unread)
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		e.expire(w, context.Cause(ctx), last)
		<-w.done
	}
	return e.report(w.failure, unread)
}

// Drain is Flush, except that what has no fate when ctx is done stays pending and
// is tried again in the background. The error then says how much that is, and
// wraps the cause of ctx.
func (e *Engine) Drain(ctx context.Context) error {
	unread := e.shelf.awaitAdopted(ctx)
	w, f := e.addWait(ctx)
	if w == nil {
		return e.report(f, unread)
	}
	var left error
	select {
	case <-w.done:
	case <-ctx.Done():
		left = e.leave(w, context.Cause(ctx))
	}
	return errors.Join(e.report(w.failure, unread), left)
}

// report makes an error of what a caller is told. unread is why what dead owners
// left in a spool is not all in what the caller waited for.
func (e *Engine) report(f *failure, unread error) error {
	return errors.Join(e.failed(f), cmp.Or(unread, e.shelf.err()))
}

// failed is f as an error.
func (e *Engine) failed(f *failure) error {
	return f.err(e.streams.service.Group, e.streams.name(), e.shelf.path())
}

// Close lets no entry in any more, ends every Add that is blocked, and flushes for
// the last time. What a spool still holds then is the next owner's.
func (e *Engine) Close(ctx context.Context) error {
	e.intake.close()
	err := e.flush(ctx, true)
	if e.shelf != nil {
		err = errors.Join(err, e.closeSpool(ctx))
	}
	return err
}

// Stats returns a consistent snapshot.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.ledger.statsLocked()
	st.Held, st.Evicted = e.holds.Load().counts()
	st.Spooled = e.shelf.eventsLocked()
	st.Pending, st.PendingBytes = e.intake.memory.pendingLocked().events(), e.intake.memory.eventBytesLocked()
	return st
}

// A Finder is told of an engine behind a core, see zapcw.Core.With.
type Finder interface{ Found(*Engine) }

// SetJitter replaces the choice of a back-off up to d, for tests.
func (e *Engine) SetJitter(f func(d time.Duration) time.Duration) { e.streams.service.SetJitter(f) }

// Widen gives the engine all its lanes, as goroutines that meet would, for tests.
func (e *Engine) Widen() { e.intake.widen() }

// addWait has everything sent that was accepted, and gives a wait for it: nil if it
// has its fate already. What the last Sync did not report is then the caller's
// to tell.
func (e *Engine) addWait(ctx context.Context) (*wait, *failure) {
	e.intake.lockAll()
	defer e.intake.unlockAll()
	f := e.ledger.takeUnreportedLocked()
	open, newest := e.intake.openChunksLocked()
	if open == 0 {
		return nil, f
	}
	until, ok := ctx.Deadline()
	if !ok {
		until = time.Now().Add(e.limits.timeout)
	}
	e.streams.service.Expedite(until)
	e.intake.sealLocked()
	events := e.intake.memory.pendingLocked().events() + e.shelf.eventsLocked()
	w := e.waits.addLocked(newest, open, events, until, f)
	e.intake.triggerLocked(true)
	return w, nil
}

// expire ends w, whose caller gave up. What is in no file has to be spilled first;
// the rest stays in the spool, and after the last Flush it is the next owner's.
func (e *Engine) expire(w *wait, why error, last bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if w.open == 0 {
		return
	}
	w.gaveUp = e.streams.service.WhyUntried(e.streams.name(), why)
	if last {
		e.shelf.closeLocked()
	} else if e.intake.safeLocked() && e.shelf.usableLocked() {
		e.waits.expireLocked(w.newest)
		return
	}
	e.intake.triggerLocked(true)
	e.sender.expireLocked(w.newest, why)
}

// leave ends a wait before its time. The error says what is left.
func (e *Engine) leave(w *wait, why error) error {
	e.mu.Lock()
	waited := e.waits.removeLocked(w)
	pending := e.intake.memory.pendingLocked().events() + e.shelf.eventsLocked()
	e.mu.Unlock()
	if !waited {
		return nil
	}
	return fmt.Errorf("drain %s: %s still pending: %w", e.streams.path(), are(pending), e.streams.service.WhyUntried(e.streams.name(), why))
}

// settle gives events their fate. g is what the next batch has to tell because
// their notice did not arrive.
func (e *Engine) settle(evs batch.List, g gap, fate delivery.Fate, why error) {
	var fallbackErr error
	if fate == delivery.Late {
		evs = e.keep(evs, why)
	}
	if fate != delivery.Delivered {
		fallbackErr = e.fallback.events(evs, fate, why)
	}
	if fate.Spilled() {
		for ev := range evs.All() {
			g.add(ev.Time, ev.Level(), fate)
		}
	}
	e.shelf.settle(evs)
	var some [32]*batch.Chunk
	free := some[:0]
	e.mu.Lock()
	e.intake.memory.releaseLocked(tallyOf(evs.Len(), evs.Cost()))
	e.ledger.settleLocked(fate, evs.Len(), g)
	if fate != delivery.Delivered && evs.Len() > 0 {
		e.noteFailureLocked(fate, evs.Len(), why, fallbackErr)
	}
	for c, n := range evs.Chunks() {
		e.waits.settledLocked(c.ID, n)
		if e.countOutLocked(c, n) {
			free = append(free, c)
		}
	}
	tight := e.intake.tightLocked()
	e.mu.Unlock()
	if tight {
		return // free chunks would be memory, too
	}
	for _, c := range free {
		c.Free()
	}
}

// giveUp spills a flight that was never launched.
func (e *Engine) giveUp(f *flight, why error) {
	fate, err := f.stream.FateOfUntried(why)
	e.settle(f.batch.List, f.gap, fate, err)
	f.batch.Free()
	e.streams.release(f.stream)
}

// noteFailureLocked has those who wait tell their callers, or else the next Sync.
func (e *Engine) noteFailureLocked(fate delivery.Fate, n int, why, fallbackErr error) {
	if !e.waits.noteFailureLocked(fate, n, why, fallbackErr) {
		e.ledger.noteFailureLocked(fate, n, why, fallbackErr)
	}
}

// countOutLocked counts n events of c out, which are settled or kept. If they were
// its last it goes back to the spool, or the caller is to free it.
func (e *Engine) countOutLocked(c *batch.Chunk, n int) (free bool) {
	if c.Open -= n; c.Open > 0 {
		return false
	}
	switch {
	case c.Kept > 0:
		e.shelf.putLocked(c, c.ID, c.Kept)
		return false
	case c.Backing() != nil:
		c.Free() // whoever waits may close the spool
		e.closeChunkLocked(c.ID, true)
		return false
	}
	e.closeChunkLocked(c.ID, false)
	return true
}

// closeChunkLocked counts out a chunk whose events all have their fate.
func (e *Engine) closeChunkLocked(id uint64, safe bool) {
	e.intake.closeLocked(safe)
	e.waits.chunkClosedLocked(id)
}
