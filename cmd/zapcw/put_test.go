package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/zapcw/cwltest"
)

// putArgs are those of a put to s.
func putArgs(s *cwltest.Server, args ...string) []string {
	return append([]string{"put", "-group", "/acme/prod", "-stream", "orders", "-endpoint", s.URL()}, args...)
}

func TestPut(t *testing.T) {
	t.Parallel()
	first, second := writeFile(t, lines(3000)), writeFile(t, "é\n"+strings.Repeat("x", 3<<20)+"\nend")
	s := newServer(t)
	r := run(t, strings.NewReader("from standard input\n"), putArgs(s, first, "-", second)...)
	if r.status != 0 || r.stderr != "" {
		t.Fatalf("status %d, stderr %q", r.status, r.stderr)
	}
	sum := sha256.Sum256([]byte(lines(3000) + "from standard input\n" + "é\n" + strings.Repeat("x", 3<<20) + "\nend"))
	for _, want := range []string{
		": 3,004 lines, 3.2 MB, into stream orders of /acme/prod\n",
		"\n1 line is longer than an event may be, and split\n",
		"\naccepted 3,007, delivered 3,007; ",
		"\nproven: all 3,004 lines are in the stream, in order\n",
		fmt.Sprintf("\n  %x\n", sum),
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in\n%s", want, r.stdout)
		}
	}
	got := s.Messages("/acme/prod", "orders")
	if len(got) != 3007 || got[3000] != "from standard input" || got[3006] != "end" {
		t.Errorf("the stream has %d events", len(got))
	}
}

// TestPutBraces has a stream whose name is one literally.
func TestPutBraces(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := run(t, strings.NewReader("hello\n"), putArgs(s, "-stream", "orders{}")...)
	if r.status != 0 || !strings.Contains(r.stdout, "\nproven: ") || len(s.Messages("/acme/prod", "orders{}")) != 1 {
		t.Errorf("status %d, stderr %q, stdout %q, want a line proven to be in stream orders{}", r.status, r.stderr, r.stdout)
	}
}

// TestPutDays has events go to the streams of their days, and reads them back there.
func TestPutDays(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var input strings.Builder
	want := make(map[string][]string)
	now := time.Now().UTC()
	for i := range 100 {
		at := now.Add(-time.Duration(i%5) * 24 * time.Hour).Add(-time.Duration(i) * time.Minute)
		line := fmt.Sprintf(`{"timestamp":%q,"message":"%d"}`, at.Format(time.RFC3339Nano), i)
		fmt.Fprintln(&input, line)
		stream := "orders-" + at.Format(time.DateOnly)
		want[stream] = append(want[stream], line)
	}
	r := run(t, strings.NewReader(input.String()), putArgs(s, "-stream", "orders-{date}", "-json")...)
	if r.status != 0 || r.stderr != "" || !strings.Contains(r.stdout, "into stream orders-{date} of /acme/prod\n") || !strings.Contains(r.stdout, "\nproven: all 100 lines are in the stream, each with its own time\n") {
		t.Errorf("%+v", r)
	}
	for stream, lines := range want {
		slices.Sort(lines) // by time
		if got := s.Messages("/acme/prod", stream); !slices.Equal(got, lines) {
			t.Errorf("%s has %d lines, %.200q, want %d, %.200q", stream, len(got), got, len(lines), lines)
		}
	}
	again := run(t, nil, tailArgs(s, "-stream", "orders-{date}", "-since", "240h")...)
	if again.status != 0 || strings.Count(again.stdout, "\n") != 100 {
		t.Errorf("tail: %+v, want 100 lines", again)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	r = run(t, strings.NewReader("a line\n"), putArgs(s, "-stream", "{host}-{date}")...)
	if r.status != 0 || !strings.Contains(r.stdout, "\nproven: its line is in the stream, in order\n") {
		t.Errorf("%+v", r)
	}
	if got := s.Messages("/acme/prod", host+"-"+now.Format(time.DateOnly)); len(got) != 1 && now.Day() == time.Now().UTC().Day() {
		t.Errorf("the stream of this host has %q, want a line", got)
	}
}

// TestPutPipe has events in the stream while the pipe is open.
func TestPutPipe(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r, w := io.Pipe()
	cmd := program(t, r, putArgs(s)...)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		fmt.Fprintln(w, "line", i)
		await(t, func() bool { return len(s.Messages("/acme/prod", "orders")) == i+1 })
	}
	w.Close()
	if err := cmd.Wait(); err != nil || !strings.Contains(stdout.String(), "\nproven: all 3 lines are in the stream, in order\n") {
		t.Errorf("%v\n%s", err, &stdout)
	}
}

