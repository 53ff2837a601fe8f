package batch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLen(t *testing.T) {
	for _, tt := range []struct {
		text string
		want int
	}{
		{"", 0},
		{"abc", 3},
		{"žluťoučký 🐎", 18},
		{"\xff", 3},
		{"a\xc3", 4},
		{"\xed\xa0\x80", 9}, // a surrogate is no rune
		{"\xf0\x9f\x90", 9}, // a horse without its tail
		{"\ufffd", 3},
		{"\x00", 1},
	} {
		if got := Len([]byte(tt.text)); got != tt.want {
			t.Errorf("Len(%q) = %d, want %d", tt.text, got, tt.want)
		}
	}
}

// slowHead is Head, obviously.
func slowHead(text []byte, max int) int {
	best := 0
	for i := 0; i <= len(text); i++ {
		whole := i == len(text) || i == 0
		if !whole {
			// A cut is between runes if both sides read as the whole does.
			a := string(text[:i])
			whole = string([]rune(a))+string([]rune(string(text[i:]))) == string([]rune(string(text)))
		}
		if whole && len(string([]rune(string(text[:i])))) <= max {
			best = i
		}
	}
	return best
}

func FuzzHead(f *testing.F) {
	f.Add([]byte("abc"), 4)
	f.Add([]byte("žluťoučký 🐎 日本語"), 7)
	f.Add([]byte("\xff\xfe\xf0\x9f\x90\x8e\xf0\x9f"), 5)
	f.Add([]byte("\xed\xa0\x80a"), 4)
	f.Fuzz(func(t *testing.T, text []byte, max int) {
		if len(text) > 300 || max < utf8.UTFMax || max > 400 {
			return
		}
		n := Head(text, max)
		if want := slowHead(text, max); n != want {
			t.Fatalf("Head(%q, %d) = %d, want %d", text, max, n, want)
		}
		if Len(text[:n]) > max {
			t.Fatalf("Head(%q, %d) = %d, which counts %d", text, max, n, Len(text[:n]))
		}
		if n == 0 && len(text) > 0 {
			t.Fatalf("Head(%q, %d) makes no way", text, max)
		}
	})
}

func FuzzLen(f *testing.F) {
	f.Add([]byte("abc"))
	f.Add([]byte("\xff🐎\xf0\x9f"))
	f.Fuzz(func(t *testing.T, text []byte) {
		want := string([]rune(string(text)))
		if got := Len(text); got != len(want) {
			t.Fatalf("Len(%q) = %d, want %d", text, got, len(want))
		}
		if got := AppendText(nil, text); string(got) != want {
			t.Fatalf("AppendText(%q) = %q, want %q", text, got, want)
		}
		// And it is what a JSON encoder makes of it.
		b, err := json.Marshal(string(text))
		if err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal(b, &back); err != nil || back != want {
			t.Fatalf("json of %q is %q, %v, want %q", text, back, err, want)
		}
	})
}

// TestSequence has events of one millisecond that come late take their place.
func TestSequence(t *testing.T) {
	chunks := []*Chunk{NewChunk(10, 0), NewChunk(10, 0)}
	add := func(c int, ms int64, seq uint32) { chunks[c].Append(ms, seq, 0, fmt.Append(nil, ms, ".", seq)) }
	add(0, 1, 90)
	add(0, 2, 30)
	add(0, 2, 10) // late
	add(0, 2, 12) // late
	add(1, 2, 11)
	add(1, 2, 20)
	add(1, 1, 1<<31+91) // late, and before the numbers wrapped around
	add(0, 3, 5)
	var q Queue
	for i, c := range chunks {
		c.ID = uint64(i) + 1
	}
	q.Add(chunks...)
	var got []string
	b := q.Cut(0, false)
	for e := range b.All() {
		got = append(got, string(e.Text()))
	}
	want := []string{"1.2147483739", "1.90", "2.10", "2.11", "2.12", "2.20", "2.30", "3.5"}
	if !slices.Equal(got, want) {
		t.Errorf("events are %q, want %q", got, want)
	}
}

