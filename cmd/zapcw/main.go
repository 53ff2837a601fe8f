// Zapcw is the command line of package zapcw: a local CloudWatch Logs server with a
// page, the two ends of a stream, and what sends a spool that nobody picks up.
//
//	zapcw serve            a CloudWatch Logs server on this machine
//	zapcw put  [FILE …]    lines into a stream, with proof of their arrival
//	zapcw tail             a stream on the terminal
//	zapcw recover DIR      what dead processes left in a spool, into its streams
//
// Each says more with -h. The exit status is 0 if all went well, 1 if something
// failed and 2 if the command line is wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"example.com/zapcw/internal/terminal"
)

const usage = `Usage: zapcw serve | put | tail | recover  [FLAGS]

  serve    a CloudWatch Logs server on this machine, with a page that shows it
  put      send lines of files or of standard input into a stream
  tail     print a stream, and follow it
  recover  send what dead processes left in a spool

zapcw VERB -h tells the flags, with examples.
`

// A command is a verb on its way: where it reads and writes.
type command struct {
	stdin          io.Reader
	stdout, stderr *os.File
}

// verbs are what run may be asked for.
var verbs = map[string]func(*command, context.Context, []string) error{
	"serve":   (*command).serve,
	"put":     (*command).put,
	"tail":    (*command).tail,
	"recover": (*command).recover,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the program at once
	}()
	c := &command{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	status := c.run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

const (
	failed = 1
	misuse = 2
)

// run returns the exit status.
func (c *command) run(ctx context.Context, args []string) int {
	if len(args) == 0 {
		fmt.Fprint(c.stderr, usage)
		return misuse
	}
	name := args[0]
	verb, ok := verbs[name]
	switch {
	case ok:
	case name == "-h" || name == "-help" || name == "--help" || name == "help":
		return c.help(usage)
	default:
		fmt.Fprintf(c.stderr, "zapcw: verb %q: want serve, put, tail or recover\n", terminal.OneLine(name))
		return misuse
	}
	err := verb(c, ctx, args[1:])
	var help helpError
	var use usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &help):
		return c.help(string(help))
	}
	fmt.Fprintf(c.stderr, "zapcw %s: %s\n", name, terminal.OneLine(err.Error()))
	if errors.As(err, &use) {
		return misuse
	}
	return failed
}

// help prints what was asked for, and returns the exit status.
func (c *command) help(text string) int {
	if _, err := fmt.Fprint(c.stdout, text); err != nil {
		fmt.Fprintf(c.stderr, "zapcw: %s\n", terminal.OneLine(err.Error()))
		return failed
	}
	return 0
}

// A helpError is the text that was asked for with -h.
type helpError string

func (h helpError) Error() string { return "help" }

// A usageError says what is wrong with the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// newFlags returns flags that print nothing.
func newFlags() *flag.FlagSet {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// parse reads the command line.
func parse(flags *flag.FlagSet, args []string, usage string) error {
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return helpError(usage)
	case err != nil:
		return usageError{fmt.Errorf("%w; -h lists the flags", err)}
	}
	return nil
}

// text adds a flag whose value must not be empty: that comes of a variable that a
// script forgot to set.
func text(flags *flag.FlagSet, p *string, name, want string) {
	flags.Func(name, "", func(s string) error {
		if s == "" {
			return fmt.Errorf("want %s", want)
		}
		*p = s
		return nil
	})
}

// span adds a flag that is a time.
func span(flags *flag.FlagSet, p *time.Duration, name string) {
	flags.Func(name, "", func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			return errors.New("want a time like 90s, 10m or 24h")
		}
		*p = d
		return nil
	})
}

// needed returns an error that names the flags that are missing.
func needed(flags map[string]string) error {
	var missing []string
	for _, name := range []string{"group", "stream"} {
		if flags[name] == "" {
			missing = append(missing, "-"+name)
		}
	}
	if len(missing) > 0 {
		return usageError{fmt.Errorf("%s missing; -h has examples", strings.Join(missing, " and "))}
	}
	return nil
}
