//go:build linux

package systest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"example.com/zapcw/internal/testkit"
)

// troubles gives what the fallback tells about the spool.
func troubles(r *testkit.Rig) []string {
	_, words := r.Spill.Lines()
	return slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, "zapcw: spool ") })
}

// wantTrouble wants one line about the spool, with these words.
func wantTrouble(r *testkit.Rig, words ...string) {
	r.Helper()
	synctest.Wait() // it is told in the background
	told := troubles(r)
	if len(told) != 1 {
		r.Fatalf("got %q, want one line", told)
	}
	for _, w := range append(words, r.Syncer.Spool) {
		if !strings.Contains(told[0], w) {
			r.Errorf("got %q, want %q in it", told[0], w)
		}
	}
}

// filesOf are the names in the spool.
func filesOf(r *testkit.Rig) []string {
	r.Helper()
	files, _ := os.ReadDir(r.Syncer.Spool) // it may be something else
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

// goesOn logs and delivers while the spool is in trouble.
func goesOn(r *testkit.Rig) {
	r.Helper()
	for i := range 3 {
		r.Info(fmt.Sprint("in trouble ", i))
		r.Balance()
		r.MustSync()
		time.Sleep(time.Second)
	}
	if got, _ := r.Stream(); len(got) != 3 {
		r.Errorf("got %q in the stream, want 3 events", got)
	}
	r.WantSpill()
	if st := r.Syncer.Stats(); st.Spooled != 0 || st.Delivered != 3 {
		r.Errorf("got %+v, want 3 delivered", st)
	}
}

// comesBack wants events in files again after a minute, and not before somebody
// logs.
func comesBack(r *testkit.Rig) {
	r.Helper()
	time.Sleep(time.Minute)
	r.Info("tries again")
	r.MustSync()
	time.Sleep(time.Second)
	r.Info("in a file")
	if names := filesOf(r); len(names) == 0 {
		r.Errorf("nothing is in the spool a minute after the trouble; the fallback has %q", troubles(r))
	}
	r.MustSync()
	got, _ := r.Stream()
	if n := len(got); n < 2 || !slices.Equal(got[n-2:], []string{"tries again", "in a file"}) {
		r.Errorf("the stream ends with %q", got)
	}
	r.WantSpill()
}

// TestSpoolTrouble has directories that cannot be used: logging goes on in memory,
// the fallback has one line, and the spool is used as soon as it can be.
func TestSpoolTrouble(t *testing.T) {
	for _, tt := range []struct {
		name        string
		words       []string
		spoil, mend func(dir string) error
	}{
		{
			"a file in its way", []string{"not a directory"},
			func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
			os.Remove,
		}, {
			"a file in the way of its parent", []string{"not a directory"},
			func(dir string) error {
				parent := filepath.Dir(dir)
				if err := os.Remove(parent); err != nil {
					return err
				}
				return os.WriteFile(parent, nil, 0o600)
			},
			func(dir string) error { return os.Remove(filepath.Dir(dir)) },
		}, {
			"everybody may write", []string{"everybody may write", "chmod o-w"},
			func(dir string) error {
				if err := os.Mkdir(dir, 0o700); err != nil {
					return err
				}
				return os.Chmod(dir, 0o777)
			},
			func(dir string) error { return os.Chmod(dir, 0o700) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "spool")
			if err := os.Mkdir(filepath.Dir(dir), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := tt.spoil(dir); err != nil {
				t.Fatal(err)
			}
			testkit.InRig(t, func(r *testkit.Rig) {
				r.Syncer.Spool = dir
				goesOn(r)
				wantTrouble(r, tt.words...)
				if err := tt.mend(dir); err != nil {
					r.Fatal(err)
				}
				comesBack(r)
			})
		})
	}
}

// TestSpoolReadOnly has a disk that becomes one to be read only, and then another
// again.
func TestSpoolReadOnly(t *testing.T) {
	disk := smallDisk(t, "1m")
	remount := func(r *testkit.Rig, flags uintptr) {
		r.Helper()
		if err := unix.Mount("", disk, "", unix.MS_REMOUNT|flags, "mode=0700,size=1m"); err != nil {
			r.Fatal(err)
		}
	}
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.Spool = filepath.Join(disk, "spool")
		remount(r, unix.MS_RDONLY)
		goesOn(r)
		wantTrouble(r, unix.EROFS.Error())
		remount(r, 0)
		comesBack(r)
		_ = r.Syncer.Close() // before the disk goes
	})
}