func TestChunk(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 1 << 10, 1<<16 - header, 1 << 16, 3 << 20} {
		c := NewChunk(n, 0)
		c.ID = 1
		if !c.Fits(n) {
			t.Fatalf("a chunk for %d bytes does not fit them", n)
		}
		text := bytes.Repeat([]byte("x"), n)
		c.Append(7, 0, 2, text)
		e := c.event(0)
		if e.Time != 7 || e.Level() != 2 || !bytes.Equal(e.Text(), text) || e.Cost() != Cost(n) {
			t.Fatalf("event of %d bytes came back as %d bytes, %+v", n, len(e.Text()), e)
		}
		c.Free()
	}
	if c := NewChunk(10, 5000); cap(c.buf) != 8192 || c.Fits(cap(c.buf)) || !c.Fits(cap(c.buf)-header) {
		t.Errorf("a chunk of about 5000 bytes has %d", cap(c.buf))
	}
}

// event is an event in the model.
type event struct {
	time int64
	text string
}

// fill puts the events into chunks and these into the queue, as a Syncer would.
func fill(q *Queue, id *uint64, evs []event, size int) {
	var c *Chunk
	number := uint32(*id<<20) - 5 // wraps around, too
	for _, e := range evs {
		if c == nil || !c.Fits(len(e.text)) {
			if c != nil {
				q.Add(c)
			}
			*id++
			c = NewChunk(len(e.text), size)
			c.ID = *id
		}
		number++
		c.Append(e.time, number, 0, []byte(e.text))
	}
	if c != nil {
		q.Add(c)
	}
}

// checkBatch fails if the service would refuse the batch.
func checkBatch(t *testing.T, b *Batch) {
	t.Helper()
	size, last, i := 0, b.First(), 0
	for e := range b.All() {
		size += len(e.Text()) + Overhead
		if e.Time < last {
			t.Fatalf("event %d is older than the one before it", i)
		}
		last = e.Time
		i++
	}
	switch {
	case b.Len() == 0:
		t.Fatal("empty batch")
	case b.Len() > MaxEvents || b.Len() != i:
		t.Fatalf("%d events, %d in all", b.Len(), i)
	case size > MaxBytes:
		t.Fatalf("%d bytes", size)
	case size != b.Size():
		t.Fatalf("%d bytes, said to be %d", size, b.Size())
	case last != b.Last():
		t.Fatalf("last at %d, said to be %d", last, b.Last())
	case b.Last()-b.First() > MaxSpan:
		t.Fatalf("span of %d ms", b.Last()-b.First())
	}
}

