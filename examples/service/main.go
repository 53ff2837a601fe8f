// Service is an HTTP service that logs its requests into a CloudWatch Logs
// stream, and shows what becomes of the events: by expvar, to Prometheus, to
// OpenTelemetry, and as a health check.
//
//	go run .
//
// needs nothing but Go: the stream is on a server in memory (package cwltest).
// With -aws it is on AWS.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/zap"

	"example.com/zapcw"
)

const usage = `Usage: service [-addr HOST:PORT] [-aws] [-group NAME] [-stream NAME] [-age D] [-patience D] [-otel]

  -addr HOST:PORT  where to listen (default 127.0.0.1:8080)
  -aws             log to AWS instead of a server in memory; credentials, region
                   and endpoint are those of the SDK
  -group NAME      log group, created if it is missing (default /zapcw/service)
  -stream NAME     log stream, created if it is missing (default service)
  -age D           after how long an event is sent at the latest (default 1m)
  -patience D      how long /healthz is good although nothing of what waits is
                   delivered; more than -age (default 3m)
  -otel            print the metrics of OpenTelemetry every ten seconds
`

// A command is what the flags ask for.
type command struct {
	addr, group, stream string
	age, patience       time.Duration
	aws, otel           bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
	case err != nil:
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done, and returns when everything that was logged is
// settled.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	c, err := parse(args)
	if err != nil {
		return err
	}
	to, err := openBackend(ctx, c.aws)
	if err != nil {
		return err
	}
	defer to.close()
	ln, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}

	out := &zapcw.Syncer{Client: to.client, Group: c.group, Stream: c.stream, MaxAge: c.age}
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey = "" // the stream has the time of each event
	level := zap.NewAtomicLevel()
	// Debug is held back until a request fails, see logRequests.
	core := zapcw.Hold{}.Wrap(zapcw.NewCore(zapcw.NewJSONEncoder(cfg), out, level))
	logger := zap.New(core, zap.AddCaller()).Named("orders")

	publish("zapcw", out.Stats)
	endMetrics := func() error { return nil }
	if c.otel {
		if endMetrics, err = printMetrics(stdout, out.Stats); err != nil {
			return errors.Join(err, ln.Close())
		}
	}
	s := &site{logger: logger, level: level, stats: out.Stats, patience: c.patience, stock: stock{items: 10_000}}
	if to.memory != nil {
		s.stream = func() []string { return to.memory.Messages(c.group, c.stream) }
	}
	fmt.Fprintf(stdout, "orders are taken at http://%s, and logged to %s, group %s, stream %s\n", ln.Addr(), to.name, c.group, c.stream)

	err = serve(ctx, ln, s.handler(), logger)
	// Now nobody logs any more.
	err = errors.Join(err, out.Close())
	st := out.Stats()
	fmt.Fprintf(stdout, "of %d events %d are delivered\n", st.Accepted, st.Delivered)
	return errors.Join(err, endMetrics())
}

// parse reads the flags. Package flag would print the whole usage after a
// mistake; here it is an error of one line.
func parse(args []string) (command, error) {
	var c command
	flags := flag.NewFlagSet("service", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.addr, "addr", "127.0.0.1:8080", "")
	flags.BoolVar(&c.aws, "aws", false, "")
	flags.StringVar(&c.group, "group", "/zapcw/service", "")
	flags.StringVar(&c.stream, "stream", "service", "")
	flags.DurationVar(&c.age, "age", time.Minute, "")
	flags.DurationVar(&c.patience, "patience", 3*time.Minute, "")
	flags.BoolVar(&c.otel, "otel", false, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return c, err
		}
		return c, fmt.Errorf("%w; -h lists the flags", err)
	}
	switch {
	case flags.NArg() > 0:
		return c, fmt.Errorf("argument %q is none of the flags; -h lists them", flags.Arg(0))
	case c.age <= 0:
		return c, fmt.Errorf("-age is %s: want more than 0", c.age)
	case c.patience <= c.age:
		return c, fmt.Errorf("-patience is %s: want more than -age, which is %s", c.patience, c.age)
	}
	return c, nil
}
