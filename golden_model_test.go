package zapcw_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.com/zapcw"
	"go.uber.org/zap/zapcore"
)

// A quirk is a point in which zapcw is not the original.
type quirk struct {
	id      string // number in section 13, with a letter if there are several; or a section
	instead string // what is expected instead of the record, see goldenCase.model
	// shows says whether a case has to do with it. If nil, it does if the rule
	// makes a difference to what the model expects.
	shows func(*goldenCase) bool
}

var quirks = []quirk{
	{"1", "no Describe: a stream that is there can be written, also if it is empty", nil},
	{"3", "no Describe: no right to it is needed", nil},
	{"4", "what may pass is tried again until it does or time is up: delivered or in the fallback", (*goldenCase).mayPass},
	{"5", "events of a batch that is lost are in the fallback, whole", (*goldenCase).loses},
	{"6a", "an empty message is a space", nil},
	{"6b", "an invalid batch is halved until the bad event stands alone: delivered or in the fallback", (*goldenCase).mayHalve},
	{"7", "a batch is cut at 1 MiB, and so is a message", nil},
	{"8", "a batch is sorted by time", nil},
	{"9", "a batch is cut at 24 hours", nil},
	{"10", "what the service rejects is in the fallback", nil},
	{"11", "a timer sends what is a minute old", nil},
	{"13", "critical takes the field Flush as other calls do, and no caller", nil},
	{"14", "what is above ERROR is sent at once", nil},
	{"15", "the caller of an exception is the function that logged it", nil},
	{"16", "put is an ordinary call, for all classes, in the name of the function that made it", nil},
	{"17", "a bad template is an error of the constructor, a prefix that panics is left out", nil},
	{"18", "entries have one of the five levels: the named one below", nil},
	{"19", "an unknown label is an error of the constructor", nil},
	{"20", "{logger}, {file} and {line} are placeholders too", nil},
	{"23a", `group "" is no group`, nil},
	{"23b", "a group without a stream is an error of Build; a Syncer that cannot send keeps nothing", nil},
	{"24", "the unknown name of a level is an error; trace, panic and dpanic are known", nil},
	{"26", "#print knows the names of levels", nil},
	{"27", "#standard-logger writes [LEVEL] message, whatever the format, and syncs", nil},
	{"28", "there is no root logger to rewrite: lines have the form of #standard-logger", (*goldenCase).rewritesRoot},
	{"35", "null is absent, except for the group", nil},
	{"36", "in a message only JSON objects and arrays are embedded, and only valid ones", (*goldenCase).hasScalar},
	{"37", "messages are strings: an object of Python's has no counterpart", (*goldenCase).hasObject},
	{"39", "count and age send in the background: a batch may be under way, delivered or in the fallback", (*goldenCase).inBackground},
	{"42", "an unknown key is an error, a value of the wrong type too", nil},
	{"44a", "a destination without a class is an error, and nothing at all is the null logger", nil},
	{"44b", "a configured level above 50 is an error: silence must be asked for", nil},
	{"9.5", "there are no class codes: a class is a name in Config", (*goldenCase).asksCode},
}

// rules holds the ids of the quirks that the model mends.
type rules map[string]bool

// open says that it is open what is sent together, and what becomes of it.
func (r rules) open() bool { return r["4"] || r["6b"] || r["39"] }

func (q quirk) String() string {
	if strings.Contains(q.id, ".") {
		return "section " + q.id
	}
	return "Q" + strings.TrimRight(q.id, "ab")
}

// quirks are those that the case shows.
func (c *goldenCase) quirks() (shown []quirk) {
	all, some := make(rules), make(rules)
	for _, q := range quirks {
		all[q.id] = true
	}
	none, most := c.model(rules{}), c.model(all)
	show := func(shows func(q quirk) bool) (more bool) {
		for _, q := range quirks {
			if !some[q.id] && shows(q) {
				some[q.id], more = true, true
			}
		}
		return more
	}
	show(func(q quirk) bool {
		if q.shows != nil {
			return q.shows(c)
		}
		return !reflect.DeepEqual(none, c.model(rules{q.id: true})) || !reflect.DeepEqual(most, c.model(all.but(q.id)))
	})
	// A rule may matter only after another, and only as long as a third does
	// not do the same.
	for !reflect.DeepEqual(most, c.model(some)) && show(func(q quirk) bool {
		return q.shows == nil && !reflect.DeepEqual(c.model(some), c.model(some.and(q.id)))
	}) {
	}
	for _, q := range quirks {
		if some[q.id] {
			shown = append(shown, q)
		}
	}
	return shown
}

