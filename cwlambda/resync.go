package cwlambda

import (
	"context"
	"sync"
	"time"
)

// A resync calls a Sync that may take longer than its caller has time. It owns a
// goroutine while a Sync is under way, never two: what is asked for meanwhile
// begins when that has ended.
type resync struct {
	sync func() error

	mu      sync.Mutex
	running chan struct{} // closed when the Sync under way has ended; nil if there is none
	next    chan struct{} // closed when the one after it has; nil if nobody asked
	outage  bool          // one did not end in time, and none did since
}

// request has Sync called and returns what is closed when that call, which began
// after the request, has ended.
func (r *resync) request() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == nil {
		r.running = make(chan struct{})
		go r.run()
		return r.running
	}
	if r.next == nil {
		r.next = make(chan struct{})
	}
	return r.next
}

func (r *resync) run() {
	for again := true; again; {
		begin := time.Now()
		err := r.sync()
		r.mu.Lock()
		if err == nil || time.Since(begin) < outageWait {
			r.outage = false
		}
		close(r.running)
		r.running, r.next = r.next, nil
		again = r.running != nil
		r.mu.Unlock()
	}
}

// wait waits for a Sync, no longer than limit and, while those take too long,
// than outageWait.
func (r *resync) wait(limit time.Duration) {
	r.mu.Lock()
	if r.outage {
		limit = min(limit, outageWait)
	}
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if r.waitUntil(ctx) || limit < outageWait {
		return
	}
	r.mu.Lock()
	r.outage = r.running != nil
	r.mu.Unlock()
}

// waitUntil reports whether a Sync has ended before ctx.
func (r *resync) waitUntil(ctx context.Context) bool {
	select {
	case <-r.request():
		return true
	case <-ctx.Done():
		return false
	}
}
