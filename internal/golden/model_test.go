package golden_test

import (
	"slices"
	"strings"
)

const (
	maxEvents = 20
	maxAge    = 60_000 // milliseconds
	limit     = 1_048_576
	overhead  = 26
	day       = 86_400_000
)

// A model makes the calls of a case as the original does, and by a rule as
// zapcw does in that point.
type model struct {
	want
	rules
	c     *testCase
	fates map[int]fate // by the index of a call
	sent  [][]int      // the same of what was flushed
	// background: a flush that the caller did not ask for
	background bool
	unusable   bool // group or stream cannot be
	call       int
	now        int64 // of the clock that is set
	clock      int64 // of the one that never goes back
	oldest     int64 // by the latter, when the first of pending came
	pending    []event
	calls      []int // that made these
}

// model is what is to be seen: without rules of the original, with a rule of
// zapcw in that point.
func (c *testCase) model(r rules) (w want) {
	switch c.Config.Via {
	case "json_formatter":
		for _, call := range c.Calls {
			w.stdout = append(w.stdout, call.jsonLevel(r))
		}
		return w
	case "object", "setup_canonical":
		return w
	}
	return c.simulate(r, c.fates(r)).want
}

// simulate lets the model make the calls.
func (c *testCase) simulate(r rules, fates map[int]fate) *model {
	m := &model{c: c, rules: r, fates: fates}
	s, threshold, err := c.config(r)
	if err != nil {
		m.fails = true
		return m
	}
	m.unusable = r["23b"] && s.class.strOr("") == "cloud-watch" && !s.group.none() &&
		(notGroup.MatchString(s.group.strOr("")) || noStream.MatchString(s.stream.strOr("")))
	for i, call := range c.calls() {
		if call.AtMS != nil {
			m.sleep(milliseconds(*call.AtMS))
		}
		m.call = i
		switch call.Method {
		case "purge", "release":
			m.flush()
		case "gc":
		default:
			m.log(s, threshold, call)
		}
	}
	if r["8"] {
		slices.SortStableFunc(m.pending, byTime)
	}
	for _, e := range m.pending {
		if e.text == "" && r["6a"] {
			e.text = " "
		}
		m.left = append(m.left, e.text)
	}
	return m
}

func (m *model) sleep(to int64) {
	m.now = to
	if m.rules["11"] && len(m.pending) > 0 && m.oldest+maxAge <= to {
		m.clock = m.oldest + maxAge
		m.background = true
		m.flush()
	}
	m.clock = max(m.clock, to)
}

func (m *model) log(s settings, threshold level, call call) {
	l, ok := m.level(s, call)
	if !ok || m.raises(s, call) || !l.passes(threshold) {
		return
	}
	msg, err := call.message(s)
	if err != nil && !m.rules["37b"] {
		m.stderr = append(m.stderr, "--- Logging error ---")
		return
	}
	switch class := s.class.strOr(""); {
	case class == "#null" || class == "":
		return
	case class == "#print" || s.group.none() && class == "cloud-watch":
		m.stdout = append(m.stdout, strings.Split(msg, "\n")...)
		return
	case class == "#standard-logger":
		format := s.format.strOr("")
		if format == "" || m.rules["27"] {
			format = "[%(levelname)s] %(message)s"
		}
		line := strings.NewReplacer("%(levelname)s", l.name(), "%(message)s", msg).Replace(format)
		m.stderr = append(m.stderr, strings.Split(line, "\n")...)
		return
	}
	function, _ := s.function.text()
	if s.function.none() {
		function = ""
	}
	text, err := prefix(s.format, l, function, call.caller(m.rules), msg, m.rules)
	if err != nil {
		return // it raises
	}
	m.buffer(text+msg, threshold.n == 10)
	size := 0
	for _, e := range m.pending {
		size += len(e.text) + overhead
	}
	switch {
	case m.unusable:
		m.flush()
	case call.flushes() || l.n > 40 && m.rules["14"]:
		m.flush()
	case len(m.pending) >= maxEvents || m.now-m.pending[0].t >= maxAge && !m.rules["11"] || size >= limit && m.rules["7"]:
		m.background = true
		m.flush()
	}
}

