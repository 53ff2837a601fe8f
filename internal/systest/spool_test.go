package systest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/spool"
	"example.com/zapcw/internal/testkit"
)

// needSpool skips the test where there are no spools.
func needSpool(t *testing.T) {
	t.Helper()
	if err := spool.Supported(); err != nil {
		t.Skip(err)
	}
}

// inSpool is testkit.InRig with a spool.
func inSpool(t *testing.T, f func(*testkit.Rig)) {
	t.Helper()
	needSpool(t)
	dir := filepath.Join(t.TempDir(), "spool")
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.Spool = dir
		f(r)
	})
}

// logSlowly logs texts a millisecond apart, so that the sender runs in between.
func logSlowly(r *testkit.Rig, texts []string) {
	r.Helper()
	for _, text := range texts {
		r.Info(text)
		r.Balance()
		time.Sleep(time.Millisecond)
	}
}

// nextSyncer is one that starts on the same directory.
func nextSyncer(r *testkit.Rig) *zapcw.Syncer {
	return &zapcw.Syncer{Client: r.Server.Client(), Group: testkit.RigGroup, Stream: testkit.RigStream, Fallback: r.Spill, Spool: r.Syncer.Spool}
}

// wantNoFiles checks that a spool is empty.
func wantNoFiles(t testing.TB, dir string) {
	t.Helper()
	if files, err := os.ReadDir(dir); err != nil && !errors.Is(err, os.ErrNotExist) || len(files) > 0 {
		t.Errorf("%v, %v are left in %s", files, err, dir)
	}
}

// wantKept wants an error that tells how many events are left in a spool.
func wantKept(t testing.TB, err error, n int, dir string) {
	t.Helper()
	are := "1 event is"
	if n != 1 {
		are = fmt.Sprintf("%d events are", n)
	}
	if err == nil || !strings.Contains(err.Error(), " "+are+" left in the spool "+dir+": ") {
		t.Errorf("got %v, want that %s left in the spool %s", err, are, dir)
	}
}

// TestSpoolSync has Syncs end in an outage: they tell how much is left in the
// spool, and the Syncer goes on trying.
func TestSpoolSync(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		r.Server.Fail(testkit.Outage)
		texts := testkit.Numbered("event %d", 12)
		for _, n := range []int{5, 5, 12} { // the second has nothing new
			for _, text := range texts[r.Syncer.Stats().Accepted:n] {
				r.Info(text)
				time.Sleep(time.Millisecond)
			}
			begin := time.Now()
			wantKept(r, r.Syncer.Sync(), n, r.Syncer.Spool)
			if took := time.Since(begin); took < testkit.Timeout || took > testkit.Timeout+testkit.Grace {
				r.Errorf("Sync took %s, want %s", took, testkit.Timeout)
			}
			r.Balance()
			if st := r.Syncer.Stats(); st.Spooled+st.Pending != uint64(n) {
				r.Errorf("got %d spooled and %d pending, want %d together", st.Spooled, st.Pending, n)
			}
		}
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errors.New("no patience"))
		defer cancel()
		err := r.Syncer.Flush(ctx)
		wantKept(r, err, 12, r.Syncer.Spool)
		if err == nil || !strings.Contains(err.Error(), "no patience") {
			r.Errorf("got %v, want the cause of the context in it", err)
		}
		r.WantSpill()
		r.Server.Heal()
		time.Sleep(time.Minute) // by itself
		r.WantStream(texts...)
		r.MustSync()
		if st := r.Syncer.Stats(); st.Delivered != 12 || st.Spooled != 0 {
			r.Errorf("got %+v, want 12 delivered", st)
		}
		time.Sleep(time.Minute)
		wantNoFiles(r, r.Syncer.Spool)
	})
}

