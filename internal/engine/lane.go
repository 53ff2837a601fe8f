package engine

import (
	"sync"

	"example.com/zapcw/internal/batch"
)

// A lane is a place where entries are appended, one after the other.
type lane struct {
	mu    sync.Mutex
	chunk *batch.Chunk // takes the next event; nil if there is none
	size  int          // of the next chunk in bytes, at least
	seen  tally        // what all lanes had accepted when this one last did
}

// saw notes what all lanes have accepted with the last event of this one. The caller
// holds the lane, here and below.
func (l *lane) saw(accepted tally) { l.seen = accepted }

// since is what all lanes accepted from base up to the last event of this one.
func (l *lane) since(base tally) tally { return l.seen - base }

// seq is the number of the event that was admitted last: the bytes accepted before
// its end are its place in the order of arrival (invariant 5).
func (l *lane) seq() uint32 { return uint32(l.seen.bytes()) }

// fits reports whether the lane's chunk has room for n bytes of text.
func (l *lane) fits(n int) bool { return l.chunk != nil && l.chunk.Fits(n) }

// append adds an event that fits.
func (l *lane) append(ms int64, seq uint32, level int8, text []byte) {
	appendTo(l.chunk, ms, seq, level, text)
}

// appendTo adds an event that fits to a chunk, also if that lies in a file whose disk
// does not take it.
func appendTo(c *batch.Chunk, ms int64, seq uint32, level int8, text []byte) {
	if c.Backing() == nil {
		c.Append(ms, seq, level, text)
		return
	}
	for {
		hit := c.TryAppend(ms, seq, level, text)
		if hit == nil {
			return
		}
		c.Backing().Home.Survive(hit)
	}
}

// setSize has the next chunk take so many bytes, at least.
func (l *lane) setSize(bytes int) { l.size = bytes }

// chunkSize is how large the next chunk of the lane is to be, in bytes.
func (l *lane) chunkSize(want int) int { return max(l.size, want) }

// begin makes c the lane's chunk and returns the one before, which is sealed:
// nothing is appended to it any more (invariant 4).
func (l *lane) begin(c *batch.Chunk) (sealed *batch.Chunk) {
	sealed, l.chunk = l.chunk, c
	return sealed
}

// oldest is the id of the lane's chunk, or id if that is smaller.
func (l *lane) oldest(id uint64) uint64 {
	if l.chunk != nil {
		id = min(id, l.chunk.ID)
	}
	return id
}
