package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/terminal"
)

const (
	maxText  = 1<<20 - 26 // of one event
	maxPiece = 8 << 20    // more than is held of one line
)

// envMain makes the test binary the program: "main" is the program itself,
// "run" all but its signals, and then what runs still is told.
const envMain = "UNIFIED_TEST"

func TestMain(m *testing.M) {
	switch mode := os.Getenv(envMain); {
	case mode == "":
		goleak.VerifyTestMain(m)
	case mode == "main" || os.Getenv(envFunction) != "":
		main()
	default:
		status := run(context.Background(), os.Args[1:])
		// Connections to a server that lives on may be kept for it.
		if err := goleak.Find(
			goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
			goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 99
		}
		os.Exit(status)
	}
}

// program is the command, to be run with stdin and args.
func program(t *testing.T, mode string, stdin io.Reader, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stdin = stdin
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWS_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, envMain+"="+mode,
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
	return cmd
}

// result is what a run leaves.
type result struct {
	stdout, stderr string
	status         int
}

func runProgram(t *testing.T, stdin io.Reader, args ...string) result {
	t.Helper()
	return finish(t, program(t, "run", stdin, args...))
}

func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func (r result) lines() []string { return strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n") }

func newServer(t *testing.T) *cwltest.Server {
	t.Helper()
	s := cwltest.NewServer(t)
	s.URL()
	return s
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	cmd := program(t, "run", nil)
	// Nothing of a user's set-up may matter.
	cmd.Env = append(cmd.Env, "AWS_PROFILE=nobody", "AWS_CONFIG_FILE=/nowhere", "AWS_ENDPOINT_URL=http://127.0.0.1:1",
		"AWS_USE_FIPS_ENDPOINT=true", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", "AWS_REGION=eu-west-9", "HTTP_PROXY=http://127.0.0.1:1")
	r := finish(t, cmd)
	if r.status != 0 || r.stderr != "" {
		t.Fatalf("status %d, stderr %q", r.status, r.stderr)
	}
	if strings.Contains(r.stdout, "\x1b") {
		t.Error("colours, although this is no terminal")
	}
	if want := "Three processes took orders and logged into one stream, orders of /acme/prod:\n\n"; !strings.HasPrefix(r.stdout, want) {
		t.Fatalf("output is\n%s", r.stdout)
	}
	for _, line := range r.lines() {
		if n := len([]rune(line)); n > width {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	n := checkStory(t, r.stdout)
	for _, want := range []string{
		"── the service is down ──", "── the service is back",
		fmt.Sprintf("\ntogether  accepted %d, delivered %d; ", n, n),
		", and 4 puts with it. Nothing is lost: all " + fmt.Sprint(n) + " events\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in\n%s", want, r.stdout)
		}
	}
}

// checkStory checks what is printed of the stream, and returns how many events it has.
func checkStory(t *testing.T, out string) int {
	t.Helper()
	event := regexp.MustCompile(`^(\d\d:\d\d:\d\d\.\d{3})  ([A-Z]+) +(checkout|payment|shipping) +\S`)
	var (
		stamps []string
		words  strings.Builder // of events, whatever the lines
	)
	for line := range strings.Lines(out) {
		switch m := event.FindStringSubmatch(line); {
		case m != nil:
			stamps = append(stamps, m[1])
			words.WriteString(m[2] + " " + strings.TrimSpace(line[len("15:04:05.000  LEVEL____"):]) + " ")
		case strings.HasPrefix(line, "                    "):
			words.WriteString(strings.TrimSpace(line) + " ")
		}
	}
	if len(stamps) < 15 || !slices.IsSorted(stamps) && stamps[0] < "23:59:50" {
		t.Errorf("times are %q", stamps)
	}
	all := strings.Join(strings.Fields(words.String()), " ")
	last := -1
	for _, want := range []string{
		"INFO checkout placeOrder: order received order=A-1001 items=2 total=\"59.90 EUR\" ",
		"DEBUG checkout reserve: stock reserved order=A-1001 ",
		"INFO checkout placeOrder: on to payment order=A-1001 ",
		"WARNING payment gateway does not answer, trying again order=A-1001 attempt=1 after=25ms (functions.go:",
		"INFO payment card charged order=A-1001 total=\"59.90 EUR\" ",
		"ERROR payment no payment order=A-1002 error=\"card declined: limit exceeded\" ",
		"INFO shipping picking order=A-1003 items=1 ",
		"CRITICAL shipping shipping crashed order=A-1003 panic=\"runtime error: invalid memory address or nil pointer dereference\" (ship:",
	} {
		i := strings.Index(all, want)
		if i <= last {
			t.Errorf("%q is at %d, after %d in\n%s", want, i, last, all)
		}
		last = i
	}
	return len(stamps)
}

func TestFunctionsElsewhere(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	want := 0
	// Twice into the same stream: a run shows only what is its own.
	for range 2 {
		r := runProgram(t, nil, "-endpoint", s.URL(), "-group", "/acme/prod", "-stream", "orders")
		if r.status != 0 || r.stderr != "" {
			t.Fatalf("status %d, stderr %q", r.status, r.stderr)
		}
		n := checkStory(t, r.stdout)
		stored := s.Messages("/acme/prod", "orders")[want:]
		want += len(stored)
		if len(stored) != n {
			t.Errorf("%d events are stored, %d are printed", len(stored), n)
		}
		if strings.Contains(r.stdout, "service") || !strings.Contains(r.stdout, "\nNothing is lost: ") {
			t.Errorf("no outage was made, and the output is\n%s", r.stdout)
		}
		// Each function logs in its own form.
		if all := strings.Join(stored, "\n"); !regexp.MustCompile(`(?m)^WARNING: payment: \[unified/functions\.go:\d+\] gateway`).MatchString(all) ||
			!strings.Contains(all, "INFO: checkout: placeOrder: order received\t{") || !strings.Contains(all, `{"level":"CRITICAL","location":"shipping.ship:`) {
			t.Errorf("the stream has\n%s", all)
		}
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 3<<19) // 3 MiB
	whole := strings.Repeat("x", maxText)
	var many strings.Builder
	for i := range 25_000 {
		fmt.Fprintf(&many, "%d: GET /orders/%d\n", i, i*i)
	}
	for _, tt := range []struct {
		name, in string
		lines    int
		odd      [4]int // empty, CRLF, long, not UTF-8
		want     []string
	}{
		{name: "empty file"},
		{name: "one empty line", in: "\n", lines: 1, odd: [4]int{1, 0, 0, 0}, want: []string{" "}},
		{name: "plain", in: "a\nb\nc\n", lines: 3, want: []string{"a", "b", "c"}},
		{name: "no newline at the end", in: "a\nb", lines: 2, want: []string{"a", "b"}},
		{name: "carriage returns", in: "a\r\n\r\nb\r\r\nc\rd\ne\r", lines: 5, odd: [4]int{1, 3, 0, 0}, want: []string{"a", " ", "b\r", "c\rd", "e\r"}},
		{name: "empty lines", in: "\n\na\n \n\n", lines: 5, odd: [4]int{3, 0, 0, 0}, want: []string{" ", " ", "a", " ", " "}},
		{name: "not UTF-8", in: "\xff\xfea\n\xe2\x82\nb\xc0", lines: 3, odd: [4]int{0, 0, 0, 3}, want: []string{"\ufffd\ufffda", "\ufffd\ufffd", "b\ufffd"}},
		{name: "looks like JSON", in: "{\"a\": 1 }\n%s {level}\n\x00\x1b[31m\t\n", lines: 3, want: []string{"{\"a\": 1 }", "%s {level}", "\x00\x1b[31m\t"}},
		{name: "as long as an event", in: whole + "\n", lines: 1, want: []string{whole}},
		{name: "one too long", in: whole + "y\nz\n", lines: 2, odd: [4]int{0, 0, 1, 0}},
		{name: "3 MiB", in: "a\n" + long + "\r\nb\n", lines: 3, odd: [4]int{0, 1, 1, 0}},
		{name: "long only as U+FFFD", in: strings.Repeat("\xff", maxText/2) + "\n", lines: 1, odd: [4]int{0, 0, 1, 1}},
		{name: "longer than a piece", in: strings.Repeat("é", maxPiece+7) + "\n\n", lines: 2, odd: [4]int{1, 0, 1, 0}},
		{name: "many", in: many.String(), lines: 25_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "app.log")
			if err := os.WriteFile(file, []byte(tt.in), 0o600); err != nil {
				t.Fatal(err)
			}
			s := newServer(t)
			for _, r := range []result{
				runProgram(t, nil, "-in", file),
				runProgram(t, strings.NewReader(tt.in), "-in", "-"),
				runProgram(t, nil, "-in", file, "-endpoint", s.URL(), "-stream", "replay"),
			} {
				if r.status != 0 || r.stderr != "" {
					t.Fatalf("status %d, stderr %q", r.status, r.stderr)
				}
				checkReport(t, r.stdout, tt.in, tt.lines, tt.odd)
			}
			if got := s.Messages(defaultGroup, "replay"); tt.want != nil && !slices.Equal(got, tt.want) {
				t.Errorf("the stream is %.1000q", got)
			}
		})
	}
}

