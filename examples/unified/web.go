package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync/atomic"
	"time"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/replay"
	"example.com/zapcw/internal/terminal"
)

const (
	// pace is how long it takes until the next order comes.
	pace = 400 * time.Millisecond
	// Every so often the service fails, and heals after a while.
	outageEvery = 30 * time.Second
	outageFor   = 5 * time.Second
	// liveAge is how long a function keeps events while somebody looks at the page.
	liveAge = 500 * time.Millisecond
	// enough is how long the functions may take to end.
	enough = 30 * time.Second
)

// A shop takes orders until it closes.
type shop struct {
	*command
	to       *service
	progress *terminal.Progress
	taken    atomic.Int64
}

// show runs the functions until Ctrl-C.
func (c *command) show(ctx context.Context, to *service) error {
	s := &shop{command: c, to: to, progress: terminal.NewProgress(c.stderr)}
	fmt.Fprintf(c.stdout, "Three processes take orders and log into one stream, %s of %s.\nLook at it, live, at\n\n  %s\n\nCtrl-C ends it.\n",
		c.stream, c.group, s.page())

	orders := make(chan order)
	go s.take(ctx, orders)
	// The functions end when there are no more orders, and not with ctx: what they
	// have logged is to arrive.
	alive, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(enough, func() { cancel(fmt.Errorf("functions still run after %s", enough)) })
	})()
	all, err := runStages(alive, append(c.env(to), envMaxAge+"="+liveAge.String()), orders)
	s.progress.Clear()
	if alive.Err() != nil {
		err = context.Cause(alive)
	}
	if err != nil {
		return err
	}
	var total replay.Account
	for _, st := range all {
		total.Add(st.account)
	}
	fmt.Fprintf(c.stdout, "%s\n%s\n", terminal.Count(s.taken.Load(), "order"), total)
	return total.Check()
}

// page is the address of the stream on the server's page.
func (s *shop) page() string {
	q := url.Values{"region": {s.to.Client.Options().Region}, "group": {s.group}, "stream": {s.stream}}
	return s.to.Service.Name + "/#" + q.Encode()
}

// take gives orders until ctx ends.
func (s *shop) take(ctx context.Context, orders chan<- order) {
	defer close(orders)
	next := time.NewTicker(pace)
	defer next.Stop()
	outage := time.NewTicker(outageEvery)
	defer outage.Stop()
	var down time.Time // until when the service fails
	for {
		select {
		case <-ctx.Done():
			if s.to.server != nil {
				s.to.server.Heal()
			}
			return
		case <-outage.C:
			if s.to.server != nil {
				s.to.server.Fail(cwltest.Fault{Op: "PutLogEvents", For: outageFor, Code: "ServiceUnavailableException"})
				down = time.Now().Add(outageFor)
			}
		case <-next.C:
			select {
			case orders <- newOrder(int(s.taken.Add(1))):
			case <-ctx.Done():
			}
		}
		text := terminal.Count(s.taken.Load(), "order")
		if left := time.Until(down); left > 0 {
			text += fmt.Sprintf("; the service is down, and heals in %s", left.Round(time.Second))
		}
		s.progress.Show(text)
	}
}

// newOrder makes up the n-th order, the same in every run. One in 40 has no address.
func newOrder(n int) order {
	chance := rand.New(rand.NewPCG(1, uint64(n)))
	cities := []string{"Lisbon", "Porto", "Faro", "Braga", "Coimbra"}
	o := order{
		ID:      fmt.Sprint("A-", 1000+n),
		Items:   1 + chance.IntN(4),
		Total:   fmt.Sprintf("%.2f EUR", 5+chance.Float64()*200),
		Address: &address{cities[chance.IntN(len(cities))]},
	}
	if n%40 == 0 {
		o.Items, o.Address = 1, nil // with few items, so that payment does not decline it
	}
	return o
}
