package cwltest

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decode reads the body of a request into T. Unlike package json it takes
// names by their exact letter case only, for so does the service.
func decode[T any](body []byte) (*T, *apiError) {
	in := new(T)
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return nil, malformed("The body of the request is not a JSON object")
	}
	known := make(map[string]bool)
	collect(reflect.TypeFor[T](), known)
	for name := range members {
		if !known[name] {
			delete(members, name)
		}
	}
	body, err := json.Marshal(members)
	if err != nil {
		return nil, malformed("%v", err)
	}
	if err := json.Unmarshal(body, in); err != nil {
		return nil, malformed("%v", err)
	}
	return in, nil
}

// collect adds the JSON names of a struct's fields to names.
func collect(t reflect.Type, names map[string]bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			collect(f.Type, names)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names[name] = true
	}
}

// decodePut is decode for PutLogEvents, where package json would be most of
// the work of the server.
func decodePut(body []byte) (*putInput, *apiError) {
	if !json.Valid(body) {
		return nil, malformed("The body of the request is not a JSON object")
	}
	// Messages are cut out of one copy of the body: a put costs few
	// allocations, which would show in the benchmarks of its caller.
	r := reader{data: string(body)}
	in := new(putInput)
	if r.peek() != '{' {
		return nil, malformed("The body of the request is not a JSON object")
	}
	for name := range r.members {
		switch name {
		case "logGroupName":
			in.LogGroupName = r.optional(name)
		case "logStreamName":
			in.LogStreamName = r.optional(name)
		case "sequenceToken":
			in.SequenceToken = r.optional(name)
		case "entity":
			in.Entity = r.entity()
		case "logEvents":
			in.events(&r)
		default:
			r.skip()
		}
	}
	return in, r.err
}

func (in *putInput) events(r *reader) {
	in.LogEvents, in.lack = nil, nil
	switch r.peek() {
	case 'n':
		r.skip()
		return
	case '[':
	default:
		r.fail("logEvents", "a list")
		return
	}
	in.LogEvents = make([]Event, 0, min(strings.Count(r.data[r.i:], `"message"`), maxBatchEvents))
	for i := range r.elements {
		if r.peek() != '{' {
			r.fail("logEvents", "a list of structures")
			return
		}
		var e Event
		var timed, worded bool
		for name := range r.members {
			switch name {
			case "timestamp":
				e.Timestamp, timed = r.number(name)
			case "message":
				e.Message, worded = r.word(name)
			default:
				r.skip()
			}
		}
		if in.lack == nil && !timed {
			in.lack = missing(member(i, "timestamp"))
		} else if in.lack == nil && !worded {
			in.lack = missing(member(i, "message"))
		}
		in.LogEvents = append(in.LogEvents, e)
	}
}

// reader walks through JSON that is known to be valid. Of the values that are
// not what they ought to be it keeps the first as an error.
type reader struct {
	data string
	i    int
	text strings.Builder // of all strings that are not in data as they are
	err  *apiError
}

// peek returns the first byte of the next value or punctuation.
func (r *reader) peek() byte {
	for ; r.i < len(r.data); r.i++ {
		switch r.data[r.i] {
		case ' ', '\t', '\r', '\n':
		default:
			return r.data[r.i]
		}
	}
	return 0
}

// members yields the names of an object's members; the body of the loop is to
// consume the value.
func (r *reader) members(yield func(string) bool) {
	for r.i++; ; r.i++ {
		if r.peek() == '}' {
			r.i++
			return
		}
		name := r.string()
		r.peek()
		r.i++ // the colon
		r.peek()
		if !yield(name) || r.err != nil {
			return
		}
		if r.peek() != ',' {
			r.i++
			return
		}
	}
}

// elements is like members for an array.
func (r *reader) elements(yield func(int) bool) {
	r.i++
	if r.peek() == ']' {
		r.i++
		return
	}
	for n := 0; ; n++ {
		if !yield(n) || r.err != nil {
			return
		}
		c := r.peek()
		r.i++
		if c != ',' {
			return
		}
	}
}

// word consumes a string or null.
func (r *reader) word(name string) (string, bool) {
	switch r.peek() {
	case '"':
		return r.string(), true
	case 'n':
		r.skip()
	default:
		r.fail(name, "a string")
	}
	return "", false
}

// optional is word with nil for null.
func (r *reader) optional(name string) *string {
	if s, ok := r.word(name); ok {
		return &s
	}
	return nil
}

// number consumes an integer or null.
func (r *reader) number(name string) (int64, bool) {
	r.peek()
	start := r.i
	r.skip()
	raw := r.data[start:r.i]
	if raw == "null" {
		return 0, false
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	if err != nil {
		r.fail(name, "an integer of 64 bits")
	}
	return n, err == nil
}

// skip consumes any value.
func (r *reader) skip() {
	depth := 0
	for {
		switch r.peek() {
		case '"':
			r.quoted()
		case '{', '[':
			depth++
			r.i++
		case '}', ']':
			depth--
			r.i++
		case ',', ':':
			r.i++
		case 0:
			return
		default:
			for r.i < len(r.data) && strings.IndexByte(" \t\r\n,:]}", r.data[r.i]) < 0 {
				r.i++
			}
		}
		if depth == 0 {
			return
		}
	}
}

// quoted consumes a string and returns what stands between its quotes.
func (r *reader) quoted() (raw string, plain bool) {
	plain = true
	r.i++
	start := r.i
	for ; r.data[r.i] != '"'; r.i++ {
		if c := r.data[r.i]; c == '\\' {
			plain = false
			r.i++
		} else if c >= utf8.RuneSelf {
			plain = false
		}
	}
	r.i++
	return r.data[start : r.i-1], plain
}

// string consumes a string. Each byte that is not UTF-8, and each lone
// surrogate, becomes U+FFFD.
func (r *reader) string() string {
	raw, plain := r.quoted()
	if plain || utf8.ValidString(raw) && strings.IndexByte(raw, '\\') < 0 {
		return raw
	}
	b := &r.text
	if b.Cap()-b.Len() < len(raw) {
		b.Grow(len(r.data) - r.i + len(raw)) // enough for the rest, as a rule
	}
	start := b.Len()
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '\\' && raw[i+1] == 'u':
			u := hexRune(raw[i+2:])
			i += 6
			if utf16.IsSurrogate(u) {
				pair := rune(utf8.RuneError)
				if i+6 <= len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
					pair = utf16.DecodeRune(u, hexRune(raw[i+2:]))
				}
				if pair != utf8.RuneError {
					i += 6
				}
				u = pair
			}
			b.WriteRune(u)
		case c == '\\':
			b.WriteByte(unescape[raw[i+1]])
			i += 2
		case c < utf8.RuneSelf:
			from := i
			for i < len(raw) && raw[i] != '\\' && raw[i] < utf8.RuneSelf {
				i++
			}
			b.WriteString(raw[from:i])
		default:
			c, size := utf8.DecodeRuneInString(raw[i:])
			b.WriteRune(c)
			i += size
		}
	}
	return b.String()[start:]
}

func (r *reader) fail(name, want string) {
	if r.err == nil {
		r.err = malformed("%s is not %s", name, want)
	}
}

var unescape = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// hexRune returns the number in four hexadecimal digits.
func hexRune(digits string) (u rune) {
	for _, c := range []byte(digits[:4]) {
		switch {
		case c <= '9':
			u = u<<4 | rune(c-'0')
		default:
			u = u<<4 | rune(c|0x20-'a'+10)
		}
	}
	return u
}