// checkReport checks what is said of a replay.
func checkReport(t *testing.T, out, in string, lines int, odd [4]int) {
	t.Helper()
	// What is zero is not told.
	for i, want := range []string{"empty (sent as a space)", "in CRLF (sent without)", "longer than an event may be, and split", "not UTF-8 (sent with U+FFFD)"} {
		if got := strings.Contains(out, want); got != (odd[i] > 0) {
			t.Errorf("%q is there: %v, with %d of them in\n%s", want, got, odd[i], out)
		}
	}
	number := terminal.Count(lines, "line")
	proof := "\nproven: all " + number + " are in the stream, in order\n"
	switch lines {
	case 0:
		proof = "there was nothing to send\n"
	case 1:
		proof = "\nproven: its line is in the stream, in order\n"
	}
	for _, want := range []string{": " + number + ", ", proof} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	// Where all bytes were sent, the sum is that of the file.
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(in)))
	same := odd[0]+odd[1]+odd[3] == 0 && lines > 0
	if strings.Contains(out, sum) != same || strings.Contains(out, "sha256sum") != same {
		t.Errorf("%s is to be told: %v, in\n%s", sum, same, out)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing := filepath.Join(dir, "app.log")
	page := newServer(t)
	page.Fail(cwltest.Fault{Status: 404, Body: "<html>", ContentType: "text/html"})
	denied := newServer(t)
	denied.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", Message: "not with this key"})
	file := filepath.Join(dir, "three.log")
	if err := os.WriteFile(file, []byte("a\nb\nc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, missingErr := os.Stat(missing)

	const nobody = "http://127.0.0.1:1"
	for _, tt := range []struct {
		name string
		args []string
		want string // without "unified: " and the newline; with … for the rest
	}{
		{"unknown flag", []string{"-bogus"}, "flag provided but not defined: -bogus; -h lists the flags"},
		{"value missing", []string{"-in"}, "flag needs an argument: -in; -h lists the flags"},
		{"empty file name", []string{"-in", ""}, `invalid value "" for flag -in: want a file, or - for standard input; -h lists the flags`},
		{"empty group", []string{"-group="}, `invalid value "" for flag -group: want a name; -h lists the flags`},
		{"bad switch", []string{"-aws=maybe"}, `invalid boolean value "maybe" for -aws: parse error; -h lists the flags`},
		{"argument", []string{"app.log"}, `argument "app.log" is none of the flags; -h lists them`},
		{"two services", []string{"-aws", "-endpoint", nobody}, "-aws and -endpoint exclude each other"},
		{"page and file", []string{"-web", "-in", file}, "-web and -in exclude each other"},
		{"page of AWS", []string{"-web", "-aws"}, "-web and -aws exclude each other: AWS has a page of its own"},
		{"missing file", []string{"-in", missing}, missingErr.Error()},
		{"directory", []string{"-in", dir}, dir + ": is a directory"},
		{"no URL", []string{"-endpoint", "localhost"}, `endpoint "localhost": want a URL like http://127.0.0.1:4586`},
		{"no scheme", []string{"-endpoint", "localhost:5000"}, `endpoint "localhost:5000": want a URL like http://127.0.0.1:4586`},
		{"no host", []string{"-endpoint", "http://"}, `endpoint "http://": want a URL like http://127.0.0.1:4586`},
		{"control character", []string{"-endpoint", "http://a\nb"}, `endpoint "http://a\nb": want a URL like http://127.0.0.1:4586`},
		{"group", []string{"-group", "a:b"}, "http://127.0.0.1:…"},
		{"stream", []string{"-in", file, "-stream", "a:b"}, "http://127.0.0.1:…"},
		{"nobody there", []string{"-endpoint", nobody}, nobody + ": dial tcp 127.0.0.1:1: …"},
		{"nobody there for a file", []string{"-endpoint", nobody, "-in", file}, nobody + ": dial tcp 127.0.0.1:1: …"},
		{"another server", []string{"-endpoint", page.URL()}, page.URL() + ": HTTP status 404, and not in the form of CloudWatch Logs"},
		{"no credentials", []string{"-aws"}, "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: …"},
		{"no right", []string{"-endpoint", denied.URL()}, "21 of 21 events were not delivered: AccessDeniedException: not with this key"},
		{"no right for a file", []string{"-endpoint", denied.URL(), "-in", file}, "3 of 3 events were not delivered: AccessDeniedException: not with this key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			r := runProgram(t, nil, tt.args...)
			if r.status != 1 || r.stdout != "" {
				t.Errorf("status %d, stdout %q", r.status, r.stdout)
			}
			want, open := strings.CutSuffix("unified: "+tt.want, "…")
			if got, ended := strings.CutSuffix(r.stderr, "\n"); !ended || strings.Contains(got, "\n") ||
				got != want && !(open && strings.HasPrefix(got, want)) {
				t.Errorf("stderr %q, want %q", r.stderr, want)
			}
			if d := time.Since(began); d > 20*time.Second {
				t.Errorf("it took %s", d)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	if r := runProgram(t, nil, "-h"); r != (result{stdout: usage}) {
		t.Errorf("%+v", r)
	}
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no signals")
	}
	r, w := io.Pipe()
	cmd := program(t, "main", r, "-in", "-")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// More than a pipe holds: so when it is written, the program reads.
	if _, err := w.Write(bytes.Repeat([]byte(strings.Repeat("x", 999)+"\n"), 1<<10)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	state, err := cmd.Process.Wait()
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	_ = cmd.Wait() // for its goroutines
	if state.ExitCode() != interrupted || !regexp.MustCompile(`^unified: interrupted: [\d,]+ events read and delivered\n$`).MatchString(stderr.String()) {
		t.Errorf("%v, stderr %q", state, stderr.String())
	}
}

// TestWeb looks at the page's address, and ends the shop when the functions have logged.
func TestWeb(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no signals")
	}
	s := newServer(t)
	cmd := program(t, "main", nil, "-web", "-endpoint", s.URL(), "-stream", "orders")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(strings.Join(s.Messages(defaultGroup, "orders"), "\n"), `"shipping.`) {
		if t.Context().Err() != nil {
			t.Fatal("nothing was logged")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v, stderr %q", err, stderr.String())
	}
	n := len(s.Messages(defaultGroup, "orders"))
	for _, want := range []string{
		s.URL() + "/#group=%2Facme%2Fprod&region=us-east-1&stream=orders\n",
		fmt.Sprintf("\naccepted %d, delivered %d; ", n, n),
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, &stdout)
		}
	}
}
