package batch

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// home counts what is given back.
type home struct{ freed int }

func (h *home) Free(*Chunk) { h.freed++ }

func (h *home) Survive(hit Fault) { panic(hit) }

// newBacking gives memory with something in it, as of an earlier use.
func newBacking(size int, seed uint64) *Backing {
	b := &Backing{Memory: make([]byte, size), Seed: seed, Length: new(uint64), Home: new(home)}
	for i := range b.Memory {
		b.Memory[i] = byte(i * 7)
	}
	*b.Length = Length(size)
	return b
}

// died is what b is for the next process.
func (b *Backing) died() *Backing {
	length := *b.Length
	return &Backing{Memory: slices.Clone(b.Memory), Seed: b.Seed, Length: &length}
}

// texts are those of the live events that b has, by time.
func (b *Backing) texts(t testing.TB) (all []string, damaged []Range) {
	c, damaged := b.Recover()
	if c == nil {
		return nil, damaged
	}
	var q Queue
	q.Add(c)
	cost := 0
	for !q.Empty() {
		batch := q.Cut(0, false)
		for e := range batch.All() {
			all = append(all, string(e.Text()))
			cost += e.Cost()
		}
	}
	if c.Open != len(all) || c.Len() != cost {
		t.Errorf("chunk has %d events, %d bytes; the queue gave %d, %d", c.Open, c.Len(), len(all), cost)
	}
	return all, damaged
}

func TestRecover(t *testing.T) {
	b := newBacking(4<<10, 42)
	c := b.NewChunk()
	if c.Backing() != b || c.Len() != 0 {
		t.Fatalf("a new chunk has %d bytes", c.Len())
	}
	if got, damaged := b.died().texts(t); len(got) > 0 || damaged != nil {
		t.Errorf("an empty chunk has %q, %v", got, damaged)
	}
	var want []string
	for i := 0; c.Fits(200); i++ {
		text := fmt.Sprintf("%d %s", i, strings.Repeat("x", i*5))
		c.Append(int64(i/2), uint32(i), int8(i%7)-1, []byte(text))
		want = append(want, text)
		if got, damaged := b.died().texts(t); !slices.Equal(got, want) || damaged != nil {
			t.Fatalf("after %d: got %q, damaged %v", i, got, damaged)
		}
	}
	// Times, levels and the order come back, too.
	r, _ := b.died().Recover()
	var q Queue
	q.Add(r)
	i := 0
	for e := range q.Cut(0, false).All() {
		if e.Time != int64(i/2) || e.Level() != int8(i%7)-1 {
			t.Errorf("event %d has time %d, level %d", i, e.Time, e.Level())
		}
		i++
	}
	if r.First() != 0 {
		t.Errorf("First = %d", r.First())
	}
	// What has its fate does not come back. Settling twice changes nothing.
	q = Queue{}
	q.Add(c)
	all := q.Cut(0, false)
	for _, part := range [][2]int{{3, 5}, {0, 1}, {3, 6}} {
		all.Slice(part[0], part[1]).Settle()
	}
	rest := slices.Concat(want[1:3], want[6:])
	for range 2 { // what was recovered is recovered again
		next := b.died()
		if got, damaged := next.texts(t); !slices.Equal(got, rest) || damaged != nil {
			t.Fatalf("got %q, damaged %v", got, damaged)
		}
		b = next
	}
	all.Settle()
	c.Free()
	if c.Backing().Home.(*home).freed != 1 {
		t.Error("Free does not tell the chunk's home")
	}
	if got, damaged := c.Backing().died().texts(t); got != nil || damaged != nil {
		t.Errorf("all is settled, and there are %q, %v", got, damaged)
	}
}

func TestFirst(t *testing.T) {
	b := newBacking(1<<10, 3)
	c := b.NewChunk()
	for i, tt := range []struct{ ms, first int64 }{{7, 7}, {9, 7}, {-5, -5}, {3, -5}} {
		c.Append(tt.ms, uint32(i), 0, []byte("x"))
		if r, _ := b.died().Recover(); c.First() != tt.first || r.First() != tt.first {
			t.Errorf("after %d: First = %d, recovered %d, want %d", tt.ms, c.First(), r.First(), tt.first)
		}
	}
}

// A process may die between any two bytes that it writes, in the order in which it
// writes them.
func TestRecoverHalfWritten(t *testing.T) {
	b := newBacking(1<<10, 7)
	c := b.NewChunk()
	c.Append(1, 1, 0, []byte("whole"))
	before := b.died()
	start := c.Len()
	c.Append(2, 2, 0, []byte("half of it"))
	end := c.Len()
	// Text, then the head up to the check, then the check.
	order := make([]int, 0, end-start)
	for i := start + header; i < end; i++ {
		order = append(order, i)
	}
	for i := start; i < start+header; i++ {
		order = append(order, i)
	}
	for n := range order {
		torn := before.died()
		for _, i := range order[:n] {
			torn.Memory[i] = b.Memory[i]
		}
		if got, damaged := torn.texts(t); !slices.Equal(got, []string{"whole"}) || damaged != nil {
			t.Fatalf("%d bytes of the second: got %q, damaged %v", n, got, damaged)
		}
	}
	// With its check the record is there, also before the length says so.
	torn := before.died()
	copy(torn.Memory, b.Memory)
	if got, damaged := torn.texts(t); len(got) != 2 || damaged != nil {
		t.Errorf("got %q, damaged %v", got, damaged)
	}
}

