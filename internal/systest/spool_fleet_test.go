//go:build linux || darwin

package systest

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/internal/testkit"
)

// diskOf is how many bytes the files of a directory take.
func diskOf(t testing.TB, dir string) (bytes int64) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		var st syscall.Stat_t
		if err := syscall.Stat(filepath.Join(dir, f.Name()), &st); err == nil {
			bytes += int64(st.Blocks) * 512
		}
	}
	return bytes
}

// descriptors are how many files this process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// memoryDisk gives a directory on a file system in memory, if there is one: it makes
// and removes files in a tenth of the time.
func memoryDisk(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "zapcw")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A taker takes every put.
type taker struct{ testkit.FakeClient }

func (*taker) PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	return new(cloudwatchlogs.PutLogEventsOutput), nil
}

// TestSpoolFleet has many Syncers in one directory: each takes little of the disk
// and one file, and none when it was idle for some seconds.
func TestSpoolFleet(t *testing.T) {
	needSpool(t)
	const spare = 500 // descriptors for everything else
	n := 10_000
	if testing.Short() || testkit.RaceEnabled {
		n = 2000
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	// When they start at once each has its file and the directory open, and a spool
	// leaves the last quarter of the descriptors alone.
	if most := int(min(limit.Cur, 1<<20))/8*3 - spare; n > most {
		n = most
	}
	t.Logf("%d Syncers of 10,000, %d files may be open", n, limit.Cur)
	dir := memoryDisk(t)
	synctest.Test(t, func(t *testing.T) {
		fleet := make([]*zapcw.Syncer, n)
		for i := range fleet {
			fleet[i] = &zapcw.Syncer{Client: new(taker), Group: "/fleet", Stream: fmt.Sprint(i), Spool: dir, Fallback: zapcore.AddSync(io.Discard)}
		}
		each := func(f func(i int, s *zapcw.Syncer)) {
			var all sync.WaitGroup
			const workers = 16
			for w := range workers {
				all.Go(func() {
					for i := w; i < len(fleet); i += workers {
						f(i, fleet[i])
					}
				})
			}
			all.Wait()
		}
		before := descriptors(t)
		// The second time files are made again, of which fewer are enough.
		for round, share := range []int{1, 10} {
			fleet = fleet[:n/share]
			n := len(fleet)
			each(func(i int, s *zapcw.Syncer) {
				for k := range 5 {
					if _, err := fmt.Fprintf(s, "event %d of Syncer %d", k, i); err != nil {
						t.Error(err)
					}
				}
			})
			time.Sleep(100 * time.Millisecond) // what dead owners left is looked for
			synctest.Wait()
			size, open := diskOf(t, dir), descriptors(t)-before
			t.Logf("%d bytes of disk and %.2f files each", size/int64(n), float64(open)/float64(n))
			if size > int64(n)*16<<10 {
				t.Errorf("%d Syncers take %d bytes of disk, want at most 16 KiB each", n, size)
			}
			if open > n+spare {
				t.Errorf("%d Syncers have %d files open, want one each", n, open)
			}
			each(func(_ int, s *zapcw.Syncer) {
				end := s.Sync
				if round > 0 {
					end = s.Close
				}
				if err := end(); err != nil {
					t.Error(err)
				}
			})
			if round == 0 {
				time.Sleep(15 * time.Second)
			}
			synctest.Wait()
			if open := descriptors(t) - before; open > 50 { // of others
				t.Errorf("%d files are open when all Syncers are idle", open)
			}
			wantNoFiles(t, dir)
		}
		for _, s := range fleet {
			if st := s.Stats(); st.Accepted != 10 || st.Delivered != 10 {
				t.Fatalf("got %+v, want 10 delivered", st)
			}
		}
	})
}