func (r rules) and(id string) rules {
	r = maps.Clone(r)
	r[id] = true
	return r
}

func (r rules) but(id string) rules {
	r = maps.Clone(r)
	delete(r, id)
	return r
}

// mayPass: the SDK's retries differ, and the Syncer has its own.
func (c *goldenCase) mayPass() bool {
	if c.Endpoint != "" || len(c.UnsetEnv) > 0 {
		return true
	}
	return slices.ContainsFunc(c.Faults, func(f goldenFault) bool {
		switch f.Code {
		case "":
			return f.Drop || f.Status >= 500
		case "ResourceNotFoundException", "ResourceAlreadyExistsException", "InvalidSequenceTokenException":
			// Each is answered by another try, not any number of times.
			return f.times() > 1
		case "InvalidParameterException", "DataAlreadyAcceptedException", "LimitExceededException",
			"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException":
			return false
		}
		return f.Op != "DescribeLogStreams"
	})
}

func (c *goldenCase) mayHalve() bool {
	return slices.ContainsFunc(c.Faults, func(f goldenFault) bool {
		return f.Code == "InvalidParameterException" && f.Op != "DescribeLogStreams" && f.times() > 0
	})
}

// inBackground: a batch that is tried again goes on with what has gathered, after
// a refusal the next is not tried at once, and puts of a timer draw faults upon
// themselves that were another's.
func (c *goldenCase) inBackground() bool {
	return c.simulate(rules{"11": true}, nil).background && slices.ContainsFunc(c.Faults, func(f goldenFault) bool {
		return f.Op != "DescribeLogStreams" && f.Merge.Rejected == nil
	})
}

// times is how often the fault strikes, 0 means for ever.
func (f goldenFault) times() int {
	switch {
	case f.Times == nil:
		return 1
	case *f.Times < 0:
		return 0
	}
	return *f.Times
}

func (c *goldenCase) loses() bool {
	return slices.ContainsFunc(c.recorded().flushes, func(f flush) bool { return f.fate == lost })
}

func (c *goldenCase) rewritesRoot() bool { return c.Config.Via == "setup_canonical" }

func (c *goldenCase) asksCode() bool { return c.Config.Via == "object" }

// hasScalar: the message of the record is neither the text nor JSON to embed.
func (c *goldenCase) hasScalar() bool {
	if c.Config.Via != "json_formatter" {
		return false
	}
	for i, call := range c.Calls {
		text, ok := call.jsonText()
		if !ok || c.Expect.Outputs[i].Output == nil {
			continue
		}
		embeds := json.Valid([]byte(text)) && strings.ContainsAny(strings.TrimSpace(text)[:1], "{[")
		if out := members(*c.Expect.Outputs[i].Output); !embeds && len(out) > 3 && out[3][1] != canonical(quote(text)) {
			return true
		}
	}
	return false
}

func (c *goldenCase) hasObject() bool {
	return slices.ContainsFunc(c.Calls, func(call goldenCall) bool {
		_, ok := pythonText(call.Msg)
		return !ok && call.Msg != nil
	})
}

// A want is what is to be seen of a case.
type want struct {
	fails          bool // the constructor has an error
	stdout, stderr []string
	flushes        []flush
	rejected       []string // delivered, and in the fallback
	left           []string // still in the buffer
	refused        int      // calls for whose level there is no name
}

// A flush is what is sent together.
type flush struct {
	events []event
	fate   fate
	cut    bool // in several puts
}

type event struct {
	text string
	t    int64
}

func byTime(a, b event) int { return cmp.Compare(a.t, b.t) }

type fate int

const (
	delivered fate = iota
	accepted       // so the service says, in an error
	lost
)

