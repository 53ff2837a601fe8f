package cwltest

import (
	"container/heap"
	"math"
	"slices"
	"strings"
)

// start is before every event, finish after.
var (
	start  = position{}
	finish = position{math.MaxInt64, math.MaxUint64}
)

// bookmark is a token: a place between events and the way to read from there.
// A page that is empty therefore hands out the bookmark that it was given,
// and what arrives later is found behind it.
type bookmark struct {
	back bool
	at   position
}

func (b bookmark) String() string {
	if b.back {
		return "b/" + b.at.id()
	}
	return "f/" + b.at.id()
}

// or returns the bookmark that a request gives, or b when it gives none.
func (b bookmark) or(token *string) (bookmark, *apiError) {
	if token == nil {
		return b, nil
	}
	way, id, _ := strings.Cut(*token, "/")
	at, ok := parseID(id)
	if !ok || way != "f" && way != "b" {
		return b, invalid("The specified nextToken is invalid.")
	}
	return bookmark{back: way == "b", at: at}, nil
}

// after is the place behind an event.
func (p position) after() position {
	p.arrival++
	return p
}

// spanInput is what requests that read events say of which events they want.
type spanInput struct {
	StartTime *int64  `json:"startTime"`
	EndTime   *int64  `json:"endTime"`
	Limit     *int64  `json:"limit"`
	NextToken *string `json:"nextToken"`
}

// span is a range of events, how many of them are wanted, and from where on.
type span struct {
	low, high position // high is exclusive
	limit     int
	mark      bookmark
}

// span checks the members. Without a token reading starts at the head, or at
// the tail if it goes back.
func (in *spanInput) span(back, inclusive bool) (sp span, err *apiError) {
	sp.low, sp.high = start, finish
	if err = checkTime(in.StartTime, "startTime"); err != nil {
		return sp, err
	}
	if err = checkTime(in.EndTime, "endTime"); err != nil {
		return sp, err
	}
	if in.StartTime != nil {
		sp.low.timestamp = *in.StartTime
	}
	if in.EndTime != nil {
		sp.high = position{timestamp: *in.EndTime}
		if inclusive {
			sp.high.arrival = math.MaxUint64
		}
	}
	if sp.limit, err = checkLimit(in.Limit, maxRead); err != nil {
		return sp, err
	}
	sp.mark = bookmark{back: back, at: sp.low}
	if back {
		sp.mark.at = sp.high
	}
	sp.mark, err = sp.mark.or(in.NextToken)
	return sp, err
}

type getInput struct {
	about
	spanInput
	StartFromHead bool `json:"startFromHead"`
}

type outputEvent struct {
	Ingested  int64  `json:"ingestionTime"`
	Message   string `json:"message"`
	Timestamp int64  `json:"timestamp"`
}

type getOutput struct {
	Events   []outputEvent `json:"events"`
	Backward string        `json:"nextBackwardToken"`
	Forward  string        `json:"nextForwardToken"`
}

func (s *Server) getLogEvents(c *call, in *getInput) (any, *apiError) {
	if err := in.checkStream(); err != nil {
		return nil, err
	}
	sp, err := in.span(!in.StartFromHead, false)
	if err != nil {
		return nil, err
	}
	mark := sp.mark
	s.mu.Lock()
	defer s.mu.Unlock()
	_, st, err := s.stream(c, &in.about)
	if err != nil {
		return nil, err
	}
	events, first, last := st.sorted(), st.index(sp.low), st.index(sp.high)
	i := max(first, min(st.index(mark.at), last))
	j, size := i, 0
	out := getOutput{Events: []outputEvent{}}
	for len(out.Events) < sp.limit {
		k := j
		if mark.back {
			k = i - 1
		}
		if k < first || k >= last {
			break
		}
		e := events[k]
		if size += len(e.Message) + eventOverhead; size > maxReadBytes && len(out.Events) > 0 {
			break
		}
		out.Events = append(out.Events, outputEvent{e.ingested, e.Message, e.Timestamp})
		if mark.back {
			i--
		} else {
			j++
		}
	}
	forward, backward := mark.at, mark.at
	if i < j {
		backward, forward = events[i].at(), events[j-1].at().after()
	}
	if mark.back {
		slices.Reverse(out.Events)
	}
	out.Backward, out.Forward = bookmark{true, backward}.String(), bookmark{false, forward}.String()
	return out, nil
}

