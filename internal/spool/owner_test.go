//go:build linux || darwin

package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/zapcw/internal/batch"
)

// A process that dies at any moment leaves what the kernel has then: what a copy of
// its files shows.
func TestDeathWhileAppending(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	const writers = 4
	var appended, settled [writers]atomic.Int64
	var stop atomic.Bool
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			var sealed []*batch.Chunk
			var c *batch.Chunk
			n := int64(0)
			for !stop.Load() {
				text := fmt.Sprintf("%d %d %s", w, n, strings.Repeat("x", int(n*7%300)))
				if c == nil || !c.Fits(len(text)) {
					if c != nil {
						sealed = append(sealed, c)
					}
					if len(sealed) > 4 { // the oldest is sent
						oldest := sealed[0]
						sealed = sealed[1:]
						settled[w].Add(int64(oldest.Open)) // from now on it may be
						settle(oldest, oldest.Open)
					}
					c = r.NewChunk(len(text), 1<<10<<(n%5))
				}
				c.Append(n, uint32(n), 0, []byte(text))
				n++
				appended[w].Store(n)
			}
		})
	}
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		var before, after [writers]int64
		for w := range writers {
			before[w] = appended[w].Load()
		}
		copied := copyDir(t, dir)
		for w := range writers {
			after[w] = settled[w].Load()
		}
		next := open(t, copied)
		got := make(map[string]int)
		if _, err := next.adoptEach(func(e batch.Event) {
			f := strings.SplitN(string(e.Text()), " ", 3)
			if n, _ := strconv.ParseInt(f[1], 10, 64); n != e.Time || len(f[2]) != int(n*7%300) || strings.Trim(f[2], "x") != "" {
				t.Errorf("misread: %d, %q", e.Time, e.Text())
			}
			got[f[0]+" "+f[1]]++
		}); err != nil && !strings.Contains(err.Error(), "damaged at") {
			// A copy is not of one moment: its head may be of an epoch before
			// that of its chunks.
			t.Errorf("round %d: %v", round, err)
		}
		next.Close()
		for w := range writers {
			for n := after[w]; n < before[w]; n++ {
				if k := fmt.Sprintf("%d %d", w, n); got[k] != 1 {
					t.Fatalf("round %d: event %s is there %d times; the first %d may be settled, %d were accepted", round, k, got[k], after[w], before[w])
				}
			}
		}
	}
	stop.Store(true)
	all.Wait()
	if told := r.tells(); len(told) > 0 {
		t.Errorf("told %q", told)
	}
}

func TestAdoptAtOnce(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 20 {
		r := open(t, dir)
		c := r.chunk(100, 1<<10)
		want = append(want, r.fill(c, 10, fmt.Sprintf("%d:", i))...)
		r.Store(c)
		r.Close()
	}
	var mu sync.Mutex
	var got []string
	var all sync.WaitGroup
	for range 8 {
		r := open(t, dir)
		all.Go(func() {
			for range 3 {
				left, err := adoptAll(r, context.Background())
				if err != nil {
					t.Error(err)
				}
				for _, l := range left {
					c, err := r.Load(l.Ref)
					if err != nil {
						t.Error(err)
						continue
					}
					mu.Lock()
					got = append(got, read(c)...)
					mu.Unlock()
					settle(c, c.Open)
				}
			}
		})
		all.Go(func() { // a new process logs meanwhile
			for range 20 {
				c := r.chunk(10, 1<<10)
				c.Append(1, 1, 1, []byte("x"))
				settle(c, 1)
			}
		})
	}
	all.Wait()
	same(t, "recovered by eight", got, want)
}

func TestAdoptCalledOff(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	r.Store(func() *batch.Chunk { c := r.chunk(10, 10); r.fill(c, 1, "x"); return c }())
	r.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r = open(t, dir)
	if left, err := adoptAll(r, ctx); len(left) > 0 || err == nil {
		t.Errorf("Adopt = %v, %v", left, err)
	}
	if got, _ := r.adopt(); len(got) != 1 {
		t.Errorf("then there are %v", got)
	}
}

