package delivery

import (
	"errors"
	"sync/atomic"

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

// count takes down a put that failed. known is the fault of another delivery.
func (b *blame) count(err error, known string) {
	text := Code(err)
	var api smithy.APIError
	if errors.As(err, &api) {
		text = api.ErrorMessage() // without a request id
	}
	if b.puts == 0 {
		b.first, b.text, b.known = err, text, text == known
	}
	b.puts++
	b.varied = b.varied || text != b.text
}

// add takes down an event that failed alone.
func (b *blame) add(r *request, err error) { b.alone = append(b.alone, badEvent{r, err}) }

// suspicious tells whether to try the newest events next.
func (b *blame) suspicious() bool {
	return !b.taken && !b.probed && !b.varied && (b.known || len(b.alone) >= maxAlone)
}

// everything tells whether it is no event's fault.
func (b *blame) everything() bool {
	switch {
	case b.taken:
		return false
	case b.varied:
		return b.puts > maxBadPuts
	}
	return b.probed || len(b.alone) >= maxAloneBlind
}

// often tells whether so much fails that puts are to be spaced.
func (b *blame) often() bool { return b.puts > maxBadPuts }

// settle reports the bad events, because something was taken or nothing is left.
func (b *blame) settle(report Report) {
	for _, bad := range b.alone {
		report(bad.request.evs, false, Invalid, bad.err)
	}
	*b = blame{taken: true}
}

// withdraw gives the events back, and the text and the first error of the fault.
func (b *blame) withdraw() (rs []*request, text string, why error) {
	for _, bad := range b.alone {
		rs = append(rs, bad.request)
	}
	text, why = b.text, b.first
	*b = blame{}
	return rs, text, why
}

// A fault is what the service found wrong with a whole batch, which is likely to be
// wrong with the next, until something succeeds.
type fault struct{ text atomic.Pointer[string] }

func (f *fault) set(text string) { f.text.Store(&text) }
func (f *fault) clear()          { f.text.Store(nil) }

// get is the text, or none that an error has.
func (f *fault) get() string {
	if t := f.text.Load(); t != nil {
		return *t
	}
	return "\x00"
}
