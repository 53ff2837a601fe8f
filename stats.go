package zapcw

import (
	"time"

	"example.com/zapcw/internal/delivery"
)

// Stats counts what became of the events of a Syncer since its first use. At any
// moment
//
//	Accepted = Delivered + Rejected + Spilled + Spooled + Pending
//
// where Spooled is 0 without a Spool. An entry is one event, or several if it is too
// long for one. Entries that a [Hold] keeps back are not in this sum until they are
// released.
type Stats struct {
	// Accepted events came from a logging call, or were found in the Spool, which
	// is read in the background from the first use on.
	Accepted uint64
	// Delivered events are in the stream.
	Delivered uint64
	// Rejected events were refused by the service because of their time or
	// their content; they are on Fallback. RejectedAs says why.
	Rejected uint64
	// Spilled events could not be delivered and are on Fallback. SpilledAs says
	// why.
	Spilled uint64
	// Spooled events are only in the Spool, and not settled: those that dead
	// processes left, those that exceed MaxPending, those that a Sync could not
	// deliver in time, and after Close those left for the next Syncer.
	// Events in a file that somebody damaged are not counted at all, not even in
	// Accepted: a line on Fallback names the file, and the next Sync says how many.
	Spooled uint64
	// Pending events are in memory and not settled. PendingBytes is the memory
	// that they take, which MaxPending bounds.
	Pending, PendingBytes uint64

	RejectedAs Rejections
	SpilledAs  Spills

	// Held entries were kept back by a Hold and not sent: they are still in a
	// scope, or were dropped with one that was never released. Evicted entries
	// were removed from a full scope. A release turns held entries into accepted
	// events.
	Held, Evicted uint64

	// Attempts counts puts that were tried, Puts those that succeeded, and
	// BytesSent the size of the latter as the service counts it.
	Attempts, Puts, BytesSent uint64

	// LastError is the last error of a request, nil if there was none. It stays
	// when puts succeed again: compare LastErrorTime with LastDelivery.
	LastError     error
	LastErrorTime time.Time
	// LastDelivery is when a put last succeeded.
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
	Refused    uint64 // the service refuses puts, for a missing permission for example
	AfterClose uint64 // logged after Close
	Unusable   uint64 // a field of the Syncer is missing or invalid, like the Group
}

// Stats returns a consistent snapshot.
func (s *Syncer) Stats() Stats {
	e := s.started().Stats()
	n := e.Fates
	st := Stats{
		Accepted:  uint64(e.Pending + e.Spooled),
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
		Spooled:       uint64(e.Spooled),
		Pending:       uint64(e.Pending),
		PendingBytes:  uint64(e.PendingBytes),
		Held:          uint64(e.Held),
		Evicted:       e.Evicted,
		Attempts:      e.Attempts,
		Puts:          e.Puts,
		BytesSent:     e.BytesSent,
		LastError:     e.LastError,
		LastErrorTime: e.LastErrorTime,
		LastDelivery:  e.LastDelivery,
	}
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
