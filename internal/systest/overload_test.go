package systest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// TestSpill fills the memory in an outage: what is too much goes to the fallback
// at once, and the last eighth is for errors.
func TestSpill(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.MaxPending = 8000
		r.Server.Fail(testkit.Outage)
		// An event of 80 bytes takes 100 in memory: 70 fit into seven eighths.
		pad := strings.Repeat(".", 76)
		infos, errs := testkit.Numbered("i%03d"+pad, 100), testkit.Numbered("e%03d"+pad, 20)
		for i, text := range infos {
			r.Info(text)
			r.Balance()
			st := r.Syncer.Stats()
			if want := uint64(min(i+1, 70)); st.Pending != want || st.SpilledAs.Full != uint64(i+1)-want {
				r.Fatalf("after %d events: got %d pending, %d spilled, want %d pending", i+1, st.Pending, st.SpilledAs.Full, want)
			}
			time.Sleep(time.Millisecond)
		}
		for i, text := range errs {
			if took := r.At(zapcore.ErrorLevel, text); took > 0 {
				r.Errorf("Write of an error took %s, want no time", took)
			}
			r.Balance()
			if got, want := r.Syncer.Stats().Pending, uint64(70+min(i+1, 10)); got != want {
				r.Fatalf("after %d errors: got %d pending, want %d", i+1, got, want)
			}
			time.Sleep(time.Millisecond)
		}
		r.Info("no room for this at all either" + pad)
		spilled := slices.Concat(infos[70:], errs[10:], []string{"no room for this at all either" + pad})
		r.WantSpill(spilled...)
		if _, words := r.Spill.Lines(); !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, "memory full") }) {
			r.Errorf("got %q on the fallback, want that the memory is full", words)
		}
		r.Server.Heal()
		time.Sleep(time.Minute)
		r.WantStream(slices.Concat(infos[:70], errs[:10])...)
		if err := r.Syncer.Sync(); err == nil || !strings.Contains(err.Error(), "41 events are on the fallback") {
			r.Errorf("Sync = %v, want 41 events on the fallback", err)
		}
		r.Info("after")
		r.MustSync()
		r.WantGaps(`zapcw: 41 events went to the writer's fallback instead of here: 31 INFO, 10 ERROR, from 2000-01-01T00:00:00.070Z to 2000-01-01T00:00:00.120Z, because of "memory full"`)
		r.WantSpill(spilled...)
	})
}

// TestSpillOversize has events that could never fit.
func TestSpillOversize(t *testing.T) {
	for _, whenFull := range []zapcw.Overflow{zapcw.Spill, zapcw.Block} {
		testkit.InRig(t, func(r *testkit.Rig) {
			r.Syncer.MaxPending, r.Syncer.WhenFull = 1000, whenFull
			big := strings.Repeat("x", 900)
			r.Info(big)
			if took := r.At(zapcore.ErrorLevel, big); took > 0 {
				r.Errorf("Write of an error took %s, want no time", took)
			}
			if st := r.Syncer.Stats(); st.SpilledAs.Full != 1 || st.Pending != 1 {
				r.Errorf("WhenFull %d: got %d spilled, %d pending, want the info spilled and the error pending", whenFull, st.SpilledAs.Full, st.Pending)
			}
			r.WantSpill(big)
		})
	}
}