// recorded reads the record.
func (c *goldenCase) recorded() want {
	w := want{fails: c.Expect.ConstructRaises != nil, stderr: c.Expect.Stderr}
	if c.Config.Via == "process" {
		for _, b := range c.Expect.PutBatches {
			w.flushes = append(w.flushes, flush{events: events(b)})
		}
		return w
	}
	puts := 0
	for _, call := range c.Expect.Calls {
		var f flush
		for _, line := range call.Stdout {
			if strings.HasPrefix(line, "[{'timestamp': <t") {
				f = flush{events: pythonEvents(line), fate: lost}
				break // the error's text follows
			}
			w.stdout = append(w.stdout, line)
		}
		for _, op := range call.APICalls {
			if op != "PutLogEvents" || puts == len(c.Expect.PutBatches) {
				continue
			}
			switch batch := events(c.Expect.PutBatches[puts]); {
			case f.fate == lost:
			case c.Expect.PutResults[puts] == "DataAlreadyAcceptedException":
				f = flush{events: batch, fate: accepted}
			case strings.HasPrefix(c.Expect.PutResults[puts], "ok"):
				f = flush{events: batch}
			}
			puts++
		}
		if f.events != nil {
			w.flushes = append(w.flushes, f)
		}
	}
	for _, text := range c.Expect.BufferLeft {
		w.left = append(w.left, string(text))
	}
	return w
}

func events(batch []goldenEvent) (evs []event) {
	for _, e := range batch {
		evs = append(evs, event{string(e.Message), e.T})
	}
	return evs
}

var pythonEvent = regexp.MustCompile(`\{'timestamp': <t\+?(-?\d+)>, 'message': ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\}`)

// pythonEvents reads the list that the original prints of a lost batch.
func pythonEvents(line string) (evs []event) {
	for _, m := range pythonEvent.FindAllStringSubmatch(line, -1) {
		t, _ := strconv.ParseInt(m[1], 10, 64)
		quoted := strings.NewReplacer(`\\`, `\\`, `\'`, `'`, `\x`, `\u00`, `"`, `\"`).Replace(m[2][1 : len(m[2])-1])
		text, err := strconv.Unquote(`"` + quoted + `"`)
		if err != nil {
			text = m[2]
		}
		evs = append(evs, event{text, t})
	}
	return evs
}

// settings are the arguments of the logger, or of the factory.
type settings struct {
	class                   any
	group, stream, function *string
	format, level           any
}

var (
	errClass = errors.New("no such class")
	errKey   = errors.New("no such key")
)

// read merges a class, which may be a dictionary, into the settings.
func (s settings) read(class any, r rules) (settings, error) {
	outer, ok := class.(map[string]any)
	if !ok {
		s.class = class
		return s, nil
	}
	if s.format == nil {
		s.format = "#mini"
	}
	inner, long := outer["logging"]
	_, short := outer["class"]
	switch {
	case long && (inner != nil || !r["35"]):
	case short || long:
		inner = outer
	case len(outer) == 0 && r["44a"]:
		inner = outer
	default:
		return s, errClass
	}
	p, ok := inner.(map[string]any)
	if !ok {
		return s, errClass
	}
	cw, ok := p["cloud-watch"].(map[string]any)
	if v, there := p["cloud-watch"]; there && !ok && (v != nil || !r["35"]) {
		return s, errClass
	}
	if r["42"] && !(known(outer, "class", "cloud-watch", "level", "logging") &&
		known(p, "class", "cloud-watch", "level", "logging") && known(cw, "format", "function", "group", "stream")) {
		return s, errKey
	}
	for key, to := range map[string]**string{"group": &s.group, "stream": &s.stream, "function": &s.function} {
		switch v, there := cw[key]; v := v.(type) {
		case string:
			*to = &v
		case nil:
			if there && (key == "group" || !r["35"]) {
				*to = nil
			}
		default:
			if r["42"] {
				return s, errKey
			}
		}
	}
	if v, there := cw["format"]; there && (v != nil || !r["35"]) {
		s.format = v
	}
	if v, there := p["level"]; there && (v != nil || !r["35"]) {
		s.level = v
	}
	if err := s.check(r); err != nil {
		return s, err // also if there is another that counts
	}
	return s.read(p["class"], r)
}

