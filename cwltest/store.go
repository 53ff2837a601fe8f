package cwltest

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Event is a log event.
type Event struct {
	Timestamp int64  `json:"timestamp"` // milliseconds since 1970-01-01 UTC
	Message   string `json:"message"`
}

// Time returns the event's timestamp in UTC.
func (e Event) Time() time.Time { return time.UnixMilli(e.Timestamp).UTC() }

// size is what the service counts for it.
func (e Event) size() int { return len(e.Message) + eventOverhead }

// region holds the log groups of a region.
type region struct {
	name   string
	groups map[string]*group
}

// group is a log group. Times are in milliseconds.
type group struct {
	name      string
	arn       string // without the ":*"
	created   int64
	retention int32 // days; 0 is for ever
	kmsKey    string
	class     string
	protected bool
	tags      map[string]string
	bytes     int64 // as the service counts events
	streams   map[string]*stream

	lines, retainLine int64 // bytes of the journal that was replayed, see Server.Dead
}

// stream is a log stream.
type stream struct {
	name     string
	arn      string
	created  int64
	ingested int64 // time of the last put; 0 before it
	first    int64 // timestamps of the first and the last event; valid when
	last     int64 // ingested is not 0
	events   []entry
	ordered  int // so many of events, from the first on, are in order
	tokens   tokens
	shown    streamIndex // of the page; has a mutex of its own
	lines    int64       // bytes of the journal that was replayed, see Server.Dead
}

// entry is a stored event.
type entry struct {
	Event
	arrival  uint64 // unique in the server, ascending
	ingested int64
}

// position is a place between events of a group: before the event with these
// figures.
type position struct {
	timestamp int64
	arrival   uint64
}

func (r *region) addGroup(ch *change) {
	r.groups[ch.Group] = &group{
		name:      ch.Group,
		arn:       fmt.Sprintf("arn:%s:logs:%s:%s:log-group:%s", partition(r.name), r.name, account, ch.Group),
		created:   ch.Time,
		class:     cmp.Or(ch.Class, "STANDARD"),
		kmsKey:    ch.KMSKey,
		protected: ch.Protected,
		tags:      ch.Tags,
		streams:   make(map[string]*stream),
	}
}

func (g *group) addStream(name string, created int64) {
	g.streams[name] = &stream{name: name, arn: g.arn + ":log-stream:" + name, created: created}
}

// add stores events that are in order among themselves; with discard it only
// takes note of them. The arrival is that of the first.
func (st *stream) add(events []Event, arrival uint64, ingested int64, discard bool) {
	if len(events) == 0 {
		return
	}
	first, last := events[0].Timestamp, events[len(events)-1].Timestamp
	if st.ingested == 0 || first < st.first {
		st.first = first
	}
	late := st.ingested != 0 && first < st.last
	if st.ingested == 0 || last > st.last {
		st.last = last
	}
	st.ingested = ingested
	if discard {
		return
	}
	late = late || st.ordered < len(st.events)
	st.events = slices.Grow(st.events, len(events))
	for i, e := range events {
		st.events = append(st.events, entry{Event: e, arrival: arrival + uint64(i), ingested: ingested})
	}
	if !late {
		st.ordered = len(st.events)
	}
}

// sorted returns the events by time, ties by arrival. What came late is
// merged in here rather than in add, once for any number of puts. What is
// returned never changes, so that it can be read without a lock.
func (st *stream) sorted() []entry {
	if st.ordered == len(st.events) {
		return st.events
	}
	late := slices.Clone(st.events[st.ordered:])
	slices.SortFunc(late, func(a, b entry) int { return a.compare(b.at()) })
	merged := make([]entry, len(st.events), cap(st.events))
	i, j := st.ordered, len(late)
	for k := len(merged); j > 0; {
		k--
		if i > 0 && st.events[i-1].compare(late[j-1].at()) > 0 {
			i--
			merged[k] = st.events[i]
		} else {
			j--
			merged[k] = late[j]
		}
	}
	copy(merged, st.events[:i])
	st.events, st.ordered = merged, len(merged)
	return st.events
}

// index returns how many events stand before p.
func (st *stream) index(p position) int {
	events := st.sorted()
	return sort.Search(len(events), func(i int) bool { return events[i].compare(p) >= 0 })
}

func (e entry) at() position { return position{e.Timestamp, e.arrival} }

func (e entry) compare(p position) int {
	return cmp.Or(cmp.Compare(e.Timestamp, p.timestamp), cmp.Compare(e.arrival, p.arrival))
}

// id is made like those of the service: 56 digits that begin with the time.
func (p position) id() string { return fmt.Sprintf("%020d%036d", p.timestamp, p.arrival) }

// parseID is the reverse of id.
func parseID(id string) (p position, ok bool) {
	if len(id) != 56 {
		return p, false
	}
	timestamp, err := strconv.ParseInt(id[:20], 10, 64)
	arrival, err2 := strconv.ParseUint(id[20:], 10, 64)
	return position{timestamp, arrival}, err == nil && err2 == nil && timestamp >= 0
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