type filterInput struct {
	about
	spanInput
	StartFromHead *bool    `json:"startFromHead"`
	Streams       []string `json:"logStreamNames"`
	Prefix        *string  `json:"logStreamNamePrefix"`
	Pattern       string   `json:"filterPattern"`
}

type filteredEvent struct {
	ID        string `json:"eventId"`
	Ingested  int64  `json:"ingestionTime"`
	Stream    string `json:"logStreamName"`
	Message   string `json:"message"`
	Timestamp int64  `json:"timestamp"`
}

type filterOutput struct {
	Events    []filteredEvent `json:"events"`
	NextToken string          `json:"nextToken,omitempty"`
	Searched  []struct{}      `json:"searchedLogStreams"` // the service says nothing since 2020
}

// newYear2024 is since when FilterLogEvents reads backwards.
const newYear2024 = 1_704_067_200_000

func (s *Server) filterLogEvents(c *call, in *filterInput) (any, *apiError) {
	if err := in.checkGroup(); err != nil {
		return nil, err
	}
	back := in.StartFromHead != nil && !*in.StartFromHead
	sp, err := in.span(back, true) // unlike in GetLogEvents
	if err != nil {
		return nil, err
	}
	matches, err := parseFilter(in.Pattern, "filterPattern")
	if err != nil {
		return nil, err
	}
	if in.Prefix != nil && len(in.Streams) > 0 {
		return nil, invalid("logStreamNamePrefix and logStreamNames are mutually exclusive.")
	}
	if back && (in.StartTime == nil || *in.StartTime < newYear2024) {
		return nil, invalid("startFromHead can be false only when startTime is on or after Jan 1, 2024 00:00:00 UTC.")
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.group(c, &in.about)
	if err != nil {
		return nil, err
	}
	m := merger{back: sp.mark.back}
	for name, st := range g.streams {
		if !strings.HasPrefix(name, value(in.Prefix)) || len(in.Streams) > 0 && !slices.Contains(in.Streams, name) {
			continue
		}
		m.add(st, sp)
	}
	for _, name := range in.Streams {
		if g.streams[name] == nil {
			return nil, notFound("log stream")
		}
	}
	return m.filter(sp.limit, matches), nil
}

// merger reads several streams as one.
type merger struct {
	back  bool
	parts []part
}

// part is what is left to be read of a stream; it is not empty.
type part struct {
	name   string
	events []entry
}

var _ heap.Interface = (*merger)(nil)

func (m *merger) add(st *stream, sp span) {
	low, high := sp.low, sp.high
	if m.back {
		high = sp.mark.at
	} else {
		low = sp.mark.at
	}
	if i, j := st.index(low), st.index(high); i < j {
		m.parts = append(m.parts, part{st.name, st.sorted()[i:j]})
	}
}

// filter reads as far as an answer may.
func (m *merger) filter(limit int, matches func(string) bool) filterOutput {
	out := filterOutput{Events: []filteredEvent{}, Searched: []struct{}{}}
	heap.Init(m)
	for size := 0; len(m.parts) > 0; {
		p := &m.parts[0]
		e := p.next(m.back)
		if matches(e.Message) {
			size += len(e.Message) + eventOverhead
			if n := len(out.Events); n == limit || n > 0 && size > maxReadBytes {
				b := bookmark{m.back, e.at()}
				if m.back {
					b.at = b.at.after()
				}
				out.NextToken = b.String()
				break
			}
			out.Events = append(out.Events, filteredEvent{e.at().id(), e.ingested, p.name, e.Message, e.Timestamp})
		}
		if p.drop(m.back); len(p.events) == 0 {
			heap.Pop(m)
		} else {
			heap.Fix(m, 0)
		}
	}
	return out
}

func (p *part) next(back bool) entry {
	if back {
		return p.events[len(p.events)-1]
	}
	return p.events[0]
}

func (p *part) drop(back bool) {
	if back {
		p.events = p.events[:len(p.events)-1]
	} else {
		p.events = p.events[1:]
	}
}

func (m *merger) Len() int      { return len(m.parts) }
func (m *merger) Swap(i, j int) { m.parts[i], m.parts[j] = m.parts[j], m.parts[i] }
func (m *merger) Push(x any)    { m.parts = append(m.parts, x.(part)) }

func (m *merger) Less(i, j int) bool {
	n := m.parts[i].next(m.back).compare(m.parts[j].next(m.back).at())
	return n < 0 != m.back
}

func (m *merger) Pop() any {
	last := len(m.parts) - 1
	p := m.parts[last]
	m.parts = m.parts[:last]
	return p
}