// level is that of a call, unless there is none.
func (m *model) level(s settings, call call) (l level, ok bool) {
	n, named := methodLevels[call.Method]
	if l = numeric(n); !named {
		v, given := call.level()
		if !given {
			return l, false // TypeError
		}
		var err error
		if l, err = levelOf(v, m.rules); err != nil {
			m.refused++
			return l, false
		}
		if kind := v.kind(); s.class.strOr("") == "#print" && (kind == "str" || kind == "none") && !m.rules["26"] {
			return l, false // TypeError
		}
	}
	if _, named := call.Level.str(); (named || m.rules["18"]) && !l.odd {
		l = ofZap(l.zap())
	}
	return l, true
}

// raises reports whether the original has another idea of the call's arguments.
func (m *model) raises(s settings, call call) bool {
	switch class := s.class.strOr(""); {
	case !call.known() || !call.Msg.given():
		return true
	case class == "cloud-watch":
		return call.Method == "critical" && call.Purge.given() && !m.rules["13"]
	case call.Method == "put" && !m.rules["16"]:
		return true
	case class == "#standard-logger":
		return call.Purge.given() && !m.rules["27"]
	}
	return false
}

// buffer keeps an event, and echoes it.
func (m *model) buffer(text string, echo bool) {
	if echo {
		m.stdout = append(m.stdout, strings.Split(text, "\n")...)
	}
	if len(m.pending) == 0 {
		m.oldest = m.clock
	}
	m.pending = append(m.pending, event{text, m.now})
	m.calls = append(m.calls, m.call)
}

func (m *model) flush() {
	if len(m.pending) == 0 {
		return
	}
	f := flush{events: m.pending}
	for _, call := range m.calls {
		f.fate = max(f.fate, m.fates[call])
	}
	m.sent = append(m.sent, m.calls)
	m.pending, m.calls = nil, nil

	var cut, good bool // in several puts, though the original could not send it
	if m.rules["8"] && !slices.IsSortedFunc(f.events, byTime) {
		slices.SortStableFunc(f.events, byTime)
		good = true
	}
	size := 0
	for i := range f.events {
		e := &f.events[i]
		size += len(e.text) + overhead
		if e.text == "" && m.rules["6a"] {
			e.text, good = " ", true
		}
	}
	cut = m.rules["7"] && size > limit || m.rules["9"] && f.events[len(f.events)-1].t-f.events[0].t > day
	if f.cut = cut; (cut || good) && m.rules.certainty() == exact {
		f.fate = delivered
	}
	if m.unusable || m.rules.certainty() == loose {
		f.fate = lost // or not, if it is open
	}
	if f.fate == delivered && m.rules["10"] {
		m.reject(f.events)
	}
	m.flushes = append(m.flushes, f)
}

// reject notes which events of a put the service rejects.
func (m *model) reject(evs []event) {
	base := int64(m.c.Base * 1000)
	before := 0
	for _, f := range m.flushes {
		if f.fate == delivered {
			before++
		}
	}
	for i, e := range evs {
		gone := base+e.t < m.clock-14*day || base+e.t > m.clock+day/12
		for _, f := range m.c.Faults {
			info := f.Merge.Rejected
			if info == nil || before < f.Skip || f.times() > 0 && before >= f.Skip+f.times() {
				continue
			}
			gone = gone || info.TooOldLogEventEndIndex != nil && i < int(*info.TooOldLogEventEndIndex) ||
				info.ExpiredLogEventEndIndex != nil && i < int(*info.ExpiredLogEventEndIndex) ||
				info.TooNewLogEventStartIndex != nil && i >= int(*info.TooNewLogEventStartIndex)
		}
		if gone {
			m.rejected = append(m.rejected, e.text)
		}
	}
}
