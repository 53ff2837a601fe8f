package jsonenc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func nested(open string, n int, inside, end string) string {
	return strings.Repeat(open, n) + inside + strings.Repeat(end, n)
}

// object has n keys, and the last again if twice is set.
func object(n int, twice bool) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"key %d":{"a":%d},`, i, i)
	}
	if twice {
		fmt.Fprintf(&b, `"key %d":1,`, n-1)
	}
	return "{" + strings.TrimSuffix(b.String(), ",") + "}"
}

// Messages that all readers read alike, and what is embedded of them.
var agreed = map[string]string{
	`{}`:                              `{}`,
	`[]`:                              `[]`,
	" \t\r\n{ \"a\" : 1 }\n":          `{"a":1}`,
	`{"b": 1, "a": "x"}`:              `{"b":1,"a":"x"}`,
	`{"": 1}`:                         `{"":1}`,
	`[1, 2, "x"]`:                     `[1,2,"x"]`,
	`[true, false, null, {"x": [ ]}]`: `[true,false,null,{"x":[]}]`,
	`["a b", "\u00e9\/\"", "<&>"]`:    `["a b","\u00e9\/\"","<&>"]`,
	"{\"\u2028 long enough for a word\": [\"{ \\\\\" ]}": "{\"\u2028 long enough for a word\":[\"{ \\\\\"]}",

	// Text.
	`["\ud83d\udc0e"]`:             `["\ud83d\udc0e"]`,
	`["\uD83D\uDC0E\uD83D\uDC0E"]`: `["\uD83D\uDC0E\uD83D\uDC0E"]`,
	`["\\ud83d"]`:                  `["\\ud83d"]`,
	`["\u0000\u001f\u007f"]`:       `["\u0000\u001f\u007f"]`,
	`["\uffff\ufffe\ufeff"]`:       `["\uffff\ufffe\ufeff"]`,
	`["\ud7ff\ue000"]`:             `["\ud7ff\ue000"]`,
	"[\"\ufeff\u2028\u2029\u0085\x7f\ufffe\U0010ffff\"]": "[\"\ufeff\u2028\u2029\u0085\x7f\ufffe\U0010ffff\"]",

	// Numbers.
	`[ -0.50E+10 , 1e308, 1.0, 1E5, 1e-5 ]`:     `[-0.50E+10,1e308,1.0,1E5,1e-5]`,
	`[1.7976931348623157e308]`:                  `[1.7976931348623157e308]`,
	`[5e-324, 1e-400, 0e999, 0e99999999999999]`: `[5e-324,1e-400,0e999,0e99999999999999]`,
	`[0.1234567890123456789012345]`:             `[0.1234567890123456789012345]`,
	`[-0.0, -0e0, 0, -1]`:                       `[-0.0,-0e0,0,-1]`,
	`[9007199254740992, -9007199254740992]`:     `[9007199254740992,-9007199254740992]`,
	`[999999999999999, 9007199254740994]`:       `[999999999999999,9007199254740994]`,
	`[9223372036854775808]`:                     `[9223372036854775808]`,
	`[-9223372036854775808]`:                    `[-9223372036854775808]`,
	"[" + strings.Repeat("9", 308) + ".0]":      "[" + strings.Repeat("9", 308) + ".0]",

	// Keys.
	`{"a":{"a":1},"b":{"a":1}}`:       `{"a":{"a":1},"b":{"a":1}}`,
	`[{"a":1},{"a":1}]`:               `[{"a":1},{"a":1}]`,
	`{"a":1,"A":2,"\u00e4":3,"a ":4}`: `{"a":1,"A":2,"\u00e4":3,"a ":4}`,
	`{"\u0061":1,"\\u0061":2}`:        `{"\u0061":1,"\\u0061":2}`,
	object(manyKeys-1, false):         object(manyKeys-1, false),
	object(manyKeys, false):           object(manyKeys, false),
	object(manyKeys+1, false):         object(manyKeys+1, false),
	object(1000, false):               object(1000, false),

	// Depth.
	nested("[", maxDepth, "", "]"):      nested("[", maxDepth, "", "]"),
	nested("[", maxDepth, "1", "]"):     nested("[", maxDepth, "1", "]"),
	nested(`{"a":`, maxDepth, "1", "}"): nested(`{"a":`, maxDepth, "1", "}"),
}

// Messages that json.Valid lets pass, and one reader or another does not, or has
// another value for.
var disputed = []string{
	// Half a surrogate pair.
	`{"title":"cut in an emoji \ud83d"}`, `["\ud83d"]`, `["\udc0e"]`, `["\udc0e\ud83d"]`, `["\ud83d\ud83d\udc0e"]`, `["\ud83d\u0041"]`,
	`["\ud83d \udc0e"]`, `["\ud83d\n"]`, `["\uDBFF"]`, `["\uDFFF"]`, `["\uD800"]`, `{"\ud83d":1}`, `["\\\ud83d"]`,
	// Not UTF-8.
	"[\"\xff\"]", "[\"a\xc3\"]", "[\"\xed\xa0\x80\"]", "[\"\xc0\x80\"]", "[\"\xf4\x90\x80\x80\"]", "[\"\xe2\x82\"]", "{\"\xff\":1,\"\xfe\":2}",
	// Numbers.
	`[1e400]`, `[-1e309]`, `[1.7976931348623159e308]`, `[1e99999999999999999999]`, "[" + strings.Repeat("9", 310) + ".5]",
	`[-0]`, `{"a":-0}`, `[9007199254740993]`, `[-9007199254740993]`, `[1234567890123456789]`, `[9223372036854775807]`,
	`[18446744073709551615]`, `[18446744073709551616]`, `[-9223372036854775809]`, `[100000000000000000000]`, `[123456789012345678901234567890]`,
	// Keys that occur twice.
	`{"a": 1, "a": 2}`, `{"a":1,"a":1}`, `{"a":1,"\u0061":2}`, `{"\u0061":1,"a":2}`, `{"a":{"x":1},"a":{"y":2}}`, `{"":1,"":2}`, `{"b":[{"a":1,"a":null}]}`,
	`{"\/":1,"/":2}`, `{"\ud83d\udc0e":1,"🐎":2}`, `{"a":{"b":1},"c":2,"a":3}`,
	object(manyKeys-1, true), object(manyKeys, true), object(manyKeys+1, true), object(1000, true),
	// Depth.
	nested("[", 2000, "", "]"), nested(`{"a":`, 2000, "1", "}"), nested("[", 9000, "", "]"),
}

func TestAppendCompact(t *testing.T) {
	for in, want := range agreed {
		if got, ok := AppendCompact([]byte("x"), in); !ok || string(got) != "x"+want {
			t.Errorf("AppendCompact(%.200q) = %.200q, %t, want %.200q", in, got, ok, want)
		}
	}
	for _, in := range append([]string{
		"", " ", "{", "}", "[", "]", "5", "-1.50", "true", "null", `"quoted"`, "1e3", "text", "[INFO] text [x]",
		"[NaN]", "[Infinity]", "[-Infinity]", "[01]", "[1.]", "[.5]", "[+1]", "[1e]", "[-]", "[0x1]", "[1,]", "[,1]", "{,}",
		`{"a"}`, `{"a":}`, `{a:1}`, `{'a':1}`, `{"a":1,}`, `{"a":1 "b":2}`, `{1:2}`, `{} {}`, `[][]`, `{]`, `[}`, "[1\v]", "\u00a0[]",
		`["\x"]`, `["\u12"]`, `["\u12g4"]`, "[\"\n\"]", "[\"\x00\"]", `["]`, `["\"]`, `["\]`, "[tru]", "[truefalse]", "[nul]", "\ufeff[]",
		"[\x00]", "[1\x00]", "\v[1]", "\f[1]", "[1]\u2028", `["\ud83d\u"]`, `["\ud83d\udc0"]`,
		nested("[", maxDepth+1, "", "]"),
	}, disputed...) {
		if got, ok := AppendCompact([]byte("x"), in); ok || string(got) != "x" {
			t.Errorf("AppendCompact(%.200q) = %.200q, %t, want a refusal", in, got, ok)
		}
	}
}

// Somebody who reads into a struct has no last value.
func TestDuplicateKeysMerge(t *testing.T) {
	var got struct {
		A struct{ X, Y int }
	}
	if err := json.Unmarshal([]byte(`{"a":{"x":1},"a":{"y":2}}`), &got); err != nil || got.A.X != 1 || got.A.Y != 2 {
		t.Errorf("encoding/json no longer merges: %+v, %v: duplicates could be embedded", got, err)
	}
}

func TestAppendCompactAllocs(t *testing.T) {
	b := make([]byte, 0, 1<<16)
	for _, in := range []string{`{"order": "A-10045", "items": [{"sku": 1, "n": 2.5}, {"sku": 2, "n": -1e3}], "ok": true}`, "plain text", `["\ud83d"]`, `{"a":1,"a":2}`} {
		if n := testing.AllocsPerRun(100, func() { _, _ = AppendCompact(b[:0], in) }); n > 0 {
			t.Errorf("%s: %v allocations", in, n)
		}
	}
}

// TestReaders has Python's json and orjson judge the tables above.
func TestReaders(t *testing.T) {
	python := os.Getenv("ZAPCW_PYTHON")
	if python == "" {
		t.Skip("ZAPCW_PYTHON is not set: want the path of a Python that has orjson")
	}
	if out, err := exec.Command(python, "-c", "import orjson").CombinedOutput(); err != nil {
		t.Skipf("%s has no orjson: pip install orjson: %s", python, out)
	}
	type question struct {
		Message []byte // not all is UTF-8
		Agreed  bool
	}
	var all []question
	for in := range agreed {
		all = append(all, question{[]byte(in), true})
	}
	for _, in := range disputed {
		all = append(all, question{[]byte(in), false})
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join("testdata", "readers.py"))
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != fmt.Sprintf("%d judged\n", len(all)) {
		t.Errorf("%v\n%s", err, out)
	}
}

// readAlike is AppendCompact's verdict for what json.Valid lets pass, with the
// help of the library.
func readAlike(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	var value func(depth int) bool
	value = func(depth int) bool {
		if depth > maxDepth {
			return false
		}
		tok, err := dec.Token()
		if err != nil {
			return false
		}
		switch tok := tok.(type) {
		case json.Delim:
			seen := make(map[any]bool)
			for dec.More() {
				if tok == '{' {
					key, err := dec.Token()
					if err != nil || seen[key] {
						return false
					}
					seen[key] = true
				}
				if !value(depth + 1) {
					return false
				}
			}
			_, err := dec.Token()
			return err == nil
		case json.Number:
			return numberAlike(string(tok))
		}
		return true
	}
	return pairsOnly(s) && value(0)
}

var escapes = regexp.MustCompile(`\\(?:u[0-9a-fA-F]{4}|.)`)

// pairsOnly reports whether every half of a surrogate pair has its other half.
func pairsOnly(s string) bool {
	unit := func(text string) uint64 {
		n, _ := strconv.ParseUint(strings.TrimPrefix(text, `\u`), 16, 32)
		return n
	}
	all := escapes.FindAllStringIndex(s, -1)
	for i := 0; i < len(all); i++ {
		at := all[i]
		switch u := unit(s[at[0]:at[1]]); {
		case u >= 0xdc00 && u < 0xe000:
			return false
		case u >= 0xd800 && u < 0xdc00:
			if i++; i == len(all) || all[i][0] != at[1] {
				return false
			}
			if low := unit(s[all[i][0]:all[i][1]]); low < 0xdc00 || low >= 0xe000 {
				return false
			}
		}
	}
	return true
}

func numberAlike(text string) bool {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return false
	}
	i, isInteger := new(big.Int).SetString(text, 10)
	if !isInteger {
		return true
	}
	exact, _ := big.NewFloat(f).Int(nil)
	return text != "-0" && exact.Cmp(i) == 0 && (i.IsInt64() || i.IsUint64())
}

// FuzzAppendCompact compares with encoding/json.
func FuzzAppendCompact(f *testing.F) {
	for _, s := range []string{
		`{"a": [1, -2.5e3, true, null, "\u00e9\n"], "b": {}}`, ` [ ] `, `[NaN]`, `{"a":1,}`, "[\"\xff\"]", "5", `[01]`, `["` + "\t" + `"]`,
	} {
		f.Add(s)
	}
	for in := range agreed {
		f.Add(in)
	}
	for _, in := range disputed {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := AppendCompact(nil, s)
		trimmed := strings.Trim(s, space)
		want := json.Valid([]byte(s)) && trimmed != "" && (trimmed[0] == '{' || trimmed[0] == '[') && readAlike(s)
		if ok != want {
			t.Fatalf("AppendCompact(%q) says %t", s, ok)
		}
		if !ok {
			return
		}
		var buf bytes.Buffer
		if err := json.Compact(&buf, []byte(s)); err != nil || !bytes.Equal(buf.Bytes(), got) {
			t.Errorf("AppendCompact(%q) = %q, encoding/json has %q, %v", s, got, buf.Bytes(), err)
		}
	})
}