// check finds what a Config refuses.
func (s settings) check(r rules) error {
	if n, _ := s.level.(float64); n > 50 && r["44b"] {
		return errors.New("level above 50")
	}
	if _, err := levelOf(s.level, r); err != nil {
		return err
	}
	text, _ := s.format.(string)
	if r["19"] && label.MatchString(text) && labels[text] == "" && text != "#mini" {
		return errors.New("unknown label")
	}
	if r["17"] && !template.MatchString(text) && !(r["20"] && wider.MatchString(text)) {
		return errors.New("bad template")
	}
	return nil
}

func known(m map[string]any, keys ...string) bool {
	for key := range m {
		if !slices.Contains(keys, key) {
			return false
		}
	}
	return true
}

var (
	pythonLevels = map[string]float64{"NOTSET": 0, "DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40, "CRITICAL": 50, "FATAL": 50}
	levelNames   = map[float64]string{10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
	methodLevels = map[string]float64{"debug": 10, "info": 20, "warning": 30, "error": 40, "exception": 40, "critical": 50}
	labels       = map[string]string{"#standard": "{level}: {func}: {caller}: ", "#short": "{level}: {func}: ", "#simple": "{func}: ", "#mini": ""}

	// A template is one of Python's if it has no placeholders but these.
	template = regexp.MustCompile(`^(?:[^{}]|\{\{|\}\}|\{(?:level|func|caller)\})*$`)
	wider    = regexp.MustCompile(`^(?:[^{}]|\{\{|\}\}|\{(?:level|func|caller|logger|file|line)\})*$`)
	piece    = regexp.MustCompile(`\{\{|\}\}|\{[a-z]+\}`)
	notGroup = regexp.MustCompile(`^$|[^A-Za-z0-9._/#-]`)
	noStream = regexp.MustCompile(`^$|[:*]`)
	label    = regexp.MustCompile(`^#[\pL\pN_-]+$`)
)

// levelOf coerces a level as the original does, with Q24 as ParseLevel does.
func levelOf(v any, r rules) (float64, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case string:
		if n, ok := pythonLevels[strings.ToUpper(v)]; ok || v == "" || !r["24"] {
			if !ok {
				n = 20
			}
			return n, nil
		}
		l, err := zapcw.ParseLevel(v)
		return max(10*float64(l)+20, 0), err // panic is above critical
	}
	return 20, nil
}

// number and zapLevel are the two scales of levels; between two names zapLevel
// is the lower one.
func number(l zapcore.Level) float64 {
	return min(max(10*float64(l)+20, 0), 50)
}

func zapLevel(n float64) zapcore.Level {
	return zapcore.Level(min(max(math.Floor(n/10)-2, -2), 3))
}

func levelName(n float64) string {
	if name, ok := levelNames[n]; ok {
		return name
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// callable gives what the prefix functions of the record give.
func callable(name string, level float64, function, caller, msg string) string {
	switch name {
	case "colourMePink":
		switch level {
		case 10:
			return levelName(level) + ": " + function + ": " + caller + ": "
		case 20:
			return ""
		}
		return levelName(level) + ": "
	case "argdump":
		return fmt.Sprintf("<%v|%s|%s|%s> ", level, function, caller, msg)
	case "callable_object":
		return fmt.Sprintf("(obj %v) ", level)
	}
	panic("format boom")
}

// callableName is that of {"$callable": name}.
func callableName(format any) (string, bool) {
	m, _ := format.(map[string]any)
	name, ok := m["$callable"].(string)
	return name, ok
}

// prefix is what stands before a message.
func prefix(format any, level float64, function, caller, msg string, r rules) (text string, err error) {
	if name, ok := callableName(format); ok {
		defer func() {
			if v := recover(); v != nil && !r["17"] {
				err = fmt.Errorf("%v", v)
			}
		}()
		return callable(name, level, function, caller, msg), nil
	}
	s, _ := format.(string)
	if s == "#mini" {
		if level >= 30 {
			if levelNames[level] == "" {
				return "", errors.New("level without a name")
			}
			text = levelNames[level] + ": "
		}
		if function != "" {
			text += function + ": "
		}
		return text, nil
	}
	if !template.MatchString(s) && !(r["20"] && wider.MatchString(s)) {
		return "", errors.New("bad template")
	}
	return piece.ReplaceAllStringFunc(cmp.Or(labels[s], s), func(p string) string {
		switch p {
		case "{level}":
			if r["18"] && level < 10 {
				return strconv.Itoa(int(zapLevel(level)))
			}
			return levelName(level)
		case "{func}":
			return function
		case "{caller}":
			return caller
		case "{line}":
			if caller != "" {
				return "0"
			}
		case "{{", "}}":
			return p[:1]
		}
		return ""
	}), nil
}

// level is the argument.
func (c *goldenCase) level() any {
	if c.Config.Level == nil {
		return 20.0
	}
	var v any
	_ = json.Unmarshal(c.Config.Level, &v)
	return v
}

// config is the settings after construction, or an error.
func (c *goldenCase) config(r rules) (settings, float64, error) {
	s := settings{"cloud-watch", c.Config.Group, c.Config.Stream, c.Config.Function, c.Config.Format, c.level()}
	plain := c.Config.Via != "factory" && deref(s.group) != "" // no Config
	refuses := r
	if plain {
		refuses = r.but("44b")
	}
	if err := s.check(refuses); err != nil {
		return s, 0, err
	}
	if c.Config.Via == "factory" {
		var err error
		if s, err = s.read(c.Config.Class, r); err != nil {
			return s, 0, err
		}
	}
	if r["23a"] && s.group != nil && *s.group == "" {
		s.group = nil
	}
	switch s.class {
	case "cloud-watch", "#print", "#null", "#standard-logger":
	case "":
		if !r["44a"] || s.group != nil || s.stream != nil {
			return s, 0, errClass
		}
	case nil:
		if r["44a"] && (s.group != nil || s.stream != nil) {
			return s, 0, errClass
		}
	default:
		return s, 0, errClass
	}
	if s.class == "#standard-logger" && !r["27"] {
		name, _ := s.level.(string)
		_, known := pythonLevels[name]
		_, numeric := s.level.(float64)
		format, _ := s.format.(string)
		if !known && !numeric || s.format != nil && !strings.Contains(format, "%(") {
			return s, 0, errors.New("logging does not know it")
		}
	}
	threshold, err := levelOf(s.level, r)
	if err != nil {
		return s, 0, err
	}
	if r["18"] && !plain && threshold < 10 {
		threshold = 0 // Config knows names
	}
	if s.class == "cloud-watch" && s.group != nil && s.stream == nil && !plain && r["23b"] {
		return s, 0, errors.New("no stream")
	}
	if s.format == nil && s.class == "cloud-watch" {
		s.format = "#standard"
	}
	return s, threshold, nil
}

const (
	maxEvents = 20
	maxAge    = 60_000 // milliseconds
	limit     = 1_048_576
	overhead  = 26
	day       = 86_400_000
)

// model is what is to be seen: without rules of the original, with a rule of
// zapcw in that point.
func (c *goldenCase) model(r rules) (w want) {
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
func (c *goldenCase) simulate(r rules, fates map[int]fate) *model {
	m := &model{c: c, rules: r, fates: fates}
	s, threshold, err := c.config(r)
	if err != nil {
		m.fails = true
		return m
	}
	m.unusable = r["23b"] && s.class == "cloud-watch" && s.group != nil && (notGroup.MatchString(*s.group) || noStream.MatchString(deref(s.stream)))
	for i, call := range c.calls() {
		if call.AtMS != nil {
			m.sleep(int64(*call.AtMS))
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

// calls are those of the case. A process of its own makes one.
func (c *goldenCase) calls() []goldenCall {
	if c.Config.Via == "process" {
		return []goldenCall{{Method: "info", Msg: json.RawMessage(`"last words"`)}, {Method: "release"}}
	}
	return c.Calls
}

// fates is what became, by the record, of the events that calls made.
func (c *goldenCase) fates(r rules) map[int]fate {
	base, all := c.simulate(rules{}, nil), c.recorded().flushes
	if len(base.sent) != len(all) {
		return nil
	}
	fates := make(map[int]fate)
	blame := c.blamesDescribe()
	worst := lost
	for i, f := range all {
		if f.fate == lost && r[blame] {
			f.fate = delivered
		}
		worst = min(worst, f.fate)
		for _, call := range base.sent[i] {
			fates[call] = f.fate
		}
	}
	// What the original did not get to send had no better fate than the rest.
	for i := range c.calls() {
		if _, sent := fates[i]; !sent && len(all) > 0 {
			fates[i] = worst
		}
	}
	return fates
}

// blamesDescribe says which quirk it is that nothing can go wrong but
// DescribeLogStreams.
func (c *goldenCase) blamesDescribe() string {
	if c.Endpoint != "" || len(c.UnsetEnv) > 0 {
		return ""
	}
	s, _, err := c.config(rules{})
	if err != nil || s.stream == nil || s.group == nil || *s.stream == "" || *s.group == "" {
		return ""
	}
	id := ""
	for _, f := range c.Faults {
		switch {
		case f.Op != "DescribeLogStreams":
			return ""
		case f.Code == "":
			id = "1"
		default:
			id = "3"
		}
	}
	if id != "" {
		return id
	}
	if c.streamExists() {
		return "1"
	}
	return ""
}

func (c *goldenCase) streamExists() bool {
	return slices.ContainsFunc(c.Setup, func(s setupStep) bool { return s["stream"] != nil || s["seed"] != nil })
}

type model struct {
	want
	rules
	c     *goldenCase
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

func (m *model) sleep(to int64) {
	m.now = to
	if m.rules["11"] && len(m.pending) > 0 && m.oldest+maxAge <= to {
		m.clock = m.oldest + maxAge
		m.background = true
		m.flush()
	}
	m.clock = max(m.clock, to)
}

func (m *model) log(s settings, threshold float64, call goldenCall) {
	r, method := m.rules, call.Method
	level, ok := methodLevels[method]
	withPurge := call.Purge != nil && *call.Purge
	args := call.ExtraArgs
	if !ok {
		v := call.Level
		if method == "put" && v == nil && len(args) > 0 {
			v, args = args[0], args[1:]
		}
		var err error
		if level, err = levelOf(v, r); err != nil {
			m.refused++
			return
		}
		if _, text := v.(string); s.class == "#print" && (text || v == nil) && !r["26"] {
			return // TypeError
		}
	}
	if method != "critical" && len(args) > 0 && args[0] == true {
		withPurge = true
	}
	if _, name := call.Level.(string); name || r["18"] {
		level = number(zapLevel(level))
	}
	switch _, isNumber := s.level.(float64); {
	case s.class == "cloud-watch":
		if method == "critical" && call.Purge != nil && !r["13"] {
			return // TypeError
		}
	case method == "put" && !r["16"]:
		return // AttributeError
	case s.class == "#print" && !isNumber && !r["26"]:
		return // TypeError
	case s.class == "#standard-logger" && call.Purge != nil && !r["27"]:
		return // TypeError
	}
	if level < threshold {
		return
	}
	msg, _ := pythonText(call.Msg)
	switch {
	case s.class == "#null" || s.class == nil || s.class == "":
		return
	case s.class == "#print" || s.class == "cloud-watch" && s.group == nil:
		m.stdout = append(m.stdout, strings.Split(msg, "\n")...)
		return
	case s.class == "#standard-logger":
		format, _ := s.format.(string)
		if format == "" || r["27"] {
			format = "[%(levelname)s] %(message)s"
		}
		line := strings.NewReplacer("%(levelname)s", levelName(level), "%(message)s", msg).Replace(format)
		m.stderr = append(m.stderr, strings.Split(line, "\n")...)
		return
	}
	function := ""
	if s.function != nil {
		function = *s.function
	}
	text, err := prefix(s.format, level, function, call.caller(r), msg, r)
	if err != nil {
		return // it raises
	}
	text += msg
	if threshold == 10 {
		m.stdout = append(m.stdout, strings.Split(text, "\n")...)
	}
	if len(m.pending) == 0 {
		m.oldest = m.clock
	}
	m.pending = append(m.pending, event{text, m.now})
	m.calls = append(m.calls, m.call)
	size := 0
	for _, e := range m.pending {
		size += len(e.text) + overhead
	}
	switch {
	case m.unusable:
		m.flush()
	case withPurge || method == "critical" || method == "exception" || level > 40 && r["14"]:
		m.flush()
	case len(m.pending) >= maxEvents || m.now-m.pending[0].t >= maxAge && !r["11"] || size >= limit && r["7"]:
		m.background = true
		m.flush()
	}
}

// caller is the function that a call is made in, by name.
func (call goldenCall) caller(r rules) string {
	name := "handler"
	if call.Caller != nil {
		name = *call.Caller
	}
	switch {
	case call.Method == "exception" && !r["15"]:
		return "exception"
	case call.Method == "critical" && len(call.ExtraArgs) > 0 && !r["13"]:
		if call.ExtraArgs[0] == true {
			return "True"
		}
		return fmt.Sprint(call.ExtraArgs[0])
	case call.CallFunc != nil:
		return *call.CallFunc
	case call.Method == "put" && !r["16"]:
		if call.OuterCaller != nil {
			return *call.OuterCaller
		}
		return "?"
	}
	return name
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
	if f.cut = cut; (cut || good) && !m.rules.open() {
		f.fate = delivered
	}
	if m.unusable || m.rules["39"] {
		f.fate = lost // or not, if it is open
	}
	if f.fate == delivered && m.rules["10"] {
		m.reject(f.events)
	}
	m.flushes = append(m.flushes, f)
}

// reject notes which events of a put the service rejects.
func (m *model) reject(evs []event) {
	base := int64(m.c.ClockBase * 1000)
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

// pythonText is str(msg); there is none for objects that JSON does not know.
func pythonText(msg json.RawMessage) (string, bool) {
	var text string
	if json.Unmarshal(msg, &text) == nil {
		return text, true
	}
	var other struct {
		Py, Text, Latin1 string
		Count            int
		Value            json.RawMessage
		Args             []json.RawMessage
		Type             string
	}
	if json.Unmarshal(msg, &other) != nil {
		return "", false
	}
	switch other.Py {
	case "repeat":
		return strings.Repeat(other.Text, other.Count), true
	case "exception":
		switch {
		case len(other.Args) == 0:
			return "", true
		case len(other.Args) == 1 && other.Type != "KeyError":
			if json.Unmarshal(other.Args[0], &text) == nil {
				return text, true
			}
			return pythonRepr(other.Args[0]), true
		case len(other.Args) == 1:
			return pythonRepr(other.Args[0]), true
		}
		list, _ := json.Marshal(other.Args)
		return "(" + strings.Trim(pythonRepr(list), "[]") + ")", true
	case "none":
		return "None", true
	case "tuple":
		return "(" + strings.Trim(pythonRepr(other.Value), "[]") + ")", true
	case "float":
		text := strings.TrimSpace(string(other.Value))
		if !strings.ContainsAny(text, ".eE") {
			text += ".0"
		}
		return text, true
	case "int", "bool", "dict", "list":
		return pythonRepr(other.Value), true
	}
	return "", false
}

// pythonRepr writes JSON as Python writes its own.
func pythonRepr(text json.RawMessage) string {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return walk(dec, func(v any) string {
		switch v := v.(type) {
		case nil:
			return "None"
		case bool:
			return map[bool]string{true: "True", false: "False"}[v]
		case string:
			quote := "'"
			if strings.Contains(v, "'") && !strings.Contains(v, `"`) {
				quote = `"`
			}
			return quote + strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, quote, `\`+quote).Replace(v) + quote
		}
		return fmt.Sprint(v)
	})
}

// walk writes a JSON value in its own order; of keys that occur twice, the last
// value stands at the place of the first.
func walk(dec *json.Decoder, scalar func(any) string) string {
	tok, err := dec.Token()
	if err != nil {
		return "!" + err.Error()
	}
	switch tok {
	case json.Delim('['):
		var parts []string
		for dec.More() {
			parts = append(parts, walk(dec, scalar))
		}
		_, _ = dec.Token()
		return "[" + strings.Join(parts, ", ") + "]"
	case json.Delim('{'):
		var keys []string
		values := make(map[string]string)
		for dec.More() {
			key := walk(dec, scalar)
			if _, twice := values[key]; !twice {
				keys = append(keys, key)
			}
			values[key] = walk(dec, scalar)
		}
		_, _ = dec.Token()
		for i, key := range keys {
			keys[i] = key + ": " + values[key]
		}
		return "{" + strings.Join(keys, ", ") + "}"
	}
	return scalar(tok)
}
