package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/zapcw"
	"example.com/zapcw/internal/remote"
	"example.com/zapcw/internal/spool"
	"example.com/zapcw/internal/terminal"
)

const recoverUsage = `Usage: zapcw recover [-timeout 10m] [-endpoint URL] DIR

Sends what dead processes left in DIR, the Spool of a Syncer, for all groups and
streams, each event with its own time, and removes the files. It leaves alone
what processes that live hold there, and files of other users.

  -timeout 10m   leave the rest in DIR after so long (default never)
  -endpoint URL  server; otherwise it is found as the SDK does, by
                 AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE and the like

It prints a line for each stream. What is rejected, or not delivered because a
right is missing, is written to standard error, as by the library's Fallback. A
file that is damaged is kept as *.bad, after what is whole in it was sent.
Ctrl-C leaves the rest in DIR. The exit status is 0 only if all was delivered
and every file could be used; standard error names those that could not.

Examples:
  zapcw recover /var/spool/orders
  AWS_PROFILE=prod zapcw recover -timeout 1m /var/lib/orders/zapcw
  zapcw recover -endpoint http://127.0.0.1:4586 /var/spool/orders
`

// A recoverCommand is recover with its flags.
type recoverCommand struct {
	*command
	endpoint, dir string
	timeout       time.Duration // 0 is none
}

// recover sends what is left in a spool.
func (c *command) recover(ctx context.Context, args []string) error {
	r := recoverCommand{command: c}
	flags := newFlags()
	text(flags, &r.endpoint, "endpoint", "a URL like http://127.0.0.1:4586")
	span(flags, &r.timeout, "timeout")
	if err := parse(flags, args, recoverUsage); err != nil {
		return err
	}
	if err := remote.CheckEndpoint(r.endpoint); err != nil {
		return usageError{err}
	}
	switch {
	case flags.NArg() == 0 || flags.Arg(0) == "":
		return usageError{errors.New("no directory: want that of a Syncer's Spool; -h has examples")}
	case flags.NArg() > 1:
		return usageError{fmt.Errorf("argument %q: want one directory, behind the flags; -h has examples", flags.Arg(1))}
	}
	r.dir = flags.Arg(0)
	return r.run(ctx)
}

func (r *recoverCommand) run(ctx context.Context) error {
	// Without anything to send it needs no credentials.
	streams, errs := spool.Streams(r.dir)
	switch {
	case len(streams) > 0:
	case len(errs) > 0:
		return errors.Join(errs...)
	default:
		if err := spool.RemoveUnfinished(r.dir); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "nothing to recover: no dead process left an event in %s\n", terminal.OneLine(r.dir))
		return err
	}
	to, err := remote.Connect(ctx, r.endpoint)
	if err != nil {
		return err
	}
	// An address that is wrong looks like an outage, which would be waited for.
	if err := to.Ask(ctx, streams[0].Group, streams[0].Stream); err != nil && !remote.Denied(err) {
		return err
	}
	if r.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.timeout, fmt.Errorf("the timeout of %s is exceeded", r.timeout))
		defer cancel()
	}
	all, err := zapcw.Recover(ctx, to.Client, r.dir)
	return errors.Join(r.tell(all), err)
}

// tell prints what became of the events of each stream.
func (r *recoverCommand) tell(all []zapcw.Recovered) error {
	w := bufio.NewWriter(r.stdout)
	for _, s := range all {
		fmt.Fprintf(w, "stream %s of %s: delivered %s, rejected %s, spilled %s, left %s\n",
			terminal.OneLine(s.Stream), terminal.OneLine(s.Group),
			terminal.Number(s.Delivered), terminal.Number(s.Rejected), terminal.Number(s.Spilled), terminal.Number(s.Spooled))
	}
	return w.Flush() // has the first error of all
}
