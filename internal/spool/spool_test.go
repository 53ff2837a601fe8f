//go:build linux || darwin

package spool

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/zapcw/internal/batch"
)

func TestWhatIsLeftIsFound(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "us")
	r := open(t, dir)
	var want []string
	for i := range 40 {
		c := r.chunk(100, 1<<10<<(i%6))
		texts := r.fill(c, 500, strings.Repeat("x", 7*i))
		switch i % 4 {
		case 0: // sent
			settle(c, c.Open)
		case 1: // partly
			n := len(texts) / 3
			settle(c, n)
			want = append(want, texts[n:]...)
		case 2: // put off
			want = append(want, texts...)
			r.Store(c)
		default:
			want = append(want, texts...)
		}
	}
	large := r.chunk(1_000_000, 1<<10)
	text := strings.Repeat("y", 1_000_000)
	large.Append(1, 1, 0, []byte(text))
	want = append(want, text)
	r.worker.await(&r.Spool.mu)

	next := open(t, copyDir(t, dir))
	streams, err := allStreams(next.Dir)
	if err != nil || len(streams) != 1 || streams[0] != (Stream{"/acme/prod", "orders"}) {
		t.Errorf("Streams = %v, %v", streams, err)
	}
	got, _ := next.adopt()
	same(t, "recovered", got, want)
	next.worker.await(&next.Spool.mu)
	if left := files(t, next.Dir); len(left) > 0 {
		t.Errorf("all is sent, and there are %v", left)
	}
	// The owner lives: nothing is taken from it.
	other := open(t, dir)
	if got, _ := other.adopt(); len(got) > 0 {
		t.Errorf("took %d events of a live owner", len(got))
	}
	if streams, err := allStreams(dir); err != nil || len(streams) > 0 {
		t.Errorf("Streams = %v, %v, and their owner lives", streams, err)
	}
}

func TestLeftOldestFirst(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	for _, ms := range []int64{30, 10, 20} {
		c := r.chunk(10, 1<<10)
		c.Append(ms+5, 1, 0, []byte("late"))
		c.Append(ms, 2, 0, []byte("early"))
	}
	left, err := adoptAll(open(t, copyDir(t, dir)), context.Background())
	if err != nil || len(left) != 3 || left[0].First != 10 || left[1].First != 20 || left[2].First != 30 {
		t.Errorf("Adopt = %+v, %v", left, err)
	}
}

func TestReuse(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	for range 1000 {
		c := r.chunk(100, 1<<10)
		r.fill(c, 5, "x")
		settle(c, c.Open)
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("one chunk at a time takes %v", got)
	}
	// What an earlier use of the memory left is not found.
	c := r.chunk(100, 1<<10)
	want := r.fill(c, 2, "y")
	got, _ := open(t, copyDir(t, dir)).adopt()
	same(t, "recovered", got, want)
	// The same after uses of other lengths.
	settle(c, 2)
	for i := 1; i < 300; i++ {
		var chunks []*batch.Chunk
		for range i%7 + 1 {
			c := r.chunk(10*i, 64*i)
			r.fill(c, i, "z")
			chunks = append(chunks, c)
		}
		for _, c := range chunks {
			settle(c, c.Open)
		}
	}
	if got, _ := open(t, copyDir(t, dir)).adopt(); len(got) > 0 {
		t.Errorf("recovered %d events that were sent", len(got))
	}
}

// A chunk that was given back is not found, also if its events were not marked, and
// the next one in its place has records where it had some.
func TestFreeIsEnough(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	for n := 20; n > 0; n-- {
		c := r.chunk(10, 1<<10)
		for i := range n {
			c.Append(int64(i), uint32(i), 0, []byte("0123456789"))
		}
		got, _ := open(t, copyDir(t, dir)).adopt()
		if len(got) != n {
			t.Fatalf("recovered %d events, want %d", len(got), n)
		}
		c.Free()
		if got, _ := open(t, copyDir(t, dir)).adopt(); len(got) > 0 {
			t.Fatalf("recovered %d events of a chunk that was freed", len(got))
		}
	}
}

