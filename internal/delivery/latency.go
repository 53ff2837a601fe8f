package delivery

import (
	"sync"
	"time"

	"example.com/zapcw/internal/batch"
)

// A latency tracks how long the puts of one Syncer take, and how long they may take.
type latency struct {
	mu   sync.Mutex
	last time.Duration // of the last successful put
	slow int           // the round whose time-outs are long enough for a slow service
}

// slowRate and fastRate are the speeds of a slow and a fast link, in bytes a second, by
// which slowAfter decides that an attempt is stuck.
const slowRate, fastRate = 64 << 10, batch.MaxBytes

// ofLast is how long the last successful put took.
func (l *latency) ofLast() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// round is the round that decides the time-out: that of the attempt, or a later one if
// the service is known to be slow.
func (l *latency) round(attempt int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(attempt, l.slow)
}

// slowAfter is longer than a put should take: 2 s, or three times the last put, plus
// the time for size bytes at rate bytes a second.
func (l *latency) slowAfter(size, rate int) time.Duration {
	return max(2*time.Second, 3*l.ofLast()) + time.Duration(size)*time.Second/time.Duration(rate)
}

// adaptTimeout keeps the time-out at the round in which a slow service answered,
// until it answers quickly again.
func (l *latency) adaptTimeout(round int, took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.last = took
	}
	switch quick := putTimeout(0, 0) / 2; {
	case err == nil && took > quick:
		l.slow = round
	case took < quick:
		l.slow = max(l.slow-1, 0)
	}
}

// putTimeout bounds one put, because the SDK's HTTP client waits for ever. It is 5 s
// plus the time for size bytes at 64 KiB a second, so that a connection that died while
// the process was frozen is detected. It grows with each failed round, for a service or
// a link that is just slow: there a put that is cut off may be stored, and stored again
// by the next attempt.
func putTimeout(size, round int) time.Duration {
	d := 5*time.Second + time.Duration(size)*time.Second/slowRate
	return d * time.Duration(min(1+round, 6))
}