// TestSpoolReadOnlyDirectory is for users who may not write to the directory.
func TestSpoolReadOnlyDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write to every directory")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.Spool = dir
		goesOn(r)
		wantTrouble(r, unix.EACCES.Error())
		if err := os.Chmod(dir, 0o700); err != nil {
			r.Fatal(err)
		}
		comesBack(r)
	})
}

// TestSpoolDeleted deletes the directory under way, with events in it and without.
// None is lost, and the directory is made again.
func TestSpoolDeleted(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		r.Syncer.MaxPending = 64 << 10
		var want []string
		log := func(text string) {
			want = append(want, text)
			r.Info(text)
		}
		log("before")
		if err := os.RemoveAll(r.Syncer.Spool); err != nil {
			r.Fatal(err)
		}
		log("in a file without a name")
		r.MustSync()
		log("in a new one")
		if n := len(filesOf(r)); n != 1 {
			r.Errorf("%d files are in the spool, want a new one", n)
		}
		wantTrouble(r, "somebody deleted it")
		// In an outage, with much on the shelf.
		r.MustSync()
		r.Server.Fail(testkit.Outage)
		pad := strings.Repeat(".", 1000)
		for i := range 200 {
			log(fmt.Sprintf("%03d%s", i, pad))
			time.Sleep(time.Millisecond)
		}
		if err := os.RemoveAll(r.Syncer.Spool); err != nil {
			r.Fatal(err)
		}
		for i := range 200 {
			log(fmt.Sprintf("%03d%s", 200+i, pad))
			time.Sleep(time.Millisecond)
		}
		r.Balance()
		if len(filesOf(r)) == 0 {
			r.Error("the spool was not made again")
		}
		r.Server.Heal()
		r.MustSync()
		r.WantStream(want...)
		r.WantSpill()
		time.Sleep(time.Minute)
		wantNoFiles(r, r.Syncer.Spool)
	})
}

// smallDisk mounts a file system of so many bytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may mount a small disk")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestSpoolDiskFull fills a disk in an outage: what has no room there is in memory,
// then on the fallback, and the disk is used again when there is room.
func TestSpoolDiskFull(t *testing.T) {
	disk := smallDisk(t, "1m")
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.Spool, r.Syncer.MaxPending = filepath.Join(disk, "spool"), 64<<10
		r.Server.Fail(testkit.Outage)
		const n = 1500
		texts := testkit.Numbered("%05d"+strings.Repeat(".", 1000), n)
		logSlowly(r, texts)
		wantTrouble(r, unix.ENOSPC.Error())
		st := r.Syncer.Stats()
		if full := st.SpilledAs.Full; st.Spilled != full || full < 400 || full > 800 {
			r.Errorf("got %+v, want about 500 spilled", st)
		}
		if names := filesOf(r); slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, ".tmp") }) {
			r.Errorf("the spool has %q, want no half-made file", names)
		}
		r.Server.Heal()
		time.Sleep(2 * time.Minute)
		if err := r.Syncer.Sync(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d events are on the fallback", st.Spilled)) {
			r.Errorf("Sync = %v, want %d on the fallback", err, st.Spilled)
		}
		lost, _ := r.Spill.Lines()
		r.WantStream(slices.DeleteFunc(texts, func(text string) bool { return slices.Contains(lost, text) })...)
		if st := r.Syncer.Stats(); st.Spilled != uint64(len(lost)) || st.Delivered != uint64(n-len(lost)) {
			r.Errorf("got %d delivered and %d spilled, want %d and %d", st.Delivered, st.Spilled, n-len(lost), len(lost))
		}
		r.Info("again")
		r.MustSync()
		time.Sleep(time.Second)
		r.Info("in a file")
		if len(filesOf(r)) == 0 {
			r.Error("the disk is not used again")
		}
		_ = r.Syncer.Close() // before the disk goes
		wantNoFiles(r, r.Syncer.Spool)
	})
}