// TestBlock fills the memory in an outage with a Syncer that makes its callers
// wait.
func TestBlock(t *testing.T) {
	const most = 7 // events of 100 bytes in seven eighths of 800
	texts := testkit.Numbered("%02d"+strings.Repeat(".", 81), 10)
	blocked := func(r *testkit.Rig) <-chan time.Duration {
		r.Syncer.MaxPending, r.Syncer.WhenFull = 800, zapcw.Block
		r.Server.Fail(testkit.Outage)
		r.Info(texts[:most]...)
		done := make(chan time.Duration, 1)
		go func() { done <- r.At(zapcore.InfoLevel, texts[most]) }()
		time.Sleep(time.Second)
		select {
		case took := <-done:
			r.Fatalf("Write returned after %s, want it to wait for room", took)
		default:
		}
		if got := r.Syncer.Stats().Pending; got != most {
			r.Errorf("got %d pending, want %d", got, most)
		}
		return done
	}
	t.Run("outage ends", func(t *testing.T) {
		testkit.InRig(t, func(r *testkit.Rig) {
			done := blocked(r)
			// An error has room left.
			if took := r.At(zapcore.ErrorLevel, texts[8]); took > 0 {
				r.Errorf("Write of an error took %s, want no time", took)
			}
			time.Sleep(time.Minute)
			r.Server.Heal()
			if took := <-done; took < time.Minute || took > 2*time.Minute {
				r.Errorf("Write waited for %s, want about the minute of the outage", took)
			}
			r.MustSync()
			got, gaps := r.Stream()
			slices.Sort(got)
			if !slices.Equal(got, texts[:9]) || len(gaps) > 0 {
				r.Errorf("got %.200q and gaps %q, want all 9 events and no gap", got, gaps)
			}
			r.WantSpill()
		})
	})
	t.Run("Close", func(t *testing.T) {
		testkit.InRig(t, func(r *testkit.Rig) {
			done := blocked(r)
			if err := r.Syncer.Close(); !errors.Is(err, context.DeadlineExceeded) {
				r.Errorf("Close = %v, want a deadline", err)
			}
			if took := <-done; took != time.Second {
				r.Errorf("Write was let go after %s, want with Close", took)
			}
			got, _ := r.Spill.Lines()
			slices.Sort(got)
			if !slices.Equal(got, texts[:8]) {
				r.Errorf("got %.200q on the fallback, want all 8 events", got)
			}
			if st := r.Syncer.Stats(); st.SpilledAs.AfterClose != 1 || st.SpilledAs.Late != most {
				r.Errorf("got %+v, want 1 after Close and %d late", st.SpilledAs, most)
			}
		})
	})
	t.Run("Sync makes room", func(t *testing.T) {
		testkit.InRig(t, func(r *testkit.Rig) {
			done := blocked(r)
			_ = r.Syncer.Sync() // spills what is there after 10 s
			if took := <-done; took > 12*time.Second {
				r.Errorf("Write was let go after %s, want with Sync", took)
			}
			r.Server.Heal()
			time.Sleep(2 * time.Minute)
			r.WantStream(texts[most])
			r.WantSpill(texts[:most]...)
		})
	})
	t.Run("refused", func(t *testing.T) {
		testkit.InRig(t, func(r *testkit.Rig) {
			r.Syncer.MaxPending, r.Syncer.WhenFull = 800, zapcw.Block
			r.Server.Fail(cwltest.Deny("logs:PutLogEvents"))
			begin := time.Now()
			for _, text := range texts {
				r.At(zapcore.InfoLevel, text)
			}
			// Nobody waits longer than for an attempt or two.
			if took := time.Since(begin); took > time.Minute {
				r.Errorf("%d Writes took %s, want at most a minute", len(texts), took)
			}
		})
	})
	t.Run("many writers", func(t *testing.T) {
		testkit.InRig(t, func(r *testkit.Rig) {
			r.Syncer.MaxPending, r.Syncer.WhenFull = 2000, zapcw.Block
			r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "ThrottlingException", For: 20 * time.Second})
			var writers sync.WaitGroup
			for w := range 16 {
				writers.Go(func() {
					for i := range 25 {
						r.At(zapcore.InfoLevel, fmt.Sprintf("%02d %02d %s", w, i, strings.Repeat(".", w*i%90)))
						r.Balance()
					}
				})
			}
			writers.Wait()
			r.MustSync()
			got, gaps := r.Stream()
			if len(got) != 16*25 || len(gaps) > 0 {
				r.Errorf("got %d events and gaps %q, want %d and no gap", len(got), gaps, 16*25)
			}
			last := make(map[string]string)
			for _, m := range got {
				if w := m[:2]; last[w] >= m[:5] {
					r.Errorf("got %.5q after %q, want each writer's events in order", m, last[w])
				} else {
					last[w] = m[:5]
				}
			}
			r.WantSpill()
		})
	})
}