func TestRecoverUnderAnotherSeed(t *testing.T) {
	b := newBacking(4<<10, 42)
	c := b.NewChunk()
	for i := range 50 {
		c.Append(int64(i), uint32(i), 0, []byte("of an earlier use"))
	}
	next := b.died()
	next.Seed++
	*next.Length = Length(0)
	if got, damaged := next.texts(t); got != nil || damaged != nil {
		t.Errorf("got %q, damaged %v", got, damaged)
	}
	d := next.NewChunk()
	d.Append(1, 1, 0, []byte("new"))
	if got, damaged := next.died().texts(t); !slices.Equal(got, []string{"new"}) || damaged != nil {
		t.Errorf("got %q, damaged %v", got, damaged)
	}
}

func TestLengthDamaged(t *testing.T) {
	b := newBacking(1<<10, 1)
	c := b.NewChunk()
	want := []string{"a", "bb", "ccc"}
	for i, text := range want {
		c.Append(int64(i), uint32(i), 0, []byte(text))
	}
	for bit := range 64 {
		flipped := b.died()
		*flipped.Length ^= 1 << bit
		flipped.Memory[0] ^= 1 // so that the length counts
		if got, damaged := flipped.texts(t); !slices.Equal(got, want[1:]) || len(damaged) == 0 {
			t.Errorf("bit %d: got %q, damaged %v", bit, got, damaged)
		}
	}
	// Nothing is left but the last record.
	zeros := b.died()
	*zeros.Length = 0
	clear(zeros.Memory[:c.Len()-Cost(3)])
	if got, damaged := zeros.texts(t); !slices.Equal(got, want[2:]) || len(damaged) == 0 {
		t.Errorf("zeros: got %q, damaged %v", got, damaged)
	}
	// A process of 32 bits died between the halves.
	half := b.died()
	*half.Length = Length(c.Len())&^(1<<32-1) | uint64(c.Len()-Cost(3))
	if got, damaged := half.texts(t); !slices.Equal(got, want) || damaged != nil {
		t.Errorf("half: got %q, damaged %v", got, damaged)
	}
}

// Neighbours whose seeds differ by their distance are read as one memory.
func TestRecoverNeighbours(t *testing.T) {
	whole := newBacking(2<<10, 99)
	var want []string
	for i, off := range []int{0, 512, 1024} {
		b := &Backing{Memory: whole.Memory[off : off+512], Seed: whole.Seed + uint64(off), Length: new(uint64)}
		c := b.NewChunk()
		for j := range 5 {
			text := fmt.Sprintf("%d %d", i, j)
			c.Append(int64(i), uint32(j), 0, []byte(text))
			want = append(want, text)
		}
	}
	got, damaged := whole.texts(t)
	if !slices.Equal(got, want) || len(damaged) != 3 {
		t.Errorf("got %q, damaged %v", got, damaged)
	}
}

// FuzzRecover appends, settles and damages as script says.
func FuzzRecover(f *testing.F) {
	f.Add(uint64(1), []byte{10, 20, 30}, []byte{})
	f.Add(uint64(2), []byte{0, 0, 0, 200, 200, 7}, []byte{0, 30, 1, 1, 0, 255})
	f.Add(uint64(3), bytes.Repeat([]byte{3, 131, 9}, 20), []byte{0, 0, 255, 0, 1, 255, 0, 2, 255})
	f.Fuzz(func(t *testing.T, seed uint64, script, damage []byte) {
		random := rand.New(rand.NewPCG(seed, 0))
		b := newBacking(2<<10, random.Uint64())
		c := b.NewChunk()
		type event struct {
			at, end int
			text    string
			settled bool
		}
		var all []event
		for i, x := range script {
			if text := fmt.Sprintf("%d %s", i, strings.Repeat("y", int(x&127))); c.Fits(len(text)) {
				at := c.Len()
				c.Append(int64(i), uint32(i), 0, []byte(text))
				settled := x&128 != 0
				if settled {
					List{runs: []run{{c, uint32(at), 1, uint32(c.Len() - at)}}}.Settle()
				}
				all = append(all, event{at, c.Len(), text, settled})
			}
		}
		next := b.died()
		for ; len(damage) >= 3; damage = damage[3:] {
			next.Memory[(int(damage[0])<<8+int(damage[1]))%len(next.Memory)] ^= damage[2]
		}
		got, damaged := next.texts(t)
		i := 0
		for _, e := range all {
			head, text := e.at+header, e.end
			intact := bytes.Equal(b.Memory[e.at:head], next.Memory[e.at:head])
			covered := slices.ContainsFunc(damaged, func(r Range) bool { return r.Start <= e.at && e.at < r.End })
			switch {
			case intact == covered:
				t.Errorf("record at %d: intact %v, told as damaged %v in %v", e.at, intact, covered, damaged)
			case intact && !e.settled:
				if i == len(got) || got[i] != string(next.Memory[head:text]) {
					t.Fatalf("event at %d is missing in %q", e.at, got)
				}
				i++
			}
		}
		if i != len(got) {
			t.Errorf("%d events came back, want %d: %q", len(got), i, got)
		}
	})
}
