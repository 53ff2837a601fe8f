package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

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
	ctx           context.Context
	cancel        context.CancelFunc

	// With Engine.mu held:
	chunks []shelved // by the time of their first event
	events int       // in the spool only: on the shelf, or left for the next owner
	closed bool      // nothing is taken back any more
	// safeChunks are the open chunks, of all, that lie in files.
	safeChunks int32
	yielded    bool  // the oldest chunk had no room, and what is buffered went first
	unread     error // why some of what dead owners left can't be read now
	retry      retry
}

// A retry is when the system gives back what it did not give, for want of memory for
// example. It is tried again after a second, and then less and less often.
type retry struct {
	err   error // why; nil without one
	wait  time.Duration
	timer *time.Timer // nil once it is to be tried
}

// shelved is a chunk on the shelf.
type shelved struct {
	id uint64 // an open chunk's, see intake.openLocked
	spool.Stored
}

func newShelf(e *Engine, o *Options) *shelf {
	tell := o.TellOfSpool
	if tell == nil {
		tell = e.fallback.tellOfSpool
	}
	sh := &shelf{
		engine: e, dir: o.Spool, adopted: make(chan struct{}), done: make(chan struct{}),
		spool: spool.New(spool.Options{
			Dir: o.Spool, Group: o.Group, Stream: o.Stream, Max: orDefault(o.MaxSpool, DefaultMaxSpool),
			Tell: tell,
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
	l := spool.Stored{Events: events, Bytes: c.Cap(), First: c.First()} // Bytes at most
	l.Ref = sh.spool.Store(c)                                           // c is not to be used any more
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

// settle marks events in their files as those that have their fate.
func (sh *shelf) settle(evs batch.List) {
	if sh != nil {
		sh.spool.Guard(evs.Settle)
	}
}

// path is the directory of the spool, empty without one.
func (sh *shelf) path() string {
	if sh == nil {
		return ""
	}
	return sh.dir
}

// usableLocked reports whether events may be put on the shelf, and taken back.
func (sh *shelf) usableLocked() bool { return !sh.closed }

// countLocked counts n more events that lie in the spool only.
func (sh *shelf) countLocked(n int) { sh.events += n }

// countSafeLocked counts n more open chunks that lie in files.
func (sh *shelf) countSafeLocked(n int32) { sh.safeChunks += n }

// safeChunksLocked is how many open chunks lie in files, of all that intake counts.
func (sh *shelf) safeChunksLocked() int32 { return sh.safeChunks }

// restingLocked reports whether nothing is to be taken back now.
func (sh *shelf) restingLocked() bool {
	return sh == nil || sh.closed || len(sh.chunks) == 0 || sh.retry.timer != nil
}

// eventsLocked is how many events lie in the spool only.
func (sh *shelf) eventsLocked() int {
	if sh == nil {
		return 0
	}
	return sh.events
}

// beforeLocked reports whether a chunk up to id is on the shelf.
func (sh *shelf) beforeLocked(id uint64) bool {
	return sh != nil && slices.ContainsFunc(sh.chunks, func(s shelved) bool { return s.id <= id })
}

// expire ends the waits for chunks up to id whose callers gave up: what is on the shelf
// stays there. Once it is closed nobody waits for any of that.
func (sh *shelf) expire(id uint64, why error) {
	if sh == nil {
		return
	}
	sh.engine.mu.Lock()
	defer sh.engine.mu.Unlock()
	if sh.closed {
		sh.leaveLocked(why)
	} else {
		sh.engine.waits.expireLocked(id)
	}
}

// leaveLocked leaves what is on a closed shelf to the next owner.
func (sh *shelf) leaveLocked(why error) {
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
	if sh == nil {
		return
	}
	sh.closed = true
	if sh.retry.timer != nil {
		sh.retry.timer.Stop()
		sh.retry.timer = nil
	}
}

// fitsLocked reports whether there is memory for the oldest chunk. One that is large
// gets it in its turn, when nothing is being sent.
func (sh *shelf) fitsLocked() bool {
	in := &sh.engine.intake
	return sh.chunks[0].Bytes <= min(in.roomToSendLocked(), sh.freeLocked()) ||
		in.sentLocked() == 0 && (sh.yielded || in.bufferedLocked() == 0)
}

// freeLocked is the memory that nothing takes, in bytes.
func (sh *shelf) freeLocked() int {
	return sh.engine.limits.maxPending - sh.engine.intake.memory.pendingLocked().bytes()
}

// crowdedOutLocked reports whether what is buffered leaves no memory for the oldest
// chunk.
func (sh *shelf) crowdedOutLocked() bool { return sh.chunks[0].Bytes > sh.freeLocked() }

// yieldLocked lets what is buffered go first, until a chunk is taken.
func (sh *shelf) yieldLocked() { sh.yielded = true }

// hasYieldedLocked reports whether it did: it does so once for each chunk, or new
// events could hold it up for ever.
func (sh *shelf) hasYieldedLocked() bool { return sh.yielded }

// unshelve takes the oldest chunk from the shelf, or gives nil if there is none or no
// memory for it. Its events are in memory again.
func (sh *shelf) unshelve() *batch.Chunk {
	for {
		sh.engine.mu.Lock()
		if sh.restingLocked() || !sh.fitsLocked() {
			sh.engine.mu.Unlock()
			return nil
		}
		s := sh.chunks[0]
		sh.chunks = sh.chunks[1:]
		sh.yielded = false
		sh.engine.mu.Unlock()

		c, err := sh.spool.Load(s.Ref)
		if sh.loaded(s, c, err) {
			return c
		}
	}
}

// loaded counts the events of a chunk that was loaded, and reports whether there are
// any. What the system does not give now stays on the shelf.
func (sh *shelf) loaded(s shelved, c *batch.Chunk, err error) (ok bool) {
	if err != nil && !errors.Is(err, spool.ErrUnreadable) {
		if sh.postpone(s, err) {
			sh.spool.Report(fmt.Errorf("%w: the events in it stay there until it can be read, which is tried again", err))
		}
		return false
	}
	e := sh.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	sh.retry = retry{}
	sh.events -= s.Events
	lost := s.Events
	if c != nil {
		lost -= c.Open
		e.intake.memory.addPendingLocked(tallyOf(c.Open, c.Len()))
	}
	if lost > 0 {
		// The Spool told people of it. These events are in no count any more
		// (invariant 17).
		e.waits.settledLocked(s.id, lost)
		e.noteFailureLocked(lostInSpool, lost, cmp.Or(err, errOverwritten), nil)
	}
	if c == nil {
		e.closeChunkLocked(s.id, true)
		return false
	}
	c.ID = s.id
	return true
}

// postpone puts a chunk back that can't be loaded now, and reports whether it is the
// first.
func (sh *shelf) postpone(s shelved, err error) (first bool) {
	sh.engine.mu.Lock()
	defer sh.engine.mu.Unlock()
	if sh.closed {
		sh.engine.noteFailureLocked(delivery.Kept, s.Events, err, nil)
		sh.addLocked(s)
		return false
	}
	sh.addLocked(s)
	first = sh.retry.err == nil
	sh.retry.err = err
	sh.retry.wait = min(max(2*sh.retry.wait, time.Second), time.Minute)
	sh.retry.timer = time.AfterFunc(sh.retry.wait, func() {
		sh.engine.mu.Lock()
		defer sh.engine.mu.Unlock()
		if !sh.closed {
			sh.retry.timer = nil
			sh.engine.wakeSenderLocked()
		}
	})
	return first
}

var errOverwritten = errors.New("somebody wrote into its files")
