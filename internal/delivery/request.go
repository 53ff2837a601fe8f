package delivery

import (
	"errors"
	"unsafe"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"example.com/zapcw/internal/batch"
)

// A request is a run of events to be put, in as many attempts as it takes, and
// the notice that goes before them, if there is one.
type request struct {
	evs    batch.List
	notice string
	first  int64 // the time of the notice, that of the first event
	at     int   // of the first event in its batch
	size   int   // as the service counts it, exact once a body was made
	body   *body

	refusal
	suspected bool // an event may be bad
}

// errTooLarge is a request of events that are not all UTF-8, and with what
// stands for the bad bytes are too much for one put.
var errTooLarge = errors.New("too much for one put")

func newRequest(evs batch.List, notice string) *request {
	r := &request{evs: evs, notice: notice, first: evs.First(), size: evs.Size()}
	if notice != "" {
		r.size += batch.Size([]byte(notice))
	}
	return r
}

// newNotice is a request of a notice alone, at a time in milliseconds since 1970.
func newNotice(notice string, ms int64) *request {
	return &request{notice: notice, first: ms, size: batch.Size([]byte(notice))}
}

// part gives the events from i up to and without j, and forgets the notice.
func (r *request) part(i, j int) *request {
	p := newRequest(r.evs.Slice(i, j), "")
	p.at, p.failures, p.suspected = r.at+i, r.failures, r.suspected
	return p
}

// count is how many events the service sees.
func (r *request) count() int {
	if r.notice != "" {
		return r.evs.Len() + 1
	}
	return r.evs.Len()
}

// tooLarge reports whether it must be divided. One event is sent, whatever it is.
func (r *request) tooLarge() bool { return r.size > batch.MaxBytes && r.count() > 1 }

// compressed reports whether the body that was sent last is.
func (r *request) compressed() bool { return r.body != nil && r.body.gzip }

// ensureBody makes the body, unless there is one from the last attempt.
func (r *request) ensureBody(p payload, gzip bool) error {
	if r.body != nil && r.body.token == p.token && r.body.gzip == gzip {
		r.body.used.Store(false)
		return nil
	}
	r.release()
	r.body = newBody(p, r.size, gzip)
	r.size += 2 * r.body.invalid // U+FFFD takes three bytes
	if r.tooLarge() {
		return errTooLarge
	}
	return nil
}

// sentBody is to be called after a call with the body. It reports whether the SDK
// ignored the body and sent something else. A body that whoever comes back may
// still read is not used again.
func (r *request) sentBody(abandoned bool, err error) (ignored bool) {
	if err == nil {
		return !r.body.used.Load()
	}
	var (
		api      smithy.APIError
		panicked *PanicError
	)
	ignored = !r.body.used.Load() && errors.As(err, &api)
	if abandoned || errors.As(err, &panicked) {
		r.size -= 2 * r.body.invalid
		r.body = nil
	}
	return ignored
}

// release gives the body back, if there is one.
func (r *request) release() {
	if r.body == nil {
		return
	}
	r.size -= 2 * r.body.invalid
	r.body.free()
	r.body = nil
}

// input makes the events of a put for a client that is not the SDK's. The texts
// are copied: it may keep them, and the chunks are used again.
func (r *request) input() ([]types.InputLogEvent, error) {
	type event struct {
		text string
		ms   int64
	}
	var (
		buf    = make([]byte, 0, r.size)
		ends   = make([]int, 0, r.count())
		events = make([]event, 0, r.count())
		out    = make([]types.InputLogEvent, r.count())
	)
	add := func(ms int64, text []byte) {
		buf = batch.AppendText(buf, text)
		ends = append(ends, len(buf))
		events = append(events, event{ms: ms})
	}
	if r.notice != "" {
		add(r.first, []byte(r.notice))
	}
	for e := range r.evs.All() {
		add(e.Time, e.Text())
	}
	r.size = len(buf) + batch.Overhead*r.count()
	if r.tooLarge() {
		return nil, errTooLarge
	}
	all, from := unsafe.String(unsafe.SliceData(buf), len(buf)), 0 // nobody writes buf any more
	for i := range events {
		e := &events[i]
		e.text = all[from:ends[i]]
		out[i].Message, out[i].Timestamp = &e.text, &e.ms
		from = ends[i]
	}
	return out, nil
}