func TestQueue(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			var (
				evs  []event
				now  = int64(1_000_000)
				step = []int64{0, 1, 1, 5, 3_600_000}[r.IntN(5)]
				big  = []int{10, 300, 5000, 60_000}[r.IntN(4)]
			)
			for i := range r.IntN(1 + min(3000, 600_000/big)) {
				switch r.IntN(20) {
				case 0:
					now -= r.Int64N(1 + 2*step)
				case 1, 2, 3:
					now += r.Int64N(1 + step)
				}
				text := fmt.Sprint(i, " ")
				if r.IntN(10) == 0 {
					text += strings.Repeat("ž\xff", r.IntN(big))
				}
				evs = append(evs, event{now, text})
			}
			var (
				q    Queue
				id   uint64
				got  []event
				cuts = r.IntN(3) == 0
			)
			rest := evs
			for len(rest) > 0 || !q.Empty() {
				n := min(len(rest), r.IntN(2000))
				fill(&q, &id, rest[:n], 1<<r.IntN(17))
				rest = rest[n:]
				if len(rest) > 0 && !cuts {
					continue // all of them before the first cut
				}
				want := 0
				for range r.IntN(4) {
					if q.Empty() {
						break
					}
					before := q.Bytes()
					b := q.Cut(r.IntN(2)*500, r.IntN(2) == 0)
					checkBatch(t, b)
					for e := range b.All() {
						got = append(got, event{e.Time, string(e.Text())})
						want += e.Cost()
					}
					if n, bytes := q.count(); q.Bytes() != before-want || q.Bytes() != bytes || q.Len() != n {
						t.Fatalf("queue says %d bytes, before %d, took %d, holds %d in %d events, says %d", q.Bytes(), before, want, bytes, n, q.Len())
					}
					want = 0
				}
			}
			if !cuts {
				sorted := slices.Clone(evs)
				slices.SortStableFunc(sorted, func(a, b event) int { return int(a.time - b.time) })
				if !slices.Equal(got, sorted) {
					t.Fatal("events are not in order of time and acceptance")
				}
				return
			}
			// Cut between additions: everything is there once.
			key := func(a, b event) int { return strings.Compare(a.text, b.text) }
			slices.SortFunc(got, key)
			slices.SortFunc(evs, key)
			if !slices.Equal(got, evs) {
				t.Fatalf("%d events of %d came out", len(got), len(evs))
			}
		})
	}
}

// TestCutFull checks that batches are as full as the limits allow.
func TestCutFull(t *testing.T) {
	for _, tt := range []struct {
		name  string
		n     int
		text  string
		step  int64
		sizes []int
	}{
		{"count", 20_001, "x", 0, []int{10_000, 10_000, 1}},
		{"bytes", 9, strings.Repeat("x", 262_144-Overhead), 1, []int{4, 4, 1}},
		{"one byte more", 9, strings.Repeat("x", 262_144-Overhead+1), 1, []int{3, 3, 3}},
		{"largest", 3, strings.Repeat("x", MaxBytes-Overhead), 0, []int{1, 1, 1}},
		{"span", 3, "x", MaxSpan / 2, []int{3}},
		{"span and 1 ms", 3, "x", MaxSpan/2 + 1, []int{2, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var (
				q    Queue
				id   uint64
				evs  []event
				want []int
			)
			for i := range tt.n {
				evs = append(evs, event{int64(i) * tt.step, tt.text})
			}
			fill(&q, &id, evs, maxChunk)
			for !q.Empty() {
				b := q.Cut(0, false)
				checkBatch(t, b)
				want = append(want, b.Len())
			}
			if !slices.Equal(want, tt.sizes) {
				t.Errorf("batches of %v, want %v", want, tt.sizes)
			}
		})
	}
}

// TestCutWhole checks that batches which may be in flight together share no
// millisecond, unless one millisecond is more than a batch.
func TestCutWhole(t *testing.T) {
	var (
		q    Queue
		id   uint64
		evs  []event
		size = strings.Repeat("x", 1000)
	)
	for ms := range int64(20) {
		for range 300 {
			evs = append(evs, event{ms, size})
		}
	}
	for range 2500 {
		evs = append(evs, event{20, size})
	}
	fill(&q, &id, evs, maxChunk)
	var prev *Batch
	n := 0
	for !q.Empty() {
		b := q.Cut(0, true)
		checkBatch(t, b)
		if n > 0 && !prev.Apart(b) && b.First() != 20 {
			t.Errorf("batches [%d, %d] and [%d, %d] share a millisecond", prev.First(), prev.Last(), b.First(), b.Last())
		}
		if n > 0 && (prev.Last() > b.First()) {
			t.Errorf("batches [%d, %d] and [%d, %d] overlap", prev.First(), prev.Last(), b.First(), b.Last())
		}
		n += b.Len()
		prev = b
	}
	if n != len(evs) {
		t.Errorf("%d events came out of %d", n, len(evs))
	}
}

