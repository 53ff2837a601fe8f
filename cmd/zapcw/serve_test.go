package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"example.com/zapcw/internal/remote"
)

// A served is zapcw serve in a process of its own.
type served struct {
	cmd    *exec.Cmd
	text   string   // that it printed first
	env    []string // the line to copy
	url    string
	stderr bytes.Buffer
}

// start starts zapcw serve and returns when it listens.
func start(t *testing.T, args ...string) *served {
	t.Helper()
	s := &served{cmd: program(t, nil, append([]string{"serve"}, args...)...)}
	s.cmd.Stderr = &s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	r := bufio.NewReader(out)
	for s.env == nil {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%v; stderr %q", err, s.stderr.String())
		}
		s.text += line
		if strings.HasPrefix(line, "AWS_ENDPOINT_URL=") {
			s.env = strings.Fields(line)
			s.url = strings.TrimPrefix(s.env[0], "AWS_ENDPOINT_URL=")
		}
	}
	return s
}

// stop ends it as Ctrl-C does.
func (s *served) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("%v, stderr %q", err, s.stderr.String())
	}
}

func skipWithoutSignals(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no signals on windows")
	}
}

// TestServe logs by the line that is printed, and has all of it again after a restart.
func TestServe(t *testing.T) {
	t.Parallel()
	skipWithoutSignals(t)
	data := filepath.Join(t.TempDir(), "logs.cwl")
	s := start(t, "-addr", "127.0.0.1:0", "-data", data)
	if want := "AWS_ENDPOINT_URL=" + s.url + " AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=zapcw AWS_SECRET_ACCESS_KEY=zapcw"; strings.Join(s.env, " ") != want {
		t.Errorf("the variables are %q, want %q", s.env, want)
	}
	if !strings.Contains(s.text, "\nThe page:  "+s.url+"/\n") || !strings.Contains(s.text, data) {
		t.Errorf("it printed\n%s", s.text)
	}
	put := program(t, strings.NewReader("one\ntwo\n"), "put", "-group", "/acme/prod", "-stream", "orders")
	put.Env = append(put.Env, s.env...)
	out, err := put.CombinedOutput()
	if want := "at " + s.url + ": sent in "; err != nil || !strings.Contains(string(out), want) {
		t.Fatalf("%v, no %q in\n%s", err, want, out)
	}
	if second := run(t, nil, "serve", "-addr", "127.0.0.1:0", "-data", data); runtime.GOOS == "linux" &&
		(second.status != 1 || second.stderr != "zapcw serve: "+data+": is in use by another zapcw serve\n") {
		t.Errorf("a second server with the same file: %+v", second)
	}
	s.stop(t)
	if s.stderr.Len() > 0 {
		t.Errorf("stderr %q", s.stderr.String())
	}

	again := start(t, "-addr", "127.0.0.1:0", "-data", data)
	r := run(t, nil, "tail", "-group", "/acme/prod", "-stream", "orders", "-endpoint", again.url)
	if r.status != 0 || !strings.Contains(r.stdout, "Z one\n") || !strings.HasSuffix(r.stdout, "Z two\n") {
		t.Errorf("%+v", r)
	}
	again.stop(t)
}

// TestServeWide says who can reach it.
func TestServeWide(t *testing.T) {
	t.Parallel()
	skipWithoutSignals(t)
	s := start(t, "-addr", "0.0.0.0:0")
	s.stop(t)
	if want := "zapcw serve: listens on every address of this machine: whoever reaches it can read and write all streams\n"; s.stderr.String() != want {
		t.Errorf("stderr %q, want %q", s.stderr.String(), want)
	}
	if !strings.HasPrefix(s.url, "http://127.0.0.1:") {
		t.Errorf("the line to copy has %s", s.url)
	}
}

// TestServeKilled kills the server while it takes puts. All that it acknowledged is there
// again, and half a line at the end of the file does no harm.
func TestServeKilled(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "logs.cwl")
	acknowledged := make(map[string]bool)
	for round := range 3 {
		s := start(t, "-addr", "127.0.0.1:0", "-data", data)
		client := remote.Local(s.url).Client
		stored := messages(t, client)
		for text := range acknowledged {
			if !stored[text] {
				t.Fatalf("round %d: %q was acknowledged, and is not there", round, text)
			}
		}
		var (
			mu sync.Mutex
			wg sync.WaitGroup
		)
		enough := make(chan struct{}, 1)
		for writer := range 4 {
			wg.Go(func() {
				for n := 0; ; n++ {
					text := fmt.Sprintf("round %d writer %d event %d %s", round, writer, n, strings.Repeat("x", 1000))
					if putOne(t.Context(), client, text) != nil {
						return // it was killed
					}
					mu.Lock()
					acknowledged[text] = true
					if len(acknowledged) == 200*(round+1) {
						enough <- struct{}{}
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		_ = s.cmd.Wait()
		f, err := os.OpenFile(data, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(`{"op":"put","time":17`); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
}

// TestServeInterruptedWhileLoading stops reading its file when ctx ends, and leaves it as it is.
func TestServeInterruptedWhileLoading(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "logs.cwl")
	s := start(t, "-addr", "127.0.0.1:0", "-data", data)
	client := remote.Local(s.url).Client
	for n := range 3 {
		if err := putOne(t.Context(), client, fmt.Sprint(n, strings.Repeat("x", 900_000))); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	before, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := &command{stdout: os.Stdout, stderr: os.Stderr}
	if err := c.serve(ctx, []string{"-addr", "127.0.0.1:0", "-data", data}); err != nil {
		t.Errorf("serve = %v, want nil as after Ctrl-C", err)
	}
	if after, err := os.ReadFile(data); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file had %d bytes and has %d, %v", len(before), len(after), err)
	}
	// In the middle of the file as well: a read later.
	ctx, cancel = context.WithCancel(t.Context())
	r := &interruptible{ctx, bytes.NewBufferString("text")}
	if n, err := r.Read(make([]byte, 2)); n != 2 || err != nil {
		t.Errorf("Read = %d, %v", n, err)
	}
	cancel()
	if n, err := r.Read(make([]byte, 2)); n != 0 || err != context.Canceled {
		t.Errorf("Read = %d, %v, want the end of the context", n, err)
	}
}

func putOne(ctx context.Context, client *cloudwatchlogs.Client, text string) error {
	group, stream := aws.String("/acme/prod"), aws.String("orders")
	noRetry := func(o *cloudwatchlogs.Options) { o.Retryer = aws.NopRetryer{} }
	// One of the writers makes them; for the others, and later, they are there.
	_, _ = client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}, noRetry)
	_, _ = client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}, noRetry)
	_, err := client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: group, LogStreamName: stream,
		LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: &text}},
	}, noRetry)
	return err
}

func messages(t *testing.T, client *cloudwatchlogs.Client) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	s := remote.Stream{Service: &remote.Service{Client: client}, Group: "/acme/prod", Name: "orders"}
	for e, err := range s.Events(t.Context(), 0, time.Now().Add(time.Hour).UnixMilli()) {
		if err != nil {
			t.Fatal(err)
		}
		all[e.Text] = true
	}
	return all
}
