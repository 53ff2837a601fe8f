package main

import (
	"bufio"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/remote"
)

// at puts an event with a time.
func at(t *testing.T, s *cwltest.Server, when time.Time, text string) {
	t.Helper()
	s.CreateStream("/acme/prod", "orders")
	if _, err := s.Client().PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: aws.String("/acme/prod"), LogStreamName: aws.String("orders"),
		LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(when.UnixMilli()), Message: &text}},
	}); err != nil {
		t.Fatal(err)
	}
}

func tailArgs(s *cwltest.Server, args ...string) []string {
	return append([]string{"tail", "-group", "/acme/prod", "-stream", "orders", "-endpoint", s.URL()}, args...)
}

func TestTail(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	at(t, s, now, "third")
	at(t, s, now.Add(-time.Hour), "first")
	at(t, s, now.Add(-5*time.Minute), "second\nline")
	form := func(d time.Duration) string { return now.Add(d).Format("2006-01-02T15:04:05.000Z ") }
	first, rest := form(-time.Hour)+"first\n", form(-5*time.Minute)+"second\nline\n"+form(0)+"third\n"
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, rest},
		{[]string{"-since", "2h"}, first + rest},
		{[]string{"-since", "0"}, first + rest},
		{[]string{"-since", "1m"}, form(0) + "third\n"},
	} {
		if r := run(t, nil, tailArgs(s, tt.args...)...); r != (result{stdout: tt.want}) {
			t.Errorf("%q: %+v, want %q", tt.args, r, tt.want)
		}
	}
}

// TestTailMany reads more than a page, once each.
func TestTailMany(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if r := run(t, strings.NewReader(lines(30_000)), putArgs(s, "-proof=false")...); r.status != 0 {
		t.Fatalf("%+v", r)
	}
	r := run(t, nil, tailArgs(s)...)
	var got strings.Builder
	for line := range strings.Lines(r.stdout) {
		_, text, _ := strings.Cut(line, " ")
		got.WriteString(text)
	}
	if r.status != 0 || got.String() != lines(30_000) {
		t.Errorf("status %d, stderr %q, %d lines", r.status, r.stderr, strings.Count(r.stdout, "\n"))
	}
}

// TestTailFollow waits for the stream, prints what comes in, also what comes late, and ends
// well at Ctrl-C.
func TestTailFollow(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no signals on windows")
	}
	s := newServer(t)
	cmd := program(t, nil, tailArgs(s, "-f")...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	next := func() string {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		return text
	}
	await(t, func() bool { return s.Stats().Calls["FilterLogEvents"] > 1 })
	now := time.Now()
	var got []string
	at(t, s, now, "a")
	got = append(got, next())
	at(t, s, now, "b")
	got = append(got, next())
	at(t, s, now.Add(-time.Minute), "late")
	got = append(got, next())
	// Two processes, of which the slower one was first: in order of time.
	now = time.Now()
	at(t, s, now.Add(time.Millisecond), "d")
	at(t, s, now, "c")
	got = append(got, next(), next())
	if want := []string{"a", "b", "late", "c", "d"}; !slices.Equal(got, want) {
		t.Errorf("it printed %q, want %q", got, want)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestPrinter keeps what is in events from the terminal.
func TestPrinter(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := printer{to: &out, columns: true}
	p.painter.Zone = time.UTC
	text := "INFO: checkout: \x1b[2J\x07one\r\u202etwo\t{\"a\": \"b\"}\n\x9b31m"
	if err := p.print([]remote.Event{{Timestamp: time.Date(2026, 1, 2, 15, 4, 5, 6e6, time.UTC).UnixMilli(), Text: text}}); err != nil {
		t.Fatal(err)
	}
	want := "15:04:05.006  INFO     checkout  \ufffd[2J\ufffdone\ufffd\ufffdtwo  a=b\n" + strings.Repeat(" ", 33) + "\ufffd31m\n"
	if got := out.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
