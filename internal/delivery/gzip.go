package delivery

import (
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/aws/smithy-go"

	"example.com/zapcw/internal/batch"
)

const (
	// minPacked is the size of a request, as the service counts it, from which
	// on it is compressed: below, what is saved is less than a packet.
	minPacked = 1 << 10
	// packLevel makes bodies an eighth smaller than the fastest level does, for
	// a quarter more time and a third less memory. Level 6 gains a tenth more,
	// for twice the time.
	packLevel = 3
	// maxPiece is how much text goes to a packer at once.
	maxPiece = 16 << 10
)

// A packer compresses bodies piece by piece, so that there never is a whole one
// that is plain.
type packer struct {
	zip   *gzip.Writer
	piece []byte
	out   []byte
}

// A packer takes 0.9 MiB, and each keeps a processor busy: there are no more
// than are of use, for all Streams together. They are kept.
var (
	packers    = min(runtime.GOMAXPROCS(0), 4)
	packersOut = make(chan struct{}, packers) // one for each that was made
	packersIn  = make(chan *packer, packers)
)

// takePacker waits for one that is free rather than make one too many.
func takePacker() *packer {
	select {
	case p := <-packersIn:
		return p
	default:
	}
	select {
	case p := <-packersIn:
		return p
	case packersOut <- struct{}{}:
		zip, _ := gzip.NewWriterLevel(nil, packLevel) // the level is a good one
		return &packer{zip: zip}
	}
}

// appendPacked is appendPut, compressed.
func appendPacked(b []byte, group, stream string, token *string, evs batch.List) (out []byte, invalid int) {
	p := takePacker()
	defer func() { packersIn <- p }()
	return p.appendPut(b, group, stream, token, evs)
}

func (p *packer) appendPut(b []byte, group, stream string, token *string, evs batch.List) (out []byte, invalid int) {
	p.out = b
	p.zip.Reset(p)
	p.piece, invalid = appendPut(p.piece[:0], group, stream, token, evs, p)
	p.take(p.piece)
	_ = p.zip.Close() // Write never fails
	out, p.out = p.out, nil
	return out, invalid
}

// take compresses a piece, and gives its memory back for the next.
func (p *packer) take(piece []byte) []byte {
	_, _ = p.zip.Write(piece)
	return piece[:0]
}

// Write is where the compressed bytes arrive.
func (p *packer) Write(b []byte) (int, error) {
	p.out = append(p.out, b...)
	return len(b), nil
}

// What is known about a server's gzip.
const (
	gzipUntried int32 = iota
	gzipTaken
	gzipRefused
)

// errNoGzip is a server that does not know gzip. It comes with what that said.
var errNoGzip = errors.New("compression is off, since the server took the same uncompressed")

// packs tells whether a new body is to be compressed.
func (s *Stream) packs(r *request) bool {
	return s.Compress && r.refusal == nil && r.size >= minPacked && s.gzip.Load() != gzipRefused
}

// doubt tells whether r is to be sent again, plain, because an error may mean
// that the server does not know gzip. No answer says so for sure: if the same put
// gets through plain it was the compression, if not it is what the error says. So
// no event is found bad because of gzip, and no gzip because of a bad event.
func (s *Stream) doubt(r *request, c class, err error, round int) bool {
	if r.refusal != nil && statusOf(r.refusal) == statusOf(err) && Code(r.refusal) == Code(err) {
		r.refusal = nil // plain is no better
	}
	if r.body == nil || !r.body.packed {
		return false
	}
	tried := s.gzip.Load() == gzipTaken
	var doubtful bool
	switch status := statusOf(err); {
	case status == 0, status == http.StatusRequestEntityTooLarge:
	case c == refused:
		doubtful = !strings.HasPrefix(Code(err), "AccessDenied") // that is about who, not what
	case c == split:
		// Where gzip was taken before some event is bad, and halving finds out
		// which. Before that is told, though, it is to stand alone and plain.
		doubtful = !tried || r.evs.Len() == 1
	case c == again && !tried:
		doubtful = breaks(err, status, round)
	}
	if doubtful {
		r.refusal = err
	}
	return doubtful
}

// breaks tells whether an answer that passes as a rule looks like that of a
// server which comes to grief over gzip. A page instead of an error does, as does
// an outage that goes on.
func breaks(err error, status, round int) bool {
	const lasts = 3
	var api smithy.APIError
	switch status {
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return false
	case http.StatusNotImplemented:
		return true
	}
	if !errors.As(err, &api) && status >= 400 && status <= http.StatusInternalServerError {
		return true
	}
	return status >= 500 && round >= lasts
}

// understood notes that the server took r in the form in which it was sent last.
func (s *Stream) understood(r *request) {
	switch {
	case r.refusal != nil:
		if s.gzip.Swap(gzipRefused) != gzipRefused {
			s.Observer.Trouble(fmt.Errorf("%w: %w", errNoGzip, r.refusal), true)
		}
	case r.body != nil && r.body.packed:
		s.gzip.CompareAndSwap(gzipUntried, gzipTaken)
	}
}
