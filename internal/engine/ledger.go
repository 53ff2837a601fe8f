package engine

import (
	"time"

	"example.com/zapcw/internal/delivery"
)

// A ledger records what became of events, and what delivery reports.
type ledger struct {
	engine *Engine

	fates                     [delivery.Fates]uint64
	attempts, puts, bytesSent uint64
	lastErr                   error
	lastErrTime, lastPut      int64 // nanoseconds since 1970, 0 for never

	openGap    *gap     // what was spilled since the last delivery; nil for nothing
	unreported *failure // what failed since the last Sync
}

var _ delivery.Recorder = (*ledger)(nil)

// Stats is what Engine.Stats returns.
type Stats struct {
	Fates                     [delivery.Fates]uint64
	Pending, PendingBytes     int
	Spooled                   int
	Held                      int64
	Evicted                   uint64
	Attempts, Puts, BytesSent uint64
	LastError                 error
	LastErrorTime             time.Time
	LastDelivery              time.Time
}

// RecordPut counts an attempt.
func (l *ledger) RecordPut(events, bytes int, ok bool) {
	l.engine.mu.Lock()
	defer l.engine.mu.Unlock()
	l.attempts++
	if !ok {
		return
	}
	l.puts++
	l.bytesSent += uint64(bytes)
	l.lastPut = time.Now().UnixNano()
}

// RecordTrouble keeps the error for Stats and, with tell, writes it to the fallback.
func (l *ledger) RecordTrouble(err error, tell bool) {
	l.engine.mu.Lock()
	l.lastErr, l.lastErrTime = err, time.Now().UnixNano()
	l.engine.mu.Unlock()
	if tell {
		l.engine.fallback.tell(err)
	}
}

// settleLocked counts n events with their fate, and adds g, those among them that
// were spilled, to the open gap. The caller releases their memory in the same
// critical section (invariant 1).
func (l *ledger) settleLocked(fate delivery.Fate, n int, g gap) {
	l.fates[fate] += uint64(n)
	l.openGapLocked(g)
}

// openGapLocked adds g to the gap that the next batch reports.
func (l *ledger) openGapLocked(g gap) {
	if g.count == 0 {
		return
	}
	if l.openGap == nil {
		l.openGap = new(gap)
	}
	l.openGap.merge(g)
}

// takeGap hands the open gap to the batch that reports it.
func (l *ledger) takeGap() (g gap) {
	l.engine.mu.Lock()
	defer l.engine.mu.Unlock()
	if l.openGap != nil {
		g, l.openGap = *l.openGap, nil
	}
	return g
}

// giveGapBack undoes takeGap: the batch has no room for the notice.
func (l *ledger) giveGapBack(g gap) {
	l.engine.mu.Lock()
	defer l.engine.mu.Unlock()
	l.openGapLocked(g)
}

// noteFailureLocked records for the next Sync what went to the fallback.
func (l *ledger) noteFailureLocked(fate delivery.Fate, n int, why, fallbackErr error) {
	l.unreported = l.unreported.add(fate, n, why, fallbackErr)
}

// takeUnreportedLocked hands the recorded failure to a Sync, which reports it.
func (l *ledger) takeUnreportedLocked() *failure {
	f := l.unreported
	l.unreported = nil
	return f
}

// statsLocked fills in the fields that the ledger counts.
func (l *ledger) statsLocked() Stats {
	return Stats{
		Fates:    l.fates,
		Attempts: l.attempts, Puts: l.puts, BytesSent: l.bytesSent,
		LastError: l.lastErr, LastErrorTime: unix(l.lastErrTime), LastDelivery: unix(l.lastPut),
	}
}

// unix is the time n nanoseconds after 1970, or the zero time if n is 0.
func unix(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