// What a process did not live to finish is removed, what one is about to finish is
// not.
func TestUnfinished(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	dead := filepath.Join(dir, r.prefix+"0123456789abcdef.tmp")
	if err := os.WriteFile(dead, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := openDirectory(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	alive := r.prefix + "fedcba9876543210.tmp"
	f, err := d.create(alive, 8<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if got, _ := r.adopt(); len(got) > 0 {
		t.Errorf("recovered %v", got)
	}
	if got := files(t, dir); len(got) != 1 || got[0] != alive {
		t.Errorf("there are %v", got)
	}
}

// What is unfinished of a stream that nobody uses any more is removed by whoever uses
// the directory, but not before a minute is over; by Recover at once.
func TestUnfinishedOfOthers(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, age time.Duration) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(-age)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write("zapcw-0123456789abcdef-0123456789abcdef.tmp", 2*time.Minute)
	young := write("zapcw-0123456789abcdef-1123456789abcdef.tmp", time.Second)
	foreign := write("other-0123456789abcdef.tmp", time.Hour)
	d, err := openDirectory(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	alive := "zapcw-0123456789abcdef-2123456789abcdef.tmp"
	f, err := d.create(alive, 8<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, alive), old, old); err != nil {
		t.Fatal(err)
	}
	if got, _ := open(t, dir).adopt(); len(got) > 0 {
		t.Errorf("recovered %v", got)
	}
	same(t, "after Adopt", files(t, dir), []string{young, alive, foreign})
	if err := RemoveUnfinished(dir); err != nil {
		t.Error(err)
	}
	same(t, "after RemoveUnfinished", files(t, dir), []string{alive, foreign})
}

// patience is a context that is done after it was asked so many times.
type patience struct {
	context.Context
	asked, most int
}

func (p *patience) Err() error {
	if p.asked++; p.asked > p.most {
		return context.Canceled
	}
	return nil
}

// TestAdoptStops ends Adopt in the middle of a file. Nothing of that is taken over,
// told of or changed, and another owner finds all of it.
func TestAdoptStops(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	var want []string
	for range 100 {
		c := r.chunk(100, 1<<10)
		want = append(want, r.fill(c, 5, "left")...)
		r.Store(c)
	}
	r.Close()
	chunks, n := 0, len(files(t, dir))
	for most := 1; ; most += 7 {
		next := open(t, dir)
		ctx := &patience{t.Context(), 0, most}
		left, unusable, err := next.Adopt(ctx)
		if chunks = len(left); len(unusable) > 0 || chunks < 100 && !errors.Is(err, context.Canceled) {
			t.Fatalf("asked %d times: %d chunks, unusable %v, error %v", most, chunks, unusable, err)
		}
		if err := next.Close(); err != nil {
			t.Error(err)
		}
		if got := len(files(t, dir)); got != n {
			t.Fatalf("asked %d times: %d files, want %d", most, got, n)
		}
		if chunks == 100 {
			if most < 100 {
				t.Errorf("asked %d times at most for 100 chunks, want to be asked for each", most)
			}
			break
		}
	}
	got, _ := open(t, dir).adopt()
	same(t, "in the end", got, want)
}

// Segments of other streams are not looked at, also when somebody gave them the
// name of ours.
func TestOthersStreams(t *testing.T) {
	dir := t.TempDir()
	other := open(t, dir, func(o *Options) { o.Stream = "payments" })
	c := other.chunk(10, 10)
	other.fill(c, 1, "x")
	other.Store(c)
	other.Close()
	r := open(t, dir)
	if got, _ := r.adopt(); len(got) > 0 {
		t.Errorf("recovered %v", got)
	}
	name := filepath.Join(dir, files(t, dir)[0])
	if err := os.Rename(name, filepath.Join(dir, r.prefix+"0123456789abcdef.spool")); err != nil {
		t.Fatal(err)
	}
	if got, _, err := r.tryAdopt(); len(got) > 0 || err == nil || !strings.Contains(err.Error(), "payments") {
		t.Errorf("recovered %v, %v", got, err)
	}
	if streams, err := allStreams(dir); err != nil || len(streams) != 1 || streams[0].Stream != "payments" {
		t.Errorf("Streams = %v, %v", streams, err)
	}
}

// A file that somebody truncates while it is there is an error, not the end of the
// process.
func TestTruncatedUnderWay(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	c := r.chunk(100, 1<<10)
	r.fill(c, 5, "x")
	ref := r.Store(c)
	other := r.chunk(100, 64<<10) // in another file
	want := r.fill(other, 10, "y")
	path := r.path(ref.segment)
	if other.Backing().Home.(*place).segment == ref.segment {
		t.Fatal("they are in one file")
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if c, err := r.Load(ref); c != nil || !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), path) {
		t.Errorf("Load = %v, %v", c, err)
	}
	same(t, "others", read(other), want)
	settle(other, other.Open)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if got := files(t, dir); len(got) != 1 || got[0] != filepath.Base(path)+".bad" {
		t.Errorf("there are %v", got)
	}
}

// Somebody writes into a file of a live owner.
func TestWrittenInto(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	c := r.chunk(100, 1<<10)
	want := r.fill(c, 5, "x")
	ref := r.Store(c)
	r.worker.await(&r.Spool.mu)
	f, err := os.OpenFile(r.path(ref.segment), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("something else, and much of it"), int64(ref.off)+chunkHead); err != nil {
		t.Fatal(err)
	}
	c, err = r.Load(ref)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "loaded", read(c), want[2:])
	if told := r.tells(); len(told) != 1 || !strings.Contains(told[0], "somebody wrote into it") {
		t.Errorf("told %q", told)
	}
	settle(c, c.Open)
	r.chunk(100, 1<<10).Free() // in another file
	r.Close()
	if got := files(t, dir); len(got) != 1 || got[0] != ref.segment.name+".bad" {
		t.Errorf("there are %v", got)
	}
}
