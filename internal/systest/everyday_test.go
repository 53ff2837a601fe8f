package systest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/testkit"
)

// A watch is a service that answers after 5 ms, and notes when what arrives.
type watch struct {
	zapcw.Client
	mu      sync.Mutex
	puts    []arrival
	waits   []time.Duration // of each event, from its own time
	deny    int             // so many puts are throttled
	refused int
}

type arrival struct {
	at     time.Time
	events int
}

func (w *watch) PutLogEvents(_ context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	now := time.Now()
	time.Sleep(5 * time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deny > 0 {
		w.deny--
		w.refused++
		return nil, &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}
	}
	w.puts = append(w.puts, arrival{now, len(in.LogEvents)})
	for _, e := range in.LogEvents {
		w.waits = append(w.waits, now.Sub(time.UnixMilli(*e.Timestamp)))
	}
	return &cloudwatchlogs.PutLogEventsOutput{}, nil
}

// sizes are how many events each put had, from the nth on.
func (w *watch) sizes(from int) (events []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.puts[from:] {
		events = append(events, p.events)
	}
	return events
}

// everyday runs f in virtual time.
func everyday(t *testing.T, f func(t *testing.T, w *watch, s *zapcw.Syncer, log func(n int))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := new(watch)
		s := &zapcw.Syncer{Client: w, Group: "/g", Stream: "s", Fallback: zapcore.AddSync(io.Discard)}
		f(t, w, s, func(n int) {
			t.Helper()
			for range n {
				if _, err := io.WriteString(s, "order placed"); err != nil {
					t.Error(err)
				}
			}
			synctest.Wait()
		})
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.Delivered != st.Accepted || len(w.waits) != int(st.Accepted) {
			t.Errorf("got %d accepted, %d delivered, %d arrived, want all", st.Accepted, st.Delivered, len(w.waits))
		}
	})
}

// TestEveryday logs at the rates that services have: five puts a second, after the
// first ten, and an event is soon there.
func TestEveryday(t *testing.T) {
	for _, rate := range []int{100, 500, 1_000, 10_000, 60_000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			everyday(t, func(t *testing.T, w *watch, s *zapcw.Syncer, log func(int)) {
				const long = 20 * time.Second
				tick := max(time.Second/time.Duration(rate), time.Millisecond)
				for begin := time.Now(); time.Since(begin) < long; time.Sleep(tick) {
					log(int(tick * time.Duration(rate) / time.Second))
				}
				time.Sleep(time.Second)
				if st := s.Stats(); st.Pending >= 20 {
					t.Errorf("got %d events pending a second later, want less than MaxEvents", st.Pending)
				}
				puts := len(w.sizes(0))
				full := rate * int(long/time.Second) / batch.MaxEvents
				if most := 10 + max(5*20, full); puts > most {
					t.Errorf("got %d puts in %s, want %d at most", puts, long, most)
				}
				slices.Sort(w.waits)
				p50, p99 := w.waits[len(w.waits)/2], w.waits[len(w.waits)*99/100]
				t.Logf("%d puts, p50 %s, p99 %s", puts, p50, p99)
				if p99 > 210*time.Millisecond {
					t.Errorf("got p99 %s, want 210 ms at most", p99)
				}
			})
		})
	}
}

// TestEverydayTail: after the burst of puts what is left waits for its turn,
// without a goroutine, and goes also when nothing more is logged.
func TestEverydayTail(t *testing.T) {
	everyday(t, func(t *testing.T, w *watch, s *zapcw.Syncer, log func(int)) {
		for range 10 {
			log(20)
			time.Sleep(6 * time.Millisecond)
		}
		log(300)
		if got := len(w.sizes(0)); got != 10 {
			t.Fatalf("got %d puts at once, want 10", got)
		}
		if got := workers(); len(got) > 0 {
			t.Errorf("got %d goroutines while a put waits for its turn, want none:\n%s", len(got), got[0])
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		wantSizes(t, w.sizes(10), 300)
		if st := s.Stats(); st.Pending > 0 {
			t.Errorf("got %d events pending, want none", st.Pending)
		}
	})
}

// wantSizes checks how many events each put had.
func wantSizes(t *testing.T, got []int, want ...int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got puts of %v events, want %v", got, want)
	}
}

