package delivery

import (
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
// not UTF-8. With a packer out is but the end, and the packer has the rest.
//
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
func (p *payload) append(b []byte, z *packer) (out []byte, invalid int) {
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
	b = append(b, `,"logEvents":[`...)
	// Between two texts there is always the same, but for the time, and that is
	// often the same too.
	var buf [64]byte
	between := append(buf[:0], `"},{"timestamp":`...)
	times := len(between)
	first, last := true, int64(0)
	if p.notice != "" {
		first, last = false, p.first
		between = append(strconv.AppendInt(between, last, 10), `,"message":"`...)
		b = append(b, between[len(`"},`):]...)
		b, invalid = appendText(b, unsafe.Slice(unsafe.StringData(p.notice), len(p.notice)), z)
	}
	for e := range p.evs.All() {
		if first || e.Time != last {
			between = append(strconv.AppendInt(between[:times], e.Time, 10), `,"message":"`...)
			last = e.Time
		}
		if first {
			b = append(b, between[len(`"},`):]...)
			first = false
		} else {
			b = append(b, between...)
		}
		var bad int
		b, bad = appendText(b, e.Text(), z)
		invalid += bad
	}
	if !first {
		b = append(b, `"}`...)
	}
	return append(b, `]}`...), invalid
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
