//go:build unix

package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is what is deployed, built once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "lambda")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "bootstrap")
	out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", bin, ".").CombinedOutput()
	return bin, errors.Join(err, errors.New(string(out)))
})

// A process is one execution environment of the function.
type process struct {
	cmd    *exec.Cmd
	stderr buffer
	exited chan struct{}
	frozen bool
}

// command is the program, not started yet.
func (s *sandbox) command(logs *logServer, more ...string) *process {
	s.t.Helper()
	bin, err := program()
	if bin == "" || !exists(bin) {
		s.t.Fatal(err)
	}
	// Whatever is asked of the network other than the two servers comes here.
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.t.Errorf("unexpected request for %s", r.URL)
	}))
	s.t.Cleanup(elsewhere.Close)

	p := &process{cmd: exec.Command(bin), exited: make(chan struct{})}
	p.cmd.Env = append([]string{
		runtimeEnv + "=" + s.address(),
		"AWS_LAMBDA_FUNCTION_NAME=checkout",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/checkout",
		"AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=key",
		"AWS_SECRET_ACCESS_KEY=secret",
		"AWS_SESSION_TOKEN=token",
		"AWS_ENDPOINT_URL=" + logs.url(),
		"AWS_EC2_METADATA_SERVICE_ENDPOINT=" + elsewhere.URL,
		"HTTP_PROXY=" + elsewhere.URL,
		"HTTPS_PROXY=" + elsewhere.URL,
		"ZAPCW_GROUP=" + group,
		"ZAPCW_STREAM=" + stream,
	}, more...)
	p.cmd.Stderr = &p.stderr
	return p
}

// start starts the program and waits until its init is over.
func (s *sandbox) start(logs *logServer, more ...string) *process {
	s.t.Helper()
	p := s.command(logs, more...)
	// Before it runs: it may ask at once.
	s.update(func() {
		s.process, s.asked = p, nil
		clear(s.extensions)
	})
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		s.update(func() { close(p.exited) })
	}()
	// Nothing takes so long: a test that hangs ends.
	guard := time.AfterFunc(2*time.Minute, func() { _ = p.cmd.Process.Kill() })
	s.t.Cleanup(func() {
		guard.Stop()
		_ = p.cmd.Process.Kill()
		<-p.exited
	})
	s.await(time.Time{}, "the end of the init", s.idle)
	if s.slots == 1 {
		p.freeze(s.t)
	}
	return p
}

const runtimeEnv = "AWS_LAMBDA_RUNTIME_API"

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (p *process) hasEnded() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// freeze returns when no thread runs any more.
func (p *process) freeze(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGSTOP)
	var status syscall.WaitStatus
	_, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
	for errors.Is(err, syscall.EINTR) {
		_, err = syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
	}
	if err != nil || !status.Stopped() {
		t.Fatalf("process is not frozen: status %#x, %v", status, err)
	}
	p.frozen = true
}

func (p *process) thaw(t *testing.T) {
	t.Helper()
	if p.frozen {
		p.signal(t, syscall.SIGCONT)
		p.frozen = false
	}
}

// terminate is the end of a sandbox. Lambda kills after 500 ms; this waits for
// the end and tells the status.
func (p *process) terminate(t *testing.T) int {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	p.thaw(t)
	return p.status()
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	p.status()
}

func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// status waits for the end.
func (p *process) status() int {
	<-p.exited
	return p.cmd.ProcessState.ExitCode()
}

// buffer is a bytes.Buffer that is read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
