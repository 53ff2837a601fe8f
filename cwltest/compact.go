package cwltest

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"time"
)

// Dead returns how much smaller a journal is that [Server.Compact] writes than the
// one that [Server.Replay] has read, in bytes, about: what is about groups and
// streams that were deleted since, and about events that are older than their
// group's retention.
func (s *Server) Dead() int64 {
	s.lockChanges()
	defer s.unlockChanges()
	var live int64
	for _, r := range s.regions {
		for _, g := range r.groups {
			live += g.lines + g.retainLine
			for _, st := range g.streams {
				live += st.live(g.oldest(time.Now()))
			}
		}
	}
	return s.journal.replayed - live
}

// Compact writes a journal of what the server holds: events, their IDs and times
// are what they were, see [Server.Journal]. It leaves out what was deleted, and
// removes events that are older than their group's retention, as the service does.
// It is to be called after [Server.Replay] and before the first request; the new
// journal can be carried on in the place of the old one.
//
// It returns the first error of w. With Discard there is nothing to write, which is
// an error too.
func (s *Server) Compact(w io.Writer) error {
	if s.Discard {
		return errors.New("cwltest: compact: Discard keeps no events")
	}
	s.lockChanges()
	defer s.unlockChanges()
	c := compactor{w: w}
	c.write(change{Op: opHeader, Version: journalVersion, First: s.arrival})
	for _, name := range sortedNames(s.regions) {
		r := s.regions[name]
		for _, name := range sortedNames(r.groups) {
			r.groups[name].expire(time.Now())
			c.group(r, r.groups[name])
		}
	}
	return c.err
}

// compactor writes what a server holds, up to the first error.
type compactor struct {
	journal journal
	w       io.Writer
	err     error
}

func (c *compactor) write(ch change) {
	if c.err == nil {
		c.err = c.journal.append(c.w, "", &ch)
	}
}

func (c *compactor) group(r *region, g *group) {
	c.write(change{
		Op: opCreateGroup, Time: g.created, Region: r.name, Group: g.name,
		Class: g.class, KMSKey: g.kmsKey, Protected: g.protected, Tags: g.tags,
	})
	if g.retention > 0 {
		c.write(change{Op: opRetain, Region: r.name, Group: g.name, Days: g.retention})
	}
	for _, name := range sortedNames(g.streams) {
		st := g.streams[name]
		// The puts below count as well, and are fewer if some are gone.
		puts := runs(st.events)
		c.write(change{Op: opCreateStream, Time: st.created, Region: r.name, Group: g.name, Stream: name, Puts: st.tokens.puts - min(st.tokens.puts, uint64(len(puts)))})
		for _, put := range puts {
			c.write(change{Op: opPut, Time: put[0].ingested, Region: r.name, Group: g.name, Stream: name, First: put[0].arrival, Events: events(put)})
		}
	}
}

// replayed notes of what a line of n bytes is that was replayed.
func (s *Server) replayed(ch *change, n int64) {
	if ch.Op == opHeader {
		return
	}
	s.journal.replayed += n
	if ch.Op == opVoid || ch.Op == opDeleteGroup {
		return
	}
	g := s.in(ch.Region).groups[ch.Group]
	switch ch.Op {
	case opCreateGroup:
		g.lines = n
	case opRetain:
		g.retainLine = n
	case opCreateStream, opPut:
		g.streams[ch.Stream].lines += n
	}
}

// oldest is the time before which events are gone, in milliseconds.
func (g *group) oldest(now time.Time) int64 {
	if g.retention == 0 {
		return 0
	}
	return now.AddDate(0, 0, -int(g.retention)).UnixMilli()
}

// live returns how many bytes of the lines about a stream are about what is not
// older.
func (st *stream) live(oldest int64) int64 {
	all, live := sizeOf(st.events), sizeOf(st.since(oldest))
	if all == 0 {
		return st.lines
	}
	return int64(float64(st.lines) * float64(live) / float64(all))
}

// since returns the events from a time on.
func (st *stream) since(ms int64) []entry { return st.sorted()[st.index(position{timestamp: ms}):] }

// expire removes events that are older than the retention.
func (g *group) expire(now time.Time) {
	for _, st := range g.streams {
		gone := st.events
		*st = stream{name: st.name, arn: st.arn, created: st.created, tokens: st.tokens, events: slices.Clone(st.since(g.oldest(now)))}
		st.ordered = len(st.events)
		for _, e := range st.events {
			st.ingested = max(st.ingested, e.ingested)
		}
		if n := len(st.events); n > 0 {
			st.first, st.last = st.events[0].Timestamp, st.events[n-1].Timestamp
		}
		g.bytes -= sizeOf(gone) - sizeOf(st.events)
	}
}

// runs divides the events of a stream into those that were put together.
func runs(events []entry) (puts [][]entry) {
	events = slices.Clone(events)
	slices.SortFunc(events, func(a, b entry) int { return cmp.Compare(a.arrival, b.arrival) })
	from := 0
	for i := 1; i <= len(events); i++ {
		if i < len(events) && i-from < maxBatchEvents && events[i].follows(events[i-1]) {
			continue
		}
		puts = append(puts, events[from:i])
		from = i
	}
	return puts
}

// follows reports whether e may have come behind d in one put.
func (e entry) follows(d entry) bool {
	return e.arrival == d.arrival+1 && e.ingested == d.ingested && e.Timestamp >= d.Timestamp
}

func events(entries []entry) []Event {
	out := make([]Event, len(entries))
	for i, e := range entries {
		out[i] = e.Event
	}
	return out
}
