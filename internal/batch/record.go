package batch

import "encoding/binary"

// A record is the head of an event in a chunk; the text follows:
//
//	 0  time, milliseconds since 1970
//	 8  sequence number
//	12  length of the text, 24 bits, and level, 8 bits
//	16  check, see Backing; of no meaning in memory of the process
//
// Numbers are little-endian. A record is not aligned.
type record []byte

// header is the size of a record's head in bytes.
const header = 8 + 4 + 4 + 4

func (r record) write(ms int64, seq uint32, level int8, textLen int) {
	binary.LittleEndian.PutUint64(r, uint64(ms))
	binary.LittleEndian.PutUint32(r[8:], seq)
	binary.LittleEndian.PutUint32(r[12:], uint32(textLen)|uint32(uint8(level))<<24)
}

func (r record) time() int64   { return int64(binary.LittleEndian.Uint64(r)) }
func (r record) seq() uint32   { return binary.LittleEndian.Uint32(r[8:]) }
func (r record) textLen() int  { return int(binary.LittleEndian.Uint32(r[12:]) & (1<<24 - 1)) }
func (r record) level() int8   { return int8(r[15]) }
func (r record) check() uint32 { return binary.LittleEndian.Uint32(r[16:]) }

func (r record) setCheck(c uint32) { binary.LittleEndian.PutUint32(r[16:], c) }

// sum is the check of a live record at off, in a use of memory that has this
// seed. Only their sum counts: neighbours whose seeds differ by their distance are
// one memory. The complement is the check of a settled record: no flipped bit
// makes one of the other.
func (r record) sum(seed uint64, off int) uint32 {
	h := (binary.LittleEndian.Uint64(r) ^ (seed + uint64(off))) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32 ^ binary.LittleEndian.Uint64(r[8:])) * 0xd6e8feb86659fd93
	return uint32(h >> 32)
}
