package engine

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// ours is how lines of zapcw's own begin on the fallback.
const ours = "zapcw: "

// AppendMarked appends an event as it stands on the fallback, without its last
// newline, so that no line of it begins like one of zapcw's own: lines after its
// first begin with a tab, and so does what follows any other line break and
// looks like ours. A first line that looks like ours, or like a further line,
// begins with a backslash. Unmark undoes that.
func AppendMarked(b, text []byte) []byte {
	if looksMarked(text, '\\') {
		b = append(b, '\\')
	}
	for i := 0; ; {
		n := nextBreak(text[i:])
		if n < 0 {
			return append(b, text[i:]...)
		}
		b = append(b, text[i:i+n]...)
		i += n
		if text[i-1] == '\n' || looksMarked(text[i:], '\t') {
			b = append(b, '\t')
		}
	}
}

// Unmark gives the event whose lines on the fallback are marked, joined by
// newlines.
func Unmark(marked []byte) []byte {
	text := make([]byte, 0, len(marked))
	if len(marked) > 0 && marked[0] == '\\' && looksMarked(marked, '\\') {
		marked = marked[1:]
	}
	for i := 0; ; {
		n := nextBreak(marked[i:])
		if n < 0 {
			return append(text, marked[i:]...)
		}
		text = append(text, marked[i:i+n]...)
		i += n
		if i < len(marked) && marked[i] == '\t' && (marked[i-1] == '\n' || looksMarked(marked[i:], '\t')) {
			i++
		}
	}
}

// looksMarked tells whether line is one of zapcw's own, or a further one, behind
// any number of marks.
func looksMarked(line []byte, mark byte) bool {
	rest := line
	for len(rest) > 0 && rest[0] == mark {
		rest = rest[1:]
	}
	return bytes.HasPrefix(rest, []byte(ours)) || mark != '\t' && len(rest) > 0 && rest[0] == '\t'
}

// nextBreak is where in text the next line begins, by what some reader takes for
// a line break, -1 for nowhere.
func nextBreak(text []byte) int {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			if c == '\n' || c == '\v' || c == '\f' || c >= 0x1c && c <= 0x1e || c == '\r' && !bytes.HasPrefix(text[i:], []byte("\n")) {
				return i
			}
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		i += size
		if r == '\u0085' || r == '\u2028' || r == '\u2029' {
			return i
		}
	}
	return -1
}

// oneLine is text without line breaks and control characters, which could
// corrupt a terminal.
func oneLine(text string) string {
	b := make([]byte, 0, len(text))
	for _, r := range text {
		switch {
		case unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case unicode.IsSpace(r):
			b = append(b, ' ')
		default:
			b = utf8.AppendRune(b, utf8.RuneError)
		}
	}
	return string(b)
}