func TestUntil(t *testing.T) {
	var q Queue
	for id := uint64(1); id <= 6; id++ {
		c := NewChunk(2000, 0)
		c.ID = id
		for i := range 2 {
			c.Append(int64(i), uint32(2*id)+uint32(i), 0, fmt.Appendf(nil, "%d", id))
		}
		q.Add(c)
	}
	old := q.Until(3)
	for i, q := range []*Queue{old, &q} {
		b := q.Cut(0, false)
		if b.Len() != 6 || !q.Empty() || q.Bytes() != 0 {
			t.Fatalf("queue %d has %d events and %d bytes left", i, b.Len(), q.Bytes())
		}
		for e := range b.All() {
			if (e.Chunk.ID <= 3) != (i == 0) {
				t.Errorf("queue %d has an event of chunk %d", i, e.Chunk.ID)
			}
		}
		if b.Before(3) != (i == 0) {
			t.Errorf("queue %d: Before(3) is %t", i, b.Before(3))
		}
	}
}

// FuzzCut reads events from the input, four bytes each for the step of the
// clock, the size, what it is made of and whether to cut then, and checks every
// batch against the limits.
func FuzzCut(f *testing.F) {
	f.Add([]byte("\x01\x10a\x00\x00\xffb\x01\xff\x00\xff\x02"), uint16(0))
	f.Add(bytes.Repeat([]byte{0, 255, 'x', 0}, 40), uint16(500))
	f.Add([]byte("\x80\xf0\xff\x03\x7f\xf0z\x03"), uint16(9))
	f.Fuzz(func(t *testing.T, in []byte, extra uint16) {
		var (
			q         Queue
			id        uint64
			now       int64
			n, out    int
			cutAll    = func(whole bool) *Batch { return q.Cut(int(extra), whole) }
			lastWhole *Batch
		)
		for ; len(in) >= 4 && n < 60; in = in[4:] {
			// Steps of -128 hours to 127 hours, or less.
			step := int64(int8(in[0]))
			if in[3]&4 != 0 {
				step *= 3_600_000
			}
			now += step
			size := int(in[1]) * int(in[1])
			evs := []event{{now, strings.Repeat(string(in[2:3]), size)}}
			if in[3]&8 != 0 {
				evs = append(evs, evs[0], event{now + 1, "x"}, evs[0])
			}
			fill(&q, &id, evs, 1<<(in[3]>>4))
			n += len(evs)
			if in[3]&1 != 0 {
				b := cutAll(in[3]&2 != 0)
				checkBatch(t, b)
				out += b.Len()
			}
		}
		for !q.Empty() {
			b := cutAll(true)
			checkBatch(t, b)
			if b.Len() > 1 && b.Size()+int(extra) > MaxBytes {
				t.Fatalf("no room for %d bytes beside %d", extra, b.Size())
			}
			if lastWhole != nil && lastWhole.Last() > b.First() {
				t.Fatal("batches overlap")
			}
			out += b.Len()
			lastWhole = b
		}
		if out != n || q.Bytes() != 0 {
			t.Fatalf("%d events came out of %d, %d bytes are left", out, n, q.Bytes())
		}
	})
}

func BenchmarkCut(b *testing.B) {
	for _, n := range []int{78, 230, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			count := min(MaxEvents, MaxBytes/(n+Overhead))
			evs := make([]event, count)
			for i := range evs {
				evs[i] = event{int64(i / 100), strings.Repeat("x", n)}
			}
			var chunks []*Chunk
			var q Queue
			var id uint64
			fill(&q, &id, evs, maxChunk)
			for _, s := range q.srcs {
				chunks = append(chunks, s.chunk)
			}
			for b.Loop() {
				var q Queue
				for _, c := range chunks {
					q.Add(c)
				}
				batch := q.Cut(0, false)
				if batch.Len() != count {
					b.Fatal(batch.Len())
				}
				batch.Free()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(count), "ns/event")
		})
	}
}
