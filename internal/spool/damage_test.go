//go:build linux || darwin

package spool

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/zapcw/internal/batch"
)

// A sample is a segment as a dead owner left it.
type sample struct {
	dir, name string
	content   []byte
	live      map[int64]string // texts of the live events by their times, which differ
	at        map[int64]int    // where each text is
}

// newSample makes a segment with chunks of every kind. Texts are of random bytes,
// so that each can be found in the file.
func newSample(t testing.TB, dir string) *sample {
	r := open(t, dir)
	s := &sample{dir: dir, live: make(map[int64]string), at: make(map[int64]int)}
	random := rand.New(rand.NewPCG(1, 2))
	text := func() []byte {
		b := make([]byte, 20+random.IntN(200))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	for i := range 12 {
		c := r.chunk(100, 1<<10<<(i%3))
		var times []int64
		for range 10 {
			if b := text(); c.Fits(len(b)) {
				r.seq++
				c.Append(int64(r.seq), r.seq, 0, b)
				times = append(times, int64(r.seq))
				s.live[int64(r.seq)] = string(b)
			}
		}
		done := []int{0, 0, len(times) / 2, len(times)}[i%4]
		for _, ms := range times[:done] {
			delete(s.live, ms)
		}
		if i%5 == 4 {
			events(c).Slice(0, done).Settle() // died before Free
		} else if settle(c, done); c.Open > 0 {
			r.Store(c)
		}
	}
	r.worker.await(&r.Spool.mu)
	// The file with the most of them is the sample.
	most := 0
	for _, name := range files(t, dir) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, text := range s.live {
			if bytes.Contains(b, []byte(text)) {
				n++
			}
		}
		if n > most {
			most, s.name, s.content = n, name, b
		}
	}
	for ms, text := range s.live {
		if s.at[ms] = bytes.Index(s.content, []byte(text)); s.at[ms] < 0 {
			delete(s.live, ms)
		}
	}
	if len(s.live) < 20 {
		t.Fatalf("only %d live events", len(s.live))
	}
	return s
}

// untouched reports whether a live event's record in b is as it was.
func (s *sample) untouched(b []byte, ms int64) bool {
	const head = 20
	at, end := s.at[ms]-head, s.at[ms]+len(s.live[ms])
	return end <= len(b) && bytes.Equal(b[at:end], s.content[at:end])
}

// judge has a Spool adopt content and checks what comes back.
func (s *sample) judge(t testing.TB, content []byte) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, s.name), content, 0o600); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	count := make(map[int64]int)
	_, err := r.adoptEach(func(e batch.Event) {
		s.known(t, e)
		if count[e.Time]++; count[e.Time] > 1 {
			t.Errorf("event %d came back %d times", e.Time, count[e.Time])
		}
	})
	r.worker.await(&r.Spool.mu)
	for ms := range s.live {
		if s.untouched(content, ms) && count[ms] == 0 {
			t.Errorf("a whole event did not come back: %d at %d", ms, s.at[ms])
		}
	}
	if len(count) < len(s.live) && err == nil {
		t.Errorf("%d of %d events came back, and nothing is told", len(count), len(s.live))
	}
	left := files(t, dir)
	if err == nil && len(left) > 0 || err != nil && (len(left) != 1 || !strings.HasSuffix(left[0], ".bad")) {
		t.Errorf("error %v, and files %v", err, left)
	}
}

// known fails if e is none of the live events. Its text may be damaged: texts have
// no check.
func (s *sample) known(t testing.TB, e batch.Event) {
	t.Helper()
	if text, ok := s.live[e.Time]; !ok || len(text) != len(e.Text()) {
		t.Errorf("an event was invented, or came back although it was sent: %d, %q", e.Time, e.Text())
	}
}

func TestFlippedBits(t *testing.T) {
	s := newSample(t, t.TempDir())
	s.judge(t, s.content)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	for i := range rounds {
		b := slices.Clone(s.content)
		for range 1 + i%5 {
			bit := random.IntN(8 * len(b))
			if i%3 == 0 { // in a head
				bit = random.IntN(8 * 256)
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
		if s.headsLost(b) {
			continue
		}
		if s.judge(t, b); t.Failed() {
			t.Fatalf("seed %d, round %d", seed, i)
		}
	}
}

// headsLost reports whether the same of head and copy is not what it was.
func (s *sample) headsLost(b []byte) bool {
	h, _ := parseHead(s.content)
	n := h.len()
	lost := func(from, to int) bool {
		return len(b) < to || !bytes.Equal(b[from:to], s.content[from:to])
	}
	copied := len(s.content) - n
	fixed := lost(0, 40) || lost(56, n)
	return fixed && (lost(copied, copied+40) || lost(copied+56, copied+n)) || lost(40, 48) && lost(copied+40, copied+48)
}

func TestTorn(t *testing.T) {
	s := newSample(t, t.TempDir())
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	for i := range rounds {
		b := slices.Clone(s.content)
		from := random.IntN(len(b))
		to := min(len(b), from+random.IntN(3000))
		switch i % 4 {
		case 0:
			b = b[:max(from, 200)]
		case 1:
			clear(b[from:to])
		case 2:
			for j := from; j < to; j++ {
				b[j] = byte(random.Uint32())
			}
		default: // sectors of another place
			copy(b[from:to], s.content[random.IntN(len(b)):])
		}
		if s.judge(t, b); t.Failed() {
			t.Fatalf("seed %d, round %d: %d-%d", seed, i, from, to)
		}
	}
}

func FuzzDamage(f *testing.F) {
	s := newSample(f, f.TempDir())
	f.Add(uint32(0), []byte{1}, uint32(1<<20))
	f.Add(uint32(41), []byte{0xff, 0xff}, uint32(1<<20))
	f.Add(uint32(4000), bytes.Repeat([]byte{0x55}, 64), uint32(9000))
	f.Add(uint32(48), []byte{0, 1, 0, 0, 0, 1}, uint32(1<<20))
	f.Fuzz(func(t *testing.T, at uint32, flip []byte, size uint32) {
		b := slices.Clone(s.content)[:min(int(size), len(s.content))]
		for i, x := range flip {
			if j := int(at) + i; j >= 0 && j < len(b) {
				b[j] ^= x
			}
		}
		if !s.headsLost(b) {
			s.judge(t, b)
		}
	})
}

// FuzzForeign is about files that nobody made for a Spool.
func FuzzForeign(f *testing.F) {
	s := newSample(f, f.TempDir())
	f.Add(s.content)
	f.Add([]byte{})
	f.Add([]byte("zapcwsp\x01"))
	f.Add([]byte("zapcwsp\x02 of the future"))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, s.name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		r := open(t, dir)
		_, _ = r.adoptEach(func(e batch.Event) { s.known(t, e) })
		if streams, err := allStreams(dir); len(streams) > 1 || err != nil && !strings.Contains(err.Error(), "version") {
			t.Errorf("Streams = %v, %v after each file was adopted", streams, err)
		}
	})
}
