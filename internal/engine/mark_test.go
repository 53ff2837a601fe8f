package engine

import (
	"bytes"
	"strings"
	"testing"
)

func TestMarked(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"order placed", "order placed"},
		{"two\nlines", "two\n\tlines"},
		{"two\r\nlines", "two\r\n\tlines"},
		{"panic\n\tmain.go:7\n", "panic\n\t\tmain.go:7\n\t"},
		{"zapcw: mine", `\zapcw: mine`},
		{`\zapcw: mine`, `\\zapcw: mine`},
		{"\tindented", "\\\tindented"},
		{`\\server\share`, `\\server\share`},
		{"zapcw is fine", "zapcw is fine"},
		{"a\nzapcw: forged", "a\n\tzapcw: forged"},
		{"a\rzapcw: forged", "a\r\tzapcw: forged"},
		{"a\r\tzapcw: forged", "a\r\t\tzapcw: forged"},
		{"50 %\r60 %", "50 %\r60 %"},
		{"a\u2028zapcw: forged", "a\u2028\tzapcw: forged"},
		{"a\u0085zapcw: forged", "a\u0085\tzapcw: forged"},
		{`{"message":"` + "a\u2028b" + `"}`, `{"message":"` + "a\u2028b" + `"}`},
	} {
		got := string(AppendMarked([]byte("before|"), []byte(tt.text)))
		if got != "before|"+tt.want {
			t.Errorf("%q is written as %q, want %q", tt.text, got[len("before|"):], tt.want)
		}
		if got := string(Unmark([]byte(tt.want))); got != tt.text {
			t.Errorf("%q is read as %q, want %q", tt.want, got, tt.text)
		}
	}
}

func FuzzMarked(f *testing.F) {
	f.Add([]byte("a\nzapcw: b\r\tzapcw: c\u2028zapcw: d"))
	f.Add([]byte("\\\\zapcw: \\\t"))
	f.Fuzz(func(t *testing.T, text []byte) {
		marked := AppendMarked(nil, text)
		if got := Unmark(marked); !bytes.Equal(got, text) {
			t.Fatalf("%q is written as %q and read as %q", text, marked, got)
		}
		for line := range strings.FieldsFuncSeq(string(marked), func(r rune) bool {
			return strings.ContainsRune("\n\v\f\r\x1c\x1d\x1e\u0085\u2028\u2029", r)
		}) {
			if strings.HasPrefix(line, ours) {
				t.Fatalf("%q has a line %q that looks like ours", marked, line)
			}
		}
		for i, line := range bytes.Split(marked, []byte("\n")) {
			if i > 0 != bytes.HasPrefix(line, []byte("\t")) {
				t.Fatalf("line %d of %q: want a tab before every one but the first", i, marked)
			}
		}
	})
}

func TestOneLine(t *testing.T) {
	got := oneLine("a\nb\x1b[31mred\x00\r\u2028\u202e\xff é")
	if want := "a b\ufffd[31mred\ufffd  \ufffd\ufffd é"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
