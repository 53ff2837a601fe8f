package jsonenc

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
	"unsafe"
)

const hex = "0123456789abcdef"

// AppendEscaped appends s as the inside of a JSON string, escaped as zap does it:
// \n, \r, \t, \" and \\, other control characters as \u00XX, bytes that are not
// UTF-8 as \ufffd. Nothing else is escaped, HTML's special characters neither.
func AppendEscaped(b []byte, s string) []byte {
	b, _ = AppendCounted(b, s)
	return b
}

// short is the length of texts, in bytes, up to which one pass that copies and
// checks is faster than one for each.
const short = 96

// AppendCounted is AppendEscaped, and returns how many bytes of s were not UTF-8.
func AppendCounted(b []byte, s string) (out []byte, invalid int) {
	i := 0
	if n := len(b); len(s) <= short && len(s) <= cap(b)-n {
		i = copyPlain(b[n:n+len(s)], s)
		b = b[:n+i]
		if i == len(s) {
			return b, 0
		}
	}
	for {
		// Plain text comes in long runs.
		if end := plainRun(s, i); end > i {
			b, i = append(b, s[i:end]...), end
		}
		if i+8 > len(s) {
			break
		}
		// Quotes come close together: JSON in JSON is full of them.
		b, i = appendBlocks(b, s, i)
		if cap(b)-len(b) < len(s)-i {
			b = slices.Grow(b, len(s)-i)
		}
		// The rest, word by word. Eight bytes are copied before they are checked;
		// those from the first special one on are overwritten. b always has room
		// for the rest of s.
		for run := 0; run < 4 && i+8 <= len(s); run++ {
			w := load(s, i)
			n := len(b)
			b = b[:n+8]
			binary.LittleEndian.PutUint64(b[n:], w)
			m := specials(w)
			if m == 0 {
				i += 8
				continue
			}
			k := bits.TrailingZeros64(m) / 8
			b, i, run = b[:n+k], i+k, -1
			if c := s[i]; c == '"' || c == '\\' {
				b, i = append(b, '\\', c), i+1
			} else {
				if c < ' ' {
					run = 3 // what follows may be full of quotes: the fields behind a tab
				}
				b, i = appendSpecial(b, s, i, &invalid)
			}
			if cap(b)-len(b) < len(s)-i {
				b = slices.Grow(b, len(s)-i)
			}
		}
	}
	for i < len(s) {
		if c := s[i]; plain[c] {
			b, i = append(b, c), i+1
		} else {
			b, i = appendSpecial(b, s, i, &invalid)
		}
	}
	return b, invalid
}

// appendBlock reads a block of 64 bytes at a time, and may read and write up to
// over bytes behind it.
const block, over = 64, 16

// appendBlocks appends s from i on as long as it can be looked at in blocks, and
// returns where that ends: at another special byte than quotes and backslashes, or
// where little is left. The last block may begin anew in the one before.
func appendBlocks(b []byte, s string, i int) (out []byte, next int) {
	for last := len(s) - block - over; last >= 0 && i+3*over < len(s); {
		at := min(i, last)
		if cap(b)-len(b) < 2*block+over {
			b = slices.Grow(b, 2*block+over+len(s)-i)
		}
		n := appendBlock((*[2*block + over]byte)(b[len(b):cap(b)]), s[at:at+block+over], i-at)
		if n == 0 {
			break
		}
		b, i = b[:len(b)+n], at+block
	}
	return b, i
}

// appendBlock copies a block of s to d without its first skip bytes, and with a
// backslash before every quote and backslash. It returns the number of bytes
// written: 0 if the block contains another special byte. It finds all places for
// backslashes before it copies anything: a loop over bytes would mispredict its
// branches.
func appendBlock(d *[2*block + over]byte, s string, skip int) int {
	w0, w1, w2, w3 := load(s, 0), load(s, 8), load(s, 16), load(s, 24)
	w4, w5, w6, w7 := load(s, 32), load(s, 40), load(s, 48), load(s, 56)
	if (controls(w0)|controls(w1)|controls(w2)|controls(w3)|controls(w4)|controls(w5)|controls(w6)|controls(w7))&highs != 0 {
		return 0
	}
	m := quotes(w0) | quotes(w1)<<8 | quotes(w2)<<16 | quotes(w3)<<24 |
		quotes(w4)<<32 | quotes(w5)<<40 | quotes(w6)<<48 | quotes(w7)<<56
	_ = s[block+over-1]
	// Checks of bounds would take a quarter of the time: n is 2*block at most, and
	// done is less than block.
	to, from := unsafe.Pointer(d), unsafe.Pointer(unsafe.StringData(s))
	n, done := 0, skip
	for m = m >> skip << skip; m != 0; m &= m - 1 {
		at := bits.TrailingZeros64(m)
		copy16(unsafe.Add(to, n), unsafe.Add(from, done))
		for k := over; k < at-done; k += over {
			copy16(unsafe.Add(to, n+k), unsafe.Add(from, done+k))
		}
		n += at - done
		*(*byte)(unsafe.Add(to, n)) = '\\'
		n, done = n+1, at
	}
	for k := 0; k < block-done; k += over {
		copy16(unsafe.Add(to, n+k), unsafe.Add(from, done+k))
	}
	return n + block - done
}

