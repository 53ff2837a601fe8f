package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// The back-off between attempts while the service fails: 100 ms, doubled with
// each round to 30 s, with full jitter so that a fleet does not come back in one
// wave. The first of several waiting attempts goes alone and the others follow
// when it got through.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 30 * time.Second
	// patience is how long somebody in Sync waits for an attempt that is
	// likely to be refused, and what lies between attempts for the sake of
	// those who wait.
	patience = time.Second
	// hurried and hurriedMax are the rounds, with waits of 800 ms and 3.2 s at
	// most, between which the back-off grows anew when somebody waits.
	hurried, hurriedMax = 4, 6
)

// A pace spaces the attempts of all puts to one stream. The zero value lets
// everything pass.
type pace struct {
	mu      sync.Mutex
	fails   int       // rounds since the last success
	until   time.Time // nothing goes before
	began   time.Time // the last such
	aboard  []*attempt
	waited  time.Time // until then somebody waits in Sync
	changed chan struct{}
	last    error // what failed
	refused bool  // and waiting will not mend it
	probing bool  // one attempt is on its way to see

	// jitter picks a wait up to d; nil is an even choice.
	jitter func(d time.Duration) time.Duration
}

// An attempt is under way. When it takes longer than hung, and somebody waits,
// it is called off: what it hangs on may be long over.
type attempt struct {
	began  time.Time
	hung   time.Duration
	cancel context.CancelCauseFunc
}

// errHung is why an attempt was called off; it passes.
var errHung = errors.New("no answer, and somebody waits")

// board gives the context for an attempt, and what is to be called after it.
func (p *pace) board(ctx context.Context, hung time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	a := &attempt{time.Now(), hung, cancel}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.aboard = append(p.aboard, a)
	return ctx, func() {
		cancel(nil)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.aboard = slices.DeleteFunc(p.aboard, func(b *attempt) bool { return b == a }); len(p.aboard) == 0 {
			p.aboard = nil
		}
	}
}

// wait returns when the next attempt may go; its outcome is then owed to done.
// The round is what done wants back. With an error nothing is owed.
func (p *pace) wait(ctx context.Context) (round int, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		p.mu.Lock()
		if p.fails == 0 {
			p.mu.Unlock()
			return 0, nil
		}
		rest := time.Until(p.until)
		if rest <= 0 && !p.probing {
			p.probing, p.began = true, time.Now()
			round = p.fails
			p.mu.Unlock()
			return round, nil
		}
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed, probing := p.changed, p.probing
		p.mu.Unlock()

		if probing {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		t := time.NewTimer(rest)
		select {
		case <-t.C:
		case <-changed:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// done takes the outcome of an attempt: nil, or why to slow down.
func (p *pace) done(round int, err error, refused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if round > 0 {
		p.probing = false
	}
	switch {
	case err == nil:
		p.fails, p.last = 0, nil
	case round == p.fails:
		// Attempts of one round count once, however many fail together.
		p.fails++
		if time.Now().Before(p.waited) {
			p.fails = min(p.fails, hurriedMax)
		}
		p.until = time.Now().Add(p.backoff(p.fails))
		p.last, p.refused = err, refused
	}
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// leave takes back an attempt that was called off: it says nothing about the
// service.
func (p *pace) leave(round int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if round > 0 {
		p.probing = false
	}
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// hurry lets the next attempt go soon, because somebody waits for its outcome
// until then: at once, if the last one is not only just over, and with short
// pauses after it.
func (p *pace) hurry(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.waited) {
		p.waited = until
	}
	for _, a := range p.aboard {
		if time.Since(a.began) >= a.hung {
			a.cancel(errHung)
		}
	}
	if p.fails == 0 || p.probing {
		return
	}
	switch since := time.Since(p.began); {
	case since < patience:
		if next := p.began.Add(patience); next.Before(p.until) {
			p.until = next
		}
	default:
		p.until = time.Time{}
	}
	p.fails = min(p.fails, hurried)
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// hopeless tells whether the last attempt was refused and the next is so far off
// that nobody should wait for it.
func (p *pace) hopeless() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fails > 0 && p.refused && !p.probing && time.Until(p.until) > patience
}

// cause is the error of the last attempt, nil after a success.
func (p *pace) cause() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// backoff is the wait after so many rounds. A tenth is always waited: the jitter
// is for a fleet, and a lonely process must not hit the service in a hot loop.
func (p *pace) backoff(fails int) time.Duration {
	d := lastWait
	if fails < 9 {
		d = firstWait << (fails - 1)
	}
	if p.jitter != nil {
		return p.jitter(d)
	}
	return d/10 + rand.N(d-d/10)
}
