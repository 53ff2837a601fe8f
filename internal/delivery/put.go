package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"example.com/zapcw/internal/batch"
)

// put makes one attempt, which may take several requests: the stream is created
// if it does not exist, and a sequence token is learned.
func (s *Stream) put(ctx context.Context, r *request, round int) (*cloudwatchlogs.PutLogEventsOutput, error) {
	for try := 0; ; try++ {
		s.mu.Lock()
		created, tok, slow := s.created, s.token, s.slow
		s.mu.Unlock()

		begin := time.Now()
		out, err := s.send(ctx, r, tok, max(round, slow))
		if errors.Is(err, errTooLarge) {
			return nil, err
		}
		s.pull(max(round, slow), time.Since(begin), err)
		c := classify(err)
		if err == nil || c == token || c == taken {
			s.learn(out, err)
		}
		if err == nil || c == taken {
			s.understood(r)
		}
		if errors.Is(err, errStale) && try < maxDetours && ctx.Err() == nil {
			continue // with the next connection
		}
		if err == nil {
			return out, nil
		}
		err = fmt.Errorf("put %s to %s/%s: %w", Events(r.evs.Len()), s.Group, s.Name, err)
		if ctx.Err() == nil && s.doubt(r, c, err, round) {
			continue // uncompressed
		}
		if try >= maxDetours {
			return nil, err
		}
		switch c {
		case missing:
			if err := s.create(ctx, created); err != nil {
				return nil, &creationError{err}
			}
		case token:
		default:
			return nil, err
		}
	}
}

// unusual is longer than puts of this stream take: 2 s, or three times what the
// last one took, and what the bytes take at so many a second.
func (s *Stream) unusual(size, rate int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(2*time.Second, 3*s.took) + time.Duration(size)*time.Second/time.Duration(rate)
}

// Took is how long the last put took that was answered.
func (s *Stream) Took() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.took
}

// pull keeps the time-out in the round in which a slow service answered, until it
// answers quickly again.
func (s *Stream) pull(round int, took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.took = took
	}
	switch quick := putTimeout(0, 0) / 2; {
	case err == nil && took > quick:
		s.slow = round
	case took < quick:
		s.slow = max(s.slow-1, 0)
	}
}

// maxDetours bounds what one attempt may take besides its put. Several writers
// may race for one token.
const maxDetours = 4

// putTimeout bounds one put, because the SDK's HTTP client waits for ever: 5 s
// and what the bytes take at 64 KiB a second, so that a connection that died in
// a frozen process is found out. With each failed round there is more, for the
// sake of a service or a link that is just slow: what is cut off there may well
// be stored, and once more with the next attempt.
func putTimeout(size, round int) time.Duration {
	d := 5*time.Second + time.Duration(size)*time.Second/slowRate
	return d * time.Duration(min(1+round, 6))
}

// slowRate is a slow link, and fastRate one that is worth not waiting for, in
// bytes a second.
const slowRate, fastRate = 64 << 10, batch.MaxBytes

// learn keeps the token for the next put. The service has ignored tokens since
// 2023 and gives none a caller could be in need of, so none is sent before a
// server asked for one.
func (s *Stream) learn(out *cloudwatchlogs.PutLogEventsOutput, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var (
		wrong *types.InvalidSequenceTokenException
		taken *types.DataAlreadyAcceptedException
	)
	switch {
	case errors.As(err, &wrong):
		s.tokens, s.token = true, wrong.ExpectedSequenceToken
	case errors.As(err, &taken) && s.tokens:
		s.token = taken.ExpectedSequenceToken
	case err == nil && s.tokens:
		s.token = out.NextSequenceToken
	}
}
