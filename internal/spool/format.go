package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync/atomic"
	"unsafe"

	"example.com/zapcw/internal/batch"
)

const (
	magic   = "zapcwsp"
	version = 1

	unit      = 64      // chunks begin at multiples of it
	chunkHead = 32      // bytes
	fixedHead = 64      // of a segment, without group and stream
	maxHead   = 8 << 10 // with them, which have 1,024 characters at most
	page      = 4 << 10 // files are multiples of it
	maxSize   = 1 << 30 // of a segment
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errNoHead = errors.New("neither its head nor the copy at its end is whole")

// A head is what a segment says of itself, and does not change.
type head struct {
	key           uint64
	size          int64
	created       int64 // milliseconds since 1970
	group, stream string
}

// len is how long the head is in the file.
func (h *head) len() int { return roundUp(fixedHead+len(h.group)+len(h.stream), unit) }

// write writes the head and its copy into an empty segment.
func (h *head) write(mem []byte, epoch uint32) {
	n := h.len()
	b := mem[:n]
	copy(b, magic)
	b[len(magic)] = version
	binary.LittleEndian.PutUint64(b[8:], h.key)
	binary.LittleEndian.PutUint64(b[16:], uint64(h.size))
	binary.LittleEndian.PutUint64(b[24:], uint64(h.created))
	binary.LittleEndian.PutUint32(b[32:], uint32(n))
	binary.LittleEndian.PutUint16(b[36:], uint16(len(h.group)))
	binary.LittleEndian.PutUint16(b[38:], uint16(len(h.stream)))
	copy(b[fixedHead:], h.group)
	copy(b[fixedHead+len(h.group):], h.stream)
	binary.LittleEndian.PutUint32(b[56:], headSum(b))
	h.setEpoch(b, epoch)
	copy(mem[len(mem)-n:], b)
	setNext(b, n)
}

// headSum is the CRC of a head.
func headSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:40], castagnoli), castagnoli, b[fixedHead:])
}

// parseHead reads the head at the beginning of b.
func parseHead(b []byte) (h head, ok bool) {
	if len(b) < fixedHead || string(b[:len(magic)]) != magic || b[len(magic)] != version {
		return h, false
	}
	n := binary.LittleEndian.Uint32(b[32:])
	group, stream := int(binary.LittleEndian.Uint16(b[36:])), int(binary.LittleEndian.Uint16(b[38:]))
	if n > uint32(len(b)) || int(n) != roundUp(fixedHead+group+stream, unit) || headSum(b[:n]) != binary.LittleEndian.Uint32(b[56:]) {
		return h, false
	}
	h = head{
		key:     binary.LittleEndian.Uint64(b[8:]),
		size:    int64(binary.LittleEndian.Uint64(b[16:])),
		created: int64(binary.LittleEndian.Uint64(b[24:])),
		group:   string(b[fixedHead : fixedHead+group]),
		stream:  string(b[fixedHead+group : fixedHead+group+stream]),
	}
	return h, h.size >= 2*int64(n) && h.size <= maxSize && h.size%unit == 0
}

// findHead reads the head of a segment from its first and its last bytes. One of
// the two is enough, then the other is damaged.
func findHead(first, last []byte) (h head, damaged []batch.Range, err error) {
	h, ok := parseHead(first)
	c, copied := findCopy(last)
	switch {
	case ok && copied && c == h:
		return h, nil, nil
	case ok:
		return h, []batch.Range{{Start: int(h.size) - h.len(), End: int(h.size)}}, nil
	case copied:
		return c, []batch.Range{{Start: 0, End: c.len()}}, nil
	case len(first) > len(magic) && string(first[:len(magic)]) == magic && first[len(magic)] != version:
		return h, nil, fmt.Errorf("its format has version %d, and this program knows version %d only: %w", first[len(magic)], version, errForeign)
	}
	return h, nil, errNoHead
}

// findCopy reads the copy of the head that ends with b.
func findCopy(b []byte) (h head, ok bool) {
	for n := fixedHead; n <= len(b) && !ok; n += unit {
		h, ok = parseHead(b[len(b)-n:])
		ok = ok && h.len() == n
	}
	return h, ok
}

// word is the aligned word at off, which is written at once: a process does not die
// in the middle of it.
func word(b []byte, off int) *uint64 { return (*uint64)(unsafe.Pointer(&b[off : off+8][0])) }

// setEpoch writes the epoch into a head or its copy.
func (h *head) setEpoch(b []byte, epoch uint32) { atomic.StoreUint64(word(b, 40), h.epochWord(epoch)) }

func (h *head) epochWord(epoch uint32) uint64 {
	return mix(h.key^uint64(epoch))&^(1<<32-1) | uint64(epoch)
}

// epoch reads the epoch of a head or its copy.
func (h *head) epoch(b []byte) (epoch uint32, ok bool) {
	w := *word(b, 40)
	return uint32(w), w == h.epochWord(uint32(w))
}

// base is what checks in an epoch are under.
func (h *head) base(epoch uint32) uint64 { return mix(h.key + mix(uint64(epoch)+1)) }

// setNext writes into a head where the next chunk is to begin.
func setNext(b []byte, off int) { atomic.StoreUint64(word(b, 48), batch.Length(off)) }

// next reads from a head where the next chunk is to begin.
func next(b []byte) (off int, ok bool) {
	low, high := batch.Halves(*word(b, 48))
	return int(low), low == high && low <= maxSize
}

// chunkSum is the check of a chunk's head at off.
func chunkSum(base uint64, off int, size uint32) uint64 {
	return mix(mix(base+uint64(off)) ^ uint64(size))
}

// writeChunk writes the head of an empty chunk at off.
func writeChunk(mem []byte, base uint64, off, size int) {
	b := mem[off : off+chunkHead]
	binary.LittleEndian.PutUint64(b[8:], uint64(size))
	*word(b, 16) = batch.Length(0)
	binary.LittleEndian.PutUint64(b[24:], 0)
	binary.LittleEndian.PutUint64(b, chunkSum(base, off, uint32(size)))
}

// chunkAt reads the head of the chunk at off, which ends at end or before. free is
// true if every event has its fate.
func chunkAt(mem []byte, base uint64, off, end int) (size int, free, ok bool) {
	if off > min(end, len(mem))-chunkHead {
		return 0, false, false
	}
	b := mem[off : off+chunkHead]
	n := binary.LittleEndian.Uint32(b[8:])
	sum := binary.LittleEndian.Uint64(b)
	if n < chunkHead || n%unit != 0 || int64(off)+int64(n) > int64(end) || sum != chunkSum(base, off, n) {
		return 0, false, false
	}
	return int(n), binary.LittleEndian.Uint64(b[24:]) == ^sum, true
}

// freeChunk notes in the head of a chunk that every event has its fate.
func freeChunk(mem []byte, off int) {
	b := mem[off : off+chunkHead]
	binary.LittleEndian.PutUint64(b[24:], ^binary.LittleEndian.Uint64(b))
}

// mix is a permutation of 64 bits in which every bit counts: the finaliser of
// SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
