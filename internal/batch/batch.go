package batch

// A Batch is what one put can carry: at least one event, in the order of time.
type Batch struct {
	Events []Event
	// Bytes is the size of the events as the service counts them, if all of them
	// are UTF-8.
	Bytes int

	oldest uint64 // the first of the chunks; these may be free already
}

// First is the time of the oldest event.
func (b Batch) First() int64 { return b.Events[0].Time }

// Last is the time of the newest event.
func (b Batch) Last() int64 { return b.Events[len(b.Events)-1].Time }

// Apart tells whether b and c have no millisecond in common. The service orders
// a stream by time and leaves ties to arrival, so only such batches may be in
// flight together.
func (b Batch) Apart(c Batch) bool { return b.Last() < c.First() || c.Last() < b.First() }

// Before tells whether some event of b may have been accepted in a chunk up to
// id.
func (b Batch) Before(id uint64) bool { return b.oldest <= id }
