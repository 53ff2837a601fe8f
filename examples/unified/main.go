// Unified shows what zapcw is for: several functions, each in its own process, log
// into one CloudWatch Logs stream, and one reader sees all of it in order of time.
//
//	go run ./examples/unified
//
// needs nothing but Go. It starts an in-memory CloudWatch Logs server (package
// cwltest) and three functions that pass orders to each other, and makes the server
// fail for a moment. Then it reads the stream back with the official SDK, prints it,
// and says what became of the events.
//
//	go run ./examples/unified -web
//
// goes on until Ctrl-C, so that you can watch the stream in a browser.
//
//	go run ./examples/unified -in FILE
//
// replays a log file in the same way, one event for each line. It exits with status 0
// only if the stream, when read back, has every line in order. FILE may be - for
// standard input.
//
// With -endpoint URL it uses another server that speaks the protocol of CloudWatch
// Logs, with -aws AWS itself.
//
// See functions.go for how to use zapcw.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"example.com/zapcw/internal/remote"
	"example.com/zapcw/internal/terminal"
)

const usage = `Usage: unified [-web | -in FILE] [-endpoint URL | -aws] [-group NAME]
               [-stream NAME]

Without flags three processes log into one stream of a server in memory, and
the stream is read back and printed.

  -web           go on until Ctrl-C, and print the address of a page that shows
                 the stream live
  -in FILE       replay the lines of FILE, - for standard input, and prove that
                 all of them are in the stream, in order
  -endpoint URL  log to this server instead of the one in memory
  -aws           log to AWS; credentials and region are those of the SDK
  -group NAME    log group, created if it is missing (default ` + defaultGroup + `)
  -stream NAME   log stream, created if it is missing (default orders, on other
                 servers with time and chance in its name)
`

const defaultGroup = "/acme/prod"

// A command is what the flags ask for, and where its output goes.
type command struct {
	in       string // file to replay; empty for the functions
	web      bool
	endpoint string
	aws      bool
	group    string
	stream   string

	stdin  io.Reader
	stdout *output
	stderr *os.File
}

func main() {
	// The functions are this program too: their names are in the environment.
	if name := os.Getenv(envFunction); name != "" {
		os.Exit(serve(name))
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the program at once
	}()
	os.Exit(run(ctx, os.Args[1:]))
}

// An output is a file that remembers the first error of its writes, which the
// printing functions pass over.
type output struct {
	*os.File
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.File.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// interrupted is the exit status after Ctrl-C, as shells have it.
const interrupted = 130

// run returns the exit status.
func run(ctx context.Context, args []string) int {
	c := command{stdin: os.Stdin, stdout: &output{File: os.Stdout}, stderr: os.Stderr}
	err := c.parse(args)
	if err == nil {
		err = c.run(ctx)
	}
	if err == nil {
		err = c.stdout.err
	}
	var more interruptedError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(c.stdout, usage)
		return 0
	case errors.As(err, &more):
		fmt.Fprintf(c.stderr, "unified: interrupted: %s\n", more)
		return interrupted
	case ctx.Err() != nil:
		fmt.Fprintln(c.stderr, "unified: interrupted")
		return interrupted
	}
	fmt.Fprintf(c.stderr, "unified: %s\n", terminal.OneLine(err.Error()))
	return 1
}

// An interruptedError says how far it was at Ctrl-C.
type interruptedError string

func (i interruptedError) Error() string { return string(i) }

// parse reads the flags. Package flag would answer a mistake with the whole
// usage and status 2; here it gets one line.
func (c *command) parse(args []string) error {
	flags := flag.NewFlagSet("unified", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	c.group = defaultGroup
	flags.BoolVar(&c.web, "web", false, "")
	flags.Func("in", "", text(&c.in, "a file, or - for standard input"))
	flags.Func("endpoint", "", text(&c.endpoint, "a URL like http://127.0.0.1:4586"))
	flags.BoolVar(&c.aws, "aws", false, "")
	flags.Func("group", "", text(&c.group, "a name"))
	flags.Func("stream", "", text(&c.stream, "a name"))
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w; -h lists the flags", err)
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("argument %q is none of the flags; -h lists them", flags.Arg(0))
	case c.aws && c.endpoint != "":
		return errors.New("-aws and -endpoint exclude each other")
	case c.web && c.in != "":
		return errors.New("-web and -in exclude each other")
	case strings.ContainsAny(c.stream, "{}"):
		return fmt.Errorf("-stream %q: want the name of one stream, without placeholders: it is read back", c.stream)
	case c.web && c.aws:
		return errors.New("-web and -aws exclude each other: AWS has a page of its own")
	}
	if c.stream == "" {
		c.stream = "orders"
		if c.aws || c.endpoint != "" { // the server may have one of that name
			c.stream += fmt.Sprintf("-%s-%s", time.Now().UTC().Format("20060102-150405"), rand.Text()[:6])
		}
	}
	return remote.CheckEndpoint(c.endpoint)
}

// text makes the value of a flag that must not be empty: that comes of a
// variable that a script forgot to set, and would start something else.
func text(p *string, want string) func(string) error {
	return func(s string) error {
		if s == "" {
			return fmt.Errorf("want %s", want)
		}
		*p = s
		return nil
	}
}

func (c *command) run(ctx context.Context) error {
	if c.in != "" {
		return c.replay(ctx)
	}
	to, err := openService(ctx, c)
	if err != nil {
		return err
	}
	defer to.close()
	if c.web {
		return c.show(ctx, to)
	}
	return c.unify(ctx, to)
}
