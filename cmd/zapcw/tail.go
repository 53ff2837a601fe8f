package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/zapcw/internal/remote"
	"example.com/zapcw/internal/terminal"
)

const tailUsage = `Usage: zapcw tail -group G -stream S [-since 10m] [-f] [-endpoint URL]

Prints a stream, or those of a pattern, in order of time: on a terminal in
columns, with a colour for each level and each function (NO_COLOR=1 turns that
off); elsewhere time and text of each event as they are.

  -group G       log group
  -stream S      log stream; with {date}, {host} or {function} in it those of
                 all days, hosts or functions
  -since 10m     begin so long ago (default 10m); 0 is the beginning
  -f             follow: print what comes in, until Ctrl-C; what comes late is
                 printed when it comes
  -endpoint URL  server; otherwise it is found as the SDK does, by
                 AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE and the like

It needs the right logs:FilterLogEvents.

Examples:
  zapcw tail -group /acme/prod -stream orders -f
  zapcw tail -group /acme/prod -stream orders -since 24h | grep A-1001
  zapcw tail -group /acme/prod -stream 'orders-{date}' -f
  zapcw tail -group /acme/prod -stream orders -endpoint http://127.0.0.1:4586
`

// tail prints a stream, or those of a pattern.
func (c *command) tail(ctx context.Context, args []string) error {
	var group, stream, endpoint string
	flags := newFlags()
	text(flags, &group, "group", "a name")
	text(flags, &stream, "stream", "a name")
	text(flags, &endpoint, "endpoint", "a URL like http://127.0.0.1:4586")
	since := 10 * time.Minute
	span(flags, &since, "since")
	follow := flags.Bool("f", false, "")
	if err := parse(flags, args, tailUsage); err != nil {
		return err
	}
	if err := needed(map[string]string{"group": group, "stream": stream}); err != nil {
		return err
	}
	if err := remote.CheckEndpoint(endpoint); err != nil {
		return usageError{err}
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("argument %q is none of the flags; -h lists them", flags.Arg(0))}
	}
	to, err := remote.Connect(ctx, endpoint)
	if err != nil {
		return err
	}
	var from int64
	if since > 0 {
		from = time.Now().Add(-since).UnixMilli()
	}
	t := &remote.Tail{
		Stream: to.Named(group, stream),
		From:   from,
		Follow: *follow,
	}
	p := printer{to: c.stdout, columns: terminal.Is(c.stdout)}
	p.painter.Colour = terminal.WantsColour(c.stdout)
	err = t.Run(ctx, p.print)
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil // Ctrl-C is how it ends
	}
	return err
}
