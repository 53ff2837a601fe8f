package zapcw

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/delivery"
)

// Stats counts what became of the events of a Syncer since it was made. At
// every moment
//
//	Accepted = Delivered + Rejected + Spilled + Pending
//
// An entry is one event, or several if it is too long for one.
type Stats struct {
	// Accepted events were taken from a logging call.
	Accepted uint64
	// Delivered events are in the stream.
	Delivered uint64
	// Rejected events were refused by the service for what they are; they are
	// on Fallback. RejectedAs says why.
	Rejected uint64
	// Spilled events could not be brought to the service; they are on Fallback.
	// SpilledAs says why.
	Spilled uint64
	// Pending events are in memory, PendingBytes is what they take there; it is
	// what MaxPending bounds.
	Pending, PendingBytes uint64

	RejectedAs Rejections
	SpilledAs  Spills

	// Attempts counts puts that were tried, Puts those that the service took,
	// and BytesSent the size of the latter as the service counts it.
	Attempts, Puts, BytesSent uint64

	// LastError is the last error of a request, nil if there was none. It stays
	// after things are well again; compare LastErrorTime with LastDelivery.
	LastError     error
	LastErrorTime time.Time
	// LastDelivery is when the service last took a put.
	LastDelivery time.Time
}

// Rejections counts rejected events by the reason that the service gave, see
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_RejectedLogEventsInfo.html
type Rejections struct {
	TooOld  uint64 // more than 14 days old
	Expired uint64 // older than the group's retention
	TooNew  uint64 // more than 2 hours ahead of the service's clock
	Invalid uint64 // a put with this event alone fails
}

// Spills counts spilled events by reason.
type Spills struct {
	Full       uint64 // MaxPending was reached
	Late       uint64 // a Sync, Flush or Close ran out of time
	Refused    uint64 // the service refuses puts, for want of a right for example
	AfterClose uint64 // logged after Close
	Unusable   uint64 // the Syncer lacks something it needs, like a Group
}

// Stats returns the counts, which are of one moment.
func (s *Syncer) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.fates
	st := Stats{
		Pending:   uint64(s.pending().events()),
		Delivered: n[delivery.Delivered],
		RejectedAs: Rejections{
			TooOld:  n[delivery.TooOld],
			Expired: n[delivery.Expired],
			TooNew:  n[delivery.TooNew],
			Invalid: n[delivery.Invalid],
		},
		SpilledAs: Spills{
			Full:       n[delivery.Full],
			Late:       n[delivery.Late],
			Refused:    n[delivery.Refused],
			AfterClose: n[delivery.AfterClose],
			Unusable:   n[delivery.Unusable],
		},
		PendingBytes:  uint64(s.held()),
		Attempts:      s.attempts,
		Puts:          s.puts,
		BytesSent:     s.sent,
		LastError:     s.lastErr,
		LastErrorTime: unix(s.lastErrTime),
		LastDelivery:  unix(s.lastPut),
	}
	st.Accepted = st.Pending
	for f, k := range n {
		st.Accepted += k
		switch f := delivery.Fate(f); {
		case f.Rejected():
			st.Rejected += k
		case f.Spilled():
			st.Spilled += k
		}
	}
	return st
}

// unix is the time of n, the zero time if that is zero.
func unix(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}

// A gap is a hole in the stream: events that were spilled since the last put
// that the service took. The zero value is no gap.
type gap struct {
	count       uint64
	levels      [1 + zapcore.DPanicLevel - zapcore.DebugLevel + 1]uint64 // the first is for levels without a name
	first, last int64                                                    // milliseconds since 1970
	why         uint16                                                   // fates, a bit each
}

// hole is the gap since the last delivery. The caller holds mu.
func (s *Syncer) hole() *gap {
	if s.gap == nil {
		s.gap = new(gap)
	}
	return s.gap
}

// add counts an event.
func (g *gap) add(ms int64, lvl int8, why delivery.Fate) {
	var one gap
	one.count, one.first, one.last, one.why = 1, ms, ms, 1<<why
	if l := zapcore.Level(lvl); l >= zapcore.DebugLevel && l <= zapcore.FatalLevel {
		// Those above Error share a name.
		one.levels[1+min(l, zapcore.DPanicLevel)-zapcore.DebugLevel] = 1
	} else {
		one.levels[0] = 1
	}
	g.merge(one)
}

func (g *gap) merge(h gap) {
	if h.count == 0 {
		return
	}
	if g.count == 0 {
		*g = h
		return
	}
	g.count += h.count
	for i, n := range h.levels {
		g.levels[i] += n
	}
	g.first, g.last = min(g.first, h.first), max(g.last, h.last)
	g.why |= h.why
}

// text is the event that tells a reader of the stream.
func (g *gap) text() string {
	b := fmt.Appendf(nil, "zapcw: %s went to the writer's fallback instead of here:", delivery.Events(int(g.count)))
	sep := " "
	for i, n := range g.levels {
		if n > 0 {
			name := "of other levels"
			if i > 0 {
				name = levelName(zapcore.DebugLevel + zapcore.Level(i-1))
			}
			b = fmt.Appendf(b, "%s%d %s", sep, n, name)
			sep = ", "
		}
	}
	b = fmt.Appendf(b, ", from %s to %s, because of", clock(g.first), clock(g.last))
	sep = " "
	for f := range delivery.Fates {
		if g.why&(1<<f) != 0 {
			b = fmt.Appendf(b, "%s%q", sep, delivery.Fate(f))
			sep = ", "
		}
	}
	return string(b)
}

func clock(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// A failure is what a Sync has to report.
type failure [delivery.Fates]struct {
	n    uint64
	why  error // of the first
	lost error // what the fallback said to it
}

// fail notes events that went to the fallback. The caller holds mu.
func (s *Syncer) fail(fate delivery.Fate, n uint64, why, lost error) {
	if len(s.waits) == 0 {
		s.failed = s.failed.add(fate, n, why, lost)
		return
	}
	// Each that waits tells its own caller.
	for _, w := range s.waits {
		w.failed = w.failed.add(fate, n, why, lost)
	}
}

func (f *failure) add(fate delivery.Fate, n uint64, why, lost error) *failure {
	if f == nil {
		f = new(failure)
	}
	e := &f[fate]
	e.n += n
	if e.why == nil {
		e.why = why
	}
	if e.lost == nil {
		e.lost = lost
	}
	return f
}

func (f *failure) err(group, stream string) error {
	if f == nil {
		return nil
	}
	path := "sync: "
	if group != "" && stream != "" {
		path = fmt.Sprintf("sync %s/%s: ", group, stream)
	}
	var errs []error
	for i := range f {
		if f[i].n == 0 {
			continue
		}
		errs = append(errs, fmt.Errorf("%s%s on the fallback: %w", path, are(int(f[i].n)), f[i].why))
		if f[i].lost != nil {
			errs = append(errs, f[i].lost)
		}
	}
	return errors.Join(errs...)
}
