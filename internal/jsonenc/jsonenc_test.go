package jsonenc

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"
	"go.uber.org/zap/zapcore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// zapEscape is what zap makes of s.
func zapEscape(t *testing.T, s string) string {
	t.Helper()
	enc := zapcore.NewJSONEncoder(zapcore.EncoderConfig{MessageKey: "m", SkipLineEnding: true})
	buf, err := enc.EncodeEntry(zapcore.Entry{Message: s}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer buf.Free()
	return strings.TrimSuffix(strings.TrimPrefix(buf.String(), `{"m":"`), `"}`)
}

func checkEscaped(t *testing.T, s string) {
	t.Helper()
	want := zapEscape(t, s)
	for _, room := range []int{0, len(s), 2*len(want) + 100} {
		if got := string(AppendEscaped(append(make([]byte, 0, 1+room), 'x'), s)); got != "x"+want {
			t.Errorf("AppendEscaped(%q) = %q with room for %d, want %q", s, got, room, "x"+want)
		}
	}
	bad := 0
	for i, r := range s {
		if _, n := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && n == 1 {
			bad++
		}
	}
	if _, n := AppendCounted(nil, s); n != bad {
		t.Errorf("AppendCounted(%q) found %d bytes that are not UTF-8, want %d", s, n, bad)
	}
	if got := string(appendQuoted([]byte("x"), s)); got != `x"`+want+`"` {
		t.Errorf("appendQuoted(%q) = %q, want %q", s, got, want)
	}
	if got, n := firstSpecial(s), len(s); got > n || got < n && plain[s[got]] {
		t.Errorf("firstSpecial(%q) = %d", s, got)
	}
}

// Every byte at every place of strings around the width of a word.
func TestAppendEscaped(t *testing.T) {
	for n := 0; n <= 20; n++ {
		for at := 0; at < n; at++ {
			for c := range 256 {
				s := []byte(strings.Repeat("a", n))
				s[at] = byte(c)
				checkEscaped(t, string(s))
			}
		}
	}
	for _, s := range []string{
		"", "žluťoučký kůň 🐎 日本語", "a\u2028b\u2029c <&>", `say "hi" \ 'there'`, "\xe2\x82", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "aaaaaaa\xff\xff", "aaaaaaaaé\xc3", strings.Repeat("\"", 40), strings.Repeat("é", 40), "\ufffd",
	} {
		checkEscaped(t, s)
	}
}

// TestAppendEscapedBlocks has what is special at every place of strings that are
// looked at in blocks, and all kinds of it side by side.
func TestAppendEscapedBlocks(t *testing.T) {
	for _, n := range []int{block + over - 1, block + over, block + over + 1, 2*block + over - 1, 2*block + over, 3 * block} {
		for at := range n {
			for _, c := range "\"\\\n\x00\x1f \x7f\x80\xff!#[]" {
				s := []byte(strings.Repeat("a", n))
				s[at] = byte(c)
				checkEscaped(t, string(s))
				s[n/2] = '"'
				checkEscaped(t, string(s))
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, letters := range []string{"\"", "\"\\", "a\"", "aaaa\"", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", "a\"\n", "aaaaaaaaaaaaaaaa\"é", "\"\xff\x00a"} {
		for range 2000 {
			s := make([]byte, r.IntN(4*block))
			for i := range s {
				s[i] = letters[r.IntN(len(letters))]
			}
			checkEscaped(t, string(s))
		}
	}
}

func FuzzAppendEscaped(f *testing.F) {
	for _, s := range []string{"", "plain text of some length", "tab\tquote\" \x01", "日本\xff語", "eight..\n", "\x7f\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkEscaped(t, s) })
}

func TestAppendTime(t *testing.T) {
	zones := []*time.Location{time.UTC, time.Local}
	for _, offset := range []int{3600, -3600, 5*3600 + 1800, -(3*3600 + 1800), 3208, -1, 59, -59, 14 * 3600, 359999, -359999, 360000, -1 << 20} {
		zones = append(zones, time.FixedZone("", offset))
	}
	for _, zone := range zones {
		for _, sec := range []int64{0, 1, -1, 1700000000, -62135596801, 253402300799, -62167219200, -62167219201, 253402300800, 1 << 40} {
			for _, nsec := range []int64{0, 1, 999999, 1e6, 123456789, 999999999} {
				v := time.Unix(sec, nsec).In(zone)
				want := `"` + v.Format(iso8601) + `"`
				if got := string(appendTime(nil, v, iso8601)); got != want {
					t.Errorf("%v: %s, want %s", v, got, want)
				}
			}
		}
	}
	// A layout may need escapes.
	if got := string(appendTime(nil, time.Unix(0, 0).UTC(), "2006\n\"")); got != `"1970\n\""` {
		t.Errorf("got %s", got)
	}
}

func TestAppendSeconds(t *testing.T) {
	check := func(ns int64) {
		t.Helper()
		want := strconv.FormatFloat(float64(ns)/float64(time.Second), 'f', -1, 64)
		if got := string(appendSeconds(nil, ns)); got != want {
			t.Fatalf("%d ns are %s s, want %s", ns, got, want)
		}
	}
	for p := int64(1); p < exact; p *= 10 {
		for d := int64(1); d < 10; d++ {
			check(p*d - 1)
			check(1 - p*d)
			check(min(p*d+1, exact-1))
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 1_000_000 {
		check(r.Int64N(2*exact-1) - exact + 1)
		check(r.Int64N(1_000_000) * 1000)
	}
}
