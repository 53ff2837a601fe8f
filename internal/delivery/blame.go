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
	puts   int   // that failed, in a row
	first  error // of them
	text   string
	varied bool // some had another text
	known  bool // the text of a fault that was no event's
	alone  []badEvent
	probed bool // the newest events were tried by themselves
	taken  bool // some part of the batch was taken: so it is the events
}

type badEvent struct {
	request *request
	err     error
}

const (
	// maxAlone is how many events may fail alone, one after the other and with
	// one text, before the newest are tried: if those fail, too, it is no
	// event's fault. It is maxAloneBlind if the newest cannot be tried out of
	// turn.
	maxAlone, maxAloneBlind = 3, 10
	// maxBadPuts is how many puts in a row may fail with bad events, with
	// whatever text: more than lead to one bad event among 10,000.
	maxBadPuts = 64
)

// count takes down a put that failed. fault is what all of an earlier batch failed
// with, if nothing succeeded since.
func (b *blame) count(err, fault error) {
	text := textOf(err)
	if b.puts == 0 {
		b.first, b.text, b.known = err, text, fault != nil && textOf(fault) == text
	}
	b.puts++
	b.varied = b.varied || text != b.text
}

// textOf is what the service said, without a request id.
func textOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return Code(err)
}

// add takes down an event that failed alone.
func (b *blame) add(r *request, err error) { b.alone = append(b.alone, badEvent{r, err}) }

// suspicious reports whether to try the newest events next.
func (b *blame) suspicious() bool {
	return !b.taken && !b.probed && !b.varied && (b.known || len(b.alone) >= maxAlone)
}

// everything reports whether it is no event's fault.
func (b *blame) everything() bool {
	switch {
	case b.taken:
		return false
	case b.varied:
		return b.puts > maxBadPuts
	}
	return b.probed || len(b.alone) >= maxAloneBlind
}

// often reports whether so much fails that puts are to be spaced.
func (b *blame) often() bool { return b.puts > maxBadPuts }

// settle reports the bad events, because something was taken or nothing is left.
func (b *blame) settle(report Report) {
	for _, bad := range b.alone {
		report(bad.request.evs, false, Invalid, bad.err)
	}
	*b = blame{taken: true}
}

// withdraw gives the events back, and the first error.
func (b *blame) withdraw() (rs []*request, why error) {
	for _, bad := range b.alone {
		rs = append(rs, bad.request)
	}
	why = b.first
	*b = blame{}
	return rs, why
}
