package delivery

import "strconv"

// A Fate is how an event ends.
type Fate int8

// Rejected and spilled events are on the fallback.
const (
	Delivered Fate = iota
	// The service said no to this very event.
	TooOld  // more than 14 days
	Expired // older than the group keeps events
	TooNew  // more than 2 hours ahead
	Invalid // a put of this event alone fails
	// The event could not be brought to the service.
	Full       // no memory left for it
	Late       // a Sync, Flush or Close ran out of time
	Refused    // the service refuses every put
	AfterClose // logged after Close
	Unusable   // the Syncer lacks something it needs
)

// Fates is how many there are.
const Fates = int(Unusable) + 1

// Kept is no fate yet: nobody waits any longer, and the event is in the spool.
const Kept = Fate(Fates)

// Rejected reports whether the service said no to the event itself.
func (f Fate) Rejected() bool { return f >= TooOld && f <= Invalid }

// Spilled reports whether the event never was the service's to judge.
func (f Fate) Spilled() bool { return f >= Full && f != Kept }

func (f Fate) String() string {
	return [Fates + 1]string{
		"delivered",
		"more than 14 days old", "older than the group's retention", "more than 2 hours ahead", "invalid",
		"memory full", "out of time", "refused", "after Close", "not usable",
		"kept in the spool",
	}[f]
}

// Events is "1 event", "2 events".
func Events(n int) string {
	if n == 1 {
		return "1 event"
	}
	return strconv.Itoa(n) + " events"
}
