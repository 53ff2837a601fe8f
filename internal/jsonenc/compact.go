package jsonenc

import (
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of embedded JSON. Readers have bounds of their
// own, encoding/json at 10000 and Python near 1000, and what could be read alone
// must be readable within its line.
const maxDepth = 1000

const space = " \t\r\n"

// AppendCompact appends s without the white space between its tokens if it is
// one JSON object or array, and reports whether it is. Otherwise b is what it
// was. The tokens stay as they are, except that bytes of a string that are not
// UTF-8 become \ufffd.
func AppendCompact(b []byte, s string) ([]byte, bool) {
	s = strings.Trim(s, space)
	if len(s) < 2 || (s[0] != '{' || s[len(s)-1] != '}') && (s[0] != '[' || s[len(s)-1] != ']') {
		return b, false
	}
	c := compactor{out: b, in: s}
	if !c.value(0) || c.pos < len(s) {
		return b, false
	}
	return c.out, true
}

// A compactor reads JSON from in at pos and writes it to out, by recursive
// descent. Its methods report whether they read what they are named after.
type compactor struct {
	out []byte
	in  string
	pos int
}

func (c *compactor) value(depth int) bool {
	switch c.peek() {
	case '{':
		return depth < maxDepth && c.object(depth+1)
	case '[':
		return depth < maxDepth && c.array(depth+1)
	case '"':
		return c.str()
	case 't':
		return c.literal("true")
	case 'f':
		return c.literal("false")
	case 'n':
		return c.literal("null")
	default:
		return c.number()
	}
}

func (c *compactor) object(depth int) bool {
	c.take('{')
	c.skip()
	if c.take('}') {
		return true
	}
	for {
		if c.skip(); c.peek() != '"' || !c.str() {
			return false
		}
		if c.skip(); !c.take(':') {
			return false
		}
		if c.skip(); !c.value(depth) {
			return false
		}
		if c.skip(); c.take('}') {
			return true
		}
		if !c.take(',') {
			return false
		}
	}
}

func (c *compactor) array(depth int) bool {
	c.take('[')
	c.skip()
	if c.take(']') {
		return true
	}
	for {
		if c.skip(); !c.value(depth) {
			return false
		}
		if c.skip(); c.take(']') {
			return true
		}
		if !c.take(',') {
			return false
		}
	}
}

func (c *compactor) str() bool {
	s, start := c.in, c.pos
	i := start + 1
	for {
		i += firstSpecial(s[i:])
		if i == len(s) {
			return false
		}
		switch ch := s[i]; {
		case ch == '"':
			c.out = append(c.out, s[start:i+1]...)
			c.pos = i + 1
			return true
		case ch == '\\':
			n := escape(s[i:])
			if n == 0 {
				return false
			}
			i += n
		case ch < utf8.RuneSelf:
			return false // a control character
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				c.out = append(c.out, s[start:i]...)
				c.out = append(c.out, `\ufffd`...)
				start = i + 1
			}
			i += size
		}
	}
}

// escape gives the length of the escape sequence that s begins with, 0 if there
// is no such sequence.
func escape(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(s) < 6 {
			return 0
		}
		for i := 2; i < 6; i++ {
			if s[i]-'0' > 9 && (s[i]|0x20)-'a' > 5 {
				return 0
			}
		}
		return 6
	}
	return 0
}

func (c *compactor) number() bool {
	start := c.pos
	if c.peek() == '-' {
		c.pos++
	}
	if c.peek() == '0' {
		c.pos++
	} else if !c.digits() {
		return false
	}
	if c.peek() == '.' {
		c.pos++
		if !c.digits() {
			return false
		}
	}
	if c.peek()|0x20 == 'e' {
		c.pos++
		if sign := c.peek(); sign == '+' || sign == '-' {
			c.pos++
		}
		if !c.digits() {
			return false
		}
	}
	c.out = append(c.out, c.in[start:c.pos]...)
	return true
}

func (c *compactor) digits() bool {
	start := c.pos
	for c.peek()-'0' <= 9 {
		c.pos++
	}
	return c.pos > start
}

func (c *compactor) literal(word string) bool {
	if !strings.HasPrefix(c.in[c.pos:], word) {
		return false
	}
	c.out = append(c.out, word...)
	c.pos += len(word)
	return true
}

// take moves one byte that has to be ch.
func (c *compactor) take(ch byte) bool {
	if c.peek() != ch {
		return false
	}
	c.out = append(c.out, ch)
	c.pos++
	return true
}

// skip leaves white space out.
func (c *compactor) skip() {
	for c.pos < len(c.in) {
		switch c.in[c.pos] {
		case ' ', '\t', '\r', '\n':
			c.pos++
		default:
			return
		}
	}
}

// peek gives 0 at the end, a byte that JSON has no use for.
func (c *compactor) peek() byte {
	if c.pos == len(c.in) {
		return 0
	}
	return c.in[c.pos]
}