// TestSpoolClose has the next Syncer send what Close left.
func TestSpoolClose(t *testing.T) {
	for _, timeout := range []time.Duration{time.Millisecond, testkit.Timeout} {
		for _, fault := range []cwltest.Fault{testkit.Outage, {Break: cwltest.BlackHole}, {Code: "ThrottlingException"}} {
			inSpool(t, func(r *testkit.Rig) {
				r.Syncer.Timeout = timeout
				r.Server.Fail(fault)
				texts := testkit.Numbered("%04d"+strings.Repeat(".", 2000), 1000) // two puts
				for _, text := range texts {
					r.Info(text)
				}
				begin := time.Now()
				wantKept(r, r.Syncer.Close(), 1000, r.Syncer.Spool)
				if took := time.Since(begin); took > timeout+testkit.Grace {
					r.Errorf("Close took %s, want at most %s", took, timeout)
				}
				if st := r.Syncer.Stats(); st.Accepted != 1000 || st.Spooled != 1000 || st.Pending != 0 || st.PendingBytes != 0 {
					r.Errorf("got %+v, want 1000 spooled", st)
				}
				if err := r.Syncer.Close(); err != nil {
					r.Errorf("again: Close = %v, want nil", err)
				}
				r.WantSpill()
				r.WantStream()
				r.Server.Heal()
				s := nextSyncer(r)
				if err := s.Sync(); err != nil {
					r.Errorf("Sync of the next = %v, want nil", err)
				}
				if st := s.Stats(); st.Accepted != 1000 || st.Delivered != 1000 {
					r.Errorf("got %+v of the next, want 1000 delivered", st)
				}
				r.WantStream(texts...)
				if err := s.Close(); err != nil {
					r.Error(err)
				}
				wantNoFiles(r, r.Syncer.Spool)
				r.WantGaps()
			})
		}
	}
}

// TestSpoolCloseAtOnce closes a Syncer before it knows what dead owners left: that
// stays, and the error tells of it.
func TestSpoolCloseAtOnce(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		r.Server.Fail(testkit.Outage)
		r.Info("one", "two")
		_ = r.Syncer.Close()
		hasty := nextSyncer(r)
		hasty.Timeout = time.Nanosecond
		if err := hasty.Close(); err == nil || !strings.Contains(err.Error(), "spool "+r.Syncer.Spool) || !errors.Is(err, context.DeadlineExceeded) {
			r.Errorf("got %v, want that the spool is not read, and the time-out", err)
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errors.New("no patience"))
		all, err := zapcw.Recover(ctx, r.Server.Client(), r.Syncer.Spool)
		if len(all) > 0 || err == nil || !strings.Contains(err.Error(), "1 of 1 streams were not tried: no patience") {
			r.Errorf("got %+v, %v, want that there was no time", all, err)
		}
		r.Server.Heal()
		if err := nextSyncer(r).Close(); err != nil {
			r.Error(err)
		}
		r.WantStream("one", "two")
	})
}

// A latch is a client without a service until it is opened. A put takes 50 ms.
type latch struct {
	testkit.FakeClient
	mu     sync.Mutex
	open   bool
	puts   [][]types.InputLogEvent
	placed map[string]int // in which put an event is
}

func (l *latch) PutLogEvents(_ context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	time.Sleep(50 * time.Millisecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		return nil, &types.ServiceUnavailableException{}
	}
	for _, e := range in.LogEvents {
		l.placed[(*e.Message)[:8]] = len(l.puts)
	}
	l.puts = append(l.puts, in.LogEvents)
	return &cloudwatchlogs.PutLogEventsOutput{}, nil
}

