package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/zapcw/cwltest"
)

// envMain makes the test binary the program.
const envMain = "ZAPCW_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(envMain) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// program is the command with nothing of a user's set-up for AWS.
func program(t *testing.T, stdin io.Reader, args ...string) *exec.Cmd {
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
	cmd.Env = append(cmd.Env, envMain+"=1",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
	return cmd
}

// result is what a run leaves.
type result struct {
	stdout, stderr string
	status         int
}

func run(t *testing.T, stdin io.Reader, args ...string) result {
	t.Helper()
	cmd := program(t, stdin, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// newServer returns a server on a socket.
func newServer(t *testing.T) *cwltest.Server {
	t.Helper()
	s := cwltest.NewServer(t)
	s.URL()
	return s
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for verb, want := range map[string]string{"": usage, "serve": serveUsage, "put": putUsage, "tail": tailUsage, "recover": recoverUsage} {
		args := []string{verb, "-h"}
		if verb == "" {
			args = args[1:]
		} else if !strings.Contains(want, "\nExamples:\n") {
			t.Errorf("%s has no examples", verb)
		}
		if r := run(t, nil, args...); r != (result{stdout: want}) {
			t.Errorf("%s: %+v", verb, r)
		}
		for line := range strings.Lines(want) {
			if len(line) > 81 {
				t.Errorf("%s: a line of %d characters: %s", verb, len(line)-1, line)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "a\n")
	missing := file + "x"
	taken := newServer(t).URL()
	page := newServer(t)
	page.Fail(cwltest.Fault{Status: 404, Body: "<html>", ContentType: "text/html"})
	const nobody = "http://127.0.0.1:1"
	put := func(args ...string) []string { return append([]string{"put", "-group", "g", "-stream", "s"}, args...) }
	tail := func(args ...string) []string { return append([]string{"tail", "-group", "g", "-stream", "s"}, args...) }
	for _, tt := range []struct {
		args   []string
		status int
		want   string // with … for the rest
	}{
		{[]string{"show"}, 2, `zapcw: verb "show": want serve, put, tail or recover`},
		{[]string{"serve", "-port", "1"}, 2, "zapcw serve: flag provided but not defined: -port; -h lists the flags"},
		{[]string{"serve", "x"}, 2, `zapcw serve: argument "x" is none of the flags; -h lists them`},
		{[]string{"serve", "-addr", "4586"}, 2, `zapcw serve: -addr "4586": want a host and a port, like 127.0.0.1:4586`},
		{[]string{"serve", "-addr", ":99999"}, 2, `zapcw serve: -addr ":99999": want a port from 0 to 65535`},
		{[]string{"serve", "-addr", "127.0.0.1:-1"}, 2, `zapcw serve: -addr "127.0.0.1:-1": want a port from 0 to 65535`},
		{[]string{"serve", "-addr", strings.TrimPrefix(taken, "http://")}, 1, "zapcw serve: cwltest: listen tcp 127.0.0.1:…"},
		{[]string{"serve", "-addr", "127.0.0.1:0", "-data", file}, 1, "zapcw serve: " + file + ": …"},
		{[]string{"serve", "-addr", "127.0.0.1:0", "-data", filepath.Dir(file)}, 1, "zapcw serve: open " + filepath.Dir(file) + ": is a directory"},
		{[]string{"put"}, 2, "zapcw put: -group and -stream missing; -h has examples"},
		{[]string{"put", "-group", "g"}, 2, "zapcw put: -stream missing; -h has examples"},
		{[]string{"put", "-group", ""}, 2, `zapcw put: invalid value "" for flag -group: want a name; -h lists the flags`},
		{put("-stream", "orders-{function}", "-endpoint", taken), 2, `zapcw put: …`},
		{put("-stream", "orders:{date}", "-endpoint", taken), 2, `zapcw put: …`},
		{put("-endpoint", "localhost"), 2, `zapcw put: endpoint "localhost": want a URL like http://127.0.0.1:4586`},
		{put("-wait", "-1s"), 2, `zapcw put: invalid value "-1s" for flag -wait: want a time like 90s, 10m or 24h; -h lists the flags`},
		{put("-endpoint", nobody, missing), 1, "zapcw put: stat " + missing + ": …"},
		{put("-endpoint", nobody, file), 1, "zapcw put: " + nobody + ": dial tcp 127.0.0.1:1: …"},
		{put("-endpoint", page.URL(), file), 1, "zapcw put: " + page.URL() + ": HTTP status 404, and not in the form of CloudWatch Logs"},
		{put(file), 1, "zapcw put: no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: …"},
		{[]string{"tail", "-stream", "s"}, 2, "zapcw tail: -group missing; -h has examples"},
		{tail("-since", "-1m"), 2, `zapcw tail: invalid value "-1m" for flag -since: want a time like 90s, 10m or 24h; -h lists the flags`},
		{tail("-since", "5d"), 2, `zapcw tail: invalid value "5d" for flag -since: want a time like 90s, 10m or 24h; -h lists the flags`},
		{tail("x"), 2, `zapcw tail: argument "x" is none of the flags; -h lists them`},
		{tail("-endpoint", taken), 1, "zapcw tail: stream s of g does not exist at " + taken},
		{tail("-endpoint", nobody, "-f"), 1, "zapcw tail: " + nobody + ": dial tcp …"},
		{[]string{"recover"}, 2, "zapcw recover: no directory: want that of a Syncer's Spool; -h has examples"},
		{[]string{"recover", ""}, 2, "zapcw recover: no directory: want that of a Syncer's Spool; -h has examples"},
		{[]string{"recover", "a", "-timeout"}, 2, `zapcw recover: argument "-timeout": want one directory, behind the flags; -h has examples`},
		{[]string{"recover", "-timeout", "1", "a"}, 2, `zapcw recover: invalid value "1" for flag -timeout: want a time like 90s, 10m or 24h; -h lists the flags`},
		{[]string{"recover", "-endpoint", "localhost", "a"}, 2, `zapcw recover: endpoint "localhost": want a URL like http://127.0.0.1:4586`},
		{[]string{"recover", missing}, 1, "zapcw recover: spool " + missing + ": open " + missing + ": …"},
		{[]string{"recover", file}, 1, "zapcw recover: spool " + file + ": …"},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			t.Parallel()
			r := run(t, nil, tt.args...)
			if r.status != tt.status || r.stdout != "" {
				t.Errorf("status %d, stdout %q; want %d", r.status, r.stdout, tt.status)
			}
			want, open := strings.CutSuffix(tt.want, "…")
			if got, ended := strings.CutSuffix(r.stderr, "\n"); !ended || strings.Contains(got, "\n") ||
				got != want && !(open && strings.HasPrefix(got, want)) {
				t.Errorf("stderr %q, want %q", r.stderr, want)
			}
		})
	}
	if r := run(t, nil); r != (result{stderr: usage, status: 2}) {
		t.Errorf("without a verb: %+v", r)
	}
}

// TestFullOutput fails where what was asked for cannot be printed.
func TestFullOutput(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no file that is always full: %v", err)
	}
	defer full.Close()
	s := newServer(t)
	at(t, s, time.Now(), "an event")
	for _, args := range [][]string{{"-h"}, {"tail", "-h"}, tailArgs(s), tailArgs(s, "-f"), {"serve", "-addr", "127.0.0.1:0"}} {
		cmd := program(t, nil, args...)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &stderr
		var exit *exec.ExitError
		if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.HasPrefix(stderr.String(), "zapcw") || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%q: %v, stderr %q; want the status 1 and why", args, err, stderr.String())
		}
	}
}

// lines is n numbered lines.
func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, "line", i)
	}
	return b.String()
}
