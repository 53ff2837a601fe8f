//go:build linux || darwin

package spool

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/zapcw/internal/batch"
)

// appendAll appends texts as an engine does.
func appendAll(c *batch.Chunk, texts ...string) {
	for i, text := range texts {
		for hit := batch.Fault(nil); ; c.Backing().Home.Survive(hit) {
			if hit = c.TryAppend(int64(i), uint32(i), 0, []byte(text)); hit == nil {
				break
			}
		}
	}
}

// freeze has nothing more written to the files of r, as a disk that became one to be
// read only. The kernel raises another signal then, which Go treats as the same.
func freeze(r *rig) {
	r.Spool.mu.Lock()
	defer r.Spool.mu.Unlock()
	for _, g := range r.segments {
		if err := unix.Mprotect(g.mem, unix.PROT_READ); err != nil {
			r.t.Fatal(err)
		}
	}
}

// TestSurvive has a disk take nothing any more, at each place where chunks are
// written to. Nothing is missing or twice, it is told once, and new chunks are
// elsewhere.
func TestSurvive(t *testing.T) {
	for _, where := range []string{"append", "settle", "free", "begin"} {
		t.Run(where, func(t *testing.T) {
			dir := t.TempDir()
			r := open(t, dir)
			c := r.chunk(100, 1<<10)
			appendAll(c, "one", "two", "three")
			r.tells() // the worker has made the next file
			freeze(r)
			switch where {
			case "append":
				appendAll(c, "four", "five")
				if got, want := read(c), []string{"one", "four", "two", "five", "three"}; !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			case "settle":
				r.Guard(events(c).Slice(0, 2).Settle)
				if next, damaged := c.Backing().Recover(); next == nil || next.Open != 1 || damaged != nil {
					t.Errorf("%v are left, damaged %v, want one event", next, damaged)
				}
			case "begin":
				other := r.chunk(100, 1<<10)
				appendAll(other, "other")
				if got := read(other); !slices.Equal(got, []string{"other"}) {
					t.Errorf("got %q", got)
				}
				other.Free()
			}
			c.Free()
			told := r.tells()
			if len(told) != 1 || !strings.Contains(told[0], dir) || !strings.Contains(told[0], "does not take what is written") {
				t.Errorf("told %q, want it once", told)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if left := files(t, dir); len(left) > 0 {
				t.Errorf("%v are left", left)
			}
		})
	}
}

// TestSurviveStored has chunks of a file that was given up wait for Load: they are
// not read from there.
func TestSurviveStored(t *testing.T) {
	r := open(t, t.TempDir())
	a, b := r.chunk(100, 1<<10), r.chunk(100, 1<<10)
	appendAll(a, "a")
	freeze(r)
	appendAll(b, "b")
	appendAll(a, "aa")
	refs := []Ref{r.Store(a), r.Store(b)}
	r.tells() // what is unused would be unmapped now
	var got []string
	for _, ref := range refs {
		c, err := r.Load(ref)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, read(c)...)
		settle(c, c.Open)
	}
	same(t, "loaded", got, []string{"a", "aa", "b"})
}

// TestSurviveTruncated does not survive: events are missing there, and zeros would be
// sent in their place. The process says why.
func TestSurviveTruncated(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		defer func() { _ = recover() }() // as a server of HTTP does
		r := open(t, dir)
		c := r.chunk(100, 1<<10)
		appendAll(c, "one")
		for _, name := range files(t, dir) {
			if err := os.Truncate(filepath.Join(dir, name), 0); err != nil {
				t.Fatal(err)
			}
		}
		appendAll(c, "two")
		return
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestSurviveTruncated$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "panic: ") || !strings.Contains(string(out), "spool "+dir) || !strings.Contains(string(out), "the file got shorter") {
		t.Errorf("%v, it says %.500q, want the end, and the name of the file", err, out)
	}
}
