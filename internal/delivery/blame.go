package delivery

import (
	"errors"

	"github.com/aws/smithy-go"
)

// A blame is what a delivery knows about bad events: the puts that failed with
// them since the last one that succeeded, and the events that failed alone. Those
// are not reported before something succeeds: as long as nothing does, it may be
// the group or the request that the service finds fault with.
type blame struct {
	puts   int    // that failed, in a row
	first  error  // of them
	text   string // of the first
	varied bool   // others had another text
	alone  []bad
	probed bool // the newest event was to stand alone
}

// A bad event failed alone.
type bad struct {
	request *request
	err     error
}

const (
	// maxAlone is how many events may fail alone, one after the other and with
	// one text, before the newest is tried: if that fails, too, it is no event's
	// fault.
	maxAlone = 3
	// maxBad is the same for puts with whatever text: more than lead to one bad
	// event among 10,000.
	maxBad = 64
)

// count takes down a put that failed.
func (b *blame) count(err error) {
	text := err.Error()
	var api smithy.APIError
	if errors.As(err, &api) {
		text = api.ErrorMessage() // without a request id
	}
	if b.puts == 0 {
		b.first, b.text = err, text
	}
	b.puts++
	b.varied = b.varied || text != b.text
}

// add takes down an event that failed alone.
func (b *blame) add(r *request, err error) { b.alone = append(b.alone, bad{r, err}) }

// everything tells whether it looks as if everything failed.
func (b *blame) everything() bool {
	return b.puts >= maxBad || len(b.alone) >= maxAlone && !b.varied
}

// settle reports the bad events, and begins anew.
func (b *blame) settle(report Report) {
	for _, bad := range b.alone {
		report(bad.request.evs, false, Invalid, bad.err)
	}
	*b = blame{}
}

// withdraw gives the events back, and why nothing got through.
func (b *blame) withdraw() (rs []*request, why error) {
	for _, bad := range b.alone {
		rs = append(rs, bad.request)
	}
	why = b.first
	*b = blame{}
	return rs, why
}
