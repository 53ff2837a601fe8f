package batch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

const dayLong = MaxSpan // in milliseconds

func TestDay(t *testing.T) {
	for ms, want := range map[int64]int64{
		0: 0, 1: 0, dayLong - 1: 0, dayLong: 1, -1: -1, -dayLong: -1, -dayLong - 1: -2, 1_767_398_399_999: 20_455,
	} {
		if got := Day(ms); got != want {
			t.Errorf("Day(%d) = %d, want %d", ms, got, want)
		}
	}
}

// TestCutDaily: a batch ends at midnight, and for no other reason as long as there
// is room.
func TestCutDaily(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 9))
		var (
			q    = Queue{Daily: true}
			id   uint64
			evs  []event
			days = make(map[int64]bool)
		)
		for i := range 1 + r.IntN(1000) {
			ms := (r.Int64N(4)-2)*dayLong + r.Int64N(20) - 10
			evs = append(evs, event{ms, fmt.Sprint(i)})
			days[Day(ms)] = true
		}
		fill(&q, &id, evs, 1<<r.IntN(12))
		if r.IntN(2) == 0 {
			q = *q.Until(id) // all of them
		}
		var got []event
		batches := 0
		for ; !q.Empty(); batches++ {
			first := q.First()
			b := q.Cut(r.IntN(2)*500, r.IntN(2) == 0)
			checkBatch(t, b)
			if first != b.First() || Day(b.First()) != Day(b.Last()) {
				t.Fatalf("seed %d: got a batch from %d to %d, want one of a day from %d on", seed, b.First(), b.Last(), first)
			}
			for e := range b.All() {
				got = append(got, event{e.Time, string(e.Text())})
			}
		}
		if batches != len(days) {
			t.Errorf("seed %d: got %d batches for %d days", seed, batches, len(days))
		}
		slices.SortStableFunc(evs, func(a, b event) int { return int(a.time - b.time) })
		if !slices.Equal(got, evs) {
			t.Fatalf("seed %d: events are not in order of time and acceptance", seed)
		}
	}
}

// TestQueueFirst: what the queue holds back of a millisecond counts.
func TestQueueFirst(t *testing.T) {
	var (
		q   Queue
		id  uint64
		evs []event
	)
	for i := range int64(MaxEvents) {
		evs = append(evs, event{i / (MaxEvents - 1), "x"})
	}
	evs = append(evs, event{1, "x"}, event{2, "x"})
	fill(&q, &id, evs, maxChunk)
	if b := q.Cut(0, true); b.Last() != 0 || q.First() != 1 {
		t.Errorf("got a batch up to %d and then %d, want 0 and 1", b.Last(), q.First())
	}
}
