package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"example.com/zapcw"
	"example.com/zapcw/internal/remote"
	"example.com/zapcw/internal/replay"
	"example.com/zapcw/internal/streamname"
	"example.com/zapcw/internal/terminal"
)

const putUsage = `Usage: zapcw put -group G -stream S [FLAGS] [FILE …]

Sends lines of files, or of standard input, into a stream, each as an event.
Group and stream are created if they are missing. In an outage it waits. At the
end it tells what became of the lines, and reads them back to prove it.

  -group G       log group
  -stream S      log stream; {date} in it is the UTC day of each event, {host}
                 this host
  -endpoint URL  server; otherwise it is found as the SDK does, by
                 AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE and the like
  -json          lines are JSON objects: events have the time and the level
                 that stand there, and are the lines as they are. The time is
                 in timestamp, @timestamp, ts or time: a date with a zone, or
                 a number since 1970. The level is in level or severity
  -fallback      the input is what zapcw wrote to a Fallback: lines of its own
                 are left out, and events of several lines put together
  -proof=false   do not read back; without the right logs:GetLogEvents it cannot
  -wait 10m      give up when the service takes nothing for so long (default
                 never)

What is rejected, or not delivered because a right is missing, is written to
standard error, as by the library's Fallback. The exit status is 0 only if every
line was delivered. Ctrl-C sends what is in memory and says what was delivered;
of a pipe it reads on for 3 seconds, since the program that writes may have some
last lines. A second Ctrl-C ends it at once.

Examples:
  zapcw put -group /acme/prod -stream orders app.log
  ./orders 2>&1 | zapcw put -group /acme/prod -stream orders
  zapcw put -json -group /acme/prod -stream orders fallback.log
  zapcw put -fallback -group /acme/prod -stream orders-late fallback.log
  zapcw put -json -group /acme/prod -stream 'orders-{date}' fallback.log
`

// linger is how long the program that writes to the pipe may take to end after Ctrl-C.
const linger = 3 * time.Second

// A putCommand is put with its flags.
type putCommand struct {
	*command
	group, stream, endpoint string
	json, fallback, proof   bool
	wait                    time.Duration
	files                   []string
}

func (c *command) put(ctx context.Context, args []string) error {
	p := putCommand{command: c}
	flags := newFlags()
	text(flags, &p.group, "group", "a name")
	text(flags, &p.stream, "stream", "a name")
	text(flags, &p.endpoint, "endpoint", "a URL like http://127.0.0.1:4586")
	flags.BoolVar(&p.json, "json", false, "")
	flags.BoolVar(&p.fallback, "fallback", false, "")
	flags.BoolVar(&p.proof, "proof", true, "")
	span(flags, &p.wait, "wait")
	if err := parse(flags, args, putUsage); err != nil {
		return err
	}
	if err := needed(map[string]string{"group": p.group, "stream": p.stream}); err != nil {
		return err
	}
	if err := remote.CheckEndpoint(p.endpoint); err != nil {
		return usageError{err}
	}
	p.files = flags.Args()
	return p.run(ctx)
}

func (p *putCommand) run(ctx context.Context) error {
	in, err := replay.Open(p.files, p.stdin)
	if err != nil {
		return err
	}
	to, err := remote.Connect(ctx, p.endpoint)
	if err != nil {
		return err
	}
	r := p.replay(in, to)
	if err := r.Out.Check(); err != nil {
		return usageError{err}
	}
	if err := p.ask(ctx, to, r); err != nil {
		return err
	}
	err = r.Run(ctx)
	account := replay.AccountOf(r.Out.Stats())
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		return p.interrupted(r, account)
	case err != nil:
		fmt.Fprintln(p.stderr, account)
		return err
	}
	r.Tell(p.stdout)
	return account.Check()
}

// piped reports whether the input is gone when it was read.
func (p *putCommand) piped() bool { return len(p.files) == 0 || slices.Contains(p.files, "-") }

// ask finds out whether there is a service. Files can wait until there is one;
// what comes from a pipe cannot, and is kept until then.
func (p *putCommand) ask(ctx context.Context, to *remote.Service, r *replay.Replay) error {
	err := to.Ask(ctx, p.group, r.Stream.On(time.Now().UnixMilli()).Name)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case remote.Denied(err):
		if r.Proof {
			r.Proof, r.Unproven = false, err
		}
		return nil
	case remote.Passing(err) && p.piped():
		fmt.Fprintf(p.stderr, "zapcw put: %s; lines are kept until it answers\n", terminal.OneLine(err.Error()))
		return nil
	}
	return err
}

func (p *putCommand) replay(in *replay.Input, to *remote.Service) *replay.Replay {
	progress := terminal.NewProgress(p.stderr)
	rest := &undelivered{to: progress, few: !p.piped() && progress.Shows()}
	stream, pattern := to.Named(p.group, p.stream), p.stream
	if stream.Pattern == nil {
		pattern = streamname.Quote(p.stream)
	} else if host, err := os.Hostname(); err == nil {
		_ = stream.Pattern.Set(streamname.Host, host) // the Syncer tells what is replaced
	}
	r := &replay.Replay{
		In:     in,
		Lines:  in,
		Stream: stream,
		Out: &zapcw.Syncer{
			Client:   to.Client,
			Group:    p.group,
			Stream:   pattern,
			MaxAge:   time.Second, // whoever reads the stream waits for a pipe
			WhenFull: zapcw.Block,
			Fallback: rest,
		},
		Proof:    p.proof,
		Timed:    p.json,
		Altered:  p.fallback,
		Stalled:  p.wait,
		Progress: progress,
	}
	if p.fallback {
		r.Lines = &fallbackLines{from: r.Lines}
	}
	if p.json {
		r.Lines = &jsonLines{from: r.Lines}
	}
	if p.piped() {
		r.Linger = linger
	} else {
		// The files have the lines. A right that is missing needs a person, and
		// what is left does not have to be printed.
		r.Stop = func(st zapcw.Stats) bool { return st.Spilled > 0 }
		r.Leaving = rest.leave
	}
	return r
}

// interrupted says what was delivered.
func (p *putCommand) interrupted(r *replay.Replay, a replay.Account) error {
	text := fmt.Sprintf("interrupted: %s", a.Interrupted())
	if n := r.LinesSent(); a.Check() == nil && len(p.files) == 1 && !p.piped() && !p.json && !p.fallback {
		text += fmt.Sprintf("; the rest is tail -n +%d %s", n+1, p.files[0])
	}
	return errors.New(text)
}
