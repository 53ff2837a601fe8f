package engine

import (
	"sync/atomic"
	"unsafe"

	"example.com/zapcw/internal/batch"
)

// lanes are where entries come in. There is one until two goroutines meet in it.
// Then there are some more, and each goroutine keeps to one of them as long as
// its stack stays where it is. The order of events does not depend on the lane,
// see batch.Chunk.Append.
type lanes struct {
	first   lane
	striped atomic.Pointer[stripes] // take entries instead, once they are there
}

// stripeCount is how many lanes there are when one is not enough. All
// lanes write accepted, so more lanes than processors that contend do not pay. It
// is 1<<stripeBits.
const (
	stripeBits  = 2
	stripeCount = 1 << stripeBits
)

// stripes are lanes that do not disturb each other: what one processor writes on
// every event shares no cache line with what others read. TestDistances asserts
// that.
type stripes struct {
	lanes    [stripeCount]paddedLane
	accepted atomic.Uint64 // is memory.accepted: the one word that all lanes write
	_        [cacheLine - unsafe.Sizeof(uint64(0))]byte
}

// cacheLine is the unit of contention between processors, in bytes.
const cacheLine = 64

// A paddedLane shares no cache line with another.
type paddedLane struct {
	lane
	_ [cacheLine - unsafe.Sizeof(lane{})%cacheLine]byte
}

// own is the lane that this goroutine keeps to.
func (ls *lanes) own() *lane {
	if striped := ls.striped.Load(); striped != nil {
		return &striped.lanes[stripeIndex()].lane
	}
	return &ls.first
}

// lockOne locks the lane own, or a free one if somebody is there. It is crowded if
// there is no other.
func (ls *lanes) lockOne(own *lane) (l *lane, crowded bool) {
	if own.mu.TryLock() {
		return own, false
	}
	if own != &ls.first {
		others := ls.others()
		for i := range uint64(stripeCount) {
			if l := &others[(stripeIndex()+i)%stripeCount].lane; l.mu.TryLock() {
				return l, false
			}
		}
	}
	own.mu.Lock()
	return own, ls.striped.Load() == nil
}

// stripeIndex is the index of a lane by the place of this goroutine's stack. Stacks are
// at least 2 KiB, most of those that log 8 KiB or more.
func stripeIndex() uint64 {
	var here byte
	return uint64(uintptr(unsafe.Pointer(&here))>>13) * 0x9e3779b97f4a7c15 >> (64 - stripeBits)
}

// stripe makes the other lanes. The caller holds the first and Engine.mu.
func (ls *lanes) stripe(m *memory) {
	if ls.striped.Load() == nil {
		striped := new(stripes)
		m.moveLocked(&striped.accepted)
		ls.striped.Store(striped)
	}
}

// lock locks every lane.
func (ls *lanes) lock() {
	ls.first.mu.Lock()
	others := ls.others()
	for i := range others {
		others[i].mu.Lock()
	}
}

func (ls *lanes) unlock() {
	others := ls.others()
	for i := range others {
		others[i].mu.Unlock()
	}
	ls.first.mu.Unlock()
}

// others are the lanes beside the first.
func (ls *lanes) others() []paddedLane {
	if striped := ls.striped.Load(); striped != nil {
		return striped.lanes[:]
	}
	return nil
}

// seal takes the chunks out of all lanes and appends them to sealed. The caller
// holds all lanes, here and below.
func (ls *lanes) seal(sealed []*batch.Chunk) []*batch.Chunk {
	take := func(l *lane) {
		if c := l.begin(nil); c != nil {
			sealed = append(sealed, c)
		}
	}
	take(&ls.first)
	others := ls.others()
	for i := range others {
		take(&others[i].lane)
	}
	return sealed
}

// setChunkSize has the next chunks take so many bytes together, at least.
func (ls *lanes) setChunkSize(bytes int) {
	ls.first.setSize(bytes)
	others := ls.others()
	for i := range others {
		others[i].setSize(bytes / stripeCount)
	}
}

// oldest is the id of the first chunk, or id if that is smaller.
func (ls *lanes) oldest(id uint64) uint64 {
	id = ls.first.oldest(id)
	others := ls.others()
	for i := range others {
		id = others[i].oldest(id)
	}
	return id
}
