package systest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/engine"
	"example.com/zapcw/internal/testkit"
)

// TestBadFieldsSlowFallback has a caller wait in Sync while an event of a Syncer
// with an invalid field is being written to a slow fallback.
func TestBadFieldsSlowFallback(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.Concurrency = -1
		r.Syncer.Fallback = &faultyFallback{Buffer: r.Spill, takes: time.Second}
		go r.At(zapcore.InfoLevel, "one")
		synctest.Wait()
		if err := r.Syncer.Sync(); err == nil || !strings.Contains(err.Error(), "Concurrency is -1") {
			r.Errorf("Sync = %v, want what is wrong", err)
		}
		r.WantSpill("one")
	})
}

// A faultyFallback fails, panics or takes its time.
type faultyFallback struct {
	*testkit.Buffer
	takes  time.Duration
	fails  func(n int) error // of the n-th write
	panics bool
	mu     sync.Mutex
	n      int
}

func (f *faultyFallback) Write(p []byte) (int, error) {
	time.Sleep(f.takes)
	f.mu.Lock()
	f.n++
	n := f.n
	f.mu.Unlock()
	if f.panics {
		panic("fallback is broken")
	}
	if f.fails != nil {
		if err := f.fails(n); err != nil {
			return 0, err
		}
	}
	return f.Buffer.Write(p)
}

// TestFaultyFallback: whatever the writer does, no logging call waits for it, the
// counts add up, and later events are delivered.
func TestFaultyFallback(t *testing.T) {
	full := errors.New("no space left on device")
	lines := testkit.Numbered("%03d"+strings.Repeat(".", 997), 200)
	for _, tt := range []struct {
		name string
		f    *faultyFallback
		want func(err error) bool // of Sync
		here int                  // events that are there nevertheless
	}{
		{"fails", &faultyFallback{fails: func(int) error { return full }}, testkit.Is(full), 0},
		{"fails once", &faultyFallback{fails: func(n int) error {
			if n == 1 {
				return full
			}
			return nil
		}}, testkit.Is(full), 150},
		{"panics", &faultyFallback{panics: true}, testkit.Says("fallback is broken"), 0},
		{"blocks", &faultyFallback{takes: 300 * time.Millisecond}, testkit.Coded("AccessDeniedException"), 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.InRig(t, func(r *testkit.Rig) {
				f := tt.f
				f.Buffer = r.Spill
				r.Syncer.Fallback, r.Syncer.MaxEvents = f, 1000
				r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", For: time.Second})
				r.Info(lines...)
				done := make(chan error)
				go func() { done <- r.Syncer.Sync() }()
				synctest.Wait()
				r.Info("who logs does not wait for the fallback")
				if err := <-done; err == nil || !tt.want(err) || testkit.CodeOf(err) != "AccessDeniedException" {
					r.Errorf("Sync = %v, want the refusal and what is wrong with the fallback", err)
				}
				if events, _ := r.Spill.Lines(); len(events) < tt.here || tt.here == 0 && len(events) > 0 {
					r.Errorf("got %d events on the fallback, want %d or more", len(events), tt.here)
				}
				r.Balance()
				if st := r.Syncer.Stats(); st.SpilledAs.Refused < 200 {
					r.Errorf("got %+v, want 200 events refused", st.SpilledAs)
				}
				// Life goes on.
				time.Sleep(2 * time.Minute)
				f.panics, f.fails = false, nil
				r.Info("later")
				_ = r.Syncer.Sync()
				if got, _ := r.Stream(); !slices.Contains(got, "later") {
					r.Errorf("got %q in the stream, want the later event", got)
				}
			})
		})
	}
}

// TestRepeatedCause: the same cause is reported once a minute, with how often it
// came since.
func TestRepeatedCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spill testkit.Buffer
		s := &zapcw.Syncer{Client: new(testkit.StuckClient), Group: "/g", Stream: "s", Fallback: &spill}
		_ = s.Close()
		for range 120 {
			_, _ = s.Write([]byte("m"))
			time.Sleep(time.Second)
		}
		spilled, words := spill.Lines()
		if len(spilled) != 120 || len(words) != 2 {
			t.Fatalf("%d events and %q, want 120 events and two lines", len(spilled), words)
		}
		if want := "(and 59 times more since 2000-01-01T00:00:00Z)"; !strings.Contains(words[1], want) {
			t.Errorf("got %q, want %s in it", words[1], want)
		}
	})
}

// TestFallbackOrder has a Sync run out of time with puts in flight, a batch that
// is cut and more in the buffer: the fallback gets the events in their order.
func TestFallbackOrder(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.MaxEvents, r.Syncer.Timeout = 2, time.Second
		r.Server.Fail(testkit.Outage)
		texts := testkit.Numbered("%02d", 41)
		for _, text := range texts {
			r.Info(text)
			time.Sleep(time.Millisecond)
		}
		if err := r.Syncer.Sync(); err == nil {
			r.Error("Sync returned nil, want that it ran out of time")
		}
		if got, _ := r.Spill.Lines(); !slices.Equal(got, texts) {
			r.Errorf("the fallback has %q, want %q", got, texts)
		}
	})
}

// TestForgedLines spills events that try to look like zapcw's own lines, because
// of an error whose text tries to bend the terminal.
func TestForgedLines(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", Message: "no\r\n\x1b[2Jzapcw: all is well\u2028zapcw: really"})
		texts := []string{
			"zapcw: all events were delivered",
			"order placed\nzapcw: all events were delivered",
			"order placed\rzapcw: all events were delivered\u2028zapcw: really",
			"panic: \n\tmain.go:7\n",
			"\tindented",
		}
		r.Info(texts...)
		if err := r.Syncer.Sync(); err == nil {
			r.Error("Sync = nil, want that it was refused")
		}
		var events []string
		own := 0
		for line := range strings.SplitSeq(strings.TrimSuffix(r.Spill.String(), "\n"), "\n") {
			switch more, ok := strings.CutPrefix(line, "\t"); {
			case ok:
				events[len(events)-1] += "\n\t" + more
			case strings.HasPrefix(line, "zapcw: "):
				own++
				if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
					r.Errorf("%q has a control character at %d", line, i)
				}
			default:
				events = append(events, line)
			}
		}
		for i := range events {
			events[i] = string(engine.Unmark([]byte(events[i])))
		}
		if own != 1 || !slices.Equal(events, texts) {
			r.Errorf("the fallback has %d lines of zapcw's own and the events %q, want 1 and %q", own, events, texts)
		}
	})
}

// TestOneNumber has several puts fail for one cause: what Sync says counts them
// once, and the line on the fallback does not count at all.
func TestOneNumber(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.MaxEvents, r.Syncer.Timeout = 2, time.Second
		r.Server.Fail(testkit.Outage)
		for _, text := range testkit.Numbered("%d", 5) {
			r.Info(text)
			time.Sleep(time.Millisecond)
		}
		err := r.Syncer.Sync()
		number := regexp.MustCompile(`\d+ events?`)
		if got := number.FindAllString(fmt.Sprint(err), -1); !slices.Equal(got, []string{"5 events"}) {
			r.Errorf("Sync = %v, which has the numbers %q, want 5 events", err, got)
		}
		_, words := r.Spill.Lines()
		if last := words[len(words)-1]; number.MatchString(last) || !strings.HasSuffix(last, ": not delivered, and written below") {
			r.Errorf("the fallback says %q, want no number", last)
		}
	})
}
