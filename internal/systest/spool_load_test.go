//go:build linux

package systest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/internal/spool"
	"example.com/zapcw/internal/testkit"
)

// overflow logs n events of a kilobyte in an outage, with memory for 64 of them.
func overflow(r *testkit.Rig, n int) (texts []string) {
	r.Helper()
	r.Syncer.MaxPending = 64 << 10
	r.Server.Fail(testkit.Outage)
	texts = testkit.Numbered("%04d"+strings.Repeat(".", 1000), n)
	for _, text := range texts {
		r.Info(text)
		time.Sleep(time.Millisecond)
	}
	synctest.Wait()
	return texts
}

// TestSpoolLoadLater has no memory for what is to be taken back from the spool. That
// is told once, tried again by the same process, less and less often, and sent then.
func TestSpoolLoadLater(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		texts := overflow(r, 300)
		var tries atomic.Int32
		defer spool.SetTrouble(func(call string) error {
			if call != "mmap" {
				return nil
			}
			tries.Add(1)
			return syscall.ENOMEM
		})()
		r.Server.Heal()
		err := r.Syncer.Sync()
		if err == nil || !strings.Contains(err.Error(), "left in the spool") || !errors.Is(err, syscall.ENOMEM) {
			r.Errorf("Sync = %v, want events left in the spool, and why", err)
		}
		if n := tries.Load(); n < 2 || n > 8 {
			r.Errorf("it was tried %d times in %s, want after 1, 2, 4 seconds", n, testkit.Timeout)
		}
		time.Sleep(10 * time.Minute)
		if n := tries.Load(); n < 10 || n > 25 {
			r.Errorf("it was tried %d times in 10 minutes, want about once a minute", n)
		}
		r.Balance()
		spool.SetTrouble(func(string) error { return nil })
		time.Sleep(time.Minute)
		r.WantStream(texts...) // by itself
		r.WantSpill()
		r.MustSync()
		told := troubles(r)
		if len(told) != 1 || !strings.Contains(told[0], "mmap: cannot allocate memory: ") || !strings.Contains(told[0], "tried again") {
			r.Errorf("told %q, want once why, and that it is tried again", told)
		}
		if st := r.Syncer.Stats(); int(st.Delivered) != len(texts) || st.Spooled != 0 {
			r.Errorf("got %+v, want %d delivered", st, len(texts))
		}
	})
}

// TestSpoolLoadLaterClose closes while there is no memory: the next one sends it.
func TestSpoolLoadLaterClose(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		texts := overflow(r, 300)
		restore := spool.SetTrouble(func(call string) error {
			if call == "mmap" {
				return syscall.ENOMEM
			}
			return nil
		})
		defer restore()
		r.Server.Heal()
		time.Sleep(time.Minute)
		left := int(r.Syncer.Stats().Spooled)
		if left == 0 {
			r.Fatal("nothing is left in the spool")
		}
		wantKept(r, r.Syncer.Close(), left, r.Syncer.Spool)
		restore()
		next := nextSyncer(r)
		if err := next.Close(); err != nil || int(next.Stats().Delivered) != left {
			r.Errorf("Close of the next = %v with %d delivered, want %d", err, next.Stats().Delivered, left)
		}
		r.WantStream(texts...)
		wantNoFiles(r, r.Syncer.Spool)
	})
}

