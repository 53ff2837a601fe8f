package jsonenc

import (
	"encoding/json"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of embedded JSON. Python's json gives up at some
// 1000 levels less the depth of its own stack, orjson below 1000, encoding/json
// at 10000.
const maxDepth = 500

const space = " \t\r\n"

// AppendCompact appends s without the white space between its tokens if it is one
// JSON object or array that all readers read alike, and reports whether it is.
// Otherwise it returns b unchanged. The tokens stay as they are.
//
// Readers agree if encoding/json, Python's json and orjson all accept s and read the
// same values. They do not agree on what RFC 8259 leaves open:
//   - escapes of half a surrogate pair, and bytes that are not UTF-8;
//   - integers that a float64 does not hold or that need more than 64 bits, -0,
//     and numbers beyond the range of a float64;
//   - a key that an object has twice, however it is escaped: most readers take
//     the last value, but encoding/json merges both into a struct, and
//     encoding/json/v2 refuses the line;
//   - nesting more than maxDepth deep.
func AppendCompact(b []byte, s string) ([]byte, bool) {
	s = strings.Trim(s, space)
	if len(s) < 2 || (s[0] != '{' || s[len(s)-1] != '}') && (s[0] != '[' || s[len(s)-1] != ']') {
		return b, false
	}
	c := compactor{out: b, in: s}
	var few [16]string
	if !c.value(few[:0], 0) || c.pos < len(s) {
		return b, false
	}
	return c.out, true
}

// A compactor reads JSON from in at pos and writes it to out, by recursive
// descent. Its methods report whether they found what they are named after. The
// keys of the enclosing objects are passed down in one slice, so that a single
// array on the stack has room for all of them.
type compactor struct {
	out []byte
	in  string
	pos int
}

func (c *compactor) value(keys []string, depth int) bool {
	switch c.peek() {
	case '{':
		return depth < maxDepth && c.object(keys, depth+1)
	case '[':
		return depth < maxDepth && c.array(keys, depth+1)
	case '"':
		_, _, ok := c.str()
		return ok
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

func (c *compactor) object(keys []string, depth int) bool {
	c.take('{')
	c.skip()
	if c.take('}') {
		return true
	}
	own, seen := len(keys), map[string]bool(nil)
	for {
		if c.skip(); c.peek() != '"' {
			return false
		}
		key, escaped, ok := c.str()
		if !ok {
			return false
		}
		if escaped {
			key = unescape(key)
		}
		switch {
		case seen != nil:
			if seen[key] {
				return false
			}
			seen[key] = true
		case slices.Contains(keys[own:], key):
			return false
		default:
			if keys = append(keys, key); len(keys)-own == manyKeys {
				seen = setOf(keys[own:])
			}
		}
		if c.skip(); !c.take(':') {
			return false
		}
		if c.skip(); !c.value(keys, depth) {
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

func (c *compactor) array(keys []string, depth int) bool {
	c.take('[')
	c.skip()
	if c.take(']') {
		return true
	}
	for {
		if c.skip(); !c.value(keys, depth) {
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

// str reads a string. It returns what is between the quotes, and whether there
// are escapes in it.
func (c *compactor) str() (inside string, escaped, ok bool) {
	s, start := c.in, c.pos
	i := start + 1
	for {
		i += firstSpecial(s[i:])
		if i == len(s) {
			return "", false, false
		}
		switch ch := s[i]; {
		case ch == '"':
			c.out = append(c.out, s[start:i+1]...)
			c.pos = i + 1
			return s[start+1 : i], escaped, true
		case ch == '\\':
			n := escape(s[i:])
			if n == 0 {
				return "", false, false
			}
			i, escaped = i+n, true
		case ch < utf8.RuneSelf:
			return "", false, false // a control character
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				return "", false, false
			}
			i += size
		}
	}
}

// escape returns the length of the escape sequence at the beginning of s: 12 for a
// surrogate pair, 0 if it is not valid.
func escape(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		switch r := codeUnit(s); {
		case r < 0, r >= 0xdc00 && r < 0xe000:
			return 0
		case r >= 0xd800 && r < 0xdc00:
			if low := codeUnit(s[6:]); low < 0xdc00 || low >= 0xe000 {
				return 0
			}
			return 12
		}
		return 6
	}
	return 0
}

// codeUnit reads \uXXXX at the beginning of s. It returns -1 if it is not there.
func codeUnit(s string) (r int) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	for i := 2; i < 6; i++ {
		switch c := s[i]; {
		case c-'0' <= 9:
			r = r<<4 | int(c-'0')
		case (c|0x20)-'a' <= 5:
			r = r<<4 | int((c|0x20)-'a'+10)
		default:
			return -1
		}
	}
	return r
}

func (c *compactor) number() bool {
	start := c.pos
	if c.peek() == '-' {
		c.pos++
	}
	digits := c.pos
	if c.peek() == '0' {
		c.pos++
	} else if !c.digits() {
		return false
	}
	whole := c.pos
	if c.peek() == '.' {
		c.pos++
		if !c.digits() {
			return false
		}
	}
	mantissa := c.pos
	if c.peek()|0x20 == 'e' {
		c.pos++
		if sign := c.peek(); sign == '+' || sign == '-' {
			c.pos++
		}
		if !c.digits() {
			return false
		}
	}
	text := c.in[start:c.pos]
	switch {
	case c.pos == whole:
		if !exactInteger(c.in[digits:whole], start < digits) {
			return false
		}
	case c.pos > mantissa+len("e99") || len(text) > 200: // it may be too large
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return false
		}
	}
	c.out = append(c.out, text...)
	return true
}

// exactInteger reports whether an integer is the same for readers that use a
// float64, 64 bits, or any number of digits.
func exactInteger(digits string, negative bool) bool {
	if len(digits) <= 15 {
		return !negative || digits != "0"
	}
	if len(digits) > 20 {
		return false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || negative && n > 1<<63 {
		return false
	}
	return bits.Len64(n)-bits.TrailingZeros64(n) <= 53
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

// take moves the next byte from in to out if it is ch.
func (c *compactor) take(ch byte) bool {
	if c.peek() != ch {
		return false
	}
	c.out = append(c.out, ch)
	c.pos++
	return true
}

// skip skips white space.
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

// peek returns the next byte, or 0 at the end: JSON has no such byte.
func (c *compactor) peek() byte {
	if c.pos == len(c.in) {
		return 0
	}
	return c.in[c.pos]
}

// manyKeys is how many keys of one object are compared one by one.
const manyKeys = 16

func setOf(keys []string) map[string]bool {
	set := make(map[string]bool, 4*len(keys))
	for _, key := range keys {
		set[key] = true
	}
	return set
}

// unescape returns the text that the inside of a valid string stands for.
func unescape(inside string) string {
	var text string
	_ = json.Unmarshal([]byte(`"`+inside+`"`), &text)
	return text
}
