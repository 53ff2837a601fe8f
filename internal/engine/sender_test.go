package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"
)

// TestBlockedTrigger: a trigger for blocked callers outlives a look that is for an expired wait.
func TestBlockedTrigger(t *testing.T) {
	synctest.Test(t, blockedTrigger)
}

func blockedTrigger(t *testing.T) {
	e := New(Options{Group: "g", Stream: "s", MaxEvents: 1000, MaxAge: time.Hour, MaxPending: 1000, Block: true, Fallback: zapcore.AddSync(discard{})})
	e.sender = newSender(e) // its goroutine is this one
	s := e.sender
	s.queue = new(queue)
	e.mu.Lock()
	id := e.intake.openLocked(false) // a chunk in the air
	e.mu.Unlock()
	w, _ := e.addWait(context.Background())
	s.flying = []*flight{{}}
	s.plan()
	<-s.woken
	text := make([]byte, 100)
	for range 7 {
		_ = e.Add(time.Now(), zapcore.InfoLevel, text)
	}
	e.expire(w, errors.New("late"), false) // the deadline
	go e.Add(time.Now(), zapcore.InfoLevel, text)
	synctest.Wait() // it blocks, and has triggered a flush
	e.mu.Lock()
	e.closeChunkLocked(id, false) // the put was answered after all, and its flight lands
	e.mu.Unlock()
	<-w.done
	s.flying = nil
	e.intake.wakeBlocked() // as sender.land does; the caller looks again
	synctest.Wait()
	if _, idle := s.plan(); idle {
		t.Error("the sender ended with memory full and a caller blocked, until MaxAge")
	}
	e.intake.close()
	synctest.Wait()
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