// TestSpoolOverflow logs twenty times MaxPending in an outage of an hour. Memory
// stays bounded, nothing is spilled, and when the service is back all goes out in
// order of time, while new events do not have to wait for it.
func TestSpoolOverflow(t *testing.T) {
	for _, goroutines := range []int{1, 4} {
		inSpool(t, func(r *testkit.Rig) {
			l := &latch{placed: make(map[string]int)}
			r.Syncer.Client = l
			r.Syncer.MaxPending = 256 << 10
			r.Syncer.MaxEvents = 1
			const n = 5000 // of a kilobyte each
			pad := strings.Repeat(".", 1000)
			for i := range n / goroutines {
				var all sync.WaitGroup
				for g := range goroutines {
					all.Go(func() { r.Info(fmt.Sprintf("%07d %s", i*goroutines+g, pad)) })
				}
				all.Wait()
				r.Balance()
				time.Sleep(time.Hour * time.Duration(goroutines) / n)
			}
			st := r.Syncer.Stats()
			if st.Spilled != 0 || st.Accepted != n || st.Spooled < n*9/10 || st.LastError == nil {
				r.Errorf("got %+v after the outage, want nothing spilled and most of it spooled", st)
			}
			l.mu.Lock()
			l.open = true
			l.mu.Unlock()
			// The drain takes twenty puts or more.
			var fresh []string
			sent := make(map[string]int)
			for i := 0; r.Syncer.Stats().Spooled > 0 && i < 10_000; i++ {
				id := fmt.Sprintf("new%05d", i)
				l.mu.Lock()
				sent[id] = len(l.puts)
				l.mu.Unlock()
				fresh = append(fresh, id)
				r.Info(id)
				r.Balance()
				time.Sleep(150 * time.Millisecond)
			}
			r.MustSync()
			if st := r.Syncer.Stats(); st.Delivered != uint64(n+len(fresh)) || st.Spilled != 0 {
				r.Errorf("got %+v, want %d delivered", st, n+len(fresh))
			}
			// The last of the old events were in memory, so they went with the new ones. So
			// did some before them, if a goroutine changed its lane.
			const inMemory = 256 // events
			const onShelf = n - 2*inMemory
			last := fmt.Sprintf("%07d", onShelf)
			old, newest, back := 0, int64(0), int64(0)
			for _, put := range l.puts {
				for _, e := range put {
					if (*e.Message)[:7] < last {
						newest = max(newest, *e.Timestamp)
						back = max(back, newest-*e.Timestamp)
						old++
					}
				}
			}
			// Chunks of several lanes share some time, in which there is no more than
			// MaxPending.
			most := inMemory * time.Hour.Milliseconds() / n
			if old != onShelf || back > most {
				r.Errorf("got %d events of the spool, up to %d ms after younger ones, want %d, up to %d ms", old, back, onShelf, most)
			}
			worst := 0
			for _, id := range fresh {
				worst = max(worst, l.placed[id]-sent[id])
			}
			r.Logf("%d goroutines: %d puts, %d new events meanwhile, which waited for up to %d", goroutines, len(l.puts), len(fresh), worst)
			if len(fresh) < 10 || worst > 4 {
				r.Errorf("a new event had to wait for %d puts of old ones, want at most 4", worst)
			}
			r.WantSpill()
			time.Sleep(time.Minute)
			wantNoFiles(r, r.Syncer.Spool)
		})
	}
}

// TestSpoolAboveError has entries above ErrorLevel in an outage: the call waits for
// Timeout, and the event is in the spool, whatever the process does next.
func TestSpoolAboveError(t *testing.T) {
	for _, level := range []zapcore.Level{zap.DPanicLevel, zap.PanicLevel, zap.FatalLevel} {
		inSpool(t, func(r *testkit.Rig) {
			r.Server.Fail(testkit.Outage)
			r.Info("before")
			for i := 1; i <= 2; i++ {
				begin := time.Now()
				err := r.Core.Write(zapcore.Entry{Level: level, Time: begin, Message: "last words"}, nil)
				wantKept(r, err, i+1, r.Syncer.Spool)
				if took := time.Since(begin); took > testkit.Timeout+testkit.Grace {
					r.Errorf("Write took %s, want at most %s", took, testkit.Timeout)
				}
			}
			r.WantSpill()
			// It is there for the next process although this one does not close.
			copied := filepath.Join(r.TempDir(), "copy")
			if err := os.CopyFS(copied, os.DirFS(r.Syncer.Spool)); err != nil {
				r.Fatal(err)
			}
			if err := filepath.WalkDir(copied, func(path string, e os.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					err = os.Chmod(path, 0o600)
				}
				return err
			}); err != nil {
				r.Fatal(err)
			}
			r.Server.Heal()
			s := nextSyncer(r)
			s.Spool = copied
			if err := s.Close(); err != nil {
				r.Error(err)
			}
			r.WantStream("before", "last words", "last words")
		})
	}
}

