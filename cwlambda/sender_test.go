package cwlambda

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Side by side no invocation waits, however long a put takes, and sends go on.
func TestSideBySide(t *testing.T) {
	for _, takes := range []time.Duration{0, 200 * time.Millisecond, -1} {
		t.Run(takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, d := newDouble()
				f.sender = &sender{out: f.out, timeout: f.flushTimeout}
				d.set(takes, takes < 0)
				var slots sync.WaitGroup
				for range 8 {
					slots.Go(func() {
						for _, e := range invocations(t, f, 1000, time.Minute) {
							if e != 0 {
								t.Errorf("an invocation took %s more, want nothing", e)
							}
						}
					})
				}
				slots.Wait()
				_, spills := d.counts()
				end, drains := time.Now(), len(d.began())
				if drains < 1 || drains > 3 || spills != 0 {
					t.Errorf("%d drains and %d spills within 3 s, want about one a second and none", drains, spills)
				}
				time.Sleep(5 * time.Second)
				// It may have begun at the very moment of the last invocation's end.
				if all := d.began(); all[len(all)-1].Before(end) {
					t.Error("no drain after the last invocation")
				}
				// The bubble fails if the sender does not end.
			})
		})
	}
}

// An invocation that lasts has its events sent meanwhile.
func TestLongInvocationSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newDouble()
		f.sender = &sender{out: f.out, timeout: f.flushTimeout}
		_, _ = f.invoke(context.Background(), func(context.Context) (any, error) {
			time.Sleep(10*time.Second + time.Millisecond)
			return nil, nil
		})
		if n, _ := d.counts(); n != 10 {
			t.Errorf("%d drains within 10 s, want 10", n)
		}
		time.Sleep(5 * time.Second)
	})
}

// At the end of the environment an invocation flushes for itself.
func TestTerminationSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newDouble()
		f.sender = &sender{out: f.out, timeout: f.flushTimeout}
		_, _ = f.invoke(context.Background(), func(context.Context) (any, error) {
			if f.terminate(shutdownTime) {
				t.Error("nothing runs, want the invocation to")
			}
			return nil, nil
		})
		if n, _ := d.counts(); n != 2 {
			t.Errorf("%d drains, want one at SIGTERM and one at the end", n)
		}
		time.Sleep(5 * time.Second)
	})
}
