package engine

// A tally is a number of events and the bytes that they take, in one word so
// that both are counted in one atomic step. Sums overflow, differences are right
// as long as they are of less than 2^28 events and of less than 2^35 bytes.
type tally uint64

const eventBits = 28

// maxPending is the largest MaxPending: what it holds is less than 2^28 events.
const maxPending = min(4<<30, int64(^uint(0)>>1))

func tallyOf(events, bytes int) tally { return tally(bytes)<<eventBits + tally(events) }

func (t tally) events() int { return int(t & (1<<eventBits - 1)) }
func (t tally) bytes() int  { return int(int64(t) >> eventBits) }