// TestSpoolUnreadable truncates and overwrites files whose events wait in the spool:
// these are counted out, and told of once.
func TestSpoolUnreadable(t *testing.T) {
	for _, tt := range []struct {
		name, told, sync string
		damage           func(path string) error
	}{
		{"truncated", "cannot be read any more", "cannot be read any more", func(path string) error { return os.Truncate(path, 4096) }},
		{"overwritten", "every whole event is sent", "somebody wrote into", func(path string) error {
			fi, err := os.Stat(path)
			if err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt(bytes.Repeat([]byte{0xaa}, int(fi.Size()-8192)), 4096)
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inSpool(t, func(r *testkit.Rig) {
				overflow(r, 300)
				wantKept(r, r.Syncer.Close(), 300, r.Syncer.Spool)
				next := nextSyncer(r)
				next.MaxPending = 64 << 10
				defer next.Close()
				time.Sleep(time.Second) // in the outage
				if n, err := fmt.Fprint(next, "new"); err != nil || n != 3 {
					r.Error(err)
				}
				time.Sleep(time.Second)
				if st := next.Stats(); st.Accepted != 301 {
					r.Fatalf("got %+v, want 301 accepted", st)
				}
				// The largest that is not in memory now.
				maps, err := os.ReadFile("/proc/self/maps")
				if err != nil {
					r.Fatal(err)
				}
				var largest string
				var size int64
				for _, name := range filesOf(r) {
					path := filepath.Join(r.Syncer.Spool, name)
					if fi, err := os.Stat(path); err == nil && fi.Size() > size && !bytes.Contains(maps, []byte(name)) {
						largest, size = path, fi.Size()
					}
				}
				if err := tt.damage(largest); err != nil {
					r.Fatal(err)
				}
				r.Server.Heal()
				err = next.Sync()
				st := next.Stats()
				lost := 301 - int(st.Delivered)
				if lost == 0 || st.Spooled != 0 || st.Pending != 0 || st.Accepted != st.Delivered || st.Spilled != 0 {
					r.Errorf("got %+v, want what was lost in no count", st)
				}
				if want := fmt.Sprintf("%d events are lost in the spool %s: ", lost, r.Syncer.Spool); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), tt.sync) {
					r.Errorf("Sync = %v, want %q in it, and %q", err, want, tt.sync)
				}
				if err := next.Close(); err != nil {
					r.Errorf("Close = %v, want nothing that Sync has told", err)
				}
				told := troubles(r)
				if len(told) != 1 || !strings.Contains(told[0], largest) || !strings.Contains(told[0], tt.told) {
					r.Errorf("told %q, want once, with the file and %q", told, tt.told)
				}
				if names := filesOf(r); len(names) != 1 || !strings.HasSuffix(names[0], ".bad") {
					r.Errorf("files %q, want one that is set aside", names)
				}
			})
		})
	}
}

// TestSpoolLargeChunk has the oldest chunk of the spool be larger than what memory
// is left by events that keep coming in: it is sent in its turn.
func TestSpoolLargeChunk(t *testing.T) {
	for _, tt := range []struct{ large, pending, perSecond int }{
		{700 << 10, 1 << 20, 2000},
		{700 << 10, 1 << 20, 20},
		{700 << 10, 512 << 10, 500}, // more than all of the memory
		{40 << 10, 64 << 10, 500},
		{25 << 10, 64 << 10, 2000},
	} {
		inSpool(t, func(r *testkit.Rig) {
			r.Syncer.Timeout = time.Millisecond
			r.Server.Fail(testkit.Outage)
			large := strings.Repeat("L", tt.large)
			r.Info(large)
			wantKept(r, r.Syncer.Close(), 1, r.Syncer.Spool)

			client := &testkit.FakeClient{Answer: func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
				time.Sleep(50 * time.Millisecond)
				return new(cloudwatchlogs.PutLogEventsOutput), nil
			}}
			next := nextSyncer(r)
			next.Client, next.MaxPending, next.MaxEvents = client, tt.pending, 1
			core := zapcw.NewCore(testkit.Plain(), next, zapcore.InfoLevel)
			pad := strings.Repeat(".", 500)
			begin := time.Now()
			for !slices.Contains(client.Messages(), large) {
				if time.Since(begin) > 10*time.Second {
					r.Errorf("%+v: not sent in 10 s", tt)
					break
				}
				for range max(tt.perSecond/100, 1) {
					if err := core.Write(zapcore.Entry{Time: time.Now(), Message: pad}, nil); err != nil {
						r.Error(err)
					}
				}
				if st := next.Stats(); st.Spilled > 0 || st.PendingBytes > uint64(tt.pending+tt.large) {
					r.Fatalf("%+v: got %+v, want nothing spilled, and memory bounded", tt, st)
				}
				time.Sleep(time.Second / time.Duration(min(tt.perSecond, 100)))
			}
			r.Logf("%+v: sent after %s, with %d others", tt, time.Since(begin), len(client.Messages()))
			if err := next.Close(); err != nil {
				r.Error(err)
			}
		})
	}
}
