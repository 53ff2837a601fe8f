package main

import (
	"context"
	"io"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/internal/remote"
	"example.com/zapcw/internal/replay"
	"example.com/zapcw/internal/terminal"
)

const (
	// part is how much the server in memory holds of a file. A larger one is proven
	// part by part, and the stream begun anew after each.
	part = 512 << 20
	// stalled is how long a service may take nothing.
	stalled = 30 * time.Second
)

// replay logs the lines of a file and verifies that the stream has them. The command
// zapcw put does the same for real use.
func (c *command) replay(ctx context.Context) error {
	in, err := replay.Open([]string{c.in}, c.stdin)
	if err != nil {
		return err
	}
	to, err := openService(ctx, c)
	if err != nil {
		return err
	}
	defer to.close()
	r := &replay.Replay{
		In:     in,
		Stream: remote.Stream{Service: to.Service, Group: c.group, Name: c.stream},
		Out: &zapcw.Syncer{
			Client: to.Client,
			Group:  c.group,
			Stream: c.stream,
			// A file can wait.
			WhenFull: zapcw.Block,
			// The file has the lines. Elsewhere leave this alone: what cannot
			// be delivered is then on standard error.
			Fallback: zapcore.AddSync(io.Discard),
		},
		Proof:    true,
		Stop:     func(st zapcw.Stats) bool { return st.Rejected+st.Spilled > 0 },
		Stalled:  stalled,
		Progress: terminal.NewProgress(c.stderr),
	}
	if to.server != nil {
		r.Part, r.Forget = part, func() { to.server.DeleteStream(c.group, c.stream) }
	}
	err = r.Run(ctx)
	switch {
	case ctx.Err() != nil:
		return interruptedError(replay.AccountOf(r.Out.Stats()).Interrupted())
	case err != nil:
		return err
	}
	r.Tell(c.stdout)
	return nil
}
