package engine

import (
	"math"
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
)

// An intake accepts entries: it copies them into the chunks of its lanes, bounds
// the memory that they take, and wakes the sender when a trigger fires. What it
// accepted and the sender did not take yet is buffered.
type intake struct {
	engine *Engine

	lanes   lanes
	taken   tally // of what was accepted; written under all locks
	closed  atomic.Bool
	urgency atomicUrgency // written with Engine.mu held

	// With Engine.mu held:
	openChunks    int32          // whose events have not all their fate
	flushing      bool           // what is buffered goes to its last, partial batch
	bufferedSince time.Time      // when the oldest of what is buffered came in
	sealed        []*batch.Chunk // buffered, and no longer in a lane
	lastChunkID   uint64
	timer         *time.Timer // for MaxAge, or for a token if that is earlier

	memory memory
}

func (in *intake) setUp(e *Engine) {
	in.engine = e
	in.memory.setUp()
}

// accept copies an entry of one part into a lane. It is acceptParts without what
// only several parts need, and places.
func (in *intake) accept(ms int64, level zapcore.Level, text []byte) verdict {
	l := in.lanes.own()
	if !l.mu.TryLock() {
		l = in.enter(l)
	}
	v := in.admit(l, tallyOf(1, batch.Cost(len(text))), level)
	if v == admitted {
		if !l.fits(len(text)) {
			in.beginChunk(l, len(text))
		}
		l.append(ms, l.seq(), int8(level), text)
		if !in.belowTriggers(l, 1) {
			in.fireTriggers(l, 1)
		}
	}
	l.mu.Unlock()
	return v
}

// acceptParts copies the parts of one entry, which cost so many bytes together, into
// a lane: all of them or none. An entry that was kept back has a place.
func (in *intake) acceptParts(ms int64, level zapcore.Level, parts [][]byte, cost int, place *uint32) verdict {
	l := in.enter(in.lanes.own())
	defer l.mu.Unlock()
	v := in.admit(l, tallyOf(len(parts), cost), level)
	if v != admitted {
		return v
	}
	seq := l.seq() - uint32(cost)
	for _, p := range parts {
		if seq += uint32(batch.Cost(len(p))); place != nil {
			seq = *place
		}
		if !l.fits(len(p)) {
			in.beginChunk(l, len(p))
		}
		l.append(ms, seq, int8(level), p)
	}
	if !in.belowTriggers(l, len(parts)) {
		in.fireTriggers(l, len(parts))
	}
	return admitted
}

// enter gives a lane, locked: own if nobody is there.
func (in *intake) enter(own *lane) *lane {
	l, crowded := in.lanes.lockOne(own)
	if crowded {
		in.stripe()
	}
	return l
}

// accepted is what all lanes accepted, for those who hold nothing; others may be
// at it meanwhile.
func (in *intake) accepted() tally {
	if striped := in.lanes.striped.Load(); striped != nil {
		return tally(striped.accepted.Load())
	}
	return tally(in.memory.few.Load())
}

// stripe makes the other lanes. The caller holds the first.
func (in *intake) stripe() {
	in.engine.mu.Lock()
	defer in.engine.mu.Unlock()
	in.lanes.stripe(&in.memory)
}

// widen makes the other lanes, as goroutines that meet would.
func (in *intake) widen() {
	in.lanes.first.mu.Lock()
	defer in.lanes.first.mu.Unlock()
	in.stripe()
}

// admit counts t in, if it may come in. The caller holds the lane.
func (in *intake) admit(l *lane, t tally, level zapcore.Level) verdict {
	switch {
	case in.engine.limits.invalid != nil:
		return invalid
	case in.closed.Load():
		return afterClose
	}
	accepted, ok := in.memory.admit(l.seen, t, in.engine.limits.pendingFor(level))
	if !ok {
		return memoryFull
	}
	l.saw(accepted)
	return admitted
}

// beginChunk gives the lane a chunk with room for n bytes of text.
func (in *intake) beginChunk(l *lane, n int) {
	// An eighth of what is buffered: little is left over at its end.
	c := in.engine.shelf.newChunk(n, l.chunkSize(l.since(in.taken).bytes()/8))
	in.engine.mu.Lock()
	defer in.engine.mu.Unlock()
	c.ID = in.openLocked(c.Backing() != nil)
	if sealed := l.begin(c); sealed != nil {
		in.sealed = append(in.sealed, sealed)
	}
}

// openLocked counts one more chunk whose events have no fate, and gives its id. A
// safe one lies in a file.
func (in *intake) openLocked(safe bool) uint64 {
	in.lastChunkID++
	in.openChunks++
	if safe {
		in.engine.shelf.countSafeLocked(1)
	}
	return in.lastChunkID
}

// closeLocked counts a chunk out: its events have their fate.
func (in *intake) closeLocked(safe bool) {
	in.openChunks--
	if safe {
		in.engine.shelf.countSafeLocked(-1)
	}
}

// safeLocked reports whether everything without a fate lies in files.
func (in *intake) safeLocked() bool {
	return in.engine.shelf != nil && in.openChunks == in.engine.shelf.safeChunksLocked()
}

// openChunksLocked is how many chunks have events without a fate, and the id of
// the newest chunk.
func (in *intake) openChunksLocked() (n int, newest uint64) {
	return int(in.openChunks), in.lastChunkID
}

