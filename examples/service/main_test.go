package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// envMain makes the test binary the program.
const envMain = "SERVICE_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(envMain) != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const (
	group  = "/acme/prod"
	stream = "orders"
)

// fixture is a site whose stream is on a server in memory.
type fixture struct {
	*site
	http.Handler
	srv *cwltest.Server
	out *zapcw.Syncer
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{srv: cwltest.NewServer(t)}
	f.out = &zapcw.Syncer{Client: f.srv.Client(), Group: group, Stream: stream, Fallback: zap.CombineWriteSyncers()}
	t.Cleanup(func() { _ = f.out.Close() })
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey = ""
	level := zap.NewAtomicLevel()
	f.site = &site{
		logger:   zap.New(zapcw.Hold{}.Wrap(zapcw.NewCore(zapcw.NewJSONEncoder(cfg), f.out, level))),
		level:    level,
		stats:    f.out.Stats,
		patience: 3 * time.Minute,
		stock:    stock{items: 1000},
		stream:   func() []string { return f.srv.Messages(group, stream) },
	}
	f.Handler = f.handler()
	return f
}

// events settles, and returns the stream.
func (f *fixture) events(t *testing.T) []map[string]any {
	t.Helper()
	if err := f.logger.Sync(); err != nil {
		t.Fatal(err)
	}
	return parseEvents(t, f.srv.Messages(group, stream))
}

func parseEvents(t *testing.T, lines []string) []map[string]any {
	t.Helper()
	var events []map[string]any
	for _, line := range lines {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		events = append(events, e)
	}
	return events
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-bogus"}, "flag provided but not defined: -bogus; -h lists the flags"},
		{[]string{"now"}, `argument "now" is none of the flags; -h lists them`},
		{[]string{"-age", "0s"}, "-age is 0s: want more than 0"},
		{[]string{"-age", "4m"}, "-patience is 3m0s: want more than -age, which is 4m0s"},
	} {
		if _, err := parse(tt.args); err == nil || err.Error() != tt.want {
			t.Errorf("%q: %v, want %s", tt.args, err, tt.want)
		}
	}
	// Each flag is in the usage with its default.
	c, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{c.addr, c.group, c.stream, "default 1m)", "default 3m)"} {
		if !strings.Contains(usage, want) {
			t.Errorf("no %q in the usage", want)
		}
	}
}

// A program is the service in a process of its own.
type program struct {
	cmd    *exec.Cmd
	url    string
	first  string // line of its output
	stdout bytes.Buffer
	stderr bytes.Buffer
	client http.Client
	copied chan error
}

// start starts the program, which is to serve when it has said where.
func start(t *testing.T, env []string, args ...string) *program {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be told to end here: want SIGTERM")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	p := &program{cmd: exec.CommandContext(ctx, self, append(args, "-addr", "127.0.0.1:0")...), copied: make(chan error, 1)}
	p.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "AWS_") }), envMain+"=1")
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = p.cmd.Wait() // again, if all went well
		p.client.CloseIdleConnections()
	})
	p.client.Transport = &http.Transport{ExpectContinueTimeout: time.Minute}
	r := bufio.NewReader(stdout)
	p.first, err = r.ReadString('\n')
	if err != nil {
		cancel()
		_ = p.cmd.Wait()
		t.Fatalf("%v\n%s", err, &p.stderr)
	}
	go func() {
		_, err := io.Copy(&p.stdout, r)
		p.copied <- err
	}()
	_, p.url, _ = strings.Cut(p.first, "orders are taken at ")
	p.url, _, _ = strings.Cut(p.url, ",")
	return p
}

// do makes a request and returns the body of the answer.
func (p *program) do(t *testing.T, method, path, body string, status int) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("%s %s: %v, %s: %s", method, path, err, resp.Status, text)
	}
	return string(text)
}

// end waits for the end of a program that was sent SIGTERM.
func (p *program) end(t *testing.T) {
	t.Helper()
	if err := errors.Join(<-p.copied, p.cmd.Wait()); err != nil || p.stderr.Len() > 0 {
		t.Errorf("%v\n%s", err, &p.stderr)
	}
}

// Everything is delivered that was logged before SIGTERM, and by the request
// that was under way.
func TestShutdown(t *testing.T) {
	srv := cwltest.NewServer(t)
	p := start(t, []string{
		"AWS_ENDPOINT_URL=" + srv.URL(), "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
	}, "-aws", "-group", group, "-stream", stream)
	if want := "logged to AWS us-east-1, group " + group + ", stream " + stream; !strings.Contains(p.first, want) {
		t.Errorf("first line is %q, want %s", p.first, want)
	}
	const orders = 25
	for i := range orders {
		p.do(t, "POST", "/orders", fmt.Sprintf(`{"id": "A-%d", "items": 1}`, i), http.StatusCreated)
	}

	// The last order comes in two pieces. The program asks for the body when
	// its handler reads it.
	body, rest := io.Pipe()
	asked := make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(asked) }})
	req, err := http.NewRequestWithContext(ctx, "POST", p.url+"/orders", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Expect", "100-continue")
	answered := make(chan error, 1)
	go func() {
		resp, err := p.client.Do(req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusCreated {
				err = errors.New(resp.Status)
			}
		}
		answered <- err
	}()
	<-asked
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // until it listens no more
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	if _, err := io.WriteString(rest, `{"id": "A-last", "items": 1}`); err != nil {
		t.Fatal(err)
	}
	rest.Close()
	if err := <-answered; err != nil {
		t.Error(err)
	}
	p.end(t)

	var got, want []string
	for _, e := range parseEvents(t, srv.Messages(group, stream)) {
		line := fmt.Sprint(e["message"])
		if id, ok := e["order"]; ok {
			line += " " + fmt.Sprint(id)
		}
		got = append(got, line)
	}
	want = append(want, "started")
	for i := range orders {
		want = append(want, fmt.Sprintf("order placed A-%d", i), "request")
	}
	want = append(want, "shutting down", "order placed A-last", "request")
	if !slices.Equal(got, want) {
		t.Errorf("the stream is %q, want %q", got, want)
	}
	if got, want := p.stdout.String(), fmt.Sprintf("of %d events %[1]d are delivered\n", len(want)); got != want {
		t.Errorf("last line is %q, want %q", got, want)
	}
}

// Without flags everything is there, and nothing of a user's set-up for AWS
// matters.
func TestMemory(t *testing.T) {
	p := start(t, []string{"AWS_PROFILE=nobody", "AWS_ENDPOINT_URL=http://127.0.0.1:1"}, "-otel")
	if !strings.Contains(p.first, "a server in memory") {
		t.Errorf("first line is %q", p.first)
	}
	p.do(t, "POST", "/orders", `{"id": "A-1001", "items": 3}`, http.StatusCreated)
	for path, want := range map[string]string{
		"/log/stream": `"message":"order placed"`,
		"/log/level":  `{"level":"info"}`,
		"/healthz":    "ok\n",
		"/metrics":    "\nzapcw_accepted_events_total ",
		"/debug/vars": `"zapcw": {"Accepted":`,
	} {
		if got := p.do(t, "GET", path, "", http.StatusOK); !strings.Contains(got, want) {
			t.Errorf("GET %s: %s, want %s", path, got, want)
		}
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.end(t)
	// What OpenTelemetry sees in the end.
	if got, want := p.stdout.String(), `{"Name":"zapcw.accepted",`; !strings.HasPrefix(got, "of 4 events 4 are delivered\n{") || !strings.Contains(got, want) {
		t.Errorf("output is %s, want %s", got, want)
	}
}