// await returns when it is so.
func await(t *testing.T, so func() bool) {
	t.Helper()
	for !so() {
		if t.Context().Err() != nil {
			t.Fatal("it never was")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestPutPipeLater is there before the server, and keeps what comes in.
func TestPutPipeLater(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Fail(cwltest.Fault{Times: 3, Code: "ServiceUnavailableException", Message: "not yet"})
	r := run(t, strings.NewReader("a\n"), putArgs(s)...)
	if want := "zapcw put: " + s.URL() + ": ServiceUnavailableException: not yet; lines are kept until it answers\n"; r.status != 0 || !strings.HasPrefix(r.stderr, want) {
		t.Errorf("status %d, stderr %q, want %q", r.status, r.stderr, want)
	}
	if got := s.Messages("/acme/prod", "orders"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the stream is %q", got)
	}
}

// TestPutJSON replays a fallback of the JSON encoder with its own times.
func TestPutJSON(t *testing.T) {
	t.Parallel()
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	stamp := func(s int) string {
		return at.Add(time.Duration(s) * time.Second).Format("2006-01-02T15:04:05.000Z07:00")
	}
	text := strings.Join([]string{
		`zapcw: put 1 event to /acme/prod/orders: AccessDeniedException: 1 event is below`,
		`{"timestamp":"` + stamp(20) + `","level":"CRITICAL","location":"shipping.ship:12","message":"crashed","order":"A-1003"}`,
		`zapcw: put 2 events to /acme/prod/orders: …`,
		`{"timestamp":"` + stamp(10) + `","level":"INFO","message":"before"}`,
		`no JSON, of the same time`,
		fmt.Sprintf(`{"level":"info","ts":%d.5,"msg":"by zap"}`, at.Unix()+15),
	}, "\n") + "\n"
	s := newServer(t)
	r := run(t, nil, putArgs(s, "-json", writeFile(t, text))...)
	if r.status != 0 || r.stderr != "" || !strings.Contains(r.stdout, "\nproven: all 4 lines are in the stream, each with its own time\n") {
		t.Fatalf("%+v", r)
	}
	in := strings.Split(text, "\n")
	var got []string
	for _, e := range s.Events("/acme/prod", "orders") {
		got = append(got, fmt.Sprint(e.Timestamp-at.UnixMilli(), " ", e.Message))
	}
	if want := []string{"10000 " + in[3], "10000 " + in[4], "15500 " + in[5], "20000 " + in[1]}; !slices.Equal(got, want) {
		t.Errorf("the stream is %q, want %q", got, want)
	}
}

// TestPutFallback reads events of several lines.
func TestPutFallback(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	text := "zapcw: memory full: not delivered, and written below\nERROR: checkout: no\n\tgoroutine 1\n\t\tmain.go:12\n\n\tzapcw: not a line of its own\nINFO: one\n\\zapcw: an event's\nzapcw: the end\n"
	r := run(t, nil, putArgs(s, "-fallback", writeFile(t, text))...)
	if r.status != 0 || r.stderr != "" || !strings.Contains(r.stdout, "\nproven: all 4 lines are in the stream, in order\n") {
		t.Errorf("%+v", r)
	}
	want := []string{"ERROR: checkout: no\ngoroutine 1\n\tmain.go:12", "\nzapcw: not a line of its own", "INFO: one", "zapcw: an event's"}
	if got := s.Messages("/acme/prod", "orders"); !slices.Equal(got, want) {
		t.Errorf("the stream is %q, want %q", got, want)
	}
}

// TestPutFallbackCRLF tells all the reasons why the bytes are others.
func TestPutFallbackCRLF(t *testing.T) {
	t.Parallel()
	r := run(t, nil, putArgs(newServer(t), "-fallback", writeFile(t, "INFO: one\r\n\ttwo\n"))...)
	if want := "since not all of it was sent as it is, and\n1 line ends in CRLF (sent without).\n"; r.status != 0 || !strings.HasSuffix(r.stdout, want) {
		t.Errorf("%+v", r)
	}
}

// TestPutRejected writes what was rejected to standard error, delivers the rest, and fails.
func TestPutRejected(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	old := `{"timestamp":"2020-01-02T15:04:05.000Z","message":"old"}`
	r := run(t, nil, putArgs(s, "-json", writeFile(t, old+"\nnew\n{\"time\":\""+time.Now().Format(time.RFC3339Nano)+"\"}\n"))...)
	lines := strings.Split(r.stderr, "\n")
	if r.status != 1 || len(lines) != 5 || !strings.HasPrefix(lines[0], "zapcw: ") || lines[1] != old ||
		!strings.HasPrefix(lines[3], "zapcw put: 2 of 3 events were not delivered") {
		t.Errorf("status %d, stderr %q", r.status, lines)
	}
	if got := s.Messages("/acme/prod", "orders"); len(got) != 1 {
		t.Errorf("the stream is %q", got)
	}
	if !strings.Contains(r.stdout, "\naccepted 3, delivered 1, rejected 2; ") {
		t.Errorf("stdout is\n%s", r.stdout)
	}
}

// TestPutDenied ends early: the file has the rest.
func TestPutDenied(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", Message: "not with this key"})
	r := run(t, nil, putArgs(s, writeFile(t, lines(200_000)))...)
	if r.status != 1 || r.stdout != "" || !strings.HasSuffix(r.stderr, " were not delivered: AccessDeniedException: not with this key\n") {
		t.Errorf("status %d, stdout %q, stderr ends with %q", r.status, r.stdout, r.stderr[max(0, len(r.stderr)-300):])
	}
}

// TestPutWithoutRead proves nothing, and delivers.
func TestPutWithoutRead(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Fail(cwltest.Deny("logs:GetLogEvents"))
	r := run(t, nil, putArgs(s, writeFile(t, "a\n"))...)
	if r.status != 0 || r.stderr != "" || !strings.Contains(r.stdout, "\nnot proven, since the stream cannot be read: ") {
		t.Errorf("%+v", r)
	}
	r = run(t, nil, putArgs(s, "-proof=false", writeFile(t, "a\n"))...)
	if r.status != 0 || strings.Contains(r.stdout, "proven") {
		t.Errorf("%+v", r)
	}
}

func TestPutGivesUp(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "ThrottlingException", Message: "slowly"})
	r := run(t, nil, putArgs(s, "-wait", "100ms", writeFile(t, "a\n"))...)
	if want := "zapcw put: " + s.URL() + " takes nothing for 100ms: ThrottlingException: slowly\n"; r.status != 1 || !strings.HasSuffix(r.stderr, want) {
		t.Errorf("status %d, stderr %q, want %q", r.status, r.stderr, want)
	}
}

// TestPutInterrupted delivers what it has read.
func TestPutInterrupted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no signals on windows")
	}
	s := newServer(t)
	pr, pw := io.Pipe()
	cmd := program(t, pr, putArgs(s)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(pw, "one\ntwo")
	await(t, func() bool { return len(s.Messages("/acme/prod", "orders")) == 2 })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	state, err := cmd.Process.Wait()
	if err != nil {
		t.Fatal(err)
	}
	pw.Close()
	_ = cmd.Wait() // for its goroutines
	if want := "zapcw put: interrupted: 2 events read and delivered\n"; state.ExitCode() != 1 || stderr.String() != want {
		t.Errorf("%v, stderr %q, want %q", state, stderr.String(), want)
	}
}
