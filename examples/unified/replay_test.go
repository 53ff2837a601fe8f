package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/zapcw/cwltest"
)

// inProcess is a replay to an embedded server in this process.
func inProcess(t *testing.T, text string) *replay {
	t.Helper()
	c := &command{group: defaultGroup, stream: "replay", stdin: strings.NewReader(text), stderr: os.Stderr}
	to, err := openService(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	in, err := openInput("-", c.stdin)
	if err != nil {
		t.Fatal(err)
	}
	r := newReplay(c, to, in)
	r.progress = &progress{}
	t.Cleanup(func() {
		if err := r.out.Close(); err != nil {
			t.Error(err)
		}
		to.close()
	})
	return r
}

func TestReplayInParts(t *testing.T) {
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "%d\n", i)
	}
	// A part does not end within a line.
	text.WriteString(strings.Repeat("x", maxPiece+1) + "\nend\n")
	r := inProcess(t, text.String())
	r.part = 300 << 10
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var report bytes.Buffer
	r.report(&report)
	if want := "all 5 parts are proven\n"; !strings.Contains(report.String(), want) {
		t.Errorf("no %q in\n%s", want, &report)
	}
	// The server holds the last part only.
	if got := r.stream.embedded.Messages(defaultGroup, "replay"); len(got) != 1 || got[0] != "end" {
		t.Errorf("%d events are left", len(got))
	}
}

func TestReplayStalled(t *testing.T) {
	r := inProcess(t, strings.Repeat(strings.Repeat("x", 1000)+"\n", 40_000)) // more than fits into memory
	r.stream.embedded.Fail(cwltest.Fault{Op: "PutLogEvents", Skip: 2, Code: "ThrottlingException", Message: "slowly"})
	r.stalled = 10 * time.Millisecond
	err := r.run(t.Context())
	want := r.stream.service.name + " takes nothing for 10ms: ThrottlingException: slowly"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestReplayReadError(t *testing.T) {
	r := inProcess(t, "")
	bad := errors.New("bad disk")
	r.in = newInput("disk", 0, io.MultiReader(strings.NewReader("a\nb"), errReader{bad}))
	if err := r.run(t.Context()); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestProof(t *testing.T) {
	var lines []string
	for i := range 2500 {
		lines = append(lines, fmt.Sprint("line ", i))
	}
	lines[1200] = strings.Repeat("x", maxText+5)
	sent := newRecord()
	for _, l := range lines {
		sent.add(l)
		sent.end()
	}
	sent.mark()

	// change returns the events of the stream after one was changed.
	change := func(f func([]string) []string) []string {
		long := lines[1200]
		return f(append(append(append([]string(nil), lines[:1200]...), long[:7], long[7:]), lines[1201:]...))
	}
	for _, tt := range []struct {
		name   string
		stream []string
		want   string
	}{
		{"as it was sent", change(func(s []string) []string { return s }), ""},
		{"changed", change(func(s []string) []string { s[2100] += "."; return s }), "lines 2001 to 2500 of the stream are not those that were sent"},
		{"swapped", change(func(s []string) []string { s[3], s[4] = s[4], s[3]; return s }), "lines 1 to 1000 of the stream are not those that were sent"},
		{"parts swapped", change(func(s []string) []string { s[1200], s[1201] = s[1201], "y"+s[1200]; return s }), "lines 1001 to 2000 of the stream are not those that were sent"},
		{"lost", change(func(s []string) []string { return append(s[:5:5], s[6:]...) }), "lines 1 to 1000 of the stream are not those that were sent"},
		{"doubled", change(func(s []string) []string { return append(s[:6:6], s[5:]...) }), "lines 1 to 1000 of the stream are not those that were sent"},
		{"split", change(func(s []string) []string { return append(append(s[:5:5], "line", " 5"), s[6:]...) }), "lines 1 to 1000 of the stream are not those that were sent"},
		{"short", change(func(s []string) []string { return s[:len(s)-2] }), "the stream has 2498 of 2500 lines"},
		{"empty", nil, "the stream has 0 of 2500 lines"},
		{"long", change(func(s []string) []string { return append(s, "more") }), errMore.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCheck(sent)
			var err error
			for _, e := range tt.stream {
				if err = c.event(e); err != nil {
					break
				}
			}
			if err == nil {
				err = c.done()
			}
			if got := fmt.Sprint(err); got != tt.want && !(err == nil && tt.want == "") {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestInputPieces(t *testing.T) {
	for _, tt := range []struct {
		name, text string
	}{
		{"letters", strings.Repeat("x", 3*maxPiece)},
		{"characters of three bytes", strings.Repeat("€", maxPiece)},
		{"no UTF-8", strings.Repeat("\x82\xff", maxPiece/2+5)},
		{"carriage returns", strings.Repeat("\r", 2*maxPiece+1) + "x"},
		{"exactly a piece", strings.Repeat("x", maxPiece)},
	} {
		for _, end := range []string{"", "\n", "\r\n"} {
			t.Run(fmt.Sprintf("%s%q", tt.name, end), func(t *testing.T) {
				in := newInput("", 0, strings.NewReader(tt.text+end))
				var got, texts strings.Builder
				for pieces := 0; ; pieces++ {
					l, err := in.next()
					if errors.Is(err, io.EOF) {
						if pieces == 0 {
							t.Error("no pieces")
						}
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					if l.cont != (pieces > 0) || l.crlf != (end == "\r\n" && !l.more) || len(l.text) > 2*maxPiece {
						t.Errorf("piece %d: %d bytes, %v, %v, %v", pieces, len(l.text), l.cont, l.more, l.crlf)
					}
					got.Write(l.text)
					s, _ := stored(l.text)
					texts.WriteString(s)
				}
				if got.String() != tt.text {
					t.Error("the pieces are not the line")
				}
				if whole, _ := stored([]byte(tt.text)); texts.String() != whole {
					t.Error("the pieces are stored differently from the line")
				}
			})
		}
	}
}

func TestPrintEvents(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 7e6, time.Local)
	events := []event{
		{at, "INFO: checkout: order received"},
		{at, `{"level":"ERROR","message":"no INFO"}`},
		{at, "shipping: no level"},
		{at, "CRITICAL: two\nlines\x1b[2J"},
	}
	for _, tt := range []struct {
		colour bool
		want   string
	}{
		{false, "04:05:06.007  INFO: checkout: order received\n" +
			"04:05:06.007  {\"level\":\"ERROR\",\"message\":\"no INFO\"}\n" +
			"04:05:06.007  shipping: no level\n" +
			"04:05:06.007  CRITICAL: two\n              lines\ufffd[2J\n"},
		{true, "\x1b[36m04:05:06.007  INFO: checkout: order received\x1b[0m\n" +
			"\x1b[31m04:05:06.007  {\"level\":\"ERROR\",\"message\":\"no INFO\"}\x1b[0m\n" +
			"04:05:06.007  shipping: no level\n" +
			"\x1b[1;31m04:05:06.007  CRITICAL: two\n              lines\ufffd[2J\x1b[0m\n"},
	} {
		var out bytes.Buffer
		printEvents(&out, events, tt.colour)
		if got := out.String(); got != tt.want {
			t.Errorf("colour %v: %q", tt.colour, got)
		}
	}
}