// TestSpoolBlock has callers wait when the spool is full, and not before.
func TestSpoolBlock(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		const n, outage = 1500, time.Hour
		r.Syncer.MaxPending, r.Syncer.MaxSpool, r.Syncer.WhenFull = 64<<10, 1<<20, zapcw.Block
		r.Server.Fail(testkit.Outage)
		begin := time.Now()
		time.AfterFunc(outage, r.Server.Heal)
		texts := testkit.Numbered("%05d"+strings.Repeat(".", 1000), n) // 1.5 MB
		first := -1
		for i, text := range texts {
			if r.At(zapcore.InfoLevel, text) > 0 && first < 0 {
				first = i
				if at := time.Since(begin); at < outage {
					r.Errorf("event %d came in %s after the beginning, want after the outage", i, at)
				}
			}
			r.Balance()
			time.Sleep(time.Millisecond)
		}
		r.Logf("event %d of %d waited", first, n)
		if first < 900 || first > 1100 {
			r.Errorf("event %d is the first that waited, want about the 1000th", first)
		}
		r.MustSync()
		r.WantStream(texts...)
		r.WantSpill()
		if st := r.Syncer.Stats(); st.Spilled != 0 {
			r.Errorf("got %+v, want nothing spilled", st)
		}
	})
}

// TestSpoolMax spills what exceeds the spool and the memory, and nothing else.
func TestSpoolMax(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		const n = 1500
		r.Syncer.MaxPending, r.Syncer.MaxSpool = 64<<10, 1<<20
		r.Server.Fail(testkit.Outage)
		texts := testkit.Numbered("%05d"+strings.Repeat(".", 1000), n)
		logSlowly(r, texts)
		st := r.Syncer.Stats()
		spilled := int(st.SpilledAs.Full)
		if spilled < 400 || spilled > 600 || st.Spilled != st.SpilledAs.Full {
			r.Errorf("got %+v, want about 500 spilled, which had no room", st)
		}
		files, err := os.ReadDir(r.Syncer.Spool)
		if err != nil {
			r.Fatal(err)
		}
		var size int64
		for _, f := range files {
			if fi, err := f.Info(); err == nil {
				size += fi.Size()
			}
		}
		if size > r.Syncer.MaxSpool || size < r.Syncer.MaxSpool*3/4 {
			r.Errorf("got %d bytes in the spool, want at most %d, and not much less", size, r.Syncer.MaxSpool)
		}
		lost, words := r.Spill.Lines()
		if len(lost) != spilled || !slices.IsSorted(lost) {
			r.Errorf("got %d events on the fallback, want %d in their order", len(lost), spilled)
		}
		if n := len(slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !strings.Contains(w, "are allowed") })); n != 1 {
			r.Errorf("got %q, want once that the spool is full", words)
		}
		// What is in memory has no file, so that Sync gives it up, and nothing else.
		err = r.Syncer.Sync()
		st = r.Syncer.Stats()
		late := int(st.SpilledAs.Late)
		if late == 0 || late > 64 || int(st.SpilledAs.Full) != spilled {
			r.Errorf("got %+v after Sync, want up to 64 KiB more spilled", st)
		}
		for _, n := range []int{spilled, late} {
			if want := fmt.Sprintf("%d events are on the fallback", n); err == nil || !strings.Contains(err.Error(), want) {
				r.Errorf("Sync = %v, want that %s", err, want)
			}
		}
		wantKept(r, err, n-spilled-late, r.Syncer.Spool)
		r.Server.Heal()
		r.MustSync()
		lost, _ = r.Spill.Lines()
		r.WantStream(slices.DeleteFunc(texts, func(text string) bool { return slices.Contains(lost, text) })...)
		if st := r.Syncer.Stats(); len(lost) != spilled+late || int(st.Delivered) != n-len(lost) {
			r.Errorf("got %d delivered and %d spilled of %d", st.Delivered, len(lost), n)
		}
		if _, gaps := r.Stream(); len(gaps) != 1 || !strings.HasPrefix(gaps[0], fmt.Sprintf("zapcw: %d events went to", len(lost))) {
			r.Errorf("got gaps %q, want one of %d events", gaps, len(lost))
		}
	})
}

