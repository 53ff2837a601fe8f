package systest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// deep calls f from further down the stack, so far that the stack moves.
func deep(n int, f func()) {
	var room [512]byte
	if n == 0 {
		f()
		return
	}
	deep(n-1, f)
	_ = room[n%len(room)]
}

// TestLanesOrder has goroutines log in one millisecond, on stacks that move: they
// change lanes, and what was logged first is still first in the stream.
func TestLanesOrder(t *testing.T) {
	const n, each = 8, 400
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		s.MaxEvents = 1 << 30
		testkit.Widen(s)
		log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
		var writers sync.WaitGroup
		for g := range n {
			writers.Go(func() {
				for i := range each {
					deep(i%40, func() { log.Info(fmt.Sprintf("%d %04d", g, i)) })
				}
			})
		}
		// Two take turns: each has seen the other's line before it writes.
		ping, pong := make(chan int), make(chan int)
		turns := func(in <-chan int, out chan<- int) {
			for i := range in {
				deep(i%40, func() { log.Info(fmt.Sprintf("turn %04d", i)) })
				if i == each {
					break
				}
				out <- i + 1
			}
			close(out)
		}
		writers.Go(func() { turns(ping, pong) })
		writers.Go(func() { turns(pong, ping) })
		ping <- 0
		writers.Wait()
		if err := s.Sync(); err != nil {
			t.Error(err)
		}
		got := srv.Messages("/g", "s")
		if len(got) != n*each+each+1 {
			t.Errorf("%d events in the stream, want %d", len(got), n*each+each+1)
		}
		last := make(map[string]string)
		for _, m := range got {
			w := m[:strings.Index(m, " ")]
			if m <= last[w] {
				t.Fatalf("%q after %q", m, last[w])
			}
			last[w] = m
		}
	})
}

// TestLanesTriggers has the triggers count what is in all lanes together.
func TestLanesTriggers(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		testkit.Widen(s)
		log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
		write := func(n int) {
			var writers sync.WaitGroup
			for range n {
				writers.Go(func() { log.Info("m") })
			}
			writers.Wait()
			synctest.Wait()
		}
		for round := range 3 {
			write(19)
			if got, want := int(srv.Stats().Events), 21*round; got != want {
				t.Errorf("round %d: %d events delivered after 19, want %d", round, got, want)
			}
			write(1)
			if got, want := int(srv.Stats().Events), 21*round+20; got != want {
				t.Errorf("round %d: %d events delivered after the 20th, want %d", round, got, want)
			}
			write(1)
			time.Sleep(time.Minute)
			synctest.Wait()
			if got, want := int(srv.Stats().Events), 21*round+21; got != want {
				t.Errorf("round %d: %d events delivered after a minute, want %d", round, got, want)
			}
		}
		if st := s.Stats(); st.Accepted != 63 || st.Delivered != 63 || st.Pending != 0 || st.PendingBytes != 0 {
			t.Errorf("got %+v, want 63 delivered", st)
		}
	})
}

// TestLanesFull fills the memory from many goroutines: not one event more than
// there is room for.
func TestLanesFull(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		s.MaxEvents, s.MaxPending = 1<<30, 80_000 // 700 events of 100 bytes in seven eighths
		testkit.Widen(s)
		srv.Fail(testkit.Outage)
		text := strings.Repeat(".", 80)
		log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
		var writers sync.WaitGroup
		for range 8 {
			writers.Go(func() {
				for range 100 {
					log.Info(text)
				}
			})
		}
		writers.Wait()
		if st := s.Stats(); st.Pending != 700 || st.PendingBytes != 70_000 || st.SpilledAs.Full != 100 || st.Accepted != 800 {
			t.Errorf("got %+v, want 700 of 800 pending", st)
		}
		srv.Heal()
		if err := s.Sync(); err == nil {
			t.Error("Sync returned nil, want that 100 events are on the fallback")
		}
		log.Info("after")
		if err := s.Sync(); err != nil {
			t.Error(err)
		}
		told := 0
		got := srv.Messages("/g", "s")
		for _, m := range got {
			if strings.HasPrefix(m, "zapcw: ") {
				told++
			}
		}
		if len(got)-told != 701 || told == 0 {
			t.Errorf("%d events delivered, and %d that tell, want 701 and some", len(got)-told, told)
		}
	})
}

// TestSplitAge: the first entry of a buffer starts the clock of MaxAge, also if it is
// several events.
func TestSplitAge(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.MaxEventBytes, r.Syncer.MaxAge = 100, time.Minute
		r.Info(strings.Repeat("x", 100)) // two events
		time.Sleep(time.Hour)
		if st := r.Syncer.Stats(); st.Pending != 0 || st.Puts != 1 {
			t.Errorf("after an hour: %d pending, %d puts", st.Pending, st.Puts)
		}
	})
}
