package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// maxDetours bounds what one attempt may take besides its put. Several writers
// may race for one token.
const maxDetours = 4

// put makes one attempt, which may take several calls: the stream is created if
// it does not exist, a sequence token is learned, and gzip is found out about.
func (s *Stream) put(ctx context.Context, r *request, round int) (*cloudwatchlogs.PutLogEventsOutput, error) {
	var gzipErr error // the server's answer to the compressed body
	for try := 0; ; try++ {
		created := s.creator.created.Load()
		timeouts := s.latency.round(round)
		begin := time.Now()
		out, err := s.send(ctx, r, timeouts, s.compression.wanted(r, s.Compress && gzipErr == nil))
		if errors.Is(err, errTooLarge) {
			return nil, err
		}
		s.latency.adaptTimeout(timeouts, time.Since(begin), err)
		c := classify(err)
		s.tokens.update(out, err)
		if err == nil || c == classDone {
			s.confirmEncoding(r, gzipErr)
			s.tellRejectedEntity(r, out)
			return out, err
		}
		if errors.Is(err, errStale) && try < maxDetours && ctx.Err() == nil {
			continue // with the next connection
		}
		err = &putError{r.evs.Len(), s.Group, s.Name, err}
		switch {
		case ctx.Err() == nil && s.compression.blames(r, c, err):
			gzipErr = err
		case try >= maxDetours:
			return nil, err
		case c == classCreate:
			if err := s.create(ctx, created); err != nil {
				return nil, &creationError{err}
			}
		case c == classToken:
		default:
			return nil, err
		}
	}
}

// confirmEncoding notes that the server took r in the form in which it was sent,
// after it may have refused another.
func (s *Stream) confirmEncoding(r *request, gzipErr error) {
	switch {
	case gzipErr != nil && s.compression.turnOff():
		s.Recorder.RecordTrouble(fmt.Errorf("%w: %w", errNoGzip, gzipErr), true)
	case r.compressed():
		s.compression.confirm()
	}
}

// send makes one call of the client.
func (s *Stream) send(ctx context.Context, r *request, timeouts int, gzip bool) (out *cloudwatchlogs.PutLogEventsOutput, err error) {
	if sdk, ok := s.Client.(*cloudwatchlogs.Client); ok && sdk != nil && s.latency.ofLast() == 0 {
		if err := checkRegion(sdk); err != nil {
			return nil, err
		}
	}
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &s.Group, LogStreamName: &s.Name, SequenceToken: s.tokens.next()}
	fast := s.takesBodies.Load()
	if fast {
		in.LogEvents = noEvents
		err = r.ensureBody(payload{s.Group, s.Name, in.SequenceToken, r.notice, r.first, r.evs, s.Entity}, gzip)
	} else {
		r.release()
		in.Entity = s.Entity.input()
		in.LogEvents, err = r.input()
	}
	if err != nil {
		return nil, err
	}
	b, limit := r.body, limit{putTimeout(r.size, timeouts), s.latency.slowAfter(r.size, slowRate)}
	out, abandoned, err := call(ctx, &s.calls, limit, func(ctx context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
		if fast {
			return s.Client.PutLogEvents(ctx, in, b.option)
		}
		return s.Client.PutLogEvents(ctx, in, noRetryNoLog, wantProof)
	})
	if fast {
		if ignored := r.sentBody(abandoned, err); ignored {
			// Something was sent, and by an SDK that does not ask its protocol
			// any more: it gets the events.
			s.takesBodies.Store(false)
			return s.send(ctx, r, timeouts, gzip)
		}
	}
	s.Recorder.RecordPut(r.evs.Len(), r.size, err == nil)
	return out, err
}
