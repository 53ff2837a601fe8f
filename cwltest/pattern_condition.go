package cwltest

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// condition compares a value with what a pattern says of it.
type condition struct {
	operator string
	text     string
	glob     bool // text has wildcards
	number   float64
	numeric  bool // text is a number without quotes
	regex    *regexp.Regexp
}

// operand is a value that can be compared: a string, or a number with its text.
type operand struct {
	text    string
	number  float64
	numeric bool
}

// operators has those first that begin with another one.
var operators = []string{"!=", ">=", "<=", "=", ">", "<"}

// operator consumes a comparison operator; "" if there is none.
func (p *patternParser) operator() string {
	for _, operator := range operators {
		if p.take(operator) {
			return operator
		}
	}
	return ""
}

// bare is what may stand in a value without quotes besides letters and digits.
const bare = "_*.+-:/@#$~?;"

// condition consumes what follows an operator.
func (p *patternParser) condition(operator string) (*condition, error) {
	c := &condition{operator: operator}
	var err error
	switch p.peek() {
	case '%':
		c.regex, err = p.regex()
		if err == nil && p.regexes > maxPatternRegexes {
			err = fmt.Errorf("a pattern can have at most %d regular expressions", maxPatternRegexes)
		}
	case '"':
		c.text, err = p.phrase()
		c.glob = strings.Contains(c.text, "*")
	default:
		if c.text = p.word(bare); c.text == "" {
			return nil, p.want("a value")
		}
		c.glob = strings.Contains(c.text, "*")
		c.number, c.numeric = parseNumber(c.text)
	}
	if err != nil {
		return nil, err
	}
	if operator != "=" && operator != "!=" && !c.numeric {
		return nil, fmt.Errorf("%s wants a number, not %q", operator, c.text)
	}
	return c, nil
}

// parseNumber reads a number as JSON has it, with a plus allowed.
func parseNumber(text string) (float64, bool) {
	if strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, false // a name of infinity, hexadecimal
	}
	number, err := strconv.ParseFloat(text, 64)
	return number, err == nil || errors.Is(err, strconv.ErrRange)
}

// holds reports whether the condition is true of a value.
func (c *condition) holds(v operand) bool {
	switch c.operator {
	case "=":
		return c.equals(v)
	case "!=":
		return !c.equals(v)
	}
	if !v.numeric {
		return false
	}
	switch c.operator {
	case ">":
		return v.number > c.number
	case "<":
		return v.number < c.number
	case ">=":
		return v.number >= c.number
	default:
		return v.number <= c.number
	}
}

func (c *condition) equals(v operand) bool {
	switch {
	case c.regex != nil:
		return c.regex.MatchString(v.text)
	case c.glob:
		return matchGlob(c.text, v.text)
	case c.numeric && v.numeric:
		return c.number == v.number
	}
	return c.text == v.text
}

// matchGlob reports whether a text is what a pattern with asterisks stands for.
func matchGlob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return text == pattern
	}
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}

// anyOf consumes tests with || between them. Those with && between them, and in
// parentheses, come first.
func anyOf[T any](p *patternParser, test func() (func(T) bool, error)) (func(T) bool, error) {
	left, err := allOf(p, test)
	for err == nil && p.take("||") {
		var right func(T) bool
		if right, err = allOf(p, test); err == nil {
			first := left
			left = func(v T) bool { return first(v) || right(v) }
		}
	}
	return left, err
}

func allOf[T any](p *patternParser, test func() (func(T) bool, error)) (func(T) bool, error) {
	left, err := oneOf(p, test)
	for err == nil && p.take("&&") {
		var right func(T) bool
		if right, err = oneOf(p, test); err == nil {
			first := left
			left = func(v T) bool { return first(v) && right(v) }
		}
	}
	return left, err
}

func oneOf[T any](p *patternParser, test func() (func(T) bool, error)) (func(T) bool, error) {
	if !p.take("(") {
		return test()
	}
	inner, err := anyOf(p, test)
	if err == nil && !p.take(")") {
		err = p.want("a closing parenthesis")
	}
	return inner, err
}
