package streamname

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"
)

// TestMatch has names that patterns may have on a day, and how they begin.
func TestMatch(t *testing.T) {
	day := time.Date(2026, 1, 31, 23, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		pattern, name string
		want          bool
		prefix        string // of two days
	}{
		{"orders", "orders", true, "orders"},
		{"orders", "orders2", false, "orders"},
		{"orders-{date}", "orders-2026-01-31", true, "orders-2026-0"},
		{"orders-{date}", "orders-2026-01-30", false, "orders-2026-0"},
		{"orders-{date}", "orders-2026-01-31-b", false, "orders-2026-0"},
		{"{date}/{host}", "2026-01-31/a", true, "2026-0"},
		{"{date}/{host}", "2026-01-31/", false, "2026-0"},
		{"{host}-{date}", "a-b-2026-01-31", true, ""},
		{"{{{host}}}-{function}-x", "{a}-f-x-x", true, "{"},
		{"{{{host}}}-{function}-x", "{a}-f-y", false, "{"},
		{"{host}{host}", "a", false, ""},
		{"{host}é", "aé", true, ""},
	} {
		p, err := Parse(tt.pattern, true)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(tt.name, day); got != tt.want {
			t.Errorf("%s matches %s: %t, want %t", tt.pattern, tt.name, got, tt.want)
		}
		if got := p.Prefix(day, day.Add(2*time.Hour)); got != tt.prefix {
			t.Errorf("names of %s begin with %q, want %q", tt.pattern, got, tt.prefix)
		}
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var day = time.Date(2026, 1, 2, 23, 59, 59, 0, time.FixedZone("", -2*60*60)) // the 3rd in UTC

func TestName(t *testing.T) {
	for text, want := range map[string]string{
		"orders":                   "orders",
		"orders-{date}":            "orders-2026-01-03",
		"{date}/{host}":            "2026-01-03/web-1",
		"{{{host}}}-{{date}}":      "{web-1}-{date}",
		"{function}/{date}/{date}": "checkout/2026-01-03/2026-01-03",
	} {
		p, err := Parse(text, true)
		if err != nil {
			t.Errorf("Parse(%q) = %v", text, err)
			continue
		}
		if got := p.String(); got != text {
			t.Errorf("%q reads as %q", text, got)
		}
		if err := errors.Join(p.Set(Host, "web-1"), p.Set(Function, "checkout")); err != nil {
			t.Errorf("Set in %q = %v, want nil", text, err)
		}
		if got := p.Name(day); got != want {
			t.Errorf("name of %q = %q, want %q", text, got, want)
		}
	}
}

func TestUnknown(t *testing.T) {
	for text, want := range map[string]string{
		"{":          "{ at byte 0 is never closed: write {{ for a literal brace",
		"a}":         "} at byte 1 closes nothing: write }} for a literal brace",
		"{nope}":     "unknown placeholder {nope} at byte 0: known are {date} {host}",
		"{function}": "unknown placeholder {function} at byte 0: known are {date} {host}",
	} {
		if _, err := Parse(text, false); err == nil || err.Error() != want {
			t.Errorf("Parse(%q) = %v, want %s", text, err, want)
		}
	}
	if _, err := Parse("{nope}", true); err == nil || !strings.HasSuffix(err.Error(), "known are {date} {host} {function}") {
		t.Errorf("Parse of a text = %v, want {function} among what is known", err)
	}
}

func TestReplaced(t *testing.T) {
	long := strings.Repeat("ž", 600)
	for _, tt := range []struct{ text, host, want string }{
		{"{host}", "a:b*c", "a-b-c"},
		{"{host}", "a\xffb\ufffd", "a-b\ufffd"},
		{"{host}", "", "-"},
		{"{host}", "{date}", "{date}"},
		{"{host}", long, long[:2*512]},
		{"{host}-{date}-{host}", long, long[:2*250] + "-2026-01-03-" + long[:2*250]},
		{strings.Repeat("x", 511) + "{host}", "ab", strings.Repeat("x", 511) + "a"},
	} {
		p, err := Parse(tt.text, false)
		if err != nil {
			t.Fatal(err)
		}
		err = p.Set(Host, tt.host)
		var replaced *ReplacedError
		if got := errors.As(err, &replaced); got != (tt.host != "{date}") || got && replaced.Value != tt.host {
			t.Errorf("Set of %.20q = %v, want an error with that if it cannot stay", tt.host, err)
		}
		if got := p.Name(day); got != tt.want {
			t.Errorf("name with %.20q = %q, want %q", tt.host, got, tt.want)
		}
	}
}

// FuzzSet: whatever a host is called, the name is one that the service takes.
func FuzzSet(f *testing.F) {
	f.Add("{host}", "web-1")
	f.Add("{date}-{{}}-{host}-{host}", "a:b*c\xff")
	f.Add("{host}{function}", strings.Repeat("ž", 600))
	f.Fuzz(func(t *testing.T, text, host string) {
		p, err := Parse(text, true)
		if err != nil || text == "" || p.Least() > MaxLen || strings.ContainsAny(text, ":*") || !utf8.ValidString(text) {
			return
		}
		p.Set(Function, host)
		if again, err := Parse(p.String(), false); err != nil || again.Least() > MaxLen {
			t.Fatalf("%q with function %q is %q: %v", text, host, p.String(), err)
		}
		p.Set(Host, host)
		name := p.Name(day)
		if n := utf8.RuneCountInString(name); n < 1 || n > MaxLen || strings.ContainsAny(name, ":*") || !utf8.ValidString(name) {
			t.Errorf("%q with %q is %q, of %d characters", text, host, name, n)
		}
	})
}
