package engine

import (
	"testing"
	"time"
)

// TestBucket: a burst of ten, then five a second, and puts that do not ask take
// tokens, too, though never more than there are.
func TestBucket(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	b := newBucket()
	goes := func(want bool) {
		t.Helper()
		if got := b.waitLocked(now) == 0; got != want {
			t.Fatalf("a small put may go: got %t, want %t", got, want)
		}
	}
	for range bucketSize {
		goes(true)
		b.takeLocked(now)
	}
	goes(false)
	if got := b.waitLocked(now); got != fastest {
		t.Errorf("the next token after %s, want %s", got, fastest)
	}
	for range 100 { // as full puts, and those of a Sync, do
		b.takeLocked(now)
	}
	now = now.Add(fastest - time.Nanosecond)
	goes(false)
	now = now.Add(time.Nanosecond)
	goes(true)
	b.takeLocked(now)
	goes(false)
	for range 50 { // full puts, closer together than tokens
		now = now.Add(fastest * 9 / 10)
		goes(false)
		b.takeLocked(now)
	}
	now = now.Add(time.Hour)
	for range bucketSize {
		goes(true)
		b.takeLocked(now)
	}
	goes(false)
}

// TestBucketThrottled: tokens come half as often after each throttled round, and
// by degrees as often as before.
func TestBucketThrottled(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	b := newBucket()
	b.slowDownLocked(now, 1)
	if got := b.waitLocked(now); got != 2*fastest {
		t.Errorf("the next token after %s, want %s", got, 2*fastest)
	}
	b.slowDownLocked(now, 2)
	if got := b.waitLocked(now); got != 8*fastest {
		t.Errorf("the next token after %s, want %s", got, 8*fastest)
	}
	b.slowDownLocked(now, 100)
	if got := b.waitLocked(now); got != slowest {
		t.Errorf("the next token after %s, want %s", got, slowest)
	}
	puts, last := 0, slowest
	begin := now
	for b.interval > fastest {
		now = now.Add(b.waitLocked(now))
		b.takeLocked(now)
		b.speedUpLocked(now)
		puts++
		if b.interval >= last || b.interval < last*9/10 {
			t.Fatalf("from %s to %s with one put, want a little less", last, b.interval)
		}
		last = b.interval
	}
	if took := now.Sub(begin); took < 10*time.Minute || took > 20*time.Minute {
		t.Errorf("all is as before after %s, want about a quarter of an hour", took)
	}
	t.Logf("as before after %s, %d puts", now.Sub(begin), puts)
}

// TestBucketClock: a clock that is set costs one interval at most.
func TestBucketClock(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	b := newBucket()
	for range 2 * bucketSize {
		b.takeLocked(now)
	}
	now = now.Add(-time.Hour)
	if got := b.waitLocked(now); got != fastest {
		t.Errorf("the next token after %s, want %s", got, fastest)
	}
	b.takeLocked(now) // of a put that does not ask
	if now = now.Add(fastest); b.waitLocked(now) != 0 {
		t.Errorf("the next token after %s, want none to be awaited", b.waitLocked(now))
	}
}
