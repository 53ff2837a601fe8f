package systest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// TestFullPuts has only the size of a put trigger sends: puts are full, and what
// is left waits for the next, for MaxAge, or for Sync.
func TestFullPuts(t *testing.T) {
	const full = 1 << 20 / (1000 + 26) // events of 1,000 bytes
	text := strings.Repeat(".", 1000)
	rig := func(t *testing.T, f func(log func(n int), want func(puts, events int), srv *cwltest.Server, s *zapcw.Syncer)) {
		testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
			s.MaxEvents = 1 << 30
			srv.CreateStream("/g", "s")
			l := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
			log := func(n int) {
				for range n {
					l.Info(text)
				}
				synctest.Wait()
			}
			f(log, func(puts, events int) {
				t.Helper()
				if st := srv.Stats(); int(st.Puts) != puts || int(st.Events) != events {
					t.Errorf("%d puts of %d events, want %d of %d", st.Puts, st.Events, puts, events)
				}
			}, srv, s)
		})
	}
	t.Run("next", func(t *testing.T) {
		rig(t, func(log func(int), want func(int, int), _ *cwltest.Server, _ *zapcw.Syncer) {
			log(full)
			want(0, 0)
			log(100)
			want(1, full)
			for i := 2; i < 6; i++ {
				log(full)
				want(i, i*full)
			}
			log(4 * full)
			want(9, 9*full)
		})
	})
	t.Run("age", func(t *testing.T) {
		rig(t, func(log func(int), want func(int, int), _ *cwltest.Server, s *zapcw.Syncer) {
			log(full + 100)
			want(1, full)
			time.Sleep(time.Minute - time.Millisecond)
			synctest.Wait()
			want(1, full)
			time.Sleep(time.Millisecond)
			synctest.Wait()
			want(2, full+100)
			if st := s.Stats(); st.Pending != 0 || st.PendingBytes != 0 {
				t.Errorf("got %d pending, %d bytes, want none", st.Pending, st.PendingBytes)
			}
		})
	})
	t.Run("sync", func(t *testing.T) {
		rig(t, func(log func(int), want func(int, int), _ *cwltest.Server, s *zapcw.Syncer) {
			log(full + 100)
			want(1, full)
			if err := s.Sync(); err != nil {
				t.Error(err)
			}
			want(2, full+100)
			log(3)
			if err := s.Sync(); err != nil {
				t.Error(err)
			}
			want(3, full+103)
		})
	})
	t.Run("count", func(t *testing.T) {
		rig(t, func(log func(int), want func(int, int), _ *cwltest.Server, s *zapcw.Syncer) {
			s.MaxEvents = full + 150
			log(full + 100)
			want(1, full)
			log(full - 1)
			want(2, 2*full)
			log(52) // with 99 that wait
			want(2, 2*full)
		})
	})
	t.Run("outage", func(t *testing.T) {
		rig(t, func(log func(int), want func(int, int), srv *cwltest.Server, s *zapcw.Syncer) {
			srv.Fail(testkit.Outage)
			log(full + 100)
			time.Sleep(10 * time.Minute)
			srv.Heal()
			time.Sleep(time.Minute)
			synctest.Wait()
			want(2, full+100) // it is too old to wait for more
		})
	})
	t.Run("room", func(t *testing.T) {
		rig(t, func(log func(int), want func(int, int), _ *cwltest.Server, s *zapcw.Syncer) {
			s.MaxPending, s.WhenFull = 1_200_000, zapcw.Block // seven eighths are no put
			log(2 * full)
			if st := s.Stats(); st.Spilled != 0 || int(st.Delivered+st.Pending) != 2*full {
				t.Errorf("got %+v, want all of %d delivered or pending", st, 2*full)
			}
		})
	})
}

// TestUnsent: no event waits for longer than the triggers allow, whatever was in
// flight when it came.
func TestUnsent(t *testing.T) {
	flush := func(s *zapcw.Syncer) {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
			defer cancel()
			_ = s.Flush(ctx)
		}()
		synctest.Wait()
	}
	write := func(s *zapcw.Syncer, n int, text string) {
		for range n {
			_, _ = s.Write([]byte(text))
		}
		synctest.Wait()
	}
	slow := cwltest.Fault{Op: "PutLogEvents", Before: time.Second}
	outage := func(d time.Duration) cwltest.Fault {
		return cwltest.Fault{Op: "PutLogEvents", Code: "ThrottlingException", For: d}
	}
	for _, tt := range []struct {
		name string
		run  func(srv *cwltest.Server, s *zapcw.Syncer)
		most time.Duration
	}{
		{"MaxEvents behind a Flush", func(srv *cwltest.Server, s *zapcw.Syncer) {
			s.Concurrency = 1
			srv.Fail(slow)
			write(s, 20, "under way")
			write(s, 1, "flushed")
			flush(s)
			write(s, 30, "more than MaxEvents")
		}, 4 * time.Second},
		{"one event behind a Flush", func(srv *cwltest.Server, s *zapcw.Syncer) {
			s.Concurrency = 1
			srv.Fail(outage(3 * time.Minute))
			write(s, 20, "under way")
			write(s, 1, "flushed")
			flush(s)
			write(s, 1, "older than MaxAge by the end")
		}, 3*time.Minute + 31*time.Second},
		{"left over, while a put is tried again", func(srv *cwltest.Server, s *zapcw.Syncer) {
			s.MaxEvents = 1 << 30
			testkit.NoJitter(s)
			srv.Fail(outage(45 * time.Second))
			write(s, 10_000, ".")
			write(s, 10_050, ".")
		}, time.Minute},
		{"ahead of its time", func(srv *cwltest.Server, s *zapcw.Syncer) {
			s.MaxEvents = 1 << 30
			ahead := zapcore.Entry{Message: "ahead", Time: time.Now().Add(time.Hour)}
			_ = zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel).Write(ahead, nil)
			time.Sleep(59 * time.Second)
			write(s, 1<<20/1026+1, strings.Repeat(".", 1000))
		}, time.Second},
		{"no room behind what is left over", func(srv *cwltest.Server, s *zapcw.Syncer) {
			s.MaxEvents, s.MaxPending, s.WhenFull = 1<<30, 3<<19, zapcw.Block
			write(s, 2, strings.Repeat(".", 600_000))
			begin := time.Now()
			write(s, 1, strings.Repeat(".", 800_000))
			if took := time.Since(begin); took > 0 {
				t.Errorf("a Write was blocked for %s by a service that is well", took)
			}
		}, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
				srv.CreateStream("/g", "s")
				tt.run(srv, s)
				begin := time.Now()
				for s.Stats().Pending > 0 && time.Since(begin) < 10*time.Minute {
					time.Sleep(100 * time.Millisecond)
				}
				if took := time.Since(begin); took > tt.most+200*time.Millisecond {
					t.Errorf("all was delivered after %s, want %s at most", took, tt.most)
				}
				if st := s.Stats(); st.Spilled > 0 {
					t.Errorf("got %+v, want nothing spilled", st.SpilledAs)
				}
			})
		})
	}
}

