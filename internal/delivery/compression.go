package delivery

import (
	"errors"
	"sync/atomic"
)

// A compression is what is known about a server and gzip.
type compression struct{ state atomic.Int32 }

const (
	gzipUntried int32 = iota
	gzipConfirmed
	gzipOff
)

// minPacked is the size of a request, as the service counts it, from which on it
// is compressed: below, what is saved is less than a packet.
const minPacked = 1 << 10

// errNoGzip is a server that does not know gzip. It comes with what that said.
var errNoGzip = errors.New("compression turned off: the server accepted the same request uncompressed")

// wanted reports whether the body of r is to be compressed.
func (c *compression) wanted(r *request, asked bool) bool {
	return asked && r.size >= minPacked && c.state.Load() != gzipOff
}

// blames reports whether r is to be sent again at once, plain, because the server
// answered with an error and has never taken a compressed body. No answer says
// for sure that it is gzip that the server does not know: if the same put gets
// through plain it was that, if not it is what the error says.
func (c *compression) blames(r *request, cl class, err error) bool {
	switch {
	case !r.compressed(), c.state.Load() == gzipConfirmed:
		return false // it may have been turned off while this put was under way
	case cl == classCreate, cl == classToken: // the server could read the body
		return false
	}
	return (statusOf(err) >= 400 || originOf(err) == fromGateway) && !throttled(err)
}

// turnOff is for a server that took plain what it did not take compressed. It
// reports whether that is new.
func (c *compression) turnOff() bool { return c.state.CompareAndSwap(gzipUntried, gzipOff) }

// confirm is for a server that took a compressed body.
func (c *compression) confirm() { c.state.CompareAndSwap(gzipUntried, gzipConfirmed) }
