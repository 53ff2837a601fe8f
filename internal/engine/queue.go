package engine

import (
	"time"

	"example.com/zapcw/internal/batch"
)

// A queue is what the sender took and did not send yet.
type queue struct {
	batch.Queue
	since time.Time // when the oldest of it came in
}

func (q *queue) add(chunks []*batch.Chunk, since time.Time) {
	if q.Empty() {
		q.since = since
	}
	q.Add(chunks...)
}

// ready tells whether to cut a batch: all is to go, or there is enough, or it is
// time.
func (q *queue) ready(flush bool, maxAge time.Duration) bool {
	return !q.Empty() && (flush || q.Full() || time.Since(q.since) >= maxAge)
}

func (q *queue) tally() tally { return tallyOf(q.Len(), q.Bytes()) }
