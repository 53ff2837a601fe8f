package golden_test

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"
)

// settings are the arguments of the logger, or of the factory.
type settings struct {
	class, group, stream, function, format value

	level value
}

var (
	errClass  = errors.New("no such class")
	errKey    = errors.New("no such key, or no such value")
	errFormat = errors.New("bad template")
)

// config is the settings after construction, or an error.
func (c *testCase) config(r rules) (settings, level, error) {
	s := settings{class: valueOf(`"cloud-watch"`), group: c.Config.Group, stream: c.Config.Stream, function: c.Config.Function,
		format: c.Config.Format, level: c.Config.Level}
	plain := c.plain()
	refuses := r
	if plain {
		refuses = r.but("44b")
	}
	if err := s.check(refuses); err != nil {
		return s, level{}, err
	}
	if c.Config.Via == "factory" {
		var err error
		if s, err = s.read(c.Config.Class, r); err != nil {
			return s, level{}, err
		}
	}
	if group, ok := s.group.str(); r["23a"] && ok && group == "" {
		s.group = value{}
	}
	if err := s.checkClass(r); err != nil {
		return s, level{}, err
	}
	class := s.class.strOr("")
	if class == "#standard-logger" && !r["27"] {
		name, _ := s.level.str()
		_, known := pythonLevels[name]
		if kind := s.level.kind(); !known && kind != "int" && kind != "bool" && s.level.given() ||
			!s.format.none() && !strings.Contains(s.format.strOr(""), "%(") {
			return s, level{}, errors.New("logging does not know it")
		}
	}
	threshold, err := levelOf(s.level, r)
	if err != nil {
		return s, level{}, err
	}
	if class == "#print" && !r["26"] {
		// It is not coerced.
		if kind := s.level.kind(); s.level.given() && kind != "int" && kind != "float" && kind != "bool" {
			threshold.odd = true
		}
	}
	if r["18"] && !plain && threshold.n < 10 {
		threshold = numeric(0) // Config knows names
	}
	if class == "cloud-watch" && !s.group.none() && s.stream.none() && !plain && r["23b"] {
		return s, level{}, errors.New("no stream")
	}
	if s.format.none() && class == "cloud-watch" {
		s.format = valueOf(`"#standard"`)
	}
	return s, threshold, nil
}

// plain reports whether the logger is made without a Config.
func (c *testCase) plain() bool { return c.Config.Via != "factory" && c.Config.Group.strOr("") != "" }

func (s settings) checkClass(r rules) error {
	switch name, isText := s.class.str(); {
	case slices.Contains([]string{"cloud-watch", "#print", "#null", "#standard-logger"}, name):
		return nil
	case s.class.none(), isText && name == "" && r["44a"]:
		if r["44a"] && !(s.group.none() && s.stream.none()) {
			return errClass
		}
		return nil
	}
	return errClass
}

// read merges a class, which may be a dictionary, into the settings.
func (s settings) read(class value, r rules) (settings, error) {
	outer, ok := class.dict()
	if !ok {
		s.class = class
		return s, nil
	}
	if s.format.none() {
		s.format = valueOf(`"#mini"`)
	}
	inner, long := outer["logging"]
	_, short := outer["class"]
	switch {
	case long && (!inner.none() || !r["35"]):
	case short || long || len(outer) == 0 && r["44a"]:
		inner = class
	default:
		return s, errClass
	}
	p, ok := inner.dict()
	if !ok {
		return s, errClass
	}
	destination, there := p["cloud-watch"]
	cw, ok := destination.dict()
	if there && !ok && (!destination.none() || !r["35"]) {
		return s, errClass
	}
	if r["42"] && !(known(outer, "class", "cloud-watch", "level", "logging") &&
		known(p, "class", "cloud-watch", "level", "logging") && known(cw, "format", "function", "group", "stream")) {
		return s, errKey
	}
	for key, to := range map[string]*value{"group": &s.group, "stream": &s.stream, "function": &s.function, "format": &s.format} {
		if v, there := cw[key]; there && (!v.none() || key == "group" || !r["35"]) {
			*to = v
		}
	}
	if v, there := p["level"]; there && (!v.none() || !r["35"]) {
		s.level = v
	}
	if err := s.check(r); err != nil {
		return s, err // also if there is another that counts
	}
	return s.read(p["class"], r)
}