// TestGap has events spilled for all kinds of reasons, and checks the gap notice at
// the head of the next batch.
func TestGap(t *testing.T) {
	refuse := cwltest.Deny("logs:PutLogEvents")
	for _, tt := range []struct {
		name string
		gap  func(r *testkit.Rig) // leaves a gap, and the service healed
		want string               // at the head of the next batch; %s is there for time
	}{
		{"refused", func(r *testkit.Rig) {
			r.Server.Fail(refuse)
			r.Info("a", "b")
			_ = r.Syncer.Sync()
		}, `zapcw: 2 events went to the writer's fallback instead of here: 2 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.000Z, because of "refused"`},
		{"late", func(r *testkit.Rig) {
			r.Server.Fail(testkit.Outage)
			r.Info("a")
			time.Sleep(5 * time.Millisecond)
			r.Info("b")
			_ = r.Syncer.Sync()
		}, `zapcw: 2 events went to the writer's fallback instead of here: 2 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.005Z, because of "out of time"`},
		{"all levels and two reasons", func(r *testkit.Rig) {
			r.Server.Fail(testkit.Outage)
			ctx, cancel := context.WithTimeout(r.Context(), 0)
			defer cancel()
			r.Info("y")
			_ = r.Syncer.Flush(ctx)
			r.Server.Heal()
			time.Sleep(time.Minute)
			r.Server.Fail(refuse)
			for l := zapcore.DebugLevel - 1; l <= zapcore.FatalLevel+1; l++ {
				r.At(l, "x")
				time.Sleep(time.Millisecond)
			}
			_ = r.Syncer.Sync()
		}, `zapcw: 10 events went to the writer's fallback instead of here: 2 of other levels, 1 DEBUG, 2 INFO, 1 WARNING, 1 ERROR, 3 CRITICAL, ` +
			`from 2000-01-01T00:00:00.000Z to 2000-01-01T00:01:%s, because of "out of time", "refused"`},
		{"its put is refused", func(r *testkit.Rig) {
			r.Server.Fail(refuse)
			for _, text := range []string{"a", "b", "c"} {
				r.Info(text)
				_ = r.Syncer.Sync()
				time.Sleep(time.Minute)
			}
		}, `zapcw: 3 events went to the writer's fallback instead of here: 3 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:02:00.000Z, because of "refused"`},
		{"its put runs out of time", func(r *testkit.Rig) {
			r.Server.Fail(testkit.Outage)
			for _, text := range []string{"a", "b"} {
				r.Info(text)
				_ = r.Syncer.Sync()
			}
		}, `zapcw: 2 events went to the writer's fallback instead of here: 2 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:10.000Z, because of "out of time"`},
		{"it is rejected for the age of its batch", func(r *testkit.Rig) {
			remove := r.Server.Fail(refuse)
			r.Info("a")
			_ = r.Syncer.Sync()
			remove()
			time.Sleep(time.Minute)
			_ = r.Core.Write(zapcore.Entry{Time: time.Now().Add(-15 * 24 * time.Hour), Message: "too old"}, nil)
			_ = r.Syncer.Sync()
		}, `zapcw: 1 event went to the writer's fallback instead of here: 1 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.000Z, because of "refused"`},
		{"it is bad itself", func(r *testkit.Rig) {
			r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", Times: 1})
			r.Info("a")
			_ = r.Syncer.Sync()
			r.Server.Fail(cwltest.Poison(func(e cwltest.Event) bool { return strings.HasPrefix(e.Message, "zapcw:") }))
			time.Sleep(time.Minute)
			r.Info("between")
			_ = r.Syncer.Sync()
		}, `zapcw: 1 event went to the writer's fallback instead of here: 1 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.000Z, because of "refused"`},
		{"its batch is full", func(r *testkit.Rig) {
			r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", Times: 1})
			r.Info("a")
			_ = r.Syncer.Sync()
			time.Sleep(time.Minute)
			r.Info(strings.Repeat("x", 1<<20-26)) // leaves no room for it
			r.MustSync()
		}, `zapcw: 1 event went to the writer's fallback instead of here: 1 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.000Z, because of "refused"`},
		{"10,000 events follow", func(r *testkit.Rig) {
			r.Syncer.MaxEvents = 1 << 20
			r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", Times: 1})
			r.Info("a")
			_ = r.Syncer.Sync()
			time.Sleep(time.Minute)
			r.Info(testkit.Numbered("%d", 10_000)...)
		}, `zapcw: 1 event went to the writer's fallback instead of here: 1 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.000Z, because of "refused"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.InRig(t, func(r *testkit.Rig) {
				tt.gap(r)
				r.WantGaps()
				r.Server.Heal()
				time.Sleep(time.Minute)
				r.Info("next")
				r.MustSync()
				r.Info("after that")
				r.MustSync()
				_, gaps := r.Stream()
				want, tail, _ := strings.Cut(tt.want, "%s")
				if len(gaps) != 1 || !strings.HasPrefix(gaps[0], want) || !strings.HasSuffix(gaps[0], tail) {
					r.Fatalf("got gaps %q, want one %q", gaps, tt.want)
				}
				// The notice is the first event of its put, with the time of
				// the second, unless it goes alone since it was taken off one
				// that failed.
				for _, q := range r.Server.Stats().Requests {
					i := slices.IndexFunc(q.Events, func(e cwltest.Event) bool { return e.Message == gaps[0] })
					if q.Status == 200 && (i > 0 || i == 0 && len(q.Events) > 1 && q.Events[0].Timestamp != q.Events[1].Timestamp) {
						r.Errorf("the gap is event %d of its put, want the first, with the time of the next", i)
					}
					if q.Code == "InvalidParameterException" && !q.Fault {
						r.Error("a put broke the rules of the service")
					}
				}
			})
		})
	}
}
