package delivery

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// A digest is the SHA-256 of a body in the making. It follows piece by piece, so
// that nothing is hashed that has left the processor's caches.
type digest struct {
	hash hash.Hash
	done int // bytes of the body
	sum  [sha256.Size]byte
	text [2 * sha256.Size]byte
}

// digestPiece is how much is hashed at once, in bytes.
const digestPiece = 16 << 10

// reset begins with another body.
func (d *digest) reset() {
	if d.hash == nil {
		d.hash = sha256.New()
	}
	d.hash.Reset()
	d.done = 0
}

// write takes what was appended to the body b.
func (d *digest) write(b []byte) {
	_, _ = d.hash.Write(b[d.done:]) // never fails
	d.done = len(b)
}

// hex gives the digest of the whole body.
func (d *digest) hex(b []byte) string {
	d.write(b)
	hex.Encode(d.text[:], d.hash.Sum(d.sum[:0]))
	return string(d.text[:])
}
