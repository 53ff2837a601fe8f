//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// build makes the program as it is deployed.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "bootstrap")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "lambda.norpc", "-o", bin, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// A process is one execution environment of the function.
type process struct {
	cmd    *exec.Cmd
	api    *runtimeAPI
	stderr bytes.Buffer // to be read when it has ended
	exited chan struct{}
}

// start starts the program and waits until it asks for its first invocation.
func start(t *testing.T, bin string, api *runtimeAPI, env ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	p := &process{cmd: exec.CommandContext(ctx, bin), api: api, exited: make(chan struct{})}
	p.cmd.Env = env
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		cancel() // kills it if it is still there
		<-p.exited
	})
	receive(t, p, api.asked)
	return p
}

// receive is a receive that ends when the process does.
func receive[T any](t *testing.T, p *process, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-p.exited:
		t.Fatalf("%v\n%s", p.cmd.ProcessState, &p.stderr)
		panic("unreachable")
	}
}

// invoke has the function deal with an event.
func (p *process) invoke(t *testing.T, id, event string) answer {
	t.Helper()
	select {
	case p.api.next <- invocation{id, event}:
	case <-p.exited:
		t.Fatalf("%v\n%s", p.cmd.ProcessState, &p.stderr)
	}
	a := receive(t, p, p.api.answers)
	if a.invocation != id {
		t.Fatalf("answer is to %s, want %s", a.invocation, id)
	}
	return a
}

// freeze does what Lambda does when the function asks for the next invocation,
// and thaw what it does when it has one. In between every connection to the
// logs server dies of idleness.
func (p *process) freeze(t *testing.T, logs *logServer) {
	t.Helper()
	receive(t, p, p.api.asked)
	p.signal(t, syscall.SIGSTOP)
	var status syscall.WaitStatus
	_, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
	for errors.Is(err, syscall.EINTR) {
		_, err = syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
	}
	if err != nil || !status.Stopped() {
		t.Fatalf("process is not frozen: status %#x, %v", status, err)
	}
	logs.awaitIdle()
}

func (p *process) thaw(t *testing.T) { t.Helper(); p.signal(t, syscall.SIGCONT) }

func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// end waits for the end and returns the exit status.
func (p *process) end() int {
	<-p.exited
	return p.cmd.ProcessState.ExitCode()
}
