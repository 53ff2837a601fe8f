//go:build linux

package systest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"example.com/zapcw/internal/testkit"
	"example.com/zapcw/internal/testkit/race"
)

// ext4Disk mounts an ext4 of 16 MiB from a file.
func ext4Disk(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may mount a disk")
	}
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 16<<20); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"mkfs.ext4", "-q", "-F", image}, {"mount", "-o", "loop,nodelalloc", image, dir}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Skipf("no disk from a file here: %s: %v: %s", args[0], err, out)
		}
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// shutDown has a disk fail: nothing is written any more.
func shutDown(t *testing.T, disk string) {
	t.Helper()
	f, err := os.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const shutdown, withoutLog = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN of linux/fs/ext4/ext4.h
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, withoutLog); err != nil {
		t.Skipf("a disk can't be shut down here: %v", err)
	}
}

// TestSpoolDeadDisk has a disk fail with events in memory and beyond it. What is in
// memory is sent, as far as there is room; what can't be read waits, as Sync says, and
// is tried again.
func TestSpoolDeadDisk(t *testing.T) {
	disk := ext4Disk(t)
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.Spool, r.Syncer.MaxPending = filepath.Join(disk, "zapcw"), 64<<10
		r.Server.Fail(testkit.Outage)
		pad := strings.Repeat(".", 1000)
		const n = 300
		texts := testkit.Numbered("%04d"+pad, n)
		for i, text := range texts {
			r.Info(text)
			time.Sleep(time.Millisecond)
			r.Balance()
			if i == 100 {
				synctest.Wait()
				shutDown(r.T, disk)
			}
		}
		r.Server.Heal()
		err := r.Syncer.Sync()
		st := r.Syncer.Stats()
		left, full := int(st.Spooled), int(st.SpilledAs.Full)
		if left == 0 || int(st.Delivered)+left+full != n || st.Delivered == 0 || int(st.Spilled) != full {
			r.Errorf("got %+v, want %d events delivered, or left in the spool, or without room", st, n)
		}
		wantKept(r, err, left, r.Syncer.Spool)
		if !errors.Is(err, unix.EIO) {
			r.Errorf("Sync = %v, want that the disk fails", err)
		}
		synctest.Wait()
		told := troubles(r)
		for _, words := range []string{"new events are kept in memory", "tried again"} {
			if k := len(slices.DeleteFunc(slices.Clone(told), func(line string) bool {
				return !strings.Contains(line, unix.EIO.Error()) || !strings.Contains(line, words)
			})); k != 1 {
				r.Errorf("told %q, want once that %s", told, words)
			}
		}
		got, _ := r.Stream()
		if slices.Sort(got); len(slices.Compact(got)) != int(st.Delivered) {
			r.Errorf("%d different events are in the stream, %d were delivered", len(slices.Compact(got)), st.Delivered)
		}
		if lost, _ := r.Spill.Lines(); len(lost) != full {
			r.Errorf("%d events are on the fallback, %d had no room", len(lost), full)
		}
		wantKept(r, r.Syncer.Close(), left, r.Syncer.Spool)
	})
}

// mappings are where files of a directory lie in memory, but for one that is being made:
// what cannot be written then is told as trouble with the disk.
func mappings(t testing.TB, dir string) (all [][2]uintptr) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		var from, to uintptr
		if strings.Contains(line, dir) && !strings.HasSuffix(line, ".tmp\n") {
			if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
				t.Fatal(line, err)
			}
			all = append(all, [2]uintptr{from, to})
		}
	}
	return all
}

// TestSpoolMappingDies has the kernel take no write to the mapped files any more, while
// goroutines log and events are being sent. No event is lost or twice, and new ones
// are in files again.
func TestSpoolMappingDies(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector atomic stores are calls of C, in which Go survives no fault")
	}
	inSpool(t, func(r *testkit.Rig) {
		const goroutines, n = 4, 2000
		r.Syncer.MaxPending = 1 << 20
		var all sync.WaitGroup
		for g := range goroutines {
			all.Go(func() {
				for i := range n {
					r.Info(fmt.Sprintf("%d.%04d%s", g, i, strings.Repeat(".", i%300)))
					if i%100 == 99 {
						time.Sleep(100 * time.Millisecond)
					}
				}
			})
		}
		died := 0
		for range 5 {
			time.Sleep(350 * time.Millisecond)
			for _, m := range mappings(r, r.Syncer.Spool) {
				if _, _, err := unix.Syscall(unix.SYS_MPROTECT, m[0], m[1]-m[0], unix.PROT_READ); err != 0 {
					r.Fatal(err)
				}
				died++
			}
		}
		all.Wait()
		r.MustSync()
		r.Balance()
		got, gaps := r.Stream()
		want := make([]string, 0, goroutines*n)
		for g := range goroutines {
			for i := range n {
				want = append(want, fmt.Sprintf("%d.%04d%s", g, i, strings.Repeat(".", i%300)))
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) || len(gaps) > 0 {
			r.Errorf("%d events are in the stream, want each of %d once", len(got), len(want))
		}
		r.WantSpill()
		told := troubles(r)
		r.Logf("%d files died, told %d times", died, len(told))
		if len(told) == 0 || len(told) > died {
			r.Errorf("told %q, want once for each file", told)
		}
		for _, line := range told {
			if !strings.Contains(line, "does not take what is written") {
				r.Errorf("told %q", line)
			}
		}
		r.Info("in a file")
		if len(filesOf(r)) == 0 {
			r.Error("the spool is not used any more")
		}
		if err := r.Syncer.Close(); err != nil {
			r.Error(err)
		}
		wantNoFiles(r, r.Syncer.Spool)
	})
}
