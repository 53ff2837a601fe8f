package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A pace spaces the attempts of all puts to the streams of one writer. The zero value lets
// everything pass.
//
// The back-off while the service fails is 100 ms, doubled with each round to
// 30 s. All but a tenth of a wait is random, so that a fleet does not come back in
// one wave. The first of several waiting attempts is a probe: it goes alone, and
// the others follow when it succeeds. Each attempt that was admitted must be
// followed by exactly one report or cancel (invariant 9).
type pace struct {
	mu            sync.Mutex
	probing       bool          // a probe is under way
	fatal         bool          // waiting will not mend what failed last
	throttles     int32         // rounds since takeThrottles
	fails         int           // rounds since the last success
	*spacing                    // from the first failure on: most writers never need it
	changed       chan struct{} // closed when those who wait are to look again
	last          error         // what failed
	inFlight      []*attempt
	expectedUntil time.Time // until then somebody waits in Sync

	// jitter picks a wait up to d; nil is an even choice.
	jitter func(d time.Duration) time.Duration
}

// A spacing is when an attempt was, and when the next may be.
type spacing struct{ notBefore, lastProbe time.Time }

const (
	firstWait = 100 * time.Millisecond
	lastWait  = 30 * time.Second
	// syncPause is how long somebody in Sync waits for an attempt that is
	// likely to be refused, and what lies between attempts for the sake of
	// those who wait.
	syncPause = time.Second
	// syncRound and syncRoundMax are the rounds, with waits of 800 ms and 3.2 s
	// at most, between which the back-off grows anew when somebody waits.
	syncRound, syncRoundMax = 4, 6
)

// errStuck is why an attempt was cancelled; it passes.
var errStuck = errors.New("no answer yet; cancelled because a Sync is waiting")

// admit returns when the next attempt may go. Its round is what report and cancel
// want back. With an error nothing was admitted.
func (p *pace) admit(ctx context.Context) (round int, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		p.mu.Lock()
		if p.fails == 0 {
			p.mu.Unlock()
			return 0, nil
		}
		rest := time.Until(p.notBefore)
		if rest <= 0 && !p.probing {
			p.probing, p.lastProbe = true, time.Now()
			round = p.fails
			p.mu.Unlock()
			return round, nil
		}
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		var due <-chan time.Time // never, while a probe is under way
		if !p.probing {
			due = time.After(rest)
		}
		p.mu.Unlock()
		select {
		case <-due:
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// report takes the outcome of an attempt: nil, or why to slow down.
func (p *pace) report(round int, err error, fatal bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.endLocked(round)
	switch {
	case err == nil:
		p.fails, p.last = 0, nil
	case round == p.fails:
		// Attempts of one round count once, however many fail together.
		p.fails++
		if time.Now().Before(p.expectedUntil) {
			p.fails = min(p.fails, syncRoundMax)
		}
		if p.spacing == nil {
			p.spacing = new(spacing)
		}
		p.notBefore = time.Now().Add(p.backoff(p.fails))
		p.last, p.fatal = err, fatal
		if putThrottled(err) {
			p.throttles++
		}
	}
}

// takeThrottles is how many rounds were throttled since the last call.
func (p *pace) takeThrottles() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.throttles
	p.throttles = 0
	return int(n)
}

// cancel takes back an attempt that says nothing about the service.
func (p *pace) cancel(round int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endLocked(round)
}

func (p *pace) endLocked(round int) {
	if round > 0 {
		p.probing = false
	}
	p.wakeLocked()
}

// wakeLocked has those who wait look again.
func (p *pace) wakeLocked() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// expedite lets the next attempt go soon, because somebody waits for its outcome
// until then: at once, unless the last attempt was less than a second ago, and
// with short pauses after it.
func (p *pace) expedite(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.expectedUntil) {
		p.expectedUntil = until
	}
	for _, a := range p.inFlight {
		a.cancelIfStuck()
	}
	if p.fails == 0 || p.probing {
		return
	}
	switch since := time.Since(p.lastProbe); {
	case since < syncPause:
		if next := p.lastProbe.Add(syncPause); next.Before(p.notBefore) {
			p.notBefore = next
		}
	default:
		p.notBefore = time.Time{}
	}
	p.fails = min(p.fails, syncRound)
	p.wakeLocked()
}

// refusing reports whether the last attempt was refused and the next is so far off
// that nobody should wait for it.
func (p *pace) refusing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fails > 0 && p.fatal && !p.probing && time.Until(p.notBefore) > syncPause
}

// cause is the error of the last attempt, nil after a success.
func (p *pace) cause() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// refused reports whether waiting will not mend what failed last.
func (p *pace) refused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last != nil && p.fatal
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

// pick is a wait up to d.
func (p *pace) pick(d time.Duration) time.Duration {
	if p.jitter != nil {
		return p.jitter(d)
	}
	return rand.N(d)
}

// An attempt is under way. When it takes longer than stuckAfter, and somebody
// waits, it is cancelled: what it hangs on may be long over.
type attempt struct {
	began      time.Time
	stuckAfter time.Duration
	cancel     context.CancelCauseFunc
}

func (a *attempt) cancelIfStuck() {
	if time.Since(a.began) >= a.stuckAfter {
		a.cancel(errStuck)
	}
}

// track gives the context for an attempt, and what is to be called after it.
func (p *pace) track(ctx context.Context, stuckAfter time.Duration) (tracked context.Context, untrack func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	a := &attempt{time.Now(), stuckAfter, cancel}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight = append(p.inFlight, a)
	return ctx, func() {
		cancel(nil)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.inFlight = slices.DeleteFunc(p.inFlight, func(b *attempt) bool { return b == a }); len(p.inFlight) == 0 {
			p.inFlight = nil
		}
	}
}

// sleep waits for d, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
