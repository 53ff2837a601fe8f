package engine

import "sync/atomic"

// A memory counts what was accepted and what was released, and bounds their
// difference, which is what is pending. Both count all events and bytes since
// the beginning. What is reserved is subtracted from released, since it is pending.
type memory struct {
	released atomic.Uint64
	accepted *atomic.Uint64 // few until there are stripes; written under all locks
	few      atomic.Uint64
	requests int           // bytes reserved for requests under way
	freed    chan struct{} // closed when memory is free again; nil if nobody waits
}

func (m *memory) setUp() { m.accepted = &m.few }

// moveLocked has accepted counted in word from now on. The caller holds all
// locks.
func (m *memory) moveLocked(word *atomic.Uint64) {
	word.Store(m.accepted.Load())
	m.accepted = word
}

// admit accepts t if it fits into limit bytes together with what is pending, and
// then returns what was accepted so far. seen is an earlier such count: a guess
// that spares a look at a word that others write. The caller holds a lane.
func (m *memory) admit(seen, t tally, limit int) (accepted tally, ok bool) {
	for {
		if (seen + t - tally(m.released.Load())).bytes() > limit {
			now := m.acceptedNow()
			if now == seen {
				return now, false
			}
			seen = now
			continue
		}
		if m.accepted.CompareAndSwap(uint64(seen), uint64(seen+t)) {
			return seen + t, true
		}
		seen = m.acceptedNow()
	}
}

// acceptedNow wants a lane or Engine.mu held.
func (m *memory) acceptedNow() tally { return tally(m.accepted.Load()) }

// pendingLocked is events without a fate, and all memory that counts.
func (m *memory) pendingLocked() tally { return m.acceptedNow() - tally(m.released.Load()) }

// eventBytesLocked is the memory that events take, in bytes.
func (m *memory) eventBytesLocked() int { return m.pendingLocked().bytes() - m.requests }

// releaseLocked counts out what has its fate. The caller counts the fate in the
// same critical section (invariant 1).
func (m *memory) releaseLocked(t tally) {
	m.released.Add(uint64(t))
	m.wakeBlockedLocked()
}

// addPendingLocked counts t as pending that was not accepted just now: it comes back
// from the spool, or is a request's, or is being written to the fallback.
func (m *memory) addPendingLocked(t tally) { m.released.Add(uint64(-t)) }

// reserveLocked takes memory for a request of so many bytes.
func (m *memory) reserveLocked(bytes int) {
	m.requests += bytes
	m.addPendingLocked(tallyOf(0, bytes))
}

// unreserveLocked gives it back.
func (m *memory) unreserveLocked(bytes int) {
	m.requests -= bytes
	m.releaseLocked(tallyOf(0, bytes))
}

// freedLocked gives a channel that is closed when memory is released.
func (m *memory) freedLocked() <-chan struct{} {
	if m.freed == nil {
		m.freed = make(chan struct{})
	}
	return m.freed
}

// blockedLocked reports whether somebody waits for memory.
func (m *memory) blockedLocked() bool { return m.freed != nil }

// wakeBlockedLocked has everybody look again who waits for memory.
func (m *memory) wakeBlockedLocked() {
	if m.freed != nil {
		close(m.freed)
		m.freed = nil
	}
}
