package cwlambda

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestResync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, calls atomic.Int64
		var takes atomic.Int64
		r := &resync{sync: func() error {
			if running.Add(1) > 1 {
				t.Error("two at once")
			}
			calls.Add(1)
			time.Sleep(time.Duration(takes.Load()))
			running.Add(-1)
			if takes.Load() > 0 {
				return errors.New("2 events are on the fallback")
			}
			return nil
		}}
		f := newFunction(nil, nil)
		f.out = &outputs{rest: r}

		if total := sum(invocations(t, f, 10, time.Minute)); total != 0 || calls.Load() != 10 {
			t.Errorf("took %s for %d calls, want no time for 10", total, calls.Load())
		}

		takes.Store(int64(10 * time.Second)) // a Syncer's Timeout
		extra := invocations(t, f, 100, 15*time.Minute)
		if total := sum(extra); extra[0] != defaultFlushTimeout || extra[1] != outageWait || total >= 30*time.Second {
			t.Errorf("100 invocations took %s more, the first %s, the second %s", total, extra[0], extra[1])
		}

		// What is asked for during one begins after it.
		n := calls.Load()
		takes.Store(int64(time.Second))
		<-r.request()
		<-r.request()
		first, second := r.request(), r.request()
		n = calls.Load() - n
		if n < 2 {
			t.Errorf("%d calls, want two", n)
		}
		<-first
		<-second
		takes.Store(0)
		invocations(t, f, 1, time.Minute)
		takes.Store(int64(time.Second))
		if extra := invocations(t, f, 1, time.Minute)[0]; extra != time.Second {
			t.Errorf("took %s more, want a second: the outage is over", extra)
		}
	})
}
