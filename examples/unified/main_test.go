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
	lines := r.lines()
	n := len(lines) - 2 // events
	if !strings.Contains(lines[0], "Three processes") || n < 15 {
		t.Fatalf("output is\n%s", r.stdout)
	}
	checkStory(t, lines[1:n+1])

	m := regexp.MustCompile(`^accepted (\d+), delivered (\d+), spilled 0, puts (\d+), events per put (\d+\.\d)$`).FindStringSubmatch(lines[n+1])
	if m == nil || m[1] != fmt.Sprint(n) || m[2] != m[1] {
		t.Errorf("accounting of %d events is %q", n, lines[n+1])
	}
}

// checkStory checks the lines that are printed of the stream.
func checkStory(t *testing.T, lines []string) {
	t.Helper()
	stamps := make([]string, len(lines))
	for i, l := range lines {
		m := regexp.MustCompile(`^(\d\d:\d\d:\d\d\.\d{3})  \S`).FindStringSubmatch(l)
		if m == nil {
			t.Fatalf("line %q has no time", l)
		}
		stamps[i] = m[1]
	}
	if !slices.IsSorted(stamps) && stamps[0] < "23:59:50" {
		t.Errorf("times are %q", stamps)
	}
	all := strings.Join(lines, "\n")
	last := -1
	for _, want := range []string{
		"  INFO: checkout: placeOrder: order received\t{\"order\": \"A-1001\", \"items\": 2, \"total\": \"59.90 EUR\"}",
		"  DEBUG: checkout: reserve: stock reserved\t{\"order\": \"A-1001\"}",
		"  INFO: checkout: placeOrder: on to payment\t{\"order\": \"A-1001\"}",
		"] gateway does not answer, trying again\t{\"order\": \"A-1001\", \"attempt\": 1, \"after\": \"25ms\"}",
		"] card charged\t{\"order\": \"A-1001\", \"total\": \"59.90 EUR\"}",
		"] no payment\t{\"order\": \"A-1002\", \"error\": \"card declined: limit exceeded\"}",
		"\"message\":\"picking\",\"order\":\"A-1003\",\"items\":1}",
		"  {\"level\":\"CRITICAL\",\"location\":\"shipping.ship:",
	} {
		i := strings.Index(all, want)
		if i <= last {
			t.Errorf("%q is at %d, after %d in\n%s", want, i, last, all)
		}
		last = i
	}
	if !strings.HasSuffix(all, `"message":"shipping crashed","order":"A-1003","panic":"runtime error: invalid memory address or nil pointer dereference"}`) {
		t.Errorf("the last line is %q", lines[len(lines)-1])
	}
	if !regexp.MustCompile(`  WARNING \[payment unified/functions\.go:\d+\] gateway`).MatchString(all) {
		t.Error("payment has no prefix of its own")
	}
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
		lines := r.lines()
		lines = lines[1 : len(lines)-1]
		checkStory(t, lines)
		stored := s.Messages("/acme/prod", "orders")[want:]
		want += len(stored)
		if len(stored) != len(lines) {
			t.Fatalf("%d events are stored, %d are printed", len(stored), len(lines))
		}
		for i := range stored {
			if got := lines[i][len("15:04:05.000  "):]; got != stored[i] {
				t.Errorf("line %d is %q, event is %q", i, got, stored[i])
			}
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
				for _, want := range []string{
					fmt.Sprintf(": %d lines, ", tt.lines),
					fmt.Sprintf("of these lines %d were empty (sent as a space), %d ended in CRLF (sent without), %d were longer than an event (split), %d were not UTF-8 (sent with U+FFFD)\n",
						tt.odd[0], tt.odd[1], tt.odd[2], tt.odd[3]),
					", spilled 0, ",
					fmt.Sprintf("\nproven: the stream has all %d lines, in order; ", tt.lines),
				} {
					if !strings.Contains(r.stdout, want) {
						t.Errorf("no %q in\n%s", want, r.stdout)
					}
				}
				// Of a file without oddities the sum is that of the file.
				sum := fmt.Sprintf("%x", sha256.Sum256([]byte(tt.in)))
				if plain := tt.odd == [4]int{} && (tt.in == "" || strings.HasSuffix(tt.in, "\n")); plain && !strings.Contains(r.stdout, sum) {
					t.Errorf("no %s in\n%s", sum, r.stdout)
				}
			}
			if got := s.Messages(defaultGroup, "replay"); tt.want != nil && !slices.Equal(got, tt.want) {
				t.Errorf("the stream is %.1000q", got)
			}
		})
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
	_, missingErr := os.Open(missing)

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
		{"missing file", []string{"-in", missing}, missingErr.Error()},
		{"directory", []string{"-in", dir}, dir + ": is a directory"},
		{"no URL", []string{"-endpoint", "localhost"}, `endpoint "localhost": want a URL like http://127.0.0.1:5000`},
		{"no scheme", []string{"-endpoint", "localhost:5000"}, `endpoint "localhost:5000": want a URL like http://127.0.0.1:5000`},
		{"no host", []string{"-endpoint", "http://"}, `endpoint "http://": want a URL like http://127.0.0.1:5000`},
		{"control character", []string{"-endpoint", "http://a\nb"}, `endpoint "http://a\nb": want a URL like http://127.0.0.1:5000`},
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
	if _, err := w.Write(bytes.Repeat([]byte("line\n"), 1<<20)); err != nil {
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
	if state.ExitCode() != interrupted || stderr.String() != "unified: interrupted\n" {
		t.Errorf("%v, stderr %q", state, stderr.String())
	}
}
