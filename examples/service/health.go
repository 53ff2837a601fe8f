package main

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"example.com/zapcw"
)

// health answers 200 while events get to the stream. It answers 503 with the reason
// when events have waited or gone to the fallback, and none was delivered, for
// patience or longer. Patience must be longer than the Syncer's MaxAge, since events
// may wait that long without a fault.
//
// Use it for alarms only: a service works without its log, so do not restart it or
// take it out of rotation because of this check.
type health struct {
	stats    func() zapcw.Stats
	patience time.Duration
	// A failing check logs an entry. So there is something to deliver, and the check
	// succeeds again even if nobody else logs.
	logger *zap.Logger

	mu       sync.Mutex
	delivery time.Time // the last one, as of the last check
	spilled  uint64    // events when delivery changed
	since    time.Time // the first check since when something was undelivered
}

var _ http.Handler = (*health)(nil)

func (h *health) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if err := h.check(); err != nil {
		h.logger.Error("unhealthy", zap.Error(err))
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// check returns what is wrong. Stats do not tell since when events are pending,
// and the last delivery may be long ago because nothing was logged; so the time
// counts from the first check that finds something undelivered.
func (h *health) check() error {
	st, now := h.stats(), time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !st.LastDelivery.Equal(h.delivery) {
		h.delivery, h.spilled, h.since = st.LastDelivery, st.Spilled, time.Time{}
	}
	spilled := st.Spilled - h.spilled
	switch {
	case st.Pending+spilled == 0:
		h.since = time.Time{}
		return nil
	case h.since.IsZero():
		h.since = now
	}
	bad := now.Sub(h.since)
	if bad < h.patience {
		return nil
	}
	why := st.LastError
	if why == nil {
		why = errors.New("no request has ended yet")
	}
	return fmt.Errorf("nothing was delivered for %s: %d events pending, %d on the fallback: %w",
		bad.Round(time.Second), st.Pending, spilled, why)
}
