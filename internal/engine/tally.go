package engine

// A tally is a number of events and the bytes that they take, in one word, so that
// one atomic step counts both. Sums may overflow; a difference is right if it is less
// than 2^28 events and 2^35 bytes.
type tally uint64

const eventBits = 28

// maxPending is the largest MaxPending: that memory holds less than 2^28 events.
const maxPending = min(4<<30, int64(^uint(0)>>1))

func tallyOf(events, bytes int) tally { return tally(bytes)<<eventBits + tally(events) }

func (t tally) events() int { return int(t & (1<<eventBits - 1)) }
func (t tally) bytes() int  { return int(int64(t) >> eventBits) }
