package engine

import (
	"errors"
	"fmt"
	"os"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/delivery"
)

// A verdict says whether an entry was accepted, and if not, why.
type verdict int8

const (
	admitted verdict = iota
	memoryFull
	afterClose
	invalid
)

// refuse settles an entry that was not admitted: it writes it to the fallback.
func (e *Engine) refuse(ms int64, level zapcore.Level, parts [][]byte, cost int, v verdict) error {
	fate, why := e.reason(level, cost, v)
	if v == memoryFull && cost <= e.limits.pendingFor(level) {
		e.intake.makeRoom()
	}
	// It counts as pending while it is being written.
	e.mu.Lock()
	e.intake.memory.addPendingLocked(tallyOf(len(parts), 0))
	id := e.intake.openLocked(false)
	e.mu.Unlock()

	fallbackErr := e.fallback.parts(parts, fate, why)

	var g gap
	for range parts {
		g.add(ms, int8(level), fate)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.intake.memory.releaseLocked(tallyOf(len(parts), 0))
	e.ledger.settleLocked(fate, len(parts), g)
	if fate != delivery.AfterClose {
		e.noteFailureLocked(fate, len(parts), why, fallbackErr)
	}
	e.waits.settledLocked(id, len(parts))
	e.closeChunkLocked(id, false)
	if fate == delivery.AfterClose {
		return errors.Join(why, fallbackErr) // returned here, and not by the next Sync
	}
	return nil
}

// reason is the fate of an entry that was not admitted, and the cause.
func (e *Engine) reason(level zapcore.Level, cost int, v verdict) (delivery.Fate, error) {
	switch v {
	case invalid:
		return delivery.Unusable, e.limits.invalid
	case afterClose:
		return delivery.AfterClose, fmt.Errorf("write to %s after Close: %w", e.streams.path(), os.ErrClosed)
	}
	e.mu.Lock()
	pending := e.intake.memory.eventBytesLocked()
	e.mu.Unlock()
	return delivery.Full, fmt.Errorf("%d of %d bytes pending for %s, no room for %d: %w",
		pending, e.limits.pendingFor(level), e.streams.path(), cost, errFull)
}

var errFull = errors.New("memory full")
