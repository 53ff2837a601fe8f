package systest

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// A void client takes everything at once and keeps nothing.
type void struct{ zapcw.Client }

func (void) PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	return nil, nil
}

// heap is what lives after collections that empty pools, too.
func heap() uint64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestFleetMemory has 10,000 Syncers in one process, as of an application with a
// stream for each of its customers.
func TestFleetMemory(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector's memory would count")
	}
	const n = 10_000
	synctest.Test(t, func(t *testing.T) {
		var (
			spill   testkit.Buffer
			fleet   = make([]*zapcw.Syncer, n)
			before  = heap()
			threads = runtime.NumGoroutine()
		)
		each := func() int { return int(int64(heap())-int64(before)) / n }
		for i := range fleet {
			fleet[i] = &zapcw.Syncer{Client: void{}, Group: "/g", Stream: "s", Fallback: &spill}
			if _, err := fleet[i].Write([]byte("m")); err != nil {
				t.Fatal(err)
			}
			if err := fleet[i].Sync(); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		got := each()
		t.Logf("used and idle: %d bytes each", got)
		if got > 1<<10 {
			t.Errorf("an idle Syncer takes %d bytes, want at most 1 KiB", got)
		}
		if got := runtime.NumGoroutine(); got > threads {
			t.Errorf("%d goroutines, %d before", got, threads)
		}

		most, text := 0, bytes.Repeat([]byte("."), 210)
		for second := range 45 {
			for _, s := range fleet {
				if _, err := s.Write(text); err != nil {
					t.Fatal(err)
				}
			}
			if second%6 == 0 || second%20 == 18 { // 18: the next one starts a send
				most = max(most, each())
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		t.Logf("an event a second: %d bytes each", most)
		if most > 8<<10 {
			t.Errorf("a Syncer with an event a second takes %d bytes, want at most 8 KiB", most)
		}
		for _, s := range fleet {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// workers gives the stacks of goroutines that a Syncer started.
func workers() (stacks []string) {
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		_, creator, _ := strings.Cut(stack, "created by ")
		for _, p := range []string{"zapcw.", "zapcw/internal/engine.", "zapcw/internal/delivery."} {
			if strings.HasPrefix(creator, "example.com/"+p) {
				stacks = append(stacks, stack)
			}
		}
	}
	return stacks
}

// TestIdle: an idle Syncer has no goroutine, and makes no request.
func TestIdle(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		idle := func(when string) {
			r.Helper()
			synctest.Wait()
			if got := workers(); len(got) > 0 {
				r.Errorf("%s: got %d goroutines, want none:\n%s", when, len(got), strings.Join(got, "\n\n"))
			}
		}
		r.Info("one")
		idle("with an event in the buffer")
		time.Sleep(2 * time.Minute)
		idle("after MaxAge")
		r.WantStream("one")
		r.Info("two")
		r.MustSync()
		idle("after Sync")
		puts := r.Server.Stats().Calls["PutLogEvents"]
		for range 3 {
			r.MustSync()
		}
		time.Sleep(24 * time.Hour)
		if got := r.Server.Stats().Calls["PutLogEvents"]; got != puts {
			r.Errorf("got %d requests with nothing to send, want none", got-puts)
		}
		r.Server.Fail(testkit.Outage)
		r.Info("three")
		go func() { _ = r.Syncer.Sync() }()
		if synctest.Wait(); len(workers()) == 0 {
			r.Error("got no goroutine while Sync waits, want the sender")
		}
		time.Sleep(testkit.Timeout + testkit.Grace)
		idle("after a Sync that ran out of time")
	})
}

// TestDropped: a Syncer that is not closed and has nothing to send is collected.
func TestDropped(t *testing.T) {
	srv := cwltest.NewServer(t)
	s := &zapcw.Syncer{Client: srv.Client(), Group: testkit.RigGroup, Stream: testkit.RigStream, MaxAge: time.Hour}
	p := weak.Make(s)
	if _, err := s.Write([]byte("one")); err != nil {
		t.Errorf("Write = %v, want nil", err)
	}
	if err := s.Sync(); err != nil {
		t.Errorf("Sync = %v, want nil", err)
	}
	runtime.KeepAlive(s)
	s = nil
	for range 1000 {
		runtime.GC()
		if p.Value() == nil {
			return
		}
		runtime.Gosched()
	}
	t.Error("the Syncer is still there, want it collected")
}
