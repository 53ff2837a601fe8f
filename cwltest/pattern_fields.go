package cwltest

import (
	"fmt"
	"strings"
)

// fieldTest is one of the fields that a pattern in brackets names.
type fieldTest struct {
	ellipsis bool               // any number of fields
	holds    func(operand) bool // nil for a field of which nothing is said
}

// fields consumes a pattern for events with spaces between their fields. The
// last field is all that is left of the event.
func (p *patternParser) fields() (func(string) bool, error) {
	p.i++
	var tests []fieldTest
	ellipsis := -1
	for {
		test, err := p.field()
		if err != nil {
			return nil, err
		}
		if test.ellipsis {
			if ellipsis >= 0 {
				return nil, fmt.Errorf("a pattern can have one ... only")
			}
			ellipsis = len(tests)
		}
		tests = append(tests, test)
		if p.take("]") {
			break
		}
		if !p.take(",") {
			return nil, p.want("a comma or ]")
		}
	}
	if p.more() {
		return nil, fmt.Errorf("nothing is wanted behind the bracket: %q", p.text[p.i:])
	}
	return func(message string) bool { return matchFields(tests, ellipsis, message) }, nil
}

// field consumes a name with conditions, or an ellipsis.
func (p *patternParser) field() (fieldTest, error) {
	if p.take("...") {
		return fieldTest{ellipsis: true}, nil
	}
	name := ""
	conditions := 0
	holds, err := anyOf(p, func() (func(operand) bool, error) {
		p.peek()
		this := p.word("_-")
		if this == "" {
			return nil, p.want("the name of a field, or ...,")
		}
		if name != "" && this != name {
			return nil, fmt.Errorf("the conditions of a field are of %s, not of %s", name, this)
		}
		name = this
		operator := p.operator()
		if operator == "" {
			return func(operand) bool { return true }, nil
		}
		conditions++
		c, err := p.condition(operator)
		if err != nil {
			return nil, err
		}
		return c.holds, nil
	})
	if conditions == 0 {
		holds = nil
	}
	return fieldTest{holds: holds}, err
}

func matchFields(tests []fieldTest, ellipsis int, message string) bool {
	most := len(tests)
	if ellipsis >= 0 {
		most = -1
	}
	values := splitFields(message, most)
	named := len(tests)
	if ellipsis >= 0 {
		named--
	}
	if len(values) < named {
		return false
	}
	skipped := len(values) - named
	for i, test := range tests {
		switch {
		case test.holds == nil:
			continue
		case ellipsis >= 0 && i > ellipsis:
			i += skipped - 1
		}
		number, numeric := parseNumber(values[i])
		if !test.holds(operand{text: values[i], number: number, numeric: numeric}) {
			return false
		}
	}
	return true
}

// splitFields splits an event at spaces, except inside of brackets and double
// quotes, into so many fields at most that the last one is the rest.
func splitFields(message string, most int) []string {
	var values []string
	rest := strings.TrimSpace(message)
	for rest != "" {
		closing := byte(' ')
		if rest[0] == '[' {
			closing = ']'
		} else if rest[0] == '"' {
			closing = '"'
		}
		end := strings.IndexByte(rest[1:], closing)
		value, tail := rest, ""
		if end >= 0 {
			value, tail = rest[:end+1], rest[end+2:]
		}
		tail = strings.TrimLeft(tail, " ")
		if len(values)+1 == most && tail != "" {
			return append(values, rest)
		}
		if end >= 0 && closing != ' ' {
			value = value[1:]
		}
		values = append(values, value)
		rest = tail
	}
	return values
}
