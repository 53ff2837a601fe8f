package systest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// midnight is the first one in a bubble that is not its beginning.
var midnight = time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC)

// toMidnight sleeps until d after it.
func toMidnight(d time.Duration) { time.Sleep(time.Until(midnight.Add(d))) }

// of gives the events in the stream of a day in January.
func of(r *testkit.Rig, day int) string {
	return strings.Join(r.Server.Messages(testkit.RigGroup, fmt.Sprintf("s-2000-01-%02d", day)), "|")
}

// TestMidnight: each event is in its own day's stream, in order, also one that is
// late.
func TestMidnight(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.Stream = "s-{date}"
		late := func(text string, at time.Duration) {
			if err := r.Core.Write(zapcore.Entry{Message: text, Time: midnight.Add(at)}, nil); err != nil {
				r.Errorf("Write = %v, want nil", err)
			}
		}
		toMidnight(-time.Millisecond)
		r.Info("a", "b")
		time.Sleep(time.Millisecond)
		r.Info("c")
		late("before a", -time.Second)
		late("the day before", -25*time.Hour)
		r.MustSync()
		late("after b", -time.Millisecond)
		r.Info("d")
		r.MustSync()
		for day, want := range map[int]string{1: "before a|a|b|after b", 2: "c|d", 3: ""} {
			if got := of(r, day); got != want {
				r.Errorf("got %q on January %d, want %q", got, day, want)
			}
		}
		if got := r.Server.Messages(testkit.RigGroup, "s-1999-12-31"); !slices.Equal(got, []string{"the day before"}) {
			r.Errorf("got %q in the last stream of 1999, want what was of that day", got)
		}
		if st := r.Syncer.Stats(); st.Accepted != 7 || st.Delivered != 7 || st.Puts != 5 {
			r.Errorf("got %+v, want 7 events in 5 puts", st)
		}
	})
}

// TestMidnightSmallPuts: small puts wait for a moment in the first minute, puts
// that are full or waited for do not.
func TestMidnightSmallPuts(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(*testkit.Rig)
		took time.Duration
	}{
		{"MaxEvents", func(r *testkit.Rig) {
			toMidnight(0)
			r.Info("a", "b", "c")
		}, time.Minute},
		{"MaxAge", func(r *testkit.Rig) {
			toMidnight(-time.Second)
			_ = r.Core.Write(zapcore.Entry{Message: "a", Time: midnight}, nil)
		}, time.Minute},
		{"after the minute", func(r *testkit.Rig) {
			toMidnight(time.Minute)
			r.Info("a", "b", "c")
		}, time.Minute},
		{"Sync", func(r *testkit.Rig) {
			toMidnight(time.Second)
			r.Info("a")
			r.MustSync()
		}, time.Second},
		{"Sync, and then MaxEvents", func(r *testkit.Rig) {
			toMidnight(time.Second)
			r.Info("a")
			r.MustSync()
			r.Info("b", "c", "d")
		}, time.Second},
		{"full", func(r *testkit.Rig) {
			toMidnight(time.Second)
			r.Info(strings.Repeat("x", 600<<10), strings.Repeat("y", 600<<10))
		}, time.Second},
		{"memory full", func(r *testkit.Rig) {
			r.Syncer.MaxPending = 1000
			toMidnight(time.Second)
			r.Info(strings.Repeat("x", 700), strings.Repeat("y", 700))
		}, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.InRig(t, func(r *testkit.Rig) {
				r.Syncer.Stream, r.Syncer.MaxEvents, r.Syncer.MaxAge = "s-{date}", 3, 10*time.Second
				if tt.name == "memory full" {
					r.Syncer.MaxPending = 1000
				}
				testkit.NoJitter(r.Syncer) // the moment is the end of the minute
				tt.do(r)
				synctest.Wait()
				if time.Since(midnight) < tt.took {
					time.Sleep(tt.took - time.Nanosecond - time.Since(midnight))
					synctest.Wait()
					if got := of(r, 2); got != "" {
						r.Errorf("got %.20q within the minute, want nothing", got)
					}
					time.Sleep(time.Nanosecond)
					synctest.Wait()
				}
				if got := of(r, 2); got == "" {
					r.Errorf("got nothing after %s, want events", tt.took)
				}
				if strings.HasPrefix(tt.name, "Sync, ") && !strings.HasSuffix(of(r, 2), "d") {
					r.Errorf("got %q, want what came later at once: the stream is there", of(r, 2))
				}
			})
		})
	}
}

