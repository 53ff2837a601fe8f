package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"example.com/zapcw/internal/replay"
)

// stages are the functions in the order in which they deal with an order.
var stages = []string{"checkout", "payment", "shipping"}

// queue is how many orders may wait for a function.
const queue = 256

// A stage is a function as the others see it: orders go in, and those that it does
// not refuse come out. It has one process, and another after a crash.
type stage struct {
	name string
	env  []string
	in   <-chan order
	out  chan order

	account replay.Account // of all its processes
	err     error          // how it failed
}

// runStages passes orders through all functions until there are no more. It returns
// what became of all they logged.
func runStages(ctx context.Context, env []string, orders <-chan order) ([]*stage, error) {
	var (
		all []*stage
		wg  sync.WaitGroup
	)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, name := range stages {
		s := &stage{name: name, env: env, in: orders, out: make(chan order, queue)}
		all = append(all, s)
		orders = s.out
		wg.Go(func() {
			if s.run(ctx); s.err != nil {
				cancel() // nobody takes what the others give
			}
		})
	}
	wg.Wait()
	var errs []error
	for _, s := range all {
		errs = append(errs, s.err)
	}
	return all, errors.Join(errs...)
}

func (s *stage) run(ctx context.Context) {
	defer close(s.out)
	var p *process
	for o := range s.in {
		if p == nil {
			if p, s.err = start(ctx, s.name, s.env); s.err != nil {
				return
			}
		}
		r, err := p.invoke(o)
		if err != nil || r.Account != nil { // it gives its account with its last words
			s.end(p, r.Account, err)
			p = nil
			if s.err != nil {
				return
			}
			continue
		}
		if r.Refused == "" {
			s.out <- o
		}
	}
	if p != nil {
		s.end(p, nil, nil)
	}
}

func (s *stage) end(p *process, a *replay.Account, err error) {
	a, s.err = p.end(a, err)
	if a != nil {
		s.account.Add(*a)
	}
}

// A process runs a function. Orders go to its standard input, one JSON object a
// line, and replies come back from its standard output.
type process struct {
	name    string
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	orders  *json.Encoder
	replies *json.Decoder
	stderr  bytes.Buffer
	doomed  bool // an order crashes it
}

func start(ctx context.Context, name string, env []string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = slices.Concat(env, []string{envFunction + "=" + name})
	cmd.WaitDelay = time.Second
	p := &process{name: name, cmd: cmd}
	// The stack of the one that crashes is not for the reader of this output.
	cmd.Stderr = &p.stderr
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.orders, p.replies = json.NewEncoder(p.stdin), json.NewDecoder(stdout)
	return p, cmd.Start()
}

func (p *process) invoke(o order) (reply, error) {
	var r reply
	// Shipping is to crash: nobody checks that there is an address.
	p.doomed = p.name == "shipping" && o.Address == nil
	if err := p.orders.Encode(o); err != nil {
		return r, err
	}
	return r, p.replies.Decode(&r)
}

// end closes the input of the process, at which it ends, takes its account and
// reports whether it ended as it should.
func (p *process) end(a *replay.Account, err error) (*replay.Account, error) {
	_ = p.stdin.Close()
	if err == nil && a == nil {
		var r reply
		err = p.replies.Decode(&r)
		a = r.Account
	}
	wait := p.cmd.Wait()
	status, want := p.cmd.ProcessState.ExitCode(), 0
	if p.doomed {
		want = 2 // the status of a Go program that panics
	}
	switch first, _, _ := bytes.Cut(p.stderr.Bytes(), []byte("\n")); {
	case status == want:
		return a, err
	case len(first) > 0:
		return a, fmt.Errorf("%s ended with status %d: %s", p.name, status, first)
	case wait != nil:
		return a, fmt.Errorf("%s: %w", p.name, wait)
	}
	return a, fmt.Errorf("%s ended with status %d, not %d", p.name, status, want)
}
