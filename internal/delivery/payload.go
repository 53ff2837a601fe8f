package delivery

import (
	"slices"
	"strconv"
	"unsafe"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/jsonenc"
)

// A payload is what the body of a put says.
type payload struct {
	group, stream string
	token         *string // may be nil
	notice        string  // the first event, unless it is empty
	first         int64   // its time
	evs           batch.List
	entity        *Entity // may be nil
}

// append appends the payload as JSON, and returns how many bytes of the events were
// not UTF-8. A digest, if there is one, follows. With a packer out is but the end,
// and the packer has the rest.
//
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
func (p *payload) append(b []byte, d *digest, z *packer) (out []byte, invalid int) {
	b = p.appendHead(b)
	var sep separator
	if p.notice != "" {
		b = append(b, sep.set(p.first)[len(`"},`):]...)
		b, invalid = appendText(b, unsafe.Slice(unsafe.StringData(p.notice), len(p.notice)), z)
	}
	for e := range p.evs.All() {
		switch {
		case sep.n == 0: // nothing ends before the first text
			b = append(b, sep.set(e.Time)[len(`"},`):]...)
		case e.Time != sep.ms:
			b = append(b, sep.set(e.Time)...)
		default: // an array is copied without a call
			n := len(b)
			if cap(b)-n < maxSeparator {
				b = slices.Grow(b, maxSeparator)
			}
			*(*[maxSeparator]byte)(b[n:cap(b)]) = sep.text
			b = b[:n+sep.n]
		}
		bad := 0
		if text := e.Text(); z == nil {
			b, bad = jsonenc.AppendCounted(b, unsafe.String(unsafe.SliceData(text), len(text)))
		} else {
			b, bad = appendText(b, text, z)
		}
		invalid += bad
		if d != nil && len(b)-d.done >= digestPiece {
			d.write(b)
		}
	}
	if sep.n > 0 {
		b = append(b, `"}`...)
	}
	return append(b, `]}`...), invalid
}

// appendHead appends what comes before the events.
func (p *payload) appendHead(b []byte) []byte {
	b = append(b, `{"logGroupName":"`...)
	b = jsonenc.AppendEscaped(b, p.group)
	b = append(b, `","logStreamName":"`...)
	b = jsonenc.AppendEscaped(b, p.stream)
	if p.token != nil {
		b = append(b, `","sequenceToken":"`...)
		b = jsonenc.AppendEscaped(b, *p.token)
	}
	b = append(b, '"')
	if p.entity != nil {
		b = p.entity.append(append(b, `,"entity":`...))
	}
	return append(b, `,"logEvents":[`...)
}

// A separator is what stands before a text: always the same, but for the time, and
// that is often the same too.
type separator struct {
	text [maxSeparator]byte
	n    int   // how much of it counts; 0 before the first text
	ms   int64 // the time in it
}

const maxSeparator = len(`"},{"timestamp":-9223372036854775808,"message":"`)

// set gives the separator for a time.
func (s *separator) set(ms int64) []byte {
	b := append(s.text[:0], `"},{"timestamp":`...)
	b = append(strconv.AppendInt(b, ms, 10), `,"message":"`...)
	s.n, s.ms = len(b), ms
	return b
}

// appendText appends the text of one event.
func appendText(b, text []byte, z *packer) (out []byte, invalid int) {
	var bad int
	for z != nil && len(b)+len(text) > maxPiece {
		n := batch.Head(text, maxPiece)
		b, bad = jsonenc.AppendCounted(b, unsafe.String(unsafe.SliceData(text), n))
		invalid += bad
		b, text = z.take(b), text[n:]
	}
	b, bad = jsonenc.AppendCounted(b, unsafe.String(unsafe.SliceData(text), len(text)))
	return b, invalid + bad
}