// TestEverydayFull has full puts follow each other: nothing slips in between, and
// what is left after the last goes a little later.
func TestEverydayFull(t *testing.T) {
	everyday(t, func(t *testing.T, w *watch, _ *zapcw.Syncer, log func(int)) {
		for range 10 {
			log(20)
			time.Sleep(6 * time.Millisecond)
		}
		log(10_000)
		for range 49 {
			log(2_100) // a full put in less than 50 ms
			time.Sleep(10 * time.Millisecond)
		}
		want := slices.Repeat([]int{10_000}, 11)
		wantSizes(t, w.sizes(10), want...)
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		wantSizes(t, w.sizes(10), append(want, 49*2_100-10*10_000)...)
	})
}

// TestEverydayUrgent: what somebody waits for, what is old and what there is no
// room for waits for no turn.
func TestEverydayUrgent(t *testing.T) {
	const rtt = 5 * time.Millisecond
	for _, tt := range []struct {
		name string
		set  func(*zapcw.Syncer)
		do   func(t *testing.T, s *zapcw.Syncer) error
		most time.Duration
	}{
		{name: "Sync", do: func(_ *testing.T, s *zapcw.Syncer) error { return s.Sync() }, most: rtt},
		{name: "Flush", do: func(t *testing.T, s *zapcw.Syncer) error { return s.Flush(t.Context()) }, most: rtt},
		{name: "field", do: func(_ *testing.T, s *zapcw.Syncer) error {
			zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel)).Info("paid", zapcw.Flush())
			return nil
		}, most: rtt},
		{name: "above Error", do: func(_ *testing.T, s *zapcw.Syncer) error {
			return zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel).Write(zapcore.Entry{Level: zap.DPanicLevel, Time: time.Now(), Message: "bad"}, nil)
		}, most: rtt},
		{name: "MaxAge", set: func(s *zapcw.Syncer) { s.MaxAge = 30 * time.Millisecond }, do: func(*testing.T, *zapcw.Syncer) error {
			time.Sleep(30*time.Millisecond + rtt)
			return nil
		}, most: 30*time.Millisecond + rtt},
		{name: "full memory", set: func(s *zapcw.Syncer) { s.MaxPending, s.WhenFull = 4_000, zapcw.Block }, do: func(_ *testing.T, s *zapcw.Syncer) error {
			_, err := io.WriteString(s, strings.Repeat(".", 3_000))
			return err
		}, most: rtt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everyday(t, func(t *testing.T, w *watch, s *zapcw.Syncer, log func(int)) {
				if tt.set != nil {
					tt.set(s)
				}
				for range 10 {
					log(20)
					time.Sleep(6 * time.Millisecond)
				}
				log(30)
				if got := len(w.sizes(0)); got != 10 {
					t.Fatalf("got %d puts, want 10, and events that wait for their turn", got)
				}
				begin := time.Now()
				if err := tt.do(t, s); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took > tt.most {
					t.Errorf("it took %s, want %s at most", took, tt.most)
				}
				synctest.Wait()
				if got := len(w.sizes(0)); got != 11 {
					t.Errorf("got %d puts, want one more than 10", got)
				}
			})
		})
	}
}

// TestEverydayThrottled: after throttled rounds small puts are fewer and fuller,
// and by degrees as many as before. Nobody who waits has to wait longer for it.
func TestEverydayThrottled(t *testing.T) {
	everyday(t, func(t *testing.T, w *watch, s *zapcw.Syncer, log func(int)) {
		for range 60 { // the burst is over then
			log(100)
			time.Sleep(50 * time.Millisecond)
		}
		w.mu.Lock()
		w.deny = 3
		w.mu.Unlock()
		per := func(d time.Duration) int {
			before := len(w.sizes(0))
			for begin := time.Now(); time.Since(begin) < d; time.Sleep(50 * time.Millisecond) {
				log(100)
			}
			return len(w.sizes(0)) - before
		}
		per(5 * time.Second)
		if w.refused != 3 {
			t.Fatalf("%d puts were throttled, want 3", w.refused)
		}
		if got := per(20 * time.Second); got < 10 || got > 20 {
			t.Errorf("got %d puts in 20 s after three throttled rounds, want an eighth of 100, or a little more", got)
		}
		log(30)
		begin := time.Now()
		if err := s.Sync(); err != nil || time.Since(begin) > 10*time.Millisecond {
			t.Errorf("Sync took %s, %v, want a round trip", time.Since(begin), err)
		}
		last := 0
		for i := range 10 {
			got := per(time.Minute)
			if got < last-1 {
				t.Errorf("minute %d: got %d puts, %d before, want more again", i, got, last)
			}
			last = got
		}
		if last < 295 {
			t.Errorf("got %d puts a minute in the end, want as many as before", last)
		}
	})
}
