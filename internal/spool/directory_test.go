//go:build linux || darwin

package spool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	r := open(t, dir)
	r.chunk(10, 10)
	for _, tt := range []struct {
		path string
		mode os.FileMode
	}{
		{filepath.Dir(dir), os.ModeDir | 0o700},
		{dir, os.ModeDir | 0o700},
		{filepath.Join(dir, files(t, dir)[0]), 0o600},
	} {
		if fi, err := os.Stat(tt.path); err != nil || fi.Mode() != tt.mode {
			t.Errorf("%s: %v, %v, want %v", tt.path, fi.Mode(), err, tt.mode)
		}
	}
}

// refuses fails unless memory takes over in dir, and what is told has the words.
func refuses(t *testing.T, dir string, words ...string) {
	t.Helper()
	r := open(t, dir)
	for range 3 {
		if c := r.NewChunk(10, 10); c.Backing() != nil {
			t.Errorf("%s: NewChunk gives a file", dir)
		}
	}
	told := r.tells()
	if len(told) != 1 {
		t.Fatalf("told %q", told)
	}
	_, adopt := adoptAll(r, t.Context())
	for _, word := range words {
		if !strings.Contains(told[0], word) {
			t.Errorf("told %q, want %q", told[0], word)
		}
		if adopt == nil || !strings.Contains(adopt.Error(), word) {
			t.Errorf("Adopt: %v, want %q", adopt, word)
		}
	}
}

func TestDirectoriesOfOthers(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	refuses(t, dir, dir, "everybody may write", "chmod o-w", filepath.Join(dir, "zapcw"))
	open(t, filepath.Join(dir, "zapcw")).chunk(10, 10)
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	open(t, dir).chunk(10, 10)
	if err := os.Chmod(dir, 0o770); err != nil { // as a volume with fsGroup
		t.Fatal(err)
	}
	open(t, dir).chunk(10, 10)

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, file, "not a directory")

	if os.Geteuid() != 0 {
		t.Skip("the rest needs root, to give a directory away")
	}
	given := t.TempDir()
	if err := os.Chown(given, 1234, 1234); err != nil {
		t.Fatal(err)
	}
	refuses(t, given, "belongs to user 1234", "user 0")
}

func TestFilesOfOthers(t *testing.T) {
	s := newSample(t, t.TempDir())
	put := func(t *testing.T) (dir, path string) {
		dir = t.TempDir()
		path = filepath.Join(dir, s.name)
		if err := os.WriteFile(path, s.content, 0o600); err != nil {
			t.Fatal(err)
		}
		return dir, path
	}
	for _, tt := range []struct {
		name, word string
		change     func(dir, path string) error
	}{
		{"symbolic link", "symbolic link", func(dir, path string) error {
			return errors.Join(os.Rename(path, filepath.Join(dir, "real")), os.Symlink("real", path))
		}},
		{"dangling link", "symbolic link", func(dir, path string) error {
			return errors.Join(os.Remove(path), os.Symlink("nowhere", path))
		}},
		{"hard link", "2 links", func(dir, path string) error { return os.Link(path, filepath.Join(dir, "other")) }},
		{"pipe", "no regular file", func(dir, path string) error { return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)) }},
		{"directory", "no regular file", func(dir, path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }},
		{"everybody's", "everybody may write", func(dir, path string) error { return os.Chmod(path, 0o666) }},
		{"another user's", "belongs to user 1234", func(dir, path string) error {
			if os.Geteuid() != 0 {
				return errors.ErrUnsupported
			}
			return os.Chown(path, 1234, 1234)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, path := put(t)
			if err := tt.change(dir, path); errors.Is(err, errors.ErrUnsupported) {
				t.Skip("it needs root, to give a file away")
			} else if err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			r := open(t, dir)
			got, _, err := r.tryAdopt()
			if len(got) > 0 || !errors.Is(err, errForeign) || !strings.Contains(err.Error(), tt.word) {
				t.Errorf("Adopt: %d events, %v", len(got), err)
			}
			if streams, err := allStreams(dir); len(streams) > 0 || !errors.Is(err, errForeign) {
				t.Errorf("Streams = %v, %v", streams, err)
			}
			r.Close()
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) || after.Mode() != before.Mode() || !after.ModTime().Equal(before.ModTime()) {
				t.Errorf("it was touched: %v, %v", after, err)
			}
		})
	}
}

