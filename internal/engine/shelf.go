package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
	"example.com/zapcw/internal/spool"
)

// A shelf is the events that have no fate and take no memory, because they lie in
// the files of a spool: what did not fit into memory, what a Sync left at its
// deadline, and what dead owners left. The sender takes them back in small
// portions, the oldest first.
type shelf struct {
	engine *Engine
	spool  *spool.Spool
	dir    string
	// adopted is closed once what dead owners left is on the shelf, or can't be read
	// now; done when it is read, or cancel was called.
	adopted, done chan struct{}
	again         bool // the latter is to be tried again; run's
	ctx           context.Context
	cancel        context.CancelFunc

	// With Engine.mu held:
	chunks []shelved // by the time of their first event
	events int       // in the spool only: on the shelf, or left for the next owner
	closed bool      // nothing is taken back any more
	unread error     // why some of what dead owners left can't be read now
}

// shelved is a chunk on the shelf.
type shelved struct {
	id uint64 // an open chunk's, see intake.openLocked
	spool.Left
}

func newShelf(e *Engine, o *Options) *shelf {
	sh := &shelf{
		engine: e, dir: o.Spool, adopted: make(chan struct{}), done: make(chan struct{}),
		spool: spool.New(spool.Options{
			Dir: o.Spool, Group: o.Group, Stream: o.Stream, Max: orDefault(o.MaxSpool, DefaultMaxSpool),
			Tell: e.fallback.tellOfSpool,
		}),
	}
	sh.ctx, sh.cancel = context.WithCancel(context.Background())
	return sh
}

// newChunk gives a chunk, in a file if there is a shelf.
func (sh *shelf) newChunk(n, want int) *batch.Chunk {
	if sh == nil {
		return batch.NewChunk(n, want)
	}
	return sh.spool.NewChunk(n, want)
}

// putLocked takes a chunk whose events have no fate, except for some that are
// settled; it has its id as long as that is not 0.
func (sh *shelf) putLocked(c *batch.Chunk, id uint64, events int) {
	l := spool.Left{Events: events, Bytes: c.Cap(), First: c.First()} // Bytes at most
	l.Ref = sh.spool.Store(c)                                         // c is not to be used any more
	sh.addLocked(shelved{id, l})
}

// addLocked puts s on the shelf, unless that is closed, and opens it if it has no
// id.
func (sh *shelf) addLocked(s shelved) {
	if sh.closed {
		if s.id != 0 {
			sh.engine.closeChunkLocked(s.id, true)
		}
		return
	}
	if s.id == 0 {
		s.id = sh.engine.intake.openLocked(true)
	}
	i := sort.Search(len(sh.chunks), func(i int) bool { return sh.chunks[i].First > s.First })
	sh.chunks = slices.Insert(sh.chunks, i, s)
}

// emptyLocked tells whether there is nothing to be taken back.
func (sh *shelf) emptyLocked() bool { return sh == nil || sh.closed || len(sh.chunks) == 0 }

// eventsLocked is how many events lie in the spool only.
func (sh *shelf) eventsLocked() int {
	if sh == nil {
		return 0
	}
	return sh.events
}

// beforeLocked tells whether a chunk up to id is on the shelf.
func (sh *shelf) beforeLocked(id uint64) bool {
	return sh != nil && slices.ContainsFunc(sh.chunks, func(s shelved) bool { return s.id <= id })
}

// expire is expireLocked for who does not hold Engine.mu.
func (sh *shelf) expire(id uint64, why error) {
	if sh == nil {
		return
	}
	sh.engine.mu.Lock()
	defer sh.engine.mu.Unlock()
	sh.expireLocked(id, why)
}

// expireLocked ends the waits for chunks up to id whose callers gave up. Once the
// shelf is closed, what is on it is the next owner's, and nobody waits for that.
func (sh *shelf) expireLocked(id uint64, why error) {
	if !sh.closed {
		sh.engine.waits.expireLocked(id)
		return
	}
	left, events := sh.chunks, 0
	sh.chunks = nil
	for _, s := range left {
		events += s.Events
	}
	if events > 0 {
		sh.engine.noteFailureLocked(delivery.Kept, events, why, nil)
	}
	for _, s := range left {
		sh.engine.closeChunkLocked(s.id, true)
	}
}

// closeLocked has nothing taken back any more.
func (sh *shelf) closeLocked() {
	if sh != nil {
		sh.closed = true
	}
}

