package systest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/zapcw/internal/testkit"
)

// flushFor is Flush with a deadline of its own.
func flushFor(r *testkit.Rig, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, fmt.Errorf("waited for %s", limit))
	defer cancel()
	return r.Syncer.Flush(ctx)
}

// TestSpoolOwnDeadlines has callers wait for the same events, each until its own
// deadline: that of another ends nobody's wait.
func TestSpoolOwnDeadlines(t *testing.T) {
	for _, overflow := range []bool{false, true} { // then most is on the shelf
		inSpool(t, func(r *testkit.Rig) {
			texts := testkit.Numbered("%03d"+strings.Repeat(".", 1000), 100)
			if overflow {
				r.Syncer.MaxPending = 64 << 10
			}
			r.Server.Fail(testkit.Outage)
			for _, text := range texts {
				r.Info(text)
				time.Sleep(time.Millisecond)
			}
			healed := time.Now().Add(20 * time.Second)
			time.AfterFunc(20*time.Second, r.Server.Heal)
			var all sync.WaitGroup
			for _, limit := range []time.Duration{time.Second, 7 * time.Second, time.Second, 90 * time.Second, 5 * time.Second, 80 * time.Second} {
				begin := time.Now()
				all.Go(func() {
					err := flushFor(r, limit)
					took := time.Since(begin)
					if limit > 20*time.Second {
						if err != nil || time.Now().Before(healed) || took > limit {
							r.Errorf("Flush for %s = %v after %s, want nil once the outage is over", limit, err, took)
						}
						return
					}
					wantKept(r, err, len(texts), r.Syncer.Spool)
					if want := fmt.Sprintf("waited for %s: put events to ", limit); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "ServiceUnavailableException") {
						r.Errorf("Flush for %s = %v, want %q in it, and the trouble", limit, err, want)
					}
					if took < limit || took > limit+testkit.Grace {
						r.Errorf("Flush for %s took %s", limit, took)
					}
				})
				time.Sleep(time.Millisecond)
			}
			all.Wait()
			r.WantStream(texts...)
			r.WantSpill()
			r.MustSync() // each failure was told once, to whoever it is of
			if st := r.Syncer.Stats(); st.Delivered != uint64(len(texts)) {
				r.Errorf("got %+v, want %d delivered", st, len(texts))
			}
		})
	}
}

// TestSpoolOwnDeadlinesWithoutRoom has some events in no file, because the spool is
// full. The first caller who gives up has them spilled; the others hear of that, and
// wait on for what is in the spool.
func TestSpoolOwnDeadlinesWithoutRoom(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		const n = 200
		r.Syncer.MaxPending, r.Syncer.MaxSpool = 64<<10, 128<<10
		r.Server.Fail(testkit.Outage)
		texts := testkit.Numbered("%03d"+strings.Repeat(".", 1000), n)
		logSlowly(r, texts)
		full := int(r.Syncer.Stats().SpilledAs.Full)
		if err := flushFor(r, time.Nanosecond); err == nil || !strings.Contains(err.Error(), "left in the spool") {
			r.Fatalf("Flush = %v, want some left in the spool", err)
		}
		first := int(r.Syncer.Stats().Spilled) - full
		if full == 0 || first == 0 {
			r.Fatalf("%d and %d events had no room, want some", full, first)
		}
		for i := range 80 { // into memory again
			r.Info(fmt.Sprintf("%03d", n+i) + strings.Repeat(".", 1000))
		}
		texts = append(texts, testkit.Numbered("%03d"+strings.Repeat(".", 1000), n+80)[n:]...)
		before := int(r.Syncer.Stats().Spilled)
		begin := time.Now()
		time.AfterFunc(20*time.Second, r.Server.Heal)
		var patient sync.WaitGroup
		patient.Go(func() {
			err := flushFor(r, 90*time.Second)
			if took := time.Since(begin); took < 20*time.Second {
				r.Errorf("the other's Flush took %s, want until the outage is over", took)
			}
			if err == nil || strings.Contains(err.Error(), "left in the spool") || !strings.Contains(err.Error(), "on the fallback: waited for 2s") {
				r.Errorf("the other's Flush = %v, want what went to the fallback for the first", err)
			}
		})
		time.Sleep(time.Nanosecond)
		err := flushFor(r, 2*time.Second)
		spilled := int(r.Syncer.Stats().Spilled)
		if spilled == before || err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d events are on the fallback", spilled-before)) {
			r.Errorf("Flush = %v, with %d spilled meanwhile, want both", err, spilled-before)
		}
		wantKept(r, err, len(texts)-spilled, r.Syncer.Spool)
		patient.Wait()
		lost, _ := r.Spill.Lines()
		r.WantStream(slices.DeleteFunc(texts, func(text string) bool { return slices.Contains(lost, text) })...)
		if st := r.Syncer.Stats(); int(st.Spilled) != spilled || len(lost) != spilled {
			r.Errorf("got %+v and %d events on the fallback, want %d", st, len(lost), spilled)
		}
	})
}

// TestSpoolOwnDeadlinesClose has Close end every wait: nobody sends any more.
func TestSpoolOwnDeadlinesClose(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		r.Server.Fail(testkit.Outage)
		r.Info("one", "two")
		begin := time.Now()
		var patient sync.WaitGroup
		patient.Go(func() {
			wantKept(r, flushFor(r, time.Hour), 2, r.Syncer.Spool)
			if took := time.Since(begin); took < testkit.Timeout || took > testkit.Timeout+testkit.Grace {
				r.Errorf("Flush took %s, want until Close gave up", took)
			}
		})
		time.Sleep(time.Nanosecond)
		wantKept(r, r.Syncer.Close(), 2, r.Syncer.Spool)
		patient.Wait()
	})
}