func TestGroupMayReadAndWrite(t *testing.T) {
	// Kubernetes gives the files of a volume with fsGroup to a group.
	s := newSample(t, t.TempDir())
	dir := t.TempDir()
	path := filepath.Join(dir, s.name)
	if err := os.WriteFile(path, s.content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		t.Fatal(err)
	}
	if got, _ := open(t, dir).adopt(); len(got) != len(s.live) {
		t.Errorf("recovered %d events of %d", len(got), len(s.live))
	}
}

func TestDeletedDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	r := open(t, dir)
	c := r.chunk(100, 1<<10)
	lost := r.fill(c, 5, "lost")
	ref := r.Store(c)
	r.worker.await(&r.Spool.mu)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	c = r.chunk(100, 1<<10)
	want := r.fill(c, 5, "kept")
	got, _ := open(t, copyDir(t, dir)).adopt()
	same(t, "recovered", got, want)
	if told := r.tells(); len(told) != 1 || !strings.Contains(told[0], "somebody deleted it") {
		t.Errorf("told %q", told)
	}
	// As long as the process lives, it has the others.
	loaded, err := r.Load(ref)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "loaded", read(loaded), lost)
	settle(loaded, loaded.Open)
	settle(c, c.Open)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("Close leaves %v", left)
	}
}

func TestTroubleThenNot(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, filepath.Join(dir, "file"))
		if err := os.WriteFile(r.Dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if r.NewChunk(10, 10).Backing() != nil {
				t.Error("NewChunk gives a file where a directory cannot be")
			}
		}
		if told := r.tells(); len(told) != 1 || !strings.Contains(told[0], "not a directory") || !strings.Contains(told[0], "every minute") {
			t.Errorf("told %q", told)
		}
		time.Sleep(retryAfter)
		r.NewChunk(10, 10)
		r.tells()
		if err := os.Remove(r.Dir); err != nil {
			t.Fatal(err)
		}
		if r.NewChunk(10, 10).Backing() != nil {
			t.Error("the disk is tried again before a minute is over")
		}
		time.Sleep(retryAfter)
		// The Spool's goroutine tries, not the logging call.
		r.NewChunk(10, 10)
		if told := r.tells(); len(told) != 1 {
			t.Errorf("told %q", told)
		}
		r.chunk(10, 10).Free()
		// It was over: the same trouble is told again.
		time.Sleep(3 * keepEmpty)
		synctest.Wait()
		r.tells()
		if err := errors.Join(os.Remove(r.Dir), os.WriteFile(r.Dir, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		r.NewChunk(10, 10)
		if told := r.tells(); len(told) != 2 || told[0] != told[1] {
			t.Errorf("told %q", told)
		}
	})
}

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t)
	synctest.Test(t, func(t *testing.T) {
		r := open(t, filepath.Join(dir, "spool"))
		var refs []Ref
		var want []string
		for {
			c := r.NewChunk(1000, 16<<10)
			if c.Backing() == nil {
				break
			}
			want = append(want, r.fill(c, 10_000, strings.Repeat("x", 100))...)
			refs = append(refs, r.Store(c))
		}
		if len(refs) < 40 {
			t.Errorf("a disk of 1 MiB takes %d chunks of 16 KiB", len(refs))
		}
		if told := r.tells(); len(told) != 1 || !strings.Contains(told[0], unix.ENOSPC.Error()) {
			t.Errorf("told %q", told)
		}
		for _, name := range files(t, r.Dir) {
			if strings.HasSuffix(name, ".tmp") {
				t.Errorf("it leaves %s", name)
			}
		}
		got, _ := open(t, copyDir(t, r.Dir)).adopt()
		same(t, "recovered", got, want)
		for _, ref := range refs {
			c, err := r.Load(ref)
			if err != nil {
				t.Fatal(err)
			}
			settle(c, c.Open)
		}
		r.chunk(1000, 16<<10).Free() // there is room again
	})
}

func TestMissingDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if got, _ := open(t, dir).adopt(); len(got) > 0 {
		t.Errorf("recovered %v", got)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("Adopt made the directory")
	}
	if _, err := allStreams(dir); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("Streams: %v", err)
	}
}