// fitsLocked tells whether there is memory for the oldest chunk.
func (sh *shelf) fitsLocked() bool {
	in := &sh.engine.intake
	return in.sentLocked() == 0 && in.bufferedLocked() == 0 ||
		sh.chunks[0].Bytes <= min(in.roomToSendLocked(), sh.engine.limits.maxPending-in.memory.pendingLocked().bytes())
}

// take takes the oldest chunk from the shelf, or gives nil if there is none or no
// memory for it. Its events are in memory again.
func (sh *shelf) take() *batch.Chunk {
	for {
		sh.engine.mu.Lock()
		if sh.emptyLocked() || !sh.fitsLocked() {
			sh.engine.mu.Unlock()
			return nil
		}
		s := sh.chunks[0]
		sh.chunks = sh.chunks[1:]
		sh.engine.mu.Unlock()

		c, err := sh.spool.Load(s.Ref)
		if sh.loaded(s, c, err) {
			return c
		}
	}
}

// loaded counts the events of a chunk that was loaded. What can't be read now stays
// in the file, for the next owner; what can't be read at all stays in a *.bad file.
func (sh *shelf) loaded(s shelved, c *batch.Chunk, err error) (ok bool) {
	e := sh.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if c == nil {
		if err == nil {
			err = sh.lost(s.Events)
		}
		e.noteFailureLocked(delivery.Kept, s.Events, err, nil)
		e.closeChunkLocked(s.id, true)
		return false
	}
	c.ID = s.id
	sh.events -= c.Open
	if lost := s.Events - c.Open; lost > 0 {
		e.noteFailureLocked(delivery.Kept, lost, sh.lost(lost), nil)
	}
	e.intake.memory.returnLocked(tallyOf(c.Open, c.Len()))
	return true
}

// lost is about events that are not in the file any more.
func (sh *shelf) lost(events int) error {
	return fmt.Errorf("spool %s: %s lost in it", sh.dir, delivery.Events(events))
}

// What follows is what an Engine does with its shelf.

// shelve makes room: what is buffered stays in the spool, and not in memory. It
// tells whether that was anything.
func (e *Engine) shelve() bool {
	if e.shelf == nil {
		return false
	}
	e.intake.lockAll()
	defer e.intake.unlockAll()
	if e.shelf.closed {
		return false
	}
	chunks, flush := e.intake.takeLocked(func(c *batch.Chunk) bool { return c.Backing() != nil })
	for _, c := range chunks {
		e.intake.memory.releaseLocked(tallyOf(c.Open, c.Len()))
		e.shelf.events += c.Open
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
// nothing that could make room. It tells whether the spool took it.
func (e *Engine) store(ms int64, level zapcore.Level, parts [][]byte) bool {
	if e.shelf == nil {
		return false
	}
	chunks := make([]*batch.Chunk, 0, len(parts))
	for i, p := range parts {
		c := e.shelf.newChunk(len(p), 0)
		c.Append(ms, e.Place()+uint32(i), int8(level), p)
		if chunks = append(chunks, c); c.Backing() == nil {
			break
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.shelf.closed || chunks[len(chunks)-1].Backing() == nil {
		for _, c := range chunks {
			c.Free()
		}
		return false
	}
	for _, c := range chunks {
		e.shelf.events++
		e.shelf.putLocked(c, 0, 1)
	}
	e.wakeSenderLocked()
	return true
}

// closeSpool leaves what the spool holds to the next owner, who may come at once.
// The error says how much that is, if a Flush did not.
func (e *Engine) closeSpool(ctx context.Context) error {
	e.shelf.cancel()
	<-e.shelf.done
	why := context.Cause(ctx)
	if why == nil {
		why = os.ErrClosed
	}
	e.mu.Lock()
	e.shelf.closeLocked()
	e.shelf.expireLocked(0, why)
	e.mu.Unlock()
	// The sender may have taken some back since the last Sync.
	w, f := e.wait(context.Background())
	if w != nil {
		e.expire(w, why, true)
		<-w.done
		f = w.failure
	}
	return errors.Join(e.failed(f), e.shelf.spool.Close())
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
	e.shelf.events += kept.Len()
	if e.shelf.closed { // else whoever gave up is told by its wait
		e.noteFailureLocked(delivery.Kept, kept.Len(), why, nil)
	}
	for c, n := range kept.Chunks() {
		c.Kept += n
		e.countOutLocked(c, n)
	}
	return others
}
