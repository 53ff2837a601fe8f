package zapcw

import (
	"sync"
	"time"
	"unsafe"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
)

// A lane takes events. A Syncer begins with one; as soon as two goroutines meet
// there, it gets some more, and each goroutine keeps to one of its own as long
// as its stack stays where it is. Events get their order from the Syncer's count
// of what came in, so it does not matter which lane they take.
//
// Whoever holds a lane may lock the Syncer's mu, never the other way round.
type lane struct {
	mu    sync.Mutex
	chunk *batch.Chunk // takes the next event
	size  int          // of the next chunk, at least
	seen  load         // what had come in when this lane last took an event
}

// A wideLane shares no cache line with others.
type wideLane struct {
	lane
	_ [64 - unsafe.Sizeof(lane{})]byte
}

// lanes is how many there are when one is not enough. The last word of what came
// in is shared by all, so many more than processors that fight for it would not
// pay.
const lanes = 4

// A load is a number of events and the bytes that they cost, in one word so that
// both are counted in one step. Sums of loads overflow, differences are right: as
// long as they are of less than 2^28 events, and of less than 2^35 bytes.
type load uint64

const loadBits = 28

// maxPending is the largest MaxPending: what it holds is less than 2^28 events.
const maxPending = min(4<<30, int64(^uint(0)>>1))

func loadOf(events, bytes int) load { return load(bytes)<<loadBits + load(events) }

func (l load) events() int { return int(l & (1<<loadBits - 1)) }
func (l load) bytes() int  { return int(int64(l) >> loadBits) }

// enter gives a lane, locked.
func (s *Syncer) enter() *lane {
	more := s.more.Load()
	if more == nil {
		if !s.one.mu.TryLock() {
			s.one.mu.Lock()
			if s.more.Load() == nil {
				s.more.Store(new([lanes]wideLane))
			}
		}
		return &s.one
	}
	var here byte // stacks are at least 2 KiB, most of those that log 8 KiB or more
	h := uint64(uintptr(unsafe.Pointer(&here))>>13) * 0x9e3779b97f4a7c15 >> 62
	for i := range uint64(lanes) {
		if l := &more[(h+i)%lanes].lane; l.mu.TryLock() {
			return l
		}
	}
	l := &more[h%lanes].lane
	l.mu.Lock()
	return l
}

// wide is the lanes beside the first. They are made under its lock.
func (s *Syncer) wide() []wideLane {
	if more := s.more.Load(); more != nil {
		return more[:]
	}
	return nil
}

// lock keeps everybody out: all lanes, and mu.
func (s *Syncer) lock() {
	s.one.mu.Lock()
	wide := s.wide()
	for i := range wide {
		wide[i].mu.Lock()
	}
	s.mu.Lock()
}

func (s *Syncer) unlock() {
	s.mu.Unlock()
	wide := s.wide()
	for i := range wide {
		wide[i].mu.Unlock()
	}
	s.one.mu.Unlock()
}

// admit counts events in if they fit into limit bytes with all that is there,
// for a lane that the caller holds.
func (s *Syncer) admit(l *lane, d load, limit int) bool {
	// The last known count will do for a guess: if it is wrong, nothing happens,
	// and the next step has the right one at hand.
	for in := l.seen; ; {
		if (in + d - load(s.out.Load())).bytes() > limit {
			now := load(s.in.Load())
			if now == in {
				return false
			}
			in = now
			continue
		}
		if s.in.CompareAndSwap(uint64(in), uint64(in+d)) {
			l.seen = in + d
			return true
		}
		in = load(s.in.Load())
	}
}

// append puts an admitted event into the lane's chunk. Its number grows with
// every event that comes in.
func (s *Syncer) append(l *lane, ms int64, number int, lvl zapcore.Level, text []byte) {
	c := l.chunk
	if c == nil || !c.Fits(len(text)) {
		// An eighth of what is there: little is left over at its end.
		c = batch.NewChunk(len(text), max(l.size, (l.seen-s.base).bytes()/8))
		s.mu.Lock()
		s.ids++
		s.live++
		c.ID = s.ids
		if l.chunk != nil {
			s.sealed = append(s.sealed, l.chunk)
		}
		s.mu.Unlock()
		l.chunk = c
	}
	c.Append(ms, uint32(number), int8(lvl), text)
}

// calm tells whether the last event of a lane starts nothing for sure. A put that
// is full of the smallest events costs little more than half of what it counts.
func (s *Syncer) calm(set *settings, l *lane) bool {
	d := l.seen - s.base
	return d.events() > 1 && d.events() < set.events && d.bytes() < batch.MaxBytes/2
}

// rouse starts what the last n events of a lane are to start: the timer for
// MaxAge, or the sender.
func (s *Syncer) rouse(set *settings, l *lane, n int) {
	d := l.seen - s.base
	events, bytes := d.events(), d.bytes()
	full := (events >= set.maxEvents || batch.Fills(events, bytes)) && !s.due.Load()
	deep := bytes >= set.deep() && !s.deep.Load()
	if events > n && !full && !deep {
		return
	}
	s.mu.Lock()
	if events <= n {
		s.since = time.Now()
		s.arm(set.maxAge)
	}
	if full || deep {
		s.kick(events >= set.maxEvents)
	}
	s.mu.Unlock()
}

// await has room made for an event, and waits until there may be some if that is
// what is wanted and worth it.
func (s *Syncer) await(cost, limit int) bool {
	if cost > limit {
		return false
	}
	s.mu.Lock()
	if s.WhenFull != Block {
		if s.live > 0 && !(s.due.Load() && s.all) {
			s.kick(true)
		}
		s.mu.Unlock()
		return false
	}
	if s.closed.Load() || s.pending().bytes()+cost <= limit {
		s.mu.Unlock()
		return true
	}
	if s.room == nil {
		s.room = make(chan struct{})
	}
	room := s.room
	// As long as full puts are pending these make room.
	s.kick(limit-cost < 2*batch.MaxBytes)
	s.mu.Unlock()
	<-room
	return true
}

// held is what events take in memory. The caller holds mu.
func (s *Syncer) held() int { return s.pending().bytes() - s.bodies }

// pending is events without a fate, and memory that is taken.
func (s *Syncer) pending() load { return load(s.in.Load() - s.out.Load()) }

// buffered is what waits for a send. The caller holds mu.
func (s *Syncer) buffered() load { return load(s.in.Load()) - s.base }

// seal takes the chunks out of the lanes: later events begin new ones. The
// caller holds all locks.
func (s *Syncer) seal() {
	s.one.seal(s)
	wide := s.wide()
	for i := range wide {
		wide[i].seal(s)
	}
}

func (l *lane) seal(s *Syncer) {
	if l.chunk != nil {
		s.sealed = append(s.sealed, l.chunk)
		l.chunk = nil
	}
}