// makeRoom has everything sent that is pending, because memory is full.
func (in *intake) makeRoom() {
	in.engine.mu.Lock()
	defer in.engine.mu.Unlock()
	if in.openChunks > 0 && !in.flushing {
		in.triggerLocked(true)
	}
}

// waitForRoom blocks until there may be memory for an entry of cost bytes, or
// the intake is closed.
func (in *intake) waitForRoom(cost int, level zapcore.Level) {
	limit := in.engine.limits.pendingFor(level)
	in.engine.mu.Lock()
	if in.closed.Load() || in.memory.pendingLocked().bytes()+cost <= limit {
		in.engine.mu.Unlock()
		return
	}
	freed := in.memory.freedLocked()
	// As long as full puts are pending these make room.
	in.triggerLocked(limit-cost < 2*batch.MaxBytes)
	in.engine.mu.Unlock()
	<-freed
}

// wakeBlocked has callers who wait for memory look again, and say that they wait.
func (in *intake) wakeBlocked() {
	in.engine.mu.Lock()
	defer in.engine.mu.Unlock()
	in.memory.wakeBlockedLocked()
}

// close lets nothing in any more, and ends every waitForRoom.
func (in *intake) close() {
	in.closed.Store(true)
	in.engine.mu.Lock()
	defer in.engine.mu.Unlock()
	in.memory.wakeBlockedLocked()
}

// lockAll locks every lane, then Engine.mu (invariant 2).
func (in *intake) lockAll() {
	in.lanes.lock()
	in.engine.mu.Lock()
}

func (in *intake) unlockAll() {
	in.engine.mu.Unlock()
	in.lanes.unlock()
}

// bufferedLocked is what was accepted and the sender did not take.
func (in *intake) bufferedLocked() tally { return in.memory.acceptedNow() - in.taken }

// sentLocked is the memory of what the sender took, in bytes, with requests.
func (in *intake) sentLocked() int {
	return in.memory.pendingLocked().bytes() - in.bufferedLocked().bytes()
}

// roomToSendLocked is how much more the sender may take if there is a spool: half
// of the memory in all, so that the rest has room to come in, and to be shelved.
func (in *intake) roomToSendLocked() int { return in.engine.limits.maxPending/2 - in.sentLocked() }

// bufferedSinceLocked is when the oldest of what is buffered came in.
func (in *intake) bufferedSinceLocked() time.Time { return in.bufferedSince }

// tightLocked reports whether events take more than half of the memory.
func (in *intake) tightLocked() bool {
	return in.memory.eventBytesLocked() > in.engine.limits.maxPending/2
}

// sealLocked ends every chunk that takes events: those of later ones have larger
// ids. The caller holds all locks, here and below.
func (in *intake) sealLocked() { in.sealed = in.lanes.seal(in.sealed) }

// takeLocked gives the buffered chunks that are wanted, and reports whether their
// last, partial batch is to be sent, too.
func (in *intake) takeLocked(wanted func(*batch.Chunk) bool) (chunks []*batch.Chunk, flush bool) {
	flush = in.flushing
	in.lanes.setChunkSize(in.bufferedLocked().bytes() / 8)
	in.sealLocked()
	rest := in.engine.parkedLocked()
	var left []*batch.Chunk
	for _, c := range in.sealed {
		if wanted(c) {
			chunks = append(chunks, c)
			continue
		}
		left = append(left, c)
		rest += tallyOf(c.Open, c.Len())
	}
	in.sealed = left
	in.taken = in.memory.acceptedNow() - rest
	in.urgency.store(in.engine.limits.urgencyOf(rest))
	in.flushing = false
	if rest > 0 && in.memory.blockedLocked() {
		in.flushing = flush // callers wait for room, not only for what is taken now
		in.retriggerLocked()
	}
	if rest > 0 {
		// bufferedSince is of the oldest that was there, so it may fire early, never late.
		in.armLocked(0)
	} else if in.timer != nil {
		in.timer.Stop()
		in.timer = nil // an idle engine owns no timer (invariant 12)
	}
	return chunks, flush
}

// oldestLocked is the id of the first buffered chunk, the largest number if
// there is none.
func (in *intake) oldestLocked() uint64 {
	id := in.lanes.oldest(math.MaxUint64)
	for _, c := range in.sealed {
		id = min(id, c.ID)
	}
	return id
}

// parkLocked counts what the sender has queued as buffered again, and tells
// whether the sender may end. It may not if that is enough for a put together
// with what came in meanwhile.
func (in *intake) parkLocked(queued tally, since time.Time) bool {
	buffered := in.bufferedLocked()
	if buffered+queued == 0 {
		return true
	}
	var wait time.Duration
	u := in.engine.limits.urgencyOf(buffered + queued)
	if u == smallPut {
		wait = in.engine.smallPutWaitLocked(time.Now())
	}
	in.urgency.store(u)
	if u >= sendNow || u == smallPut && wait == 0 {
		return false
	}
	in.taken -= queued
	if queued > 0 {
		in.bufferedSince = since // it is older than all the rest
	}
	in.armLocked(wait)
	return true
}

// unparkLocked undoes parkLocked.
func (in *intake) unparkLocked(queued tally) { in.taken += queued }
