package batch

import "iter"

// A List is events in the order of time. It says where in their chunks they are,
// run by run: most of them are neighbours there.
type List struct {
	runs []run
	n    int
	cost int
}

// A run is events one behind the other in a chunk.
type run struct {
	chunk *Chunk
	off   uint32 // of the first record
	n     uint32
	cost  uint32
}

// Len is the number of events.
func (l List) Len() int { return l.n }

// Cost is the memory that the events take in their chunks.
func (l List) Cost() int { return l.cost }

// Size is what the service counts for the events if their texts are UTF-8, see
// Size.
func (l List) Size() int { return counted(l.n, l.cost) }

// First is the time of the oldest event.
func (l List) First() int64 { return l.runs[0].chunk.time(l.runs[0].off) }

// Last is the time of the newest event.
func (l List) Last() int64 {
	r := l.runs[len(l.runs)-1]
	return r.chunk.time(r.off + r.place(int(r.n)-1))
}

// All gives the events in their order.
func (l List) All() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for i := range l.runs {
			r := &l.runs[i]
			off := r.off
			for range r.n {
				e := r.chunk.event(off)
				if !yield(e) {
					return
				}
				off = e.off + e.n
			}
		}
	}
}

// Chunks gives the chunks of the events and how many in a row are in each.
func (l List) Chunks() iter.Seq2[*Chunk, int] {
	return func(yield func(*Chunk, int) bool) {
		for i := range l.runs {
			if !yield(l.runs[i].chunk, int(l.runs[i].n)) {
				return
			}
		}
	}
}

// Settle marks the events, where they would outlive the process, as those that
// have their fate: they are not recovered.
func (l List) Settle() {
	for i := range l.runs {
		r := &l.runs[i]
		if r.chunk.backing == nil {
			continue
		}
		off := r.off
		for range r.n {
			head := r.chunk.record(off)
			r.chunk.backing.settle(head, int(off))
			off += uint32(Cost(head.textLen()))
		}
	}
}

// Backed parts the events into those in a Backing and the others.
func (l List) Backed() (backed, others List) {
	for _, r := range l.runs {
		if r.chunk.backing != nil {
			backed.add(r)
		} else {
			others.add(r)
		}
	}
	return backed, others
}

// Slice gives the events from i up to and without j.
func (l List) Slice(i, j int) List {
	var out List
	for _, r := range l.runs {
		n := int(r.n)
		if from, to := max(i, 0), min(j, n); from < to {
			begin, end := r.place(from), r.place(to)
			out.add(run{r.chunk, r.off + begin, uint32(to - from), end - begin})
		}
		i, j = i-n, j-n
	}
	return out
}

func (l *List) add(r run) {
	l.n += int(r.n)
	l.cost += int(r.cost)
	if n := len(l.runs); n > 0 {
		if p := &l.runs[n-1]; p.chunk == r.chunk && p.off+p.cost == r.off {
			p.n += r.n
			p.cost += r.cost
			return
		}
	}
	l.runs = append(l.runs, r)
}

// place is where in the run the record i begins, the end of the run for its
// number of records.
func (r run) place(i int) uint32 {
	if i == int(r.n) {
		return r.cost
	}
	off := r.off
	for range i {
		off += uint32(r.chunk.event(off).Cost())
	}
	return off - r.off
}
