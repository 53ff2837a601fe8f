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
)

// orders are what the functions deal with. Payment declines the second one, and
// shipping crashes at the third: nobody checks that it has an address.
var orders = []order{
	{ID: "A-1001", Items: 2, Total: "59.90 EUR", Address: &address{"Lisbon"}},
	{ID: "A-1002", Items: 4, Total: "1299.00 EUR", Address: &address{"Porto"}},
	{ID: "A-1003", Items: 1, Total: "12.50 EUR"},
}

// lifetime bounds the functions' run, which takes a fraction of it.
const lifetime = 30 * time.Second

// unify runs the functions and prints their stream.
func (c *command) unify(ctx context.Context, to *service) error {
	began := time.Now()
	total, err := c.runFunctions(ctx, to)
	if err != nil {
		return err
	}
	if err := total.check(); err != nil {
		return err
	}
	from := stream{service: to, group: c.group, name: c.stream, since: began}
	events, err := from.await(ctx, int(total.Delivered))
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "Three processes, checkout, payment and shipping, logged this into one stream, %s of %s at %s; the last one crashed in the end.\n",
		c.stream, c.group, to.name)
	printEvents(c.stdout, events, wantsColour(c.stdout.File))
	fmt.Fprintln(c.stdout, total)
	return nil
}

// runFunctions starts a process for each function, passes the orders from one
// to the next and returns what became of all they logged.
func (c *command) runFunctions(ctx context.Context, to *service) (account, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lifetime, fmt.Errorf("functions still run after %s", lifetime))
	defer cancel()
	env := slices.Concat(to.env, []string{envGroup + "=" + c.group, envStream + "=" + c.stream})

	var (
		all  []*process
		next = make(chan order, len(orders))
		wg   sync.WaitGroup
	)
	for _, o := range orders {
		next <- o
	}
	close(next)
	for _, name := range []string{"checkout", "payment", "shipping"} {
		p, err := start(ctx, name, env)
		if err != nil {
			cancel()
			wg.Wait()
			return account{}, err
		}
		all = append(all, p)
		in, out := next, make(chan order, len(orders))
		wg.Go(func() { p.handle(in, out) })
		next = out
	}
	wg.Wait()

	var (
		total account
		errs  []error
	)
	for _, p := range all {
		if p.account != nil {
			total.add(p.account)
		}
		if p.err != nil {
			errs = append(errs, p.err)
		}
	}
	if ctx.Err() != nil {
		return total, context.Cause(ctx)
	}
	return total, errors.Join(errs...)
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

	account *account // that it gave
	err     error    // how it failed
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

// handle passes orders on until there are no more, and waits for the end of the
// process. An order that the function refused goes no further.
func (p *process) handle(in <-chan order, out chan<- order) {
	defer close(out)
	for o := range in {
		r, err := p.invoke(o)
		if err != nil {
			p.end(err)
			return
		}
		if r.Account != nil { // its last words
			p.account = r.Account
			break
		}
		if r.Refused == "" {
			out <- o
		}
	}
	p.end(nil)
}

func (p *process) invoke(o order) (reply, error) {
	var r reply
	if err := p.orders.Encode(o); err != nil {
		return r, err
	}
	return r, p.replies.Decode(&r)
}

// end closes the input of the process, at which it ends, takes its account and
// says whether it ended as it should: shipping is to crash, as an order
// without an address makes it.
func (p *process) end(err error) {
	_ = p.stdin.Close()
	if err == nil && p.account == nil {
		var r reply
		err = p.replies.Decode(&r)
		p.account = r.Account
	}
	const crash = 2 // the status of a Go program that panics
	wait := p.cmd.Wait()
	status, want := p.cmd.ProcessState.ExitCode(), 0
	if p.name == "shipping" {
		want = crash
	}
	switch first, _, _ := bytes.Cut(p.stderr.Bytes(), []byte("\n")); {
	case status == want:
		p.err = err
	case len(first) > 0:
		p.err = fmt.Errorf("%s ended with status %d: %s", p.name, status, first)
	case wait != nil:
		p.err = fmt.Errorf("%s: %w", p.name, wait)
	default:
		p.err = fmt.Errorf("%s ended with status %d, not %d", p.name, status, want)
	}
}