// check finds what a Config refuses.
func (s settings) check(r rules) error {
	if n, ok := s.level.number(); ok && !(n <= 50) && r["44b"] && s.level.kind() != "bool" {
		return errors.New("level above 50")
	}
	if _, err := levelOf(s.level, r); err != nil {
		return err
	}
	for _, v := range []value{s.group, s.stream, s.function} {
		if _, ok := v.str(); !ok && !v.none() && r["42"] {
			return errKey
		}
	}
	text, isText := s.format.str()
	if !isText && !s.format.none() && s.format.kind() != "callable" && r["42"] {
		return errKey
	}
	if r["19"] && isUnknownLabel(text) {
		return errors.New("unknown label")
	}
	if r["17a"] && !template.MatchString(text) && !(r["20a"] && wider.MatchString(text)) {
		return errFormat
	}
	return nil
}

func known(m map[string]value, keys ...string) bool {
	for key := range m {
		if !slices.Contains(keys, key) {
			return false
		}
	}
	return true
}

var (
	labels = map[string]string{"#standard": "{level}: {func}: {caller}: ", "#short": "{level}: {func}: ", "#simple": "{func}: ", "#mini": ""}

	// A template is one of Python's if it has no placeholders but these.
	template = regexp.MustCompile(`^(?:[^{}]|\{\{|\}\}|\{(?:level|func|caller)\})*$`)
	wider    = regexp.MustCompile(`^(?:[^{}]|\{\{|\}\}|\{(?:level|func|caller|logger|file|line)\})*$`)
	piece    = regexp.MustCompile(`\{\{|\}\}|\{[a-z]+\}`)
	notGroup = regexp.MustCompile(`^$|[^A-Za-z0-9._/#-]`)
	noStream = regexp.MustCompile(`^$|[:*]`)
	oneWord  = regexp.MustCompile(`^#[\pL\p{Nd}_-]+$`)
)

// isUnknownLabel: # and one word, or a stock label in other letters or with space
// around it.
func isUnknownLabel(text string) bool {
	if _, stock := labels[text]; stock || !strings.HasPrefix(text, "#") {
		return false
	}
	for label := range labels {
		if strings.EqualFold(strings.TrimSpace(text[1:]), label[1:]) {
			return true
		}
	}
	return oneWord.MatchString(text)
}

// callable gives what the prefix functions of the record give.
func callable(name string, l level, function, caller, msg string) string {
	switch name {
	case "colourMePink":
		switch l.n {
		case 10:
			return l.name() + ": " + function + ": " + caller + ": "
		case 20:
			return ""
		}
		return l.name() + ": "
	case "argdump":
		return "<" + l.text + "|" + function + "|" + caller + "|" + msg + "> "
	case "callable_object":
		return "(obj " + l.text + ") "
	}
	panic("format boom")
}

// prefix is what stands before a message.
func prefix(format value, l level, function, caller, msg string, r rules) (text string, err error) {
	if name := format.member("$callable"); name != "" {
		defer func() {
			if v := recover(); v != nil && !r["17a"] {
				err = errFormat
			}
		}()
		return callable(name, l, function, caller, msg), nil
	}
	s, isText := format.str()
	switch {
	case !isText:
		return "", nil
	case s == "#mini":
		if l.n >= 30 || math.IsNaN(l.n) {
			if text = levelNames[l.n]; text == "" {
				return "", errors.New("level without a name")
			}
			text += ": "
		}
		if function != "" {
			text += function + ": "
		}
		return text, nil
	case !template.MatchString(s) && !(r["20a"] && wider.MatchString(s)):
		return "", errFormat
	}
	if stock := labels[s]; stock != "" {
		s = stock
	}
	return piece.ReplaceAllStringFunc(s, func(p string) string {
		switch p {
		case "{level}":
			if r["18"] && l.n < 10 {
				return numeric(float64(l.zap())).text
			}
			return l.name()
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