// TestMidnightGap: what is said of events names the stream that they are of, or
// the pattern if it is about all.
func TestMidnightGap(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.Stream = "s-{date}"
		r.Server.Fail(cwltest.Deny("logs:PutLogEvents"))
		toMidnight(-time.Second)
		r.Info("a")
		wantText(r, fmt.Sprint(r.Syncer.Sync()), "sync /rig/s-{date}: 1 event is on the fallback: ", "put events to /rig/s-2000-01-01: ")
		toMidnight(time.Second)
		r.Server.Heal()
		r.Info("b")
		r.MustSync()
		wantText(r, of(r, 2), "zapcw: 1 event went to the writer's fallback instead of stream s-2000-01-01: 1 INFO, from 2000-01-01T23:59:59.000Z", "|b")
	})
}

func wantText(r *testkit.Rig, text string, parts ...string) {
	r.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			r.Errorf("got %q, want %q in it", text, part)
		}
	}
}

// TestFleetMidnight has 1,000 processes with a stream each turn midnight UTC. With
// jitter they stay within the account's quota of new streams, without it they come
// in one wave.
func TestFleetMidnight(t *testing.T) {
	t.Parallel()
	for _, jitter := range []bool{true, false} {
		t.Run(fmt.Sprintf("jitter %t", jitter), func(t *testing.T) {
			t.Parallel()
			// A smaller scale would have seconds above the quota by chance.
			scale := 1
			if !jitter || testing.Short() || testkit.RaceEnabled {
				scale = 2
				t.Log("half of the Syncers against half of the quota: there is no time for more")
			}
			synctest.Test(t, func(t *testing.T) { runMidnight(t, 1_000/scale, createQuota/scale, jitter) })
		})
	}
}

func runMidnight(t *testing.T, n, quota int, jitter bool) {
	const each, tick, long = 5, 5 * time.Second, 90 * time.Second
	toMidnight(-tick)
	a := &account{begin: time.Now(), quota: putQuota, createQuota: float64(quota), group: true, streams: make(map[string]bool)}
	fleet := make([]*zapcw.Syncer, n)
	for i := range fleet {
		a.streams[fmt.Sprintf("2000-01-01-%d", i)] = true
	}
	for i := range fleet {
		s := &zapcw.Syncer{Client: a, Group: "/fleet", Stream: fmt.Sprintf("{date}-%d", i), MaxEvents: each, Fallback: zapcore.AddSync(io.Discard)}
		if !jitter {
			testkit.NoJitter(s)
		}
		fleet[i] = s
		begin := rand.N(tick)
		var ticker *time.Timer
		ticker = time.AfterFunc(time.Hour, func() {
			if time.Since(midnight) < long {
				ticker.Reset(tick)
			}
			for range each {
				if _, err := io.WriteString(s, "hello"); err != nil {
					t.Error(err)
				}
			}
		})
		ticker.Reset(begin)
	}
	toMidnight(long)
	if !jitter {
		a.free() // or they would come back in waves for ever
	}
	toMidnight(long + 2*time.Minute)
	synctest.Wait()
	accepted := uint64(0)
	for i, s := range fleet {
		st := s.Stats()
		if accepted += st.Accepted; st.Delivered != st.Accepted {
			t.Errorf("Syncer %d: %+v, want all delivered", i, st)
		}
	}
	if a.stored != int(accepted) || len(a.streams) != 2*n {
		t.Errorf("got %d of %d events in %d streams, want all in %d", a.stored, accepted, len(a.streams), 2*n)
	}
	most := a.peak(0, len(a.creates)).creates
	t.Logf("%d creations tried, %d in the busiest second", sum(a.creates), most)
	switch {
	case jitter && (most > quota || sum(a.creates) != n):
		t.Errorf("got %d creations, %d of them in one second, want %d, at most %d in one", sum(a.creates), most, n, quota)
	case !jitter && most <= quota:
		t.Errorf("got %d creations in the busiest second without jitter, want a wave", most)
	}
}
