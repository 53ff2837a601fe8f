package zapcw_test

import (
	"bytes"
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw"
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
	if zapcw.RaceEnabled {
		t.Skip("the race detector's memory would count")
	}
	const n = 10_000
	synctest.Test(t, func(t *testing.T) {
		var (
			spill   safeBuffer
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
