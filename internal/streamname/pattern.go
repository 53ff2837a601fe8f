// Package streamname makes names of log streams from patterns. A pattern has
// placeholders for the parts that change by day or by process.
package streamname

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/zapcw/internal/template"
)

// A Placeholder is a part of a pattern that is filled in later.
type Placeholder int

const (
	Date     Placeholder = iota // the day, like 2006-01-02
	Host                        // the host name
	Function                    // the name of the function; not in the Stream of a Syncer made in Go
)

// known are the names of the placeholders.
var known = []string{Date: "date", Host: "host", Function: "function"}

func (p Placeholder) String() string { return "{" + known[p] + "}" }

// A Pattern is a name with placeholders.
type Pattern []template.Segment

// MaxLen is the longest name of a log stream, in characters.
const MaxLen = 512

// Parse reads a pattern. {function} is only known with inText, for a Config or a URL.
// Parse does not check the rules of the service for names.
func Parse(s string, inText bool) (Pattern, error) {
	names := known
	if !inText {
		names = known[:Function]
	}
	return template.Parse(s, names)
}

// Has reports whether the pattern has the placeholder.
func (p Pattern) Has(ph Placeholder) bool { return p.count(ph) > 0 }

func (p Pattern) count(ph Placeholder) (n int) {
	for _, s := range p {
		if s.Known == int(ph) {
			n++
		}
	}
	return n
}

// Least is the number of characters of the shortest name: at least one character is
// kept of a host name or a function's name.
func (p Pattern) Least() (n int) {
	for _, s := range p {
		switch s.Known {
		case template.Literal:
			n += utf8.RuneCountInString(s.Text)
		case int(Date):
			n += len(time.DateOnly)
		default:
			n++
		}
	}
	return n
}

// Set replaces a placeholder with value. Characters that a name may not have become -,
// and a value that is too long is cut; then Set returns a *ReplacedError.
func (p Pattern) Set(ph Placeholder, value string) error {
	n := p.count(ph)
	if n == 0 {
		return nil
	}
	set := clean(value, max((MaxLen-p.Least())/n+1, 1))
	for i := range p {
		if p[i].Known == int(ph) {
			p[i] = template.Segment{Text: set, Known: template.Literal}
		}
	}
	if set != value {
		return &ReplacedError{ph, value, set}
	}
	return nil
}

// clean returns value with only the characters that a name may have, 1 to most of
// them.
func clean(value string, most int) string {
	var b strings.Builder
	n := 0
	for i, r := range value {
		if n == most {
			break
		}
		n++
		if r == utf8.RuneError && !strings.HasPrefix(value[i:], string(utf8.RuneError)) || r == ':' || r == '*' {
			r = '-'
		}
		b.WriteRune(r)
	}
	if n == 0 {
		return "-"
	}
	return b.String()
}

// Name returns the name for a day. All other placeholders must be set.
func (p Pattern) Name(day time.Time) string {
	var b strings.Builder
	for _, s := range p {
		if s.Known == int(Date) {
			b.WriteString(day.UTC().Format(time.DateOnly))
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

// Match reports whether a stream of that day may have this name. Placeholders that
// are not set match any text.
func (p Pattern) Match(name string, day time.Time) bool {
	for i, s := range p {
		if s.Known != template.Literal && s.Known != int(Date) {
			for n := 1; n <= len(name); n++ {
				if p[i+1:].Match(name[n:], day) {
					return true
				}
			}
			return false
		}
		rest, ok := strings.CutPrefix(name, p[i:i+1].Name(day))
		if !ok {
			return false
		}
		name = rest
	}
	return name == ""
}

// Prefix is the common beginning of all names from one day to another.
func (p Pattern) Prefix(from, to time.Time) string {
	var b strings.Builder
	for i, s := range p {
		if s.Known != template.Literal && s.Known != int(Date) {
			break
		}
		first, last := p[i:i+1].Name(from), p[i:i+1].Name(to)
		n := 0
		for n < len(first) && n < len(last) && first[n] == last[n] {
			n++
		}
		b.WriteString(first[:n])
		if n < len(first) {
			break
		}
	}
	return b.String()
}

// Quote returns the pattern that stands for just this name.
func Quote(name string) string { return braces.Replace(name) }

var braces = strings.NewReplacer("{", "{{", "}", "}}")

// String returns the pattern as Parse reads it.
func (p Pattern) String() string {
	var b strings.Builder
	for _, s := range p {
		if s.Known == template.Literal {
			b.WriteString(Quote(s.Text))
		} else {
			b.WriteString(Placeholder(s.Known).String())
		}
	}
	return b.String()
}

// A ReplacedError says that a value was changed to fit into a name.
type ReplacedError struct {
	Placeholder Placeholder
	Value, Set  string
}

func (e *ReplacedError) Error() string {
	return fmt.Sprintf("%s is %q: no name of a stream holds that: it is %q there", e.Placeholder, e.Value, e.Set)
}
