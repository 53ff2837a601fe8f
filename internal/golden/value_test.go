package golden_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A value is one of Python's, as a case has it: JSON, or {"py": kind, ...} for
// what JSON does not know. The zero value is an argument that was left out.
type value struct{ raw json.RawMessage }

func valueOf(raw string) value { return value{json.RawMessage(raw)} }

func (v *value) UnmarshalJSON(text []byte) error {
	v.raw = bytes.Clone(bytes.TrimSpace(text))
	return nil
}

// given reports whether the case has it, if only None.
func (v value) given() bool { return v.raw != nil }

// none reports whether it is None or left out.
func (v value) none() bool { return v.kind() == "none" }

// kind is the type's name in Python.
func (v value) kind() string {
	text := v.raw
	if len(text) == 0 {
		return "none"
	}
	switch text[0] {
	case 'n':
		return "none"
	case 't', 'f':
		return "bool"
	case '"':
		return "str"
	case '[':
		return "list"
	case '{':
		if py := v.member("py"); py != "" {
			return py
		}
		if v.member("$callable") != "" {
			return "callable"
		}
		return "dict"
	}
	if bytes.ContainsAny(text, ".eE") {
		return "float"
	}
	return "int"
}

// member is a string that the value's own notation has.
func (v value) member(key string) (text string) {
	if len(v.raw) == 0 || v.raw[0] != '{' {
		return ""
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(v.raw, &m) == nil {
		_ = json.Unmarshal(m[key], &text)
	}
	return text
}

// inner is the JSON that a value of a kind of its own is made from.
func (v value) inner() json.RawMessage {
	var m struct{ Value json.RawMessage }
	if v.member("py") != "" && json.Unmarshal(v.raw, &m) == nil && m.Value != nil {
		return m.Value
	}
	return v.raw
}

// str gives a string, and whether it is one.
func (v value) str() (text string, ok bool) {
	if v.kind() != "str" {
		return "", false
	}
	err := json.Unmarshal(v.inner(), &text)
	return text, err == nil
}

// strOr gives a string, or what stands for anything else.
func (v value) strOr(otherwise string) string {
	if text, ok := v.str(); ok {
		return text
	}
	return otherwise
}

// number gives what Python takes for a number.
func (v value) number() (float64, bool) {
	switch v.kind() {
	case "bool":
		return map[string]float64{"true": 1, "false": 0}[string(v.inner())], true
	case "int", "float":
		n, err := strconv.ParseFloat(strings.Trim(string(v.inner()), `"`), 64)
		return n, err == nil || math.IsInf(n, 0)
	}
	return 0, false
}

// truthy reports whether an if of Python's is for it.
func (v value) truthy() bool {
	if n, ok := v.number(); ok {
		return n != 0
	}
	return !v.none() && !slices.Contains([]string{`""`, "[]", "{}"}, string(v.inner()))
}

// isTrue reports whether it is True itself.
func (v value) isTrue() bool { return v.kind() == "bool" && v.truthy() }

// dict gives the members of a dictionary.
func (v value) dict() (map[string]value, bool) {
	if v.kind() != "dict" {
		return nil, false
	}
	var m map[string]value
	if json.Unmarshal(v.inner(), &m) != nil {
		return nil, false
	}
	return m, true
}

// list gives the items of a list or tuple.
func (v value) list() (all []value, ok bool) {
	if kind := v.kind(); kind != "list" && kind != "tuple" {
		return nil, false
	}
	return all, json.Unmarshal(v.inner(), &all) == nil
}

// decoded gives what a Go program would have read from a file.
func (v value) decoded() (decoded any) {
	if v.kind() == "float" {
		n, _ := v.number()
		return n
	}
	_ = json.Unmarshal(v.inner(), &decoded)
	return decoded
}

// text is str(v); there is none for objects that JSON does not know.
func (v value) text() (string, bool) {
	switch v.kind() {
	case "str":
		return v.str()
	case "repeat":
		var r struct {
			Text  string
			Count int
		}
		err := json.Unmarshal(v.raw, &r)
		return strings.Repeat(r.Text, r.Count), err == nil
	case "exception":
		var e struct {
			Type string
			Args []value
		}
		if json.Unmarshal(v.raw, &e) != nil {
			return "", false
		}
		return exceptionText(e.Type, e.Args)
	}
	return v.repr()
}

// exceptionText is str() of an exception.
func exceptionText(name string, args []value) (string, bool) {
	switch {
	case len(args) == 0:
		return "", true
	case len(args) == 1 && name != "KeyError":
		return args[0].text()
	case len(args) == 1:
		return args[0].repr()
	}
	return reprList(args, "(", ")")
}

// repr is repr(v).
func (v value) repr() (string, bool) {
	switch kind := v.kind(); kind {
	case "none":
		return "None", true
	case "bool":
		return map[bool]string{true: "True", false: "False"}[v.truthy()], true
	case "int":
		return string(v.inner()), true
	case "float":
		n, ok := v.number()
		return floatRepr(n), ok
	case "str":
		text, ok := v.str()
		return strRepr(text), ok
	case "list", "tuple":
		all, ok := v.list()
		if !ok || kind == "list" {
			text, listed := reprList(all, "[", "]")
			return text, ok && listed
		}
		if len(all) == 1 {
			return reprList(all, "(", ",)")
		}
		return reprList(all, "(", ")")
	case "dict":
		return reprDict(v.inner())
	}
	return "", false
}

func reprList(all []value, open, end string) (string, bool) {
	texts := make([]string, len(all))
	for i, v := range all {
		var ok bool
		if texts[i], ok = v.repr(); !ok {
			return "", false
		}
	}
	return open + strings.Join(texts, ", ") + end, true
}

// reprDict has the keys in their order; of a key that occurs twice, the last
// value stands at the place of the first.
func reprDict(raw json.RawMessage) (string, bool) {
	keys, values, err := ordered(raw)
	if err != nil {
		return "", false
	}
	for i, key := range keys {
		text, ok := values[key].repr()
		if !ok {
			return "", false
		}
		keys[i] = strRepr(key) + ": " + text
	}
	return "{" + strings.Join(keys, ", ") + "}", true
}

// ordered gives the members of a JSON object as Python keeps them.
func ordered(raw json.RawMessage) (keys []string, values map[string]value, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, nil, fmt.Errorf("no object: %.100s", raw)
	}
	values = make(map[string]value)
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, nil, err
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, nil, err
		}
		key := tok.(string)
		if _, twice := values[key]; !twice {
			keys = append(keys, key)
		}
		values[key] = value{v}
	}
	_, err = dec.Token()
	return keys, values, err
}

func strRepr(s string) string {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	var b strings.Builder
	b.WriteString(quote)
	for _, r := range s {
		switch {
		case r == '\\' || string(r) == quote:
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String() + quote
}

// floatRepr has an exponent outside of 1e-4 to 1e16, and otherwise a point.
func floatRepr(f float64) string {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case abs != 0 && (abs < 1e-4 || abs >= 1e16):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
