package engine

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// ours begins every line on the fallback that is zapcw's own.
const ours = "zapcw: "

// AppendMarked appends an event as it is written to the fallback, without its last
// newline. Marks keep its lines from looking like zapcw's own: each line after the
// first begins with a tab. After a line break other than a newline the tab is only
// there if the text looks like a line of ours. A first line that looks like one of
// ours, or like a later line, begins with a backslash. Unmark undoes all this.
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

// Unmark returns the event whose lines on the fallback, joined by newlines, are
// marked.
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

// looksMarked reports whether line, after any number of marks, looks like one of
// zapcw's own or, unless mark is a tab, like a later line of an event.
func looksMarked(line []byte, mark byte) bool {
	rest := line
	for len(rest) > 0 && rest[0] == mark {
		rest = rest[1:]
	}
	return bytes.HasPrefix(rest, []byte(ours)) || mark != '\t' && len(rest) > 0 && rest[0] == '\t'
}

// nextBreak is the index in text where the next line begins, or -1. A line break is
// anything that some reader takes for one.
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

// oneLine returns text without line breaks, and without control characters that could
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
