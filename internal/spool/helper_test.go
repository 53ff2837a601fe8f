//go:build linux || darwin

package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"example.com/zapcw/internal/batch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A rig is a Spool of /acme/prod/orders, and what it told.
type rig struct {
	*Spool
	t    testing.TB
	mu   sync.Mutex
	told []string
	seq  uint32
}

// open gives a Spool on a directory, which is closed with the test.
func open(t testing.TB, dir string, set ...func(*Options)) *rig {
	r := &rig{t: t}
	o := Options{Dir: dir, Group: "/acme/prod", Stream: "orders", Max: 1 << 30, Tell: func(err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.told = append(r.told, err.Error())
	}}
	for _, f := range set {
		f(&o)
	}
	r.Spool = New(o)
	t.Cleanup(func() { r.Spool.Close(context.Background()) })
	return r
}

// Close closes the Spool, and waits for what it tells.
func (r *rig) Close() error { return r.Spool.Close(context.Background()) }

// tells returns what was told, after worker and teller have ended.
func (r *rig) tells() []string {
	r.worker.await(&r.Spool.mu)
	if telling := r.teller.telling(&r.Spool.mu); telling != nil {
		<-telling
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

// chunk is a chunk of a file.
func (r *rig) chunk(n, want int) *batch.Chunk {
	r.t.Helper()
	c := r.NewChunk(n, want)
	if c.Backing() == nil {
		r.t.Fatalf("NewChunk(%d, %d) is in memory; told: %q", n, want, r.tells())
	}
	return c
}

// fill appends events to c while there is room, at most n. It returns their texts.
func (r *rig) fill(c *batch.Chunk, n int, text string) (all []string) {
	for i := 0; i < n; i++ {
		r.seq++
		s := fmt.Sprintf("%s %d", text, r.seq)
		if !c.Fits(len(s)) {
			break
		}
		c.Append(int64(r.seq), r.seq, int8(r.seq%5)-1, []byte(s))
		all = append(all, s)
	}
	return all
}

// events is what is live in c, by time.
func events(c *batch.Chunk) batch.List {
	var q batch.Queue
	q.Add(c)
	return q.Cut(0, false).List
}

// settle gives the first n events of c their fate.
func settle(c *batch.Chunk, n int) {
	events(c).Slice(0, n).Settle()
	if c.Open -= n; c.Open == 0 {
		c.Free()
	}
}

// adopt returns the texts of what is left, and how many chunks that is. Each
// event gets its fate.
func (r *rig) adopt() (texts []string, chunks int) {
	r.t.Helper()
	texts, chunks, err := r.tryAdopt()
	if err != nil {
		r.t.Error(err)
	}
	return texts, chunks
}

func (r *rig) tryAdopt() (texts []string, chunks int, err error) {
	r.t.Helper()
	chunks, err = r.adoptEach(func(e batch.Event) { texts = append(texts, string(e.Text())) })
	return texts, chunks, err
}

// adoptEach gives each event that is left to f, and then its fate.
func (r *rig) adoptEach(f func(batch.Event)) (chunks int, err error) {
	r.t.Helper()
	left, err := adoptAll(r, context.Background())
	for _, l := range left {
		c, e := r.Load(l.Ref)
		if e != nil || c == nil {
			r.t.Fatalf("Load of what Adopt found: %v, %v", c, e)
		}
		if c.Open != l.Events || c.Len() != l.Bytes || c.First() != l.First {
			r.t.Errorf("chunk has %d events, %d bytes, the oldest %d; Stored says %+v", c.Open, c.Len(), c.First(), l)
		}
		for e := range events(c).All() {
			f(e)
		}
		settle(c, c.Open)
	}
	return len(left), err
}

// read returns the texts of the live events of c.
func read(c *batch.Chunk) (texts []string) {
	for e := range events(c).All() {
		texts = append(texts, string(e.Text()))
	}
	return texts
}

// copyDir copies the files of a directory, as they would be if their owner died
// now: nobody has them locked.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range files(t, from) {
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return to
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(out, in)
	return err
}

// files are the names in a directory.
func files(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// same fails unless both have the same elements.
func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %d, want %d: %s", what, len(got), len(want), difference(got, want))
	}
}

func difference(got, want []string) string {
	count := make(map[string]int)
	for _, s := range got {
		count[s]++
	}
	for _, s := range want {
		count[s]--
	}
	var b strings.Builder
	for s, n := range count {
		if n != 0 && b.Len() < 1000 {
			fmt.Fprintf(&b, "\n%+d %.60q", n, s)
		}
	}
	return b.String()
}

// adoptAll is Adopt with all its errors in one.
func adoptAll(s interface {
	Adopt(context.Context) ([]Stored, []error, error)
}, ctx context.Context) ([]Stored, error) {
	left, unusable, err := s.Adopt(ctx)
	return left, errors.Join(append(unusable, err)...)
}

// allStreams is Streams with all its errors in one.
func allStreams(dir string) ([]Stream, error) {
	streams, errs := Streams(dir)
	return streams, errors.Join(errs...)
}
