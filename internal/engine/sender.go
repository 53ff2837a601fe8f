package engine

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
)

// A sender is the one goroutine that takes what is buffered, cuts batches and
// launches flights (invariant 3). It ends when nothing is left that is due; the
// next trigger makes another. What gathers in the buffer while a put is under
// way goes with the next. What is too much for a full put waits for the one that
// it will fill, unless something asks for it.
type sender struct {
	engine *Engine
	woken  chan struct{} // a trigger fired, or a wait expired

	// With Engine.mu held: the caller of a wait up to this chunk gave up. The next
	// plan takes it over.
	toExpire      uint64
	toExpireCause error

	queue    *queue
	flushing bool      // the last, partial batch of the queue goes, too
	next     *flight   // cut, but may not be in the air with the others yet
	flying   []*flight // in the air
	landed   chan *flight
	spare    int // bytes reserved for requests that landed, which the next ones take over
	latency  latency

	// Chunks up to expired are given up because of expiredCause, after all
	// flights with events of them have landed.
	expired      uint64
	expiredCause error
	aborted      []*flight // called off and landed, their events not spilled yet
}

func newSender(e *Engine) *sender {
	return &sender{engine: e, woken: make(chan struct{}, 1), landed: make(chan *flight)}
}

// wake has the sender look again.
func (s *sender) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// expireLocked has the chunks up to id given up.
func (s *sender) expireLocked(id uint64, why error) {
	if id >= s.toExpire {
		s.toExpire, s.toExpireCause = id, why
		s.wake()
	}
}

// run is the sender's goroutine.
func (s *sender) run() {
	s.queue = s.engine.unpark()
	for {
		p, idle := s.plan()
		if idle {
			return
		}
		s.queue.add(p.chunks, p.since)
		if p.reload {
			s.reload()
		}
		s.callOff(p.expired, p.cause)
		s.spillExpired()
		if s.queue.Empty() {
			s.flushing = false
		}
		if p.launch && s.expired == 0 {
			s.cut(p)
			if s.launch(p) {
				continue
			}
		}
		s.freeSpare()
		if len(s.flying) == 0 {
			continue
		}
		select {
		case f := <-s.landed:
			s.land(f)
		case <-s.woken:
		}
	}
}

// A plan is what one look under all locks found.
type plan struct {
	chunks   []*batch.Chunk // to be queued
	since    time.Time      // when the oldest of them came in
	waiting  bool           // somebody waits for events
	parallel bool           // puts may go side by side
	launch   bool           // another flight may be launched
	small    bool           // also if it is not full, and nobody waits
	maxAge   time.Duration  // also if it is older than that
	reload   bool           // it is the turn of what is on the shelf
	// shelfFirst: what is buffered is queued after what is on the shelf.
	shelfFirst bool
	expired    uint64 // chunks up to this one are to be given up
	cause      error
}

// plan takes what is due, and reports whether nothing is left: then the sender has
// ended.
func (s *sender) plan() (p plan, idle bool) {
	e := s.engine
	e.intake.lockAll()
	defer e.intake.unlockAll()
	if e.shelf != nil || !e.intake.tightLocked() {
		s.freeSpareLocked() // the shelf bounds what is sent, and wants to know what is free
	}
	p.waiting = e.waits.anyLocked()
	p.parallel = s.parallelLocked(p.waiting)
	p.launch = len(s.flying) == 0 || p.parallel && len(s.flying) < int(e.limits.concurrency)
	p.maxAge = e.limits.maxAge
	if e.streams.waitLocked(time.Now()) > 0 {
		p.maxAge = math.MaxInt64
	}
	p.expired, p.cause = s.toExpire, s.toExpireCause
	s.toExpire, s.toExpireCause = 0, nil
	if p.expired == 0 && p.waiting && s.hopelessLocked() {
		p.expired, p.cause = e.waits.giveUpLocked(delivery.ErrRefusing)
	}
	s.planReloadLocked(&p)
	p.small = s.smallLocked(&p)
	p.since = e.intake.bufferedSinceLocked()
	if upTo := s.dueLocked(&p); upTo > 0 {
		var flush bool
		p.chunks, flush = e.intake.takeLocked(s.wantedLocked(upTo, p.expired > 0))
		s.flushing = s.flushing || flush
		if e.intake.oldestLocked() <= e.waits.lastLocked() {
			e.intake.retriggerLocked() // somebody waits for a part of the rest
		}
	}
	busy := e.intake.isTriggered() || len(p.chunks) > 0 || p.reload || len(s.flying) > 0 || s.next != nil ||
		p.expired > 0 || s.expired > 0 || s.queue.ready(s.flushing || p.waiting || p.small, p.maxAge)
	if idle = !busy && e.parkLocked(s.queue); idle {
		s.freeSpareLocked()
	}
	return p, idle
}

// smallLocked reports whether less than a full put may go: it is its turn, or it goes
// with what is taken from the shelf, which would leave it none.
func (s *sender) smallLocked(p *plan) bool {
	return s.queue.Len()+s.engine.intake.bufferedLocked().events() >= int(s.engine.limits.maxEvents) &&
		(p.reload || len(s.flying) == 0 && s.engine.smallPutWaitLocked(time.Now()) == 0)
}

