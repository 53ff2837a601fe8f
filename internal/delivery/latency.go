package delivery

import (
	"sync"
	"time"

	"example.com/zapcw/internal/batch"
)

// A latency knows how long the puts of one writer take, and how long they may.
type latency struct {
	mu   sync.Mutex
	last time.Duration // of the last put that succeeded
	slow int           // the round whose time-outs a slow service needs
}

// slowRate is a slow link, and fastRate a fast one, by which an attempt is found
// stuck, in bytes a second.
const slowRate, fastRate = 64 << 10, batch.MaxBytes

// ofLast is how long the last put took that succeeded.
func (l *latency) ofLast() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// round is the one by which to choose a time-out: that of the attempt, or a later
// one if the service is known to be slow.
func (l *latency) round(attempt int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(attempt, l.slow)
}

// slowAfter is longer than its puts take: 2 s, or three times what the
// last one took, and what the bytes take at so many a second.
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

// putTimeout bounds one put, because the SDK's HTTP client waits for ever: 5 s
// and what the bytes take at 64 KiB a second, so that a connection that died
// while the process was frozen is detected. With each failed round there is more, for the
// sake of a service or a link that is just slow: what is cut off there may well
// be stored, and once more with the next attempt.
func putTimeout(size, round int) time.Duration {
	d := 5*time.Second + time.Duration(size)*time.Second/slowRate
	return d * time.Duration(min(1+round, 6))
}
