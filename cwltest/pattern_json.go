package cwltest

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// json consumes a pattern for JSON events. An event that is no JSON object or
// array does not match.
func (p *patternParser) json() (func(string) bool, error) {
	p.i++
	test, err := anyOf(p, p.jsonTest)
	if err != nil {
		return nil, err
	}
	if !p.take("}") {
		return nil, p.want("}, && or ||")
	}
	if p.more() {
		return nil, fmt.Errorf("nothing is wanted behind the brace: %q", p.text[p.i:])
	}
	if p.wildcards > maxPatternWildcard {
		return nil, fmt.Errorf("a pattern can have at most %d selectors with a wildcard", maxPatternWildcard)
	}
	return func(message string) bool {
		event, ok := decodeEvent(message)
		return ok && test(event)
	}, nil
}

// decodeEvent decodes an event that is an object or an array.
func decodeEvent(message string) (any, bool) {
	trimmed := strings.TrimLeft(message, " \t\r\n")
	if trimmed == "" || trimmed[0] != '{' && trimmed[0] != '[' {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(message))
	d.UseNumber()
	var event any
	if d.Decode(&event) != nil {
		return nil, false
	}
	_, err := d.Token()
	return event, err == io.EOF
}

// jsonTest consumes a selector and what is said of its values: true if it is
// of one of them. What does not exist neither equals anything nor differs from
// it, and so do objects, arrays and null.
func (p *patternParser) jsonTest() (func(any) bool, error) {
	path, err := p.selector()
	if err != nil {
		return nil, err
	}
	if p.keyword("NOT") {
		if !p.keyword("EXISTS") {
			return nil, p.want("EXISTS behind NOT")
		}
		return func(event any) bool { return !path.any(event, func(any) bool { return true }) }, nil
	}
	if p.keyword("IS") {
		for name, want := range map[string]any{"NULL": nil, "TRUE": true, "FALSE": false} {
			if p.keyword(name) {
				return func(event any) bool { return path.any(event, func(v any) bool { return v == want }) }, nil
			}
		}
		return nil, p.want("NULL, TRUE or FALSE behind IS")
	}
	operator := p.operator()
	if operator == "" {
		return nil, p.want("=, !=, <, >, <=, >=, IS or NOT EXISTS")
	}
	c, err := p.condition(operator)
	if err != nil {
		return nil, err
	}
	return func(event any) bool {
		return path.any(event, func(v any) bool {
			value, ok := operandOf(v)
			return ok && c.holds(value)
		})
	}, nil
}

func operandOf(v any) (operand, bool) {
	switch v := v.(type) {
	case string:
		return operand{text: v}, true
	case bool:
		return operand{text: strconv.FormatBool(v)}, true
	case json.Number:
		number, numeric := parseNumber(v.String())
		return operand{text: v.String(), number: number, numeric: numeric}, true
	}
	return operand{}, false
}

// selector is the way to values in an event.
type selector []step

// step goes from an object or array to one or all of its members.
type step struct {
	name  string
	index int  // of an array's element; -1 for a member
	all   bool // a wildcard
}

// selector consumes $ and steps.
func (p *patternParser) selector() (selector, error) {
	if !p.take("$") {
		return nil, p.want("a selector like $.name, or a parenthesis")
	}
	var path selector
	wildcards := 0
	for p.i < len(p.text) {
		var s step
		var err error
		switch p.text[p.i] {
		case '.':
			p.i++
			s, err = p.member()
		case '[':
			s, err = p.element()
		default:
			if len(path) == 0 {
				return nil, p.want(". behind $")
			}
			return path, nil
		}
		if err != nil {
			return nil, err
		}
		if s.all {
			if wildcards++; wildcards > 1 {
				return nil, fmt.Errorf("a selector can have one wildcard only")
			}
			p.wildcards++
		}
		path = append(path, s)
	}
	return nil, p.want("an operator")
}

// member consumes what follows a dot.
func (p *patternParser) member() (step, error) {
	if p.i < len(p.text) {
		switch p.text[p.i] {
		case '*':
			p.i++
			return step{index: -1, all: true}, nil
		case '[': // as in $.['a.b']
			return p.element()
		}
	}
	name := p.word("_-")
	if name == "" {
		return step{}, p.want("the name of a member, or one like ['a.b'],")
	}
	return step{name: name, index: -1}, nil
}

// element consumes brackets around an index, an asterisk or a quoted name.
func (p *patternParser) element() (step, error) {
	p.i++
	inside, rest, closed := strings.Cut(p.text[p.i:], "]")
	if quote := p.peek(); quote == '\'' || quote == '"' {
		// The name may have brackets of its own.
		inside, rest, closed = strings.Cut(p.text[p.i+1:], string(quote)+"]")
		if closed && inside != "" {
			p.i = len(p.text) - len(rest)
			return step{name: inside, index: -1}, nil
		}
		return step{}, p.want("a name in quotes and ]")
	}
	if !closed {
		return step{}, p.want("] behind [")
	}
	inside = strings.TrimSpace(inside)
	if inside == "*" {
		p.i = len(p.text) - len(rest)
		return step{index: 0, all: true}, nil
	}
	index, err := strconv.Atoi(inside)
	if err != nil || index < 0 {
		return step{}, p.want("an index, * or a name in quotes")
	}
	p.i = len(p.text) - len(rest)
	return step{index: index}, nil
}

// any reports whether a test holds for one of the values that the path leads to.
func (path selector) any(from any, test func(any) bool) bool {
	if len(path) == 0 {
		return test(from)
	}
	s, rest := path[0], path[1:]
	switch from := from.(type) {
	case map[string]any:
		if s.all {
			for _, v := range from {
				if rest.any(v, test) {
					return true
				}
			}
			return false
		}
		v, ok := from[s.name]
		return ok && s.index < 0 && rest.any(v, test)
	case []any:
		if s.all {
			for _, v := range from {
				if rest.any(v, test) {
					return true
				}
			}
			return false
		}
		return s.index >= 0 && s.index < len(from) && rest.any(from[s.index], test)
	}
	return false
}
