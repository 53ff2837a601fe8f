package engine

import (
	"time"

	"example.com/zapcw/internal/batch"
)

// A queue has the events that the sender has taken and not sent yet.
type queue struct {
	batch.Queue
	since time.Time // when the oldest of them was accepted
}

func (q *queue) add(chunks []*batch.Chunk, since time.Time) {
	if q.Empty() {
		q.since = since
	}
	q.Add(chunks...)
}

// ready reports whether to cut a batch: because of a flush, because there is a full
// put, or because the oldest event is maxAge old.
func (q *queue) ready(flush bool, maxAge time.Duration) bool {
	return !q.Empty() && (flush || q.Full() || time.Since(q.since) >= maxAge)
}

func (q *queue) tally() tally { return tallyOf(q.Len(), q.Bytes()) }
