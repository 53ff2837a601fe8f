package ring

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A model is a Ring as a list.
type model struct {
	entries []Entry
	dropped Dropped
}

func (m *model) push(limit int, e Entry) (dropped int, kept bool) {
	if Overhead+len(e.Text) > limit {
		m.drop(e)
		return 1, false
	}
	m.entries = append(m.entries, e)
	for m.size() > limit {
		m.drop(m.entries[0])
		m.entries = m.entries[1:]
		dropped++
	}
	return dropped, true
}

func (m *model) size() (n int) {
	for _, e := range m.entries {
		n += Overhead + len(e.Text)
	}
	return n
}

func (m *model) drop(e Entry) {
	if m.dropped.Count == 0 {
		m.dropped.First, m.dropped.Last = e.Time, e.Time
	}
	m.dropped.Count++
	m.dropped.First, m.dropped.Last = min(m.dropped.First, e.Time), max(m.dropped.Last, e.Time)
}

// check compares.
func check(t *testing.T, r *Ring, m *model, limit int) {
	t.Helper()
	var got []Entry
	for e := range r.All() {
		e.Text = bytes.Clone(e.Text)
		got = append(got, e)
	}
	same := func(a, b Entry) bool { return a.Time == b.Time && a.Level == b.Level && bytes.Equal(a.Text, b.Text) }
	if !slices.EqualFunc(got, m.entries, same) {
		t.Fatalf("entries are %v, want %v", got, m.entries)
	}
	if r.Dropped() != m.dropped {
		t.Fatalf("dropped are %v, want %v", r.Dropped(), m.dropped)
	}
	if r.size > r.cap() || r.cap() > limit || cap(r.block.bytesOrNil()) > limit {
		t.Fatalf("%d bytes in a block of %d, want at most %d", r.size, cap(r.block.bytesOrNil()), limit)
	}
}

func (b *block) bytesOrNil() []byte {
	if b == nil {
		return nil
	}
	return b.bytes
}

// FuzzRing pushes a text for each byte of sizes, as long as that says.
func FuzzRing(f *testing.F) {
	f.Add(uint32(40), []byte{1, 2, 3, 0, 27, 28, 9, 9, 9})
	f.Add(uint32(100), bytes.Repeat([]byte{20, 30, 40, 3}, 20))
	f.Add(uint32(512), bytes.Repeat([]byte{255, 1, 100}, 30))
	f.Add(uint32(700), bytes.Repeat([]byte{255, 77}, 30))
	f.Add(uint32(0), []byte{0, 1})
	f.Add(uint32(20_480), bytes.Repeat([]byte{250, 251, 252}, 60))
	f.Add(uint32(100_000), bytes.Repeat([]byte{255}, 500))
	f.Fuzz(func(t *testing.T, limit uint32, sizes []byte) {
		bound := int(limit % (1 << 17))
		var (
			r    Ring
			m    model
			last int
		)
		random := rand.New(rand.NewPCG(uint64(limit), uint64(len(sizes))))
		for i, n := range sizes {
			e := Entry{Time: int64(i) - int64(n), Place: random.Uint32(), Level: int8(n), Text: bytes.Repeat([]byte{byte(i)}, int(n)*(1+random.IntN(3)))}
			if n == 255 && i%7 == 0 {
				e.Text = bytes.Repeat(e.Text, 30)
			}
			dropped, kept := r.Push(bound, e.Time, e.Place, e.Level, e.Text)
			if d, k := m.push(bound, e); d != dropped || k != kept {
				t.Fatalf("push %d drops %d and keeps %t, want %d and %t", i, dropped, kept, d, k)
			}
			if i-last > 20 || i == len(sizes)-1 {
				check(t, &r, &m, bound)
				last = i
			}
		}
		for range r.All() {
			break
		}
		r.Free()
		m.entries = nil
		check(t, &r, &m, bound)
	})
}

// TestBlocks takes blocks from the pool and gives them back, of all sizes.
func TestBlocks(t *testing.T) {
	for _, limit := range []int{minBlock, 1000, 20_480, maxBlock, 3 * maxBlock} {
		for n := 1; n <= limit; n = n*3/2 + 1 {
			b := newBlock(n, limit)
			if len(b.bytes) < n || len(b.bytes) > limit {
				t.Errorf("block for %d of %d bytes has %d", n, limit, len(b.bytes))
			}
			b.free()
		}
	}
}

// TestGrowth counts how often entries move.
func TestGrowth(t *testing.T) {
	for _, limit := range []int{64 << 10, 20_480, 1 << 20} {
		var r Ring
		grown, last := 0, 0
		for range 2 * limit {
			r.Push(limit, 0, 0, 0, nil)
			if r.cap() != last {
				grown, last = grown+1, r.cap()
			}
		}
		if last != limit || grown > 12 {
			t.Errorf("limit %d: the block has %d bytes after %d steps, want it whole after 12 at most", limit, last, grown)
		}
	}
}
