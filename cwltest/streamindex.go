package cwltest

import (
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"
)

// Bounds on what the page is told at a time.
const (
	maxWindow    = 1000 // events
	maxBuckets   = 500
	maxFunctions = 200     // that are told apart in a stream
	maxViews     = 8       // filters that a stream remembers
	maxShown     = 4 << 10 // bytes of a message in a list
)

// streamIndex is what the page knows of a stream. It grows with the stream when
// somebody looks, so that a look costs as much as what is new: nobody reads
// 100,000 events for the sake of the 50 that are on the screen.
type streamIndex struct {
	mu        sync.Mutex
	events    []entry // as of the last look
	facets    []facet // of events
	levels    [numLevels]int
	functions []function // the first one is all that have none
	views     []*view    // the one that was used last comes first
}

// facet is by what an event is chosen.
type facet struct {
	level    level
	function uint8 // index in streamIndex.functions
}

type function struct {
	name  string
	count int
}

// viewFilter says which events are in a view.
type viewFilter struct {
	levels  levelSet
	without string // names of functions, a line each
	text    string
}

// view is the events that pass a filter.
type view struct {
	viewFilter
	events []int32 // indexes in streamIndex.events
	read   int     // so many of streamIndex.events were looked at
}

// windowSize says what of a view is wanted.
type windowSize struct {
	from    int       // index of the first event; negative for the last ones
	n       int       // number of events
	at      *position // in place of from: this event with others around it
	buckets int       // of the histogram; 0 for none
}

// viewWindow is a part of a view, and what is to be said of the whole.
type viewWindow struct {
	Total     int             `json:"total"` // events in the stream
	Matched   int             `json:"matched"`
	From      int             `json:"from"` // index of the first event
	At        int             `json:"at"`   // index of the event that was asked for, or of the one behind; else -1
	Events    []shownEvent    `json:"events"`
	Levels    map[string]int  `json:"levels"`
	Functions []shownFunction `json:"functions"` // in the order in which they came
	Histogram *histogram      `json:"histogram,omitempty"`
	Hint      string          `json:"hint,omitempty"`
}

type shownEvent struct {
	ID       string `json:"id"`
	Time     int64  `json:"t"`
	Ingested int64  `json:"i"`
	Level    string `json:"l,omitempty"`
	Function string `json:"f,omitempty"`
	Caller   string `json:"c,omitempty"`
	Head     int    `json:"h,omitempty"` // so much of the message, in UTF-16, says that
	Message  string `json:"m"`
	Size     int    `json:"size,omitempty"` // of the message in bytes, if not all of it is here
}

type shownFunction struct {
	Name  string `json:"name"`
	Count int    `json:"n"`
}

// histogram counts the events of a view over time: those without a level,
// Debug or Info, warnings, errors and above, and gaps.
type histogram struct {
	From   int64    `json:"from"`
	To     int64    `json:"to"`
	Counts [][4]int `json:"counts"`
}

// window returns a part of the view of events, which are the stream's, in
// order.
func (x *streamIndex) window(events []entry, f viewFilter, size windowSize) viewWindow {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.read(events)
	v := x.view(f)
	w := viewWindow{Total: len(events), Matched: len(v.events), At: -1, Events: []shownEvent{}, Levels: make(map[string]int)}
	from := size.from
	if size.at != nil {
		w.At = sort.Search(len(v.events), func(i int) bool { return events[v.events[i]].compare(*size.at) >= 0 })
		from = max(0, w.At-size.n/2)
	}
	if from < 0 {
		from = len(v.events) - size.n
	}
	w.From = max(0, min(from, len(v.events)-size.n))
	for _, i := range v.events[w.From:min(w.From+size.n, len(v.events))] {
		w.Events = append(w.Events, shown(&events[i], maxShown))
	}
	for l, n := range x.levels {
		w.Levels[level(l).String()] = n
	}
	for _, f := range x.functions {
		w.Functions = append(w.Functions, shownFunction{f.name, f.count})
	}
	if size.buckets > 0 && len(v.events) > 0 {
		w.Histogram = x.histogram(v, size.buckets)
	}
	return w
}

// read takes note of what is new. Where events came late the places of those
// behind them changed: these are forgotten and read again.
func (x *streamIndex) read(events []entry) {
	same := sort.Search(min(len(x.events), len(events)), func(i int) bool { return x.events[i].arrival != events[i].arrival })
	for _, old := range x.facets[same:] {
		x.levels[old.level]--
		x.functions[old.function].count--
	}
	x.facets = x.facets[:same]
	for _, v := range x.views {
		v.events = v.events[:sort.Search(len(v.events), func(i int) bool { return int(v.events[i]) >= same })]
		v.read = min(v.read, same)
	}
	if len(x.functions) == 0 {
		x.functions = []function{{}}
	}
	x.facets = slices.Grow(x.facets, len(events)-same)
	for i := same; i < len(events); i++ {
		h := headlineOf(events[i].Message)
		f := facet{level: h.level, function: x.function(h.function)}
		x.levels[f.level]++
		x.functions[f.function].count++
		x.facets = append(x.facets, f)
	}
	x.events = events
}

