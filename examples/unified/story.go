package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/remote"
	"example.com/zapcw/internal/replay"
	"example.com/zapcw/internal/terminal"
)

// orders are what the functions deal with. Payment declines the second one, and
// shipping crashes at the third: nobody checks that it has an address.
var orders = []order{
	{ID: "A-1001", Items: 2, Total: "59.90 EUR", Address: &address{"Lisbon"}},
	{ID: "A-1002", Items: 4, Total: "1299.00 EUR", Address: &address{"Porto"}},
	{ID: "A-1003", Items: 1, Total: "12.50 EUR"},
}

const (
	// lifetime bounds the functions' run, which takes a fraction of it.
	lifetime = 30 * time.Second
	// width is that of a terminal.
	width = 80
)

// unify runs the functions and prints their stream.
func (c *command) unify(ctx context.Context, to *service) error {
	began := time.Now()
	if to.server != nil {
		// The service fails after the first put, and heals after some more.
		to.server.Fail(cwltest.Fault{Op: "PutLogEvents", Skip: 1, Times: 4, Code: "ServiceUnavailableException"})
	}
	all, total, err := c.runFunctions(ctx, to)
	if err != nil {
		return err
	}
	if err := total.Check(); err != nil {
		return err
	}
	s := story{
		stream:   remote.Stream{Service: to.Service, Group: c.group, Name: c.stream},
		from:     began,
		accounts: all,
		total:    total,
	}
	if to.server != nil {
		s.outage(to.server.Stats().Requests)
	}
	if err := s.read(ctx); err != nil {
		return err
	}
	s.print(c.stdout, terminal.WantsColour(c.stdout.File))
	return nil
}

// runFunctions has the functions deal with the orders.
func (c *command) runFunctions(ctx context.Context, to *service) (all []*stage, total replay.Account, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lifetime, fmt.Errorf("functions still run after %s", lifetime))
	defer cancel()
	next := make(chan order, len(orders))
	for _, o := range orders {
		next <- o
	}
	close(next)
	all, err = runStages(ctx, c.env(to), next)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	for _, s := range all {
		total.Add(s.account)
	}
	return all, total, err
}

// env is the environment of the functions.
func (c *command) env(to *service) []string {
	return slices.Concat(to.Env, []string{envGroup + "=" + c.group, envStream + "=" + c.stream})
}

// A story is what the functions did, as their stream tells it.
type story struct {
	stream   remote.Stream
	from     time.Time // events before are not of this run
	down, up time.Time // when the service failed, and was well again; zero if it did not
	failed   int       // puts
	accounts []*stage
	total    replay.Account
	events   []remote.Event
}

// outage finds the outage in the server's records.
func (s *story) outage(requests []cwltest.Request) {
	for _, r := range requests {
		switch {
		case r.Op != "PutLogEvents":
		case r.Fault:
			if s.failed == 0 {
				s.down = r.Time
			}
			s.failed++
			s.up = time.Time{}
		case s.failed > 0 && s.up.IsZero():
			s.up = r.Time
		}
	}
}

// read reads the stream when it has all events, or more: others may write to it, and a
// put that was not answered is made again.
func (s *story) read(ctx context.Context) error {
	return s.stream.Settled(ctx, func() error {
		s.events = s.events[:0]
		for e, err := range s.stream.Events(ctx, s.from.UnixMilli(), time.Now().Add(time.Minute).UnixMilli()) {
			if err != nil {
				return err
			}
			s.events = append(s.events, e)
		}
		if len(s.events) < int(s.total.Delivered) {
			return fmt.Errorf("%s were delivered, %s are in stream %s", terminal.Count(s.total.Delivered, "event"), terminal.Number(len(s.events)), s.stream.Name)
		}
		return nil
	})
}

// print prints the events, and what became of all that was logged.
func (s *story) print(out *output, colour bool) {
	dim := terminal.Plain
	if colour {
		dim = terminal.Dim
	}
	fmt.Fprintf(out, "Three processes took orders and logged into one stream, %s of %s", s.stream.Name, s.stream.Group)
	if !s.stream.Instant {
		fmt.Fprintf(out, "\nat %s", s.stream.Service.Name)
	}
	fmt.Fprint(out, ":\n\n")
	p := terminal.Painter{Colour: colour, Width: width}
	down, up := s.down, s.up
	for _, e := range s.events {
		for _, m := range []struct {
			at   *time.Time
			text string
		}{{&down, "the service is down"}, {&up, "the service is back"}} {
			if !m.at.IsZero() && !e.Time().Before(*m.at) {
				fmt.Fprintln(out, dim.Paint(rule(*m.at, m.text)))
				*m.at = time.Time{}
			}
		}
		fmt.Fprint(out, p.Event(e.Time(), e.Text))
	}
	if !up.IsZero() {
		fmt.Fprintln(out, dim.Paint(rule(up, "the service is back, and the events above arrive")))
	}
	fmt.Fprintln(out)
	s.account(out)
}

// rule is a line across the terminal.
func rule(at time.Time, text string) string {
	text = at.Local().Format("15:04:05.000") + "  ── " + text + " "
	return text + strings.Repeat("─", max(0, width-len([]rune(text))))
}

// account says what became of the events.
func (s *story) account(out *output) {
	for _, st := range s.accounts {
		fmt.Fprintf(out, "%-9s %s\n", st.name, st.account)
	}
	fmt.Fprintf(out, "%-9s %s\n\n", "together", s.total)
	if s.failed > 0 {
		fmt.Fprintf(out, "The service failed for %s, and %s with it. ", terminal.Duration(s.up.Sub(s.down)), terminal.Count(s.failed, "put"))
	}
	fmt.Fprintf(out, "Nothing is lost: all %s\nthat the processes logged are in the stream. Shipping crashed in the end, as it\nshould, and its last words are there too.\n", terminal.Count(s.total.Delivered, "event"))
}