// hopelessLocked reports whether those who wait should not: the service refuses
// every put, and not all that they wait for is being spilled already.
func (s *sender) hopelessLocked() bool {
	e := s.engine
	return e.streams.service.Refusing() &&
		(len(s.flying) > 0 || s.next != nil || !s.queue.Empty() ||
			e.intake.oldestLocked() <= e.waits.lastLocked() || e.shelf.beforeLocked(e.waits.lastLocked()))
}

// dueLocked is the last chunk of the buffer that is to be queued now, 0 for
// nothing.
func (s *sender) dueLocked(p *plan) uint64 {
	e := s.engine
	switch {
	case p.expired > 0:
		return p.expired
	case !e.intake.isTriggered() && !p.small:
		return 0
	case !p.launch, p.shelfFirst:
		return 0
	case !p.waiting:
		return math.MaxUint64
	}
	// What somebody waits for does not share a batch with what came after: it
	// may have to be spilled, and the rest has time.
	oldest := e.intake.oldestLocked()
	if s.next != nil || !s.queue.Empty() && e.waits.firstLocked() < oldest {
		return 0
	}
	if upTo, ok := e.waits.segmentLocked(oldest); ok {
		return upTo
	}
	return math.MaxUint64
}

// wantedLocked selects what is queued: chunks up to id, with a spool as long as there
// is room to send them. What expired needs none, since it is not sent.
func (s *sender) wantedLocked(id uint64, expired bool) func(*batch.Chunk) bool {
	if s.engine.shelf == nil || expired {
		return func(c *batch.Chunk) bool { return c.ID <= id }
	}
	room := s.engine.intake.roomToSendLocked()
	return func(c *batch.Chunk) bool {
		if c.ID > id {
			return false
		}
		if room <= 0 {
			s.flushing = true // no more comes in before something goes
			return false
		}
		room -= c.Len()
		return true
	}
}

// callOff has every flight end that has events of chunks up to id.
func (s *sender) callOff(id uint64, why error) {
	if id == 0 {
		return
	}
	if id >= s.expired {
		s.expired, s.expiredCause = id, why
	}
	for _, f := range s.flying {
		if f.before(id) {
			f.callOff(why)
		}
	}
}

// spillExpired gives up the chunks that expired, once their flights have landed.
// The fallback gets what is older first.
func (s *sender) spillExpired() {
	if s.expired == 0 || slices.ContainsFunc(s.flying, func(f *flight) bool { return f.before(s.expired) }) {
		return
	}
	slices.SortStableFunc(s.aborted, func(f, g *flight) int { return cmp.Compare(f.first(), g.first()) })
	for _, f := range s.aborted {
		f.spill()
		s.engine.streams.release(f.stream)
	}
	s.aborted = nil
	if s.next != nil && s.next.before(s.expired) {
		s.engine.giveUp(s.next, s.expiredCause)
		s.next = nil
	}
	for q := s.queue.Until(s.expired); !q.Empty(); {
		stream := s.engine.streams.take(q.First())
		s.engine.giveUp(&flight{stream: stream, batch: q.Cut(0, false)}, s.expiredCause)
	}
	s.engine.shelf.expire(s.expired, s.expiredCause)
	s.expired, s.expiredCause = 0, nil
}

// cut makes the next flight, if there is none and one is due.
func (s *sender) cut(p plan) {
	if s.next != nil || !s.queue.ready(s.flushing || p.waiting || p.small, p.maxAge) {
		return
	}
	// When answers take long the next put may want to go beside this one.
	apart := p.parallel || s.engine.streams.service.LastLatency() >= longLatency
	s.next = newFlight(&s.queue.Queue, s.engine, apart)
}

// launch starts the next flight, unless one in the air shares a millisecond with
// it.
func (s *sender) launch(p plan) bool {
	f := s.next
	if f == nil || slices.ContainsFunc(s.flying, func(g *flight) bool { return !f.apart(g) }) {
		return false
	}
	if len(s.flying) > 0 || f.size() > batch.MaxBytes/4 {
		f.memory = s.reserveRequest(f.size())
	}
	s.flying, s.next = append(s.flying, f), nil
	s.takeToken()
	ctx, cancel := context.WithCancelCause(context.Background())
	f.cancel = cancel
	go func() {
		f.deliver(ctx, s.engine)
		s.landed <- f
	}()
	return true
}

// land takes a flight out of the air.
func (s *sender) land(f *flight) {
	s.flying = slices.DeleteFunc(s.flying, func(g *flight) bool { return g == f })
	s.spare += f.memory
	s.engine.intake.wakeBlocked()
	s.adaptPace()
	s.latency.note(s.engine.streams.service.LastLatency())
	if f.land() {
		s.aborted = append(s.aborted, f)
	} else {
		s.engine.streams.release(f.stream)
	}
}

// takeToken counts a put.
func (s *sender) takeToken() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.engine.bucket.takeLocked(time.Now())
}

// adaptPace has small puts go less often if the service throttled, and else more
// often again.
func (s *sender) adaptPace() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if n := s.engine.streams.service.TakeThrottles(); n > 0 {
		s.engine.bucket.slowDownLocked(time.Now(), n)
	} else {
		s.engine.bucket.speedUpLocked(time.Now())
	}
}
