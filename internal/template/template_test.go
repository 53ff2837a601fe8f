package template

import (
	"go.uber.org/goleak"
	"slices"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var known = []string{"a", "bc"}

func TestParse(t *testing.T) {
	for in, want := range map[string][]Segment{
		"":               nil,
		"text":           {{"text", Literal}},
		"{a}":            {{"a", 0}},
		"{a}{bc}":        {{"a", 0}, {"bc", 1}},
		"x{bc}y{a}z":     {{"x", Literal}, {"bc", 1}, {"y", Literal}, {"a", 0}, {"z", Literal}},
		"{{}}":           {{"{}", Literal}},
		"{{a}}":          {{"{a}", Literal}},
		"{{{a}}}":        {{"{", Literal}, {"a", 0}, {"}", Literal}},
		"x{{y}}z":        {{"x{y}z", Literal}},
		"%(a)s → \x00":   {{"%(a)s → \x00", Literal}},
		"{a}\xff{{{a}":   {{"a", 0}, {"\xff{", Literal}, {"a", 0}},
		"{{{{a}}}}{a}}}": {{"{{a}}", Literal}, {"a", 0}, {"}", Literal}},
	} {
		got, err := Parse(in, known)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("Parse(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for in, want := range map[string]string{
		"{x}":     "unknown placeholder {x} at byte 0: known are {a} {bc}",
		"→{b} ":   "unknown placeholder {b} at byte 3: known are {a} {bc}",
		"{}":      "unknown placeholder {} at byte 0: known are {a} {bc}",
		"{ a }":   "unknown placeholder { a } at byte 0: known are {a} {bc}",
		"{A}":     "unknown placeholder {A} at byte 0: known are {a} {bc}",
		"{a:>8}":  "unknown placeholder {a:>8} at byte 0: known are {a} {bc}",
		"{a!r}":   "unknown placeholder {a!r} at byte 0: known are {a} {bc}",
		"{a[0]}":  "unknown placeholder {a[0]} at byte 0: known are {a} {bc}",
		"{a.b}":   "unknown placeholder {a.b} at byte 0: known are {a} {bc}",
		"{a":      "{ at byte 0 is never closed: write {{ for a literal brace",
		"{a}{":    "{ at byte 3 is never closed: write {{ for a literal brace",
		"{a {bc}": "{ at byte 0 is never closed: write {{ for a literal brace",
		"x} ":     "} at byte 1 closes nothing: write }} for a literal brace",
		"{a}}":    "} at byte 3 closes nothing: write }} for a literal brace",
		"{{a}":    "} at byte 3 closes nothing: write }} for a literal brace",
	} {
		if got, err := Parse(in, known); err == nil || err.Error() != want || got != nil {
			t.Errorf("Parse(%q) = %v, %v, want %s", in, got, err, want)
		}
	}
}

func TestIsLabel(t *testing.T) {
	labels := []string{"#one", "#two"}
	for s, want := range map[string]bool{
		"#one": true, "#three": true, "#ONE": true, "#one ": true, "# two\n": true, "#größe-2_x": true, "#1": true,
		"": false, "#": false, "##": false, "one": false, " #one": false, "#three ": false, "#one: ": false,
		"# ": false, "#{a}": false, "#one {a}": false, "#→": false,
	} {
		if got := IsLabel(s, labels); got != want {
			t.Errorf("IsLabel(%q) = %t", s, got)
		}
	}
}

// What was read can be written again, and reads the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "{a}: {bc}", "{{{a}}}", "{", "}", "{{}}", "x{a", "{a{bc}}", "\xff{\xff}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		segs, err := Parse(s, known)
		if err != nil {
			return
		}
		var out strings.Builder
		for i, seg := range segs {
			if seg.Known != Literal {
				if seg.Text != known[seg.Known] {
					t.Fatalf("segment %d of %q: %v", i, s, seg)
				}
				out.WriteString("{" + seg.Text + "}")
				continue
			}
			if seg.Text == "" || i > 0 && segs[i-1].Known == Literal {
				t.Fatalf("segment %d of %q: %v", i, s, segs)
			}
			out.WriteString(strings.NewReplacer("{", "{{", "}", "}}").Replace(seg.Text))
		}
		if out.String() != s {
			t.Errorf("%q reads as %v, which is %q", s, segs, out.String())
		}
	})
}
