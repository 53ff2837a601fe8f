package delivery

import (
	"context"
	"errors"
	"unsafe"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"example.com/zapcw/internal/batch"
)

// A request puts a run of events, in as many attempts as it takes.
type request struct {
	evs  batch.List
	size int // as the service counts them, exact once a body was made
	body *body
	// refusal is the server's answer to a compressed body. From then on there
	// is a plain one.
	refusal error
}

func newRequest(evs batch.List) *request { return &request{evs: evs, size: evs.Size()} }

// errTooLarge is a request of events that are not all UTF-8, and with what
// stands for the bad bytes are too much for one put.
var errTooLarge = errors.New("too much for one put")

// send makes one request of the client.
func (s *Stream) send(ctx context.Context, r *request, tok *string, round int) (*cloudwatchlogs.PutLogEventsOutput, error) {
	s.init.Do(func() {
		s.Client = quiet(s.Client)
		s.bodies.Store(takesBodies(s.Client))
	})
	var (
		out  *cloudwatchlogs.PutLogEventsOutput
		err  error
		left bool
	)
	for {
		in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &s.Group, LogStreamName: &s.Name, SequenceToken: tok}
		fast := s.bodies.Load()
		if fast {
			err = s.embody(r, tok)
			in.LogEvents = noEvents
		} else {
			s.release(r)
			in.LogEvents, err = input(r)
		}
		if err != nil {
			return nil, err
		}
		b := r.body
		out, left, err = callWithin(ctx, &s.away, limit{putTimeout(r.size, round), s.unusual(r.size, slowRate)}, func(ctx context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
			if fast {
				return s.Client.PutLogEvents(ctx, in, once, b.option)
			}
			return s.Client.PutLogEvents(ctx, in, once)
		})
		if !fast {
			break
		}
		used := b.used.Load()
		if p := (*PanicError)(nil); left || errors.As(err, &p) {
			// Whoever comes back may still read it.
			r.size -= 2 * b.invalid
			r.body = nil
		}
		var api smithy.APIError
		if used || err != nil && !errors.As(err, &api) {
			break
		}
		// Something was sent, and by an SDK that does not ask its protocol any
		// more: it gets the events.
		s.bodies.Store(false)
	}
	if err == nil && out == nil {
		out = new(cloudwatchlogs.PutLogEventsOutput)
	}
	s.Observer.Put(r.evs.Len(), r.size, err == nil)
	return out, err
}

// embody makes the body, unless there is one from the last attempt.
func (s *Stream) embody(r *request, tok *string) error {
	packed := s.packs(r)
	if b := r.body; b != nil {
		if b.token == tok && (packed || !b.packed) {
			b.used.Store(false)
			return nil
		}
		s.release(r)
	}
	b := newBody(s.Group, s.Name, tok, r, packed)
	r.body = b
	r.size += 2 * b.invalid // U+FFFD takes three bytes
	if r.size > batch.MaxBytes && r.evs.Len() > 1 {
		return errTooLarge
	}
	return nil
}

// release gives the body back, if there is one.
func (s *Stream) release(r *request) {
	if r.body == nil {
		return
	}
	r.size -= 2 * r.body.invalid
	r.body.free()
	r.body = nil
}

// input makes the events of a put for a client that is not the SDK's. The texts
// are copied: it may keep them, and the arena is used again.
func input(r *request) ([]types.InputLogEvent, error) {
	var (
		buf  = make([]byte, 0, r.size)
		ends = make([]int, 0, r.evs.Len())
		out  = make([]types.InputLogEvent, r.evs.Len())
		vals = make([]struct {
			text string
			ms   int64
		}, r.evs.Len())
	)
	for e := range r.evs.All() {
		buf = batch.AppendText(buf, e.Text())
		ends = append(ends, len(buf))
	}
	r.size = len(buf) + batch.Overhead*r.evs.Len()
	if r.size > batch.MaxBytes && r.evs.Len() > 1 {
		return nil, errTooLarge
	}
	all, from, i := unsafe.String(unsafe.SliceData(buf), len(buf)), 0, 0 // nobody writes buf any more
	for e := range r.evs.All() {
		vals[i].text, vals[i].ms = all[from:ends[i]], e.Time
		out[i].Message, out[i].Timestamp = &vals[i].text, &vals[i].ms
		from = ends[i]
		i++
	}
	return out, nil
}
