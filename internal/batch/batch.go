package batch

import "sync"

// A Batch is what one put can carry: at least one event.
type Batch struct {
	List
	// Cached: the chunks may be freed before the batch is.
	first, last int64
	oldest      uint64
}

// Apart reports whether b and c have no millisecond in common. The service orders
// a stream by time and leaves ties to arrival, so only such batches may be in
// flight together.
func (b *Batch) Apart(c *Batch) bool { return b.last < c.first || c.last < b.first }

// First is the time of the oldest event.
func (b *Batch) First() int64 { return b.first }

// Last is the time of the newest event.
func (b *Batch) Last() int64 { return b.last }

// Before reports whether some event of b may have been accepted in a chunk up to
// id.
func (b *Batch) Before(id uint64) bool { return b.oldest <= id }

// Free gives the memory of the list back.
func (b *Batch) Free() {
	clear(b.runs)
	b.List = List{runs: b.runs[:0]}
	batches.Put(b)
}

// batches holds batches for the next cuts.
var batches = sync.Pool{New: func() any { return new(Batch) }}
