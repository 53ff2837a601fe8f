package engine

import "time"

// A bucket is the token bucket of small puts: those that are not full, and that
// nobody waits for. Every put takes a token, and a small one goes only if there
// is one. So no small one slips in between full ones that follow each other
// closely, and what is left after them goes with the next.
//
// Where the service throttles, the tokens come more slowly. Fuller puts then
// carry the same events, and a fleet settles at its quota. Half as many after
// each throttled round, and a little more after each put, is what lets many
// share one limit fairly.
//
// All methods want Engine.mu held.
type bucket struct {
	// fullAt is when the bucket will be full, in nanoseconds since 1970. The
	// clock may be set: then it is full, or a token is there after one interval.
	fullAt   int64
	interval time.Duration // from one token to the next
}

const (
	bucketSize = 10
	// fastest is an entry's wait that nobody minds, and few enough puts that they
	// cost little beside the logging. A thousand processes stay within the 5,000 a
	// second of an account, however much they log.
	fastest = 200 * time.Millisecond
	// slowest has 50,000 processes share 5,000 puts a second.
	slowest = 10 * time.Second
	// gain is what each put adds to the tokens, in tokens a second. A fleet that
	// shares 5,000 a second among 10,000 has one or two of 100 attempts throttled
	// by that.
	gain = 0.005
)

func newBucket() bucket { return bucket{interval: fastest} }

// waitLocked is how long there is no token yet, 0 if there is one.
func (b *bucket) waitLocked(now time.Time) time.Duration {
	wait := time.Duration(b.fullAt-now.UnixNano()) - (bucketSize-1)*b.interval
	return min(max(wait, 0), b.interval)
}

// takeLocked takes a token, if there is one.
func (b *bucket) takeLocked(now time.Time) {
	b.fullAt = max(b.fullAt, now.UnixNano()) + int64(b.interval)
	b.boundLocked(now)
}

// slowDownLocked has tokens come half as often, once for each throttled round,
// and takes those that are there.
func (b *bucket) slowDownLocked(now time.Time, rounds int) {
	for range rounds {
		b.interval = min(2*b.interval, slowest)
	}
	b.fullAt = now.UnixNano() + int64(bucketSize*b.interval)
}

// speedUpLocked has tokens come a little more often.
func (b *bucket) speedUpLocked(now time.Time) {
	if b.interval > fastest {
		b.interval = max(fastest, time.Duration(float64(b.interval)/(1+gain*b.interval.Seconds())))
		b.boundLocked(now)
	}
}

// boundLocked sees to it that no less than nothing is in the bucket.
func (b *bucket) boundLocked(now time.Time) {
	b.fullAt = min(b.fullAt, now.UnixNano()+int64(bucketSize*b.interval))
}