func TestStoreAndLoad(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	var refs []Ref
	var want []string
	for range 200 {
		c := r.chunk(100, 64<<10)
		texts := r.fill(c, 50, "x")
		settle(c, 10)
		want = append(want, texts[10:]...)
		refs = append(refs, r.Store(c))
	}
	r.worker.await(&r.Spool.mu)
	r.Spool.mu.Lock()
	for _, g := range r.segments {
		if g.mem != nil && g != r.current && !g.empty() {
			t.Errorf("%s is mapped, and none of its chunks is in use", g.name)
		}
	}
	r.Spool.mu.Unlock()
	for range 3 {
		for i, ref := range refs {
			c, err := r.Load(ref)
			if err != nil || c.Open != 40 {
				t.Fatalf("Load = %v, %v", c, err)
			}
			refs[i] = r.Store(c)
			if refs[i] != ref {
				t.Fatalf("Store after Load = %v, want %v", refs[i], ref)
			}
		}
	}
	got, _ := open(t, copyDir(t, dir)).adopt()
	same(t, "recovered", got, want)
	var loaded []string
	for _, ref := range refs {
		c, err := r.Load(ref)
		if err != nil {
			t.Fatal(err)
		}
		loaded = append(loaded, read(c)...)
		settle(c, c.Open)
	}
	same(t, "loaded", loaded, want)
	// What was settled is not to be loaded again.
	c := r.chunk(100, 1<<10)
	r.fill(c, 5, "y")
	events(c).Settle()
	if c, err := r.Load(r.Store(c)); c != nil || err != nil {
		t.Errorf("Load of what is settled = %v, %v", c, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("all is settled, and Close leaves %v", left)
	}
}

func TestClose(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	sent := r.chunk(100, 1<<10)
	kept := r.chunk(100, 64<<10) // in another file
	r.fill(sent, 10, "sent")
	want := r.fill(kept, 10, "kept")
	settle(sent, 10)
	ref := r.Store(kept)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("Close leaves %v, want the one with events", left)
	}
	if _, err := r.Load(ref); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Load after Close: %v", err)
	}
	if c := r.NewChunk(10, 10); c.Backing() != nil {
		t.Error("NewChunk after Close gives a file")
	}
	got, _ := open(t, dir).adopt()
	same(t, "recovered", got, want)

	r = open(t, dir)
	c := r.chunk(10, 10)
	if err := r.Close(); err == nil || !strings.Contains(err.Error(), "1 chunks were in use") {
		t.Errorf("Close with a chunk in use: %v", err)
	}
	c.Append(1, 1, 1, []byte("x"))
	settle(c, 1)
	r.worker.await(&r.Spool.mu)
}

func TestMax(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, func(o *Options) { o.Max = 256 << 10 })
	var refs []Ref
	for {
		c := r.NewChunk(1000, 16<<10)
		if c.Backing() == nil {
			break
		}
		r.fill(c, 1, "x")
		refs = append(refs, r.Store(c))
		if len(refs) > 100 {
			t.Fatal("Max is no bound")
		}
	}
	if len(refs) < 12 {
		t.Errorf("%d chunks of 16 KiB in 256 KiB", len(refs))
	}
	var sum int64
	for _, name := range files(t, dir) {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sum += fi.Size()
	}
	if sum > 256<<10 {
		t.Errorf("files have %d bytes", sum)
	}
	r.NewChunk(1000, 16<<10)
	if told := r.tells(); len(told) != 1 || !strings.Contains(told[0], "262144 are allowed") {
		t.Errorf("told %q", told)
	}
	for _, ref := range refs {
		c, err := r.Load(ref)
		if err != nil {
			t.Fatal(err)
		}
		settle(c, c.Open)
	}
	r.chunk(1000, 16<<10) // there is room again
}

func TestSmall(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 300
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	// Each has two files here.
	if most := int(min(limit.Cur, 1<<20))/2 - 100; n > most {
		t.Logf("%d spools instead of %d: a process may have %d files open here", most, n, limit.Cur)
		n = most
	}
	dir := t.TempDir()
	spools := make([]*rig, n)
	for i := range spools {
		spools[i] = open(t, dir, func(o *Options) { o.Stream = strings.Repeat("o", 30) + string(rune('a'+i%26)) })
		for range 4 { // of which the last has a spare file made
			c := spools[i].NewChunk(200, 1<<10)
			if c.Backing() == nil {
				t.Skipf("%d of %d spools, then: %q", i, n, spools[i].tells())
			}
			spools[i].fill(c, 4, strings.Repeat("x", 200))
			spools[i].Store(c)
		}
		spools[i].worker.await(&spools[i].Spool.mu)
	}
	var sum int64
	for _, name := range files(t, dir) {
		fi, err := os.Stat(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // some seconds have passed, and spare files go
		} else if err != nil {
			t.Fatal(err)
		}
		sum += fi.Sys().(*syscall.Stat_t).Blocks * 512
	}
	if each := sum / int64(n); each == 0 || each > 16<<10 {
		t.Errorf("a spool has %d bytes on the disk", each)
	}
}

func TestIdle(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dir)
		var chunks []*batch.Chunk
		for range 20 {
			c := r.chunk(100, 16<<10)
			r.fill(c, 10, "x")
			chunks = append(chunks, c)
		}
		for i, c := range chunks {
			if i == 7 {
				r.Store(c) // the one that stays
				continue
			}
			settle(c, c.Open)
		}
		r.worker.await(&r.Spool.mu)
		if n := len(files(t, dir)); n < 2 {
			t.Errorf("%d files, want some for the next events", n)
		}
		time.Sleep(3 * keepEmpty)
		synctest.Wait()
		r.worker.await(&r.Spool.mu)
		if got := files(t, dir); len(got) != 1 {
			t.Errorf("after a while there are %v", got)
		}
		r.Spool.mu.Lock()
		defer r.Spool.mu.Unlock()
		if r.timer != nil {
			t.Error("there is a timer for ever")
		}
		if len(r.segments) != 1 || r.bytes != r.segments[0].size {
			t.Errorf("%d bytes count, of %d segments", r.bytes, len(r.segments))
		}
	})
}
