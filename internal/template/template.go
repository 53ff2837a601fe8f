// Package template parses templates with placeholders in braces.
package template

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A Segment is a piece of a template: literal text, or a placeholder.
type Segment struct {
	Text  string // the literal text, or the placeholder's name
	Known int    // the name's index in the list given to Parse, or Literal
}

// Literal is the index that literal text has.
const Literal = -1

// Parse splits s at its placeholders. Braces enclose the name of a placeholder,
// which must be one of known; a doubled brace is a literal one. Adjacent literal text
// is one Segment. Errors give the offset in bytes, and the names in the order of
// known.
func Parse(s string, known []string) ([]Segment, error) {
	var (
		segs []Segment
		text strings.Builder
	)
	flush := func() {
		if text.Len() > 0 {
			segs = append(segs, Segment{text.String(), Literal})
			text.Reset()
		}
	}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c != '{' && c != '}':
			n := strings.IndexAny(s[i:], "{}")
			if n < 0 {
				n = len(s) - i
			}
			text.WriteString(s[i : i+n])
			i += n
		case i+1 < len(s) && s[i+1] == c:
			text.WriteByte(c)
			i += 2
		case c == '}':
			return nil, fmt.Errorf("} at byte %d closes nothing: write }} for a literal brace", i)
		default:
			n := strings.IndexAny(s[i+1:], "{}")
			if n < 0 || s[i+1+n] == '{' {
				return nil, fmt.Errorf("{ at byte %d is never closed: write {{ for a literal brace", i)
			}
			name := s[i+1 : i+1+n]
			index := slices.Index(known, name)
			if index < 0 {
				return nil, fmt.Errorf("unknown placeholder {%s} at byte %d: known are {%s}",
					name, i, strings.Join(known, "} {"))
			}
			flush()
			segs = append(segs, Segment{name, index})
			i += n + 2
		}
	}
	flush()
	return segs, nil
}

// IsLabel reports whether s is certainly meant as one of labels, all of which begin
// with #: it is # and one word, or differs from a label only in letter case and space.
// Any other text may be a template.
func IsLabel(s string, labels []string) bool {
	word, ok := strings.CutPrefix(s, "#")
	if !ok || word == "" {
		return false
	}
	trimmed := strings.TrimSpace(word)
	for _, label := range labels {
		if strings.EqualFold(trimmed, label[1:]) {
			return true
		}
	}
	return strings.IndexFunc(word, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-'
	}) < 0
}
