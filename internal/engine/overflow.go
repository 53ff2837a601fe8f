package engine

import (
	"context"
	"errors"
	"os"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
)

// What follows is what an Engine does with its shelf.

// shelve makes room: what is buffered stays in the spool, and not in memory. It
// reports whether that was anything.
func (e *Engine) shelve() bool {
	if e.shelf == nil {
		return false
	}
	e.intake.lockAll()
	defer e.intake.unlockAll()
	return e.shelf.usableLocked() && e.shelveLocked()
}

// shelveLocked is shelve for who holds all locks, with a shelf that is open.
func (e *Engine) shelveLocked() bool {
	chunks, flush := e.intake.takeLocked(func(c *batch.Chunk) bool { return c.Backing() != nil })
	for _, c := range chunks {
		e.intake.memory.releaseLocked(tallyOf(c.Open, c.Len()))
		e.shelf.countLocked(c.Open)
		e.shelf.putLocked(c, c.ID, c.Open)
	}
	if flush || e.waits.anyLocked() {
		e.intake.triggerLocked(flush)
	} else if len(chunks) > 0 {
		e.wakeSenderLocked()
	}
	return len(chunks) > 0
}

// store puts an entry on the shelf that has no room in memory, where there was
// nothing that could make room. It reports whether the spool took it.
func (e *Engine) store(ms int64, level zapcore.Level, parts [][]byte) bool {
	if e.shelf == nil {
		return false
	}
	chunks := make([]*batch.Chunk, 0, len(parts))
	for i, p := range parts {
		c := e.shelf.newChunk(len(p), 0)
		appendTo(c, ms, e.Place()+uint32(i), int8(level), p)
		if chunks = append(chunks, c); c.Backing() == nil {
			break
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.shelf.usableLocked() || chunks[len(chunks)-1].Backing() == nil {
		for _, c := range chunks {
			c.Free()
		}
		return false
	}
	for _, c := range chunks {
		e.shelf.countLocked(1)
		e.shelf.putLocked(c, 0, 1)
	}
	e.wakeSenderLocked()
	return true
}

// closeSpool leaves what the spool holds to the next owner, who may come at once.
// The error says how much that is, if a Flush did not.
func (e *Engine) closeSpool(ctx context.Context) error {
	e.shelf.endAdoption()
	why := context.Cause(ctx)
	if why == nil {
		why = os.ErrClosed
	}
	e.mu.Lock()
	e.shelf.closeLocked()
	e.shelf.leaveLocked(why)
	e.mu.Unlock()
	// The sender may have taken some back since the last Sync.
	w, f := e.addWait(context.Background())
	if w != nil {
		e.expire(w, why, true)
		<-w.done
		f = w.failure
	}
	return errors.Join(e.failed(f), e.shelf.spool.Close(ctx))
}

// keep leaves those of some events in the spool that lie there, since nobody
// waits any longer, and returns the others.
func (e *Engine) keep(evs batch.List, why error) (others batch.List) {
	if e.shelf == nil {
		return evs
	}
	kept, others := evs.Backed()
	if kept.Len() == 0 {
		return evs
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.intake.memory.releaseLocked(tallyOf(kept.Len(), kept.Cost()))
	e.shelf.countLocked(kept.Len())
	if !e.shelf.usableLocked() { // else whoever gave up is told by its wait
		e.noteFailureLocked(delivery.Kept, kept.Len(), why, nil)
	}
	for c, n := range kept.Chunks() {
		c.Kept += n
		e.countOutLocked(c, n)
	}
	return others
}