// TestSpoolRejected has what was recovered go to the fallback if the service
// rejects it by age.
func TestSpoolRejected(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		r.Server.Fail(testkit.Outage)
		if err := r.Core.Write(zapcore.Entry{Time: time.Now().Add(-14 * 24 * time.Hour), Message: "old"}, nil); err != nil {
			r.Error(err)
		}
		r.Info("young")
		_ = r.Syncer.Close()
		time.Sleep(time.Minute)
		r.Server.Heal()
		s := nextSyncer(r)
		if err := s.Close(); err == nil || !strings.Contains(err.Error(), "1 event is on the fallback") || strings.Contains(err.Error(), "spool") {
			r.Errorf("Close = %v, want 1 event on the fallback", err)
		}
		if st := s.Stats(); st.RejectedAs.TooOld != 1 || st.Delivered != 1 || st.Accepted != 2 {
			r.Errorf("got %+v, want one too old and one delivered", st)
		}
		r.WantSpill("old")
		r.WantStream("young")
		wantNoFiles(r, r.Syncer.Spool)
	})
}

// TestSpoolDenied spills what a missing right keeps from the service, new or
// recovered: waiting does not mend that.
func TestSpoolDenied(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		r.Server.Fail(testkit.Outage)
		r.Info("left")
		_ = r.Syncer.Close()
		r.Server.Heal()
		r.Server.Fail(cwltest.Deny("logs:PutLogEvents"))
		s := nextSyncer(r)
		if _, err := fmt.Fprintln(s, "new"); err != nil {
			r.Error(err)
		}
		begin := time.Now()
		if err := s.Sync(); err == nil || !strings.Contains(err.Error(), "2 events are on the fallback") {
			r.Errorf("Sync = %v, want 2 events on the fallback", err)
		}
		if took := time.Since(begin); took > testkit.Grace {
			r.Errorf("Sync took %s, although there is nothing to wait for", took)
		}
		if st := s.Stats(); st.SpilledAs.Refused != 2 || st.Spooled != 0 || st.Pending != 0 {
			r.Errorf("got %+v, want 2 refused", st)
		}
		got, _ := r.Spill.Lines()
		slices.Sort(got) // what dead processes left is read while new events come
		testkit.WantEvents(r.T, got, "left", "new")
		if err := s.Close(); err != nil {
			r.Error(err)
		}
		wantNoFiles(r, r.Syncer.Spool)
	})
}

// TestSpoolSyncInHalves syncs more than the half of the memory that may be sent at
// once: the rest follows.
func TestSpoolSyncInHalves(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		r.Syncer.MaxPending, r.Syncer.MaxEvents = 1<<20, 1000
		texts := testkit.Numbered("%03d"+strings.Repeat(".", 680), 900)
		r.Info(texts...)
		begin := time.Now()
		if err := r.Syncer.Sync(); err != nil {
			r.Error(err)
		}
		if took := time.Since(begin); took > time.Second {
			r.Errorf("Sync took %s, want no time", took)
		}
		r.WantStream(texts...)
	})
}