// function returns the index of a function. Where there are too many, which
// then are something else, the rest has none.
func (x *streamIndex) function(name string) uint8 {
	i := slices.IndexFunc(x.functions, func(f function) bool { return f.name == name })
	if i < 0 && len(x.functions) >= maxFunctions {
		return 0
	}
	if i < 0 {
		i = len(x.functions)
		x.functions = append(x.functions, function{name: strings.Clone(name)})
	}
	return uint8(i)
}

// view returns the view of a filter, up to date.
func (x *streamIndex) view(f viewFilter) *view {
	i := slices.IndexFunc(x.views, func(v *view) bool { return v.viewFilter == f })
	if i < 0 {
		i = len(x.views)
		x.views = append(x.views, &view{viewFilter: f})
	}
	v := x.views[i]
	x.views = slices.Insert(slices.Delete(x.views, i, i+1), 0, v)
	x.views = x.views[:min(len(x.views), maxViews)]
	v.extend(x)
	return v
}

func (v *view) extend(x *streamIndex) {
	matches, _ := textMatcher(v.text)
	var wanted [maxFunctions]bool
	for i, f := range x.functions {
		wanted[i] = f.name == "" || !slices.Contains(strings.Split(v.without, "\n"), f.name)
	}
	for ; v.read < len(x.events); v.read++ {
		f := x.facets[v.read]
		if v.levels>>f.level&1 == 1 && wanted[f.function] && matches(x.events[v.read].Message) {
			v.events = append(v.events, int32(v.read))
		}
	}
}

func (x *streamIndex) histogram(v *view, buckets int) *histogram {
	h := &histogram{
		From:   x.events[v.events[0]].Timestamp,
		To:     x.events[v.events[len(v.events)-1]].Timestamp,
		Counts: make([][4]int, buckets),
	}
	width := (h.To-h.From)/int64(buckets) + 1
	for _, i := range v.events {
		class := 0
		switch l := x.facets[i].level; {
		case l == levelGap:
			class = 3
		case l >= levelError:
			class = 2
		case l == levelWarning:
			class = 1
		}
		h.Counts[(x.events[i].Timestamp-h.From)/width][class]++
	}
	h.To = h.From + width*int64(buckets)
	return h
}

// find returns the event at a position, or nil.
func find(events []entry, at position) *entry {
	i := sort.Search(len(events), func(i int) bool { return events[i].compare(at) >= 0 })
	if i < len(events) && events[i].at() == at {
		return &events[i]
	}
	return nil
}

// shown returns an event with so many bytes of its message.
func shown(e *entry, most int) shownEvent {
	h := headlineOf(e.Message)
	out := shownEvent{
		ID: e.at().id(), Time: e.Timestamp, Ingested: e.ingested,
		Level: h.level.String(), Function: h.function, Caller: h.caller, Message: e.Message,
	}
	for _, c := range e.Message[:h.head] {
		out.Head++
		if c > 0xFFFF {
			out.Head++
		}
	}
	if len(e.Message) > most {
		out.Size = len(e.Message)
		for most > 0 && !utf8.RuneStart(e.Message[most]) {
			most--
		}
		out.Message = e.Message[:most]
	}
	return out
}

// signedTerm finds -term and ?term, which have a meaning in filter patterns.
var signedTerm = regexp.MustCompile(`(^|\s)[?-]["%_\pL]`)

// textMatcher returns what a text matches: a pattern in braces, a regular expression
// in percent signs, or terms with signs. Any other text is searched for as it is, in
// any letter case unless it has capital letters. The hint says how terms are read, or
// why something that looks like a pattern is none.
func textMatcher(text string) (matches func(message string) bool, hint string) {
	if text == "" {
		return func(string) bool { return true }, ""
	}
	n, signed := len(text), signedTerm.MatchString(text)
	if n > 2 && (text[0] == '{' && text[n-1] == '}' || text[0] == '%' && text[n-1] == '%') || signed {
		matches, err := parsePattern(text)
		switch {
		case err == nil && signed:
			return matches, "a filter pattern: letter case matters, -term excludes, one of the ?terms is enough if there are no other terms"
		case err == nil:
			return func(message string) bool { return matches(message) || text[0] == '{' && matches(fieldsOf(message)) }, ""
		}
		hint = "searched as text: " + err.message
	}
	if text != strings.ToLower(text) {
		return func(message string) bool { return strings.Contains(message, text) }, hint
	}
	return func(message string) bool { return containsFold(message, text) }, hint
}

// fieldsOf returns the fields that a prefix encoder writes behind a message, so
// that patterns for JSON find them too.
func fieldsOf(message string) string {
	tab := strings.LastIndex(message, "\t{")
	if tab < 0 {
		return ""
	}
	fields, _, _ := strings.Cut(message[tab+1:], "\n")
	return fields
}

// containsFold is strings.Contains for a text in lower case.
func containsFold(message, lower string) bool {
	c := lower[0]
	if c >= utf8.RuneSelf {
		return strings.Contains(strings.ToLower(message), lower)
	}
	capital := c
	if 'a' <= c && c <= 'z' {
		capital -= 'a' - 'A'
	}
	for i := 0; i+len(lower) <= len(message); i++ {
		if (message[i] == c || message[i] == capital) && strings.EqualFold(message[i:i+len(lower)], lower) {
			return true
		}
	}
	return false
}
