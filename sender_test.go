package zapcw_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// TestFullPuts has only the size of a put start sends: they are full, and what is
// too much waits for the next, for MaxAge, or for Sync.
func TestFullPuts(t *testing.T) {
	const full = 1 << 20 / (1000 + 26) // events of 1,000 bytes
	text := strings.Repeat(".", 1000)
	rig := func(t *testing.T, f func(log func(n int), want func(puts, events int), srv *cwltest.Server, s *zapcw.Syncer)) {
		bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
			s.MaxEvents = 1 << 30
			srv.CreateStream("/g", "s")
			l := zap.New(zapcw.NewCore(plain(), s, zap.InfoLevel))
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
			srv.Fail(outage)
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

// TestFallbackOrder has a Sync run out of time with puts under way, a batch that
// is cut and more in the buffer: the fallback gets them in their order.
func TestFallbackOrder(t *testing.T) {
	inRig(t, func(r *rig) {
		r.syncer.MaxEvents, r.syncer.Timeout = 2, time.Second
		r.server.Fail(outage)
		texts := numbered("%02d", 41)
		for _, text := range texts {
			r.info(text)
			time.Sleep(time.Millisecond)
		}
		if err := r.syncer.Sync(); err == nil {
			r.Error("Sync returned nil, want that it ran out of time")
		}
		if got, _ := r.spill.lines(); !slices.Equal(got, texts) {
			r.Errorf("the fallback has %q, want %q", got, texts)
		}
	})
}