// TestSpillSends has memory for less than what triggers a send: full memory
// triggers one, too.
func TestSpillSends(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		srv.CreateStream("/g", "s")
		s.MaxEvents, s.MaxPending = 5000, 100_000
		text := []byte(strings.Repeat(".", 1000))
		for range 20 {
			for range 100 {
				_, _ = s.Write(text)
			}
			time.Sleep(time.Second)
		}
		if st := s.Stats(); st.Delivered < 20*80 {
			t.Errorf("got %d delivered of 2,000, want the 85 that fit each time", st.Delivered)
		}
	})
}

// TestManySyncs has many goroutines wait at once: they share puts.
func TestManySyncs(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		srv.CreateStream("/g", "s")
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", Before: 50 * time.Millisecond})
		log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
		var all sync.WaitGroup
		for i := range 300 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 30 * time.Microsecond)
				log.Info("m", zapcw.Flush())
			})
		}
		begin := time.Now()
		all.Wait()
		if st := s.Stats(); st.Spilled > 0 || st.Delivered != 300 || st.Puts > 30 {
			t.Errorf("got %d delivered by %d puts, %d spilled, want 300 by some", st.Delivered, st.Puts, st.Spilled)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("it took %s, want a few round trips", took)
		}
	})
}

// TestFlushSpillsItsOwn has the deadline of one Flush pass while others go on
// logging: only events from before that Flush are spilled.
func TestFlushSpillsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spill testkit.Buffer
		srv := cwltest.NewServer(t)
		srv.CreateStream("/g", "s")
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", After: 1200 * time.Millisecond})
		s := &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: "s", Concurrency: 1, MaxEvents: 20, Fallback: &spill}
		write := func(text string, n int) {
			for i := range n {
				if _, err := fmt.Fprintf(s, "%s %d", text, i); err != nil {
					t.Error(err)
				}
			}
		}
		write("before", 20)
		synctest.Wait()
		write("flushed", 1)
		var flushes sync.WaitGroup
		flush := func(limit time.Duration) {
			flushes.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				_ = s.Flush(ctx)
			})
			synctest.Wait()
		}
		flush(900 * time.Millisecond)
		time.Sleep(100 * time.Millisecond)
		write("patient", 1)
		flush(time.Minute)
		write("after", 500)
		flushes.Wait()
		time.Sleep(2 * time.Minute)
		got := make(map[string]int)
		for _, m := range srv.Messages("/g", "s") {
			word, _, _ := strings.Cut(m, " ")
			got[word]++
		}
		if got["patient"] != 1 || got["after"] != 500 {
			t.Errorf("the stream has %v, want the patient event and all 500 after it", got)
		}
		spilled, _ := spill.Lines()
		for _, l := range spilled {
			if word, _, _ := strings.Cut(l, " "); word == "patient" || word == "after" {
				t.Fatalf("%q is on the fallback, with %d others", l, len(spilled)-1)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestFlushOfASpill has a Sync wait for an event that is being written to a slow
// fallback: other events are sent meanwhile.
func TestFlushOfASpill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		let := make(chan struct{})
		s := &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: "s", MaxPending: 2000, Fallback: zapcore.AddSync(gate(let))}
		var others sync.WaitGroup
		others.Go(func() { _, _ = s.Write(make([]byte, 3000)) })
		synctest.Wait()
		others.Go(func() { _ = s.Sync() })
		synctest.Wait()
		for i := range 20 {
			if _, err := fmt.Fprint(s, i); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if n := len(srv.Messages("/g", "s")); n != 20 {
			t.Errorf("%d events are delivered while one is on its way to the fallback, want 20", n)
		}
		close(let)
		others.Wait()
		_ = s.Close()
	})
}

// A gate is a writer that blocks until it is closed.
type gate <-chan struct{}

func (g gate) Write(p []byte) (int, error) {
	<-g
	return len(p), nil
}