// copy16 copies 16 bytes. What is too much of it is overwritten by what follows.
func copy16(to, from unsafe.Pointer) { *(*[over]byte)(to) = *(*[over]byte)(from) }

// controls sets the high bit of the bytes of w that are control characters or not
// ASCII. Bytes above the first such one may be set by mistake.
func controls(w uint64) uint64 { return w | (w - ones*' ') }

// quotes returns a bit for each byte of w, the lowest first, that is a quote or a
// backslash. All bytes must be ASCII.
func quotes(w uint64) uint64 {
	// Such a byte becomes zero, and the addition leaves its high bit clear.
	none := ((w ^ ones*'"') + ones*0x7f) & ((w ^ ones*'\\') + ones*0x7f)
	return (^none & highs >> 7) * 0x0102040810204080 >> 56
}

// plainRun returns an index up to which s[i:] is plain. It is less than eight bytes
// before the first special byte, or the length of s if there is none.
func plainRun(s string, i int) int {
	if i+8 <= len(s) && special(load(s[i:i+8], 0)) {
		return i // quotes come close together
	}
	for ; i+32 <= len(s); i += 32 {
		t := s[i : i+32]
		if (marks(load(t, 0))|marks(load(t, 8))|marks(load(t, 16))|marks(load(t, 24)))&highs != 0 {
			break
		}
	}
	for ; i+8 <= len(s); i += 8 {
		if special(load(s[i:i+8], 0)) {
			return i
		}
	}
	// The last word overlaps the one before.
	if len(s) >= 8 && !special(load(s[len(s)-8:], 0)) {
		return len(s)
	}
	return i
}

// copyPlain copies the plain bytes at the beginning of s to dst and returns their
// number. It is for short strings, nearly all of them plain. dst is as long as s;
// bytes behind the plain ones may be overwritten. It copies 32 bytes at a time, or
// eight, or twice four; the last word may overlap the one before.
func copyPlain(dst []byte, s string) int {
	dst = dst[:len(s)]
	i := 0
	switch {
	case len(s) >= 8:
		for ; i+32 <= len(s); i += 32 {
			d, t := dst[i:i+32], s[i:i+32]
			w0, w1, w2, w3 := load(t, 0), load(t, 8), load(t, 16), load(t, 24)
			if (marks(w0)|marks(w1)|marks(w2)|marks(w3))&highs != 0 {
				break
			}
			binary.LittleEndian.PutUint64(d[0:], w0)
			binary.LittleEndian.PutUint64(d[8:], w1)
			binary.LittleEndian.PutUint64(d[16:], w2)
			binary.LittleEndian.PutUint64(d[24:], w3)
		}
		for ; i+8 <= len(s); i += 8 {
			w := load(s[i:i+8], 0)
			if special(w) {
				return i + copyBytes(dst[i:], s[i:])
			}
			binary.LittleEndian.PutUint64(dst[i:i+8], w)
		}
		if w := load(s[len(s)-8:], 0); !special(w) {
			binary.LittleEndian.PutUint64(dst[len(s)-8:], w)
			return len(s)
		}
	case len(s) >= 4:
		low, high := load4(s, 0), load4(s, len(s)-4)
		if !special(uint64(low) | uint64(high)<<32) {
			binary.LittleEndian.PutUint32(dst, low)
			binary.LittleEndian.PutUint32(dst[len(s)-4:], high)
			return len(s)
		}
	}
	return i + copyBytes(dst[i:], s[i:])
}

// copyBytes is copyPlain for a few bytes.
func copyBytes(dst []byte, s string) int {
	for i := range len(s) {
		if !plain[s[i]] {
			return i
		}
		dst[i] = s[i]
	}
	return len(s)
}

// appendSpecial appends the special bytes and runes from s[i] on, escaped where
// necessary. It returns the index behind them, and counts those that are not UTF-8.
func appendSpecial(b []byte, s string, i int, invalid *int) ([]byte, int) {
	for ; i < len(s) && !plain[s[i]]; i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(b, `\ufffd`...)
				*invalid++
			} else {
				b = append(b, s[i:i+size]...)
			}
			i += size - 1
			continue
		}
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return b, i
}

// plain is true for the ASCII bytes that need no escape in a JSON string.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// firstSpecial returns the index of the first byte that is not plain, or the
// length of s if there is none.
func firstSpecial(s string) int {
	i := plainRun(s, 0)
	for i < len(s) && plain[s[i]] {
		i++
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// marks sets the high bit of the bytes of w that are not plain. Bytes above the
// first such one may be set by mistake; other bits mean nothing. Subtraction
// borrows into the high bit of a byte that is too small. The first xor moves the
// quote next to the control characters, the second makes the backslash zero. Only
// a byte that is not plain borrows from the next one.
func marks(w uint64) uint64 {
	return w | (w ^ ones*0x02 - ones*0x21) | (w ^ ones*'\\' - ones)
}

// specials returns only the high bits of marks.
func specials(w uint64) uint64 { return marks(w) & highs }

// special reports whether a byte of w is not plain.
func special(w uint64) bool { return specials(w) != 0 }

// load reads eight bytes. It compiles to one instruction.
func load(s string, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

func load4(s string, i int) uint32 {
	_ = s[i+3]
	return uint32(s[i]) | uint32(s[i+1])<<8 | uint32(s[i+2])<<16 | uint32(s[i+3])<<24
}
