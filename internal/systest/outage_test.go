package systest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// TestPoison checks what bad events cost: 2·log2(n)+2 puts more than none for
// one, and so much for each of several at the worst, never a neighbour.
func TestPoison(t *testing.T) {
	for _, tt := range []struct {
		name string
		n    int
		bad  func(i int) bool
		k    int
		// most puts: for one bad event 2·log2(n) more than one. k bad ones
		// spread cost k·2·log2(n/k) and the 2k that lead to k parts; side by
		// side they cost 2k and the two edges.
		most int
		// a minute sees at most so many puts
		peak int
	}{
		{"one in the middle", 10_000, func(i int) bool { return i == 6789 }, 1, 1 + 2*14, 29},
		{"the first", 10_000, func(i int) bool { return i == 0 }, 1, 1 + 2*14, 29},
		{"the last", 10_000, func(i int) bool { return i == 9999 }, 1, 1 + 2*14, 29},
		{"one alone", 1, func(i int) bool { return true }, 1, 1, 1},
		{"one of two", 2, func(i int) bool { return i == 1 }, 1, 3, 3},
		{"8 spread", 4096, func(i int) bool { return i%512 == 100 }, 8, 8*2*9 + 2*8 + 2, 162},
		{"8 side by side", 4096, func(i int) bool { return i >= 2044 && i < 2052 }, 8, 2*8 + 2*2*12, 64},
		// The service finds fault with everything: then no event is to blame.
		{"all", 256, func(i int) bool { return true }, 0, 32, 32},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := cwltest.NewServer(t)
				srv.CreateStream(faultGroup, faultStream)
				srv.Fail(cwltest.Poison(func(e cwltest.Event) bool { return strings.HasPrefix(e.Message, "bad") }))
				var spill testkit.Buffer
				s := &zapcw.Syncer{Client: srv.Client(), Group: faultGroup, Stream: faultStream, Fallback: &spill, MaxEvents: 1 << 20}
				var good, bad []string
				for i := range tt.n {
					text := fmt.Sprintf("good %d", i)
					if tt.bad(i) {
						text = fmt.Sprintf("bad %d", i)
						bad = append(bad, text)
					} else {
						good = append(good, text)
					}
					if _, err := s.Write([]byte(text)); err != nil {
						t.Fatalf("Write = %v, want nil", err)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if err := s.Flush(ctx); !testkit.As[*types.InvalidParameterException](err) {
					t.Errorf("Flush = %v, want an InvalidParameterException", err)
				}
				if got := srv.Messages(faultGroup, faultStream); !slices.Equal(got, good) {
					t.Errorf("got %d events in the stream, want the %d good ones in their order", len(got), len(good))
				}
				events, words := spill.Lines()
				if !slices.Equal(events, bad) {
					t.Errorf("got %d events on the fallback, want the %d bad ones in their order", len(events), len(bad))
				}
				if len(words) == 0 || !strings.Contains(words[0], "Log event is not acceptable.") {
					t.Errorf("got %q on the fallback, want what the service says about the event", words)
				}
				st := srv.Stats()
				if got := st.Calls["PutLogEvents"]; got > tt.most {
					t.Errorf("got %d puts for %d bad of %d events, want at most %d", got, len(bad), tt.n, tt.most)
				} else {
					t.Logf("%d puts, at most %d", got, tt.most)
				}
				if got := st.Peak("PutLogEvents", time.Minute); got > tt.peak {
					t.Errorf("got %d puts in a minute, want at most %d", got, tt.peak)
				}
				if got := s.Stats(); got.RejectedAs.Invalid != uint64(tt.k) || got.SpilledAs.Refused != uint64(len(bad)-tt.k) || got.Delivered != uint64(tt.n-len(bad)) || got.Pending != 0 {
					t.Errorf("got %+v, want %d rejected as invalid, %d refused and the rest delivered", got, tt.k, len(bad)-tt.k)
				}
			})
		})
	}
}

// TestBlackHole has puts that are never answered: Sync and Close keep their
// deadline, and all events are on the fallback.
func TestBlackHole(t *testing.T) {
	for _, timeout := range []time.Duration{time.Millisecond, time.Second, 10 * time.Second, time.Minute} {
		t.Run(timeout.String(), func(t *testing.T) {
			testkit.InRig(t, func(r *testkit.Rig) {
				r.Server.Fail(cwltest.Fault{Break: cwltest.BlackHole})
				r.Syncer.Timeout = timeout
				texts := testkit.Numbered("%04d"+strings.Repeat(".", 2000), 2000) // four puts
				r.Info(texts...)
				for name, f := range map[string]func() error{"Sync": r.Syncer.Sync, "Close": r.Syncer.Close} {
					begin := time.Now()
					err := f()
					if took := time.Since(begin); took > timeout+testkit.Grace {
						r.Errorf("%s took %s, want at most %s", name, took, timeout+testkit.Grace)
					}
					if st := r.Syncer.Stats(); err == nil && st.Pending > 0 || st.SpilledAs.Late != 2000 {
						r.Errorf("%s = %v with %d late and %d pending, want 2000 late", name, err, st.SpilledAs.Late, st.Pending)
					}
				}
				got, _ := r.Spill.Lines()
				slices.Sort(got)
				if !slices.Equal(got, texts) {
					r.Errorf("got %d events on the fallback, want all %d", len(got), len(texts))
				}
			})
		})
	}
}

// TestSyncAfterMend has the service healthy again while the Syncer still backs off:
// a Sync makes an attempt at once.
func TestSyncAfterMend(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"AccessDeniedException", "ServiceUnavailableException"} {
		for _, running := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/running %t", code, running), func(t *testing.T) {
				t.Parallel()
				for range 50 {
					testkit.InRig(t, func(r *testkit.Rig) {
						r.Syncer.MaxEvents = 1
						r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: code})
						for range 30 {
							r.Info("before")
							time.Sleep(10 * time.Second)
						}
						if !running {
							_ = r.Syncer.Sync()
						}
						r.Server.Heal()
						time.Sleep(2 * time.Second)
						r.Info("after")
						begin := time.Now()
						_ = r.Syncer.Sync()
						if took := time.Since(begin); took > time.Second {
							r.Errorf("Sync took %s, want an attempt at once", took)
						}
						if got, _ := r.Stream(); !slices.Contains(got, "after") {
							r.Errorf("got %q in the stream, want the event that was logged when all was well", got)
						}
					})
				}
			})
		}
	}
}

// TestGapBesideBadEvents: a gap is told although every batch has a bad event.
func TestGapBesideBadEvents(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		end := r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "ServiceUnavailableException"})
		r.Syncer.Timeout = time.Second
		r.Info("lost")
		_ = r.Syncer.Sync()
		end()
		time.Sleep(time.Minute)
		r.Server.Fail(cwltest.Poison(func(e cwltest.Event) bool { return strings.HasPrefix(e.Message, "bad") }))
		for i := range 20 {
			r.Info(fmt.Sprint("good ", i), "bad")
			_ = r.Syncer.Sync()
			time.Sleep(time.Second)
		}
		if _, gaps := r.Stream(); len(gaps) != 1 {
			t.Errorf("got gaps %q after 20 puts, want 1", gaps)
		}
	})
}
