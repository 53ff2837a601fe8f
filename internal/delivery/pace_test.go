package delivery

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestExpedite makes attempts for somebody who waits, one a second at most.
func TestExpedite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{jitter: func(d time.Duration) time.Duration { return d }}
		p.report(0, errDown, false)
		p.fails, p.spacing = 20, &spacing{notBefore: time.Now().Add(time.Hour)}
		n, begin := 0, time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var waiting sync.WaitGroup
		waiting.Go(func() {
			for ctx.Err() == nil {
				p.expedite(time.Now().Add(time.Second))
				time.Sleep(time.Millisecond)
			}
		})
		for {
			round, err := p.admit(ctx)
			if err != nil {
				break
			}
			n++
			p.report(round, errDown, false)
		}
		waiting.Wait()
		if n < 30 || n > 61 {
			t.Errorf("got %d attempts in %s of hurry, want about one a second", n, time.Since(begin))
		}
		p.report(p.fails, nil, false)
		if p.expedite(time.Now().Add(time.Second)); p.fails != 0 {
			t.Errorf("got %d rounds after a success, want 0", p.fails)
		}
	})
}

func TestBackoff(t *testing.T) {
	var p pace
	for i, most := range []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
		1600 * time.Millisecond, 3200 * time.Millisecond, 6400 * time.Millisecond, 12800 * time.Millisecond,
		30 * time.Second, 30 * time.Second, 30 * time.Second,
	} {
		fails := i + 1
		const n = 4000
		var sum time.Duration
		for range n {
			d := p.backoff(fails)
			if d < most/10 || d >= most {
				t.Fatalf("backoff(%d) = %s, want %s to %s", fails, d, most/10, most)
			}
			sum += d
		}
		// Evenly spread, so the mean is 55 %; 4000 samples are within 2 %.
		if mean := sum / n; mean < most*53/100 || mean > most*57/100 {
			t.Errorf("backoff(%d) is %s on average, want about %s", fails, mean, most*55/100)
		}
	}
	for _, fails := range []int{64, 1 << 20} {
		if d := p.backoff(fails); d < 3*time.Second || d >= 30*time.Second {
			t.Errorf("backoff(%d) = %s, want 3 s to 30 s", fails, d)
		}
	}
}

// TestPace has many attempts wait in an outage: one goes alone in each round,
// and the others follow when it got through.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{jitter: func(d time.Duration) time.Duration { return d }}
		const outage = 20 * time.Second
		var (
			all             sync.WaitGroup
			tries, together atomic.Int32
			begin           = time.Now()
		)
		p.report(0, errDown, false)
		for range 16 {
			all.Go(func() {
				for {
					round, err := p.admit(t.Context())
					if err != nil {
						t.Errorf("admit = %v, want nil", err)
						return
					}
					down := time.Since(begin) < outage
					if n := together.Add(1); down && n > 1 {
						t.Errorf("got %d attempts at once during the outage, want 1", n)
					}
					tries.Add(1)
					time.Sleep(10 * time.Millisecond)
					together.Add(-1)
					if !down {
						p.report(round, nil, false)
						return
					}
					p.report(round, errDown, false)
				}
			})
		}
		all.Wait()
		// 0.1 + 0.2 + ... + 12.8 s: eight attempts before, the ninth gets
		// through at 25.5 s and 15 follow.
		if got := tries.Load(); got != 7+16 {
			t.Errorf("got %d attempts, want %d", got, 7+16)
		}
		if took := time.Since(begin); took < 25*time.Second || took > 26*time.Second {
			t.Errorf("it took %s, want 25.5 s", took)
		}
		if p.cause() != nil {
			t.Errorf("cause = %v after a success, want nil", p.cause())
		}
	})
}

// TestPaceRound counts attempts that fail together once.
func TestPaceRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pace
		for range 4 {
			if round, err := p.admit(t.Context()); round != 0 || err != nil {
				t.Fatalf("admit = %d, %v, want 0, nil", round, err)
			}
		}
		for range 4 {
			p.report(0, errDown, false)
		}
		if p.fails != 1 {
			t.Errorf("got %d rounds, want 1", p.fails)
		}
		// Attempts that were called off do not count, and let the next go.
		for range 5 {
			round, err := p.admit(t.Context())
			if round != 1 || err != nil {
				t.Fatalf("admit = %d, %v, want 1, nil", round, err)
			}
			p.cancel(round)
		}
		if p.fails != 1 || p.probing {
			t.Errorf("got %d rounds, probing %t, want 1, false", p.fails, p.probing)
		}
		// A late failure of an earlier round does not count either.
		p.report(0, errDown, false)
		if p.fails != 1 {
			t.Errorf("got %d rounds after a latecomer, want 1", p.fails)
		}
	})
}

func TestPaceCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pace
		p.fails, p.spacing = 1, &spacing{notBefore: time.Now().Add(time.Hour)}
		for _, probing := range []bool{false, true} {
			p.probing = probing
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			begin := time.Now()
			if _, err := p.admit(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
				t.Errorf("admit = %v after %s, want the deadline after a second", err, time.Since(begin))
			}
			cancel()
			if _, err := p.admit(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("admit with an ended context = %v, want its error", err)
			}
		}
	})
}

func TestRefusing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := time.Duration(0)
		p := pace{jitter: func(time.Duration) time.Duration { return wait }}
		for _, tt := range []struct {
			wait    time.Duration
			err     error
			refused bool
			want    bool
		}{
			{time.Minute, nil, false, false},
			{time.Minute, errDown, false, false}, // it may pass
			{time.Minute, errDown, true, true},
			{syncPause, errDown, true, false}, // worth the wait
			{syncPause + 1, errDown, true, true},
			{time.Minute, errDown, false, false},
			{time.Minute, nil, true, false},
		} {
			wait = tt.wait
			p.report(p.fails, tt.err, tt.refused)
			if got := p.refusing(); got != tt.want {
				t.Errorf("refusing with %v, refused %t, to wait %s = %t, want %t", tt.err, tt.refused, tt.wait, got, tt.want)
			}
		}
	})
}
