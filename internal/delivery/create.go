package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// createTimeout bounds one request that creates something.
const createTimeout = 15 * time.Second

// retainTimeout bounds all that is done for a group's retention.
const retainTimeout = 3 * time.Second

// A creationError is an error of a creation, which is never an event's fault.
type creationError struct{ error }

func (e *creationError) Unwrap() error { return e.error }

// create makes the stream, and the group if that does not exist either. "Already
// exists" is success, and nothing is ever described: a stream that somebody made
// beforehand needs no more than the right to put. Of several puts that miss the
// stream one creates it and the others wait; seen is the count of creations
// before the put failed.
func (s *Stream) create(ctx context.Context, seen int) error {
	for {
		s.mu.Lock()
		if s.created != seen {
			s.mu.Unlock()
			return nil
		}
		if s.creating == nil {
			s.creating = make(chan struct{})
			s.mu.Unlock()
			break
		}
		wait := s.creating
		s.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return fmt.Errorf("create stream %s/%s: %w", s.Group, s.Name, context.Cause(ctx))
		}
	}
	err := s.createStream(ctx)
	if err != nil && classify(err) == missing {
		if err = s.createGroup(ctx); err == nil {
			err = s.createStream(ctx)
		}
	}
	s.mu.Lock()
	if err == nil {
		s.created++
		s.token = nil
	}
	close(s.creating)
	s.creating = nil
	s.mu.Unlock()
	return err
}

func (s *Stream) createStream(ctx context.Context) error {
	_, err := call(ctx, &s.away, createTimeout, func(ctx context.Context) (*cloudwatchlogs.CreateLogStreamOutput, error) {
		return s.Client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &s.Group, LogStreamName: &s.Name}, once)
	})
	if err == nil || exists(err) {
		return nil
	}
	return fmt.Errorf("create stream %s/%s: %w", s.Group, s.Name, err)
}

func (s *Stream) createGroup(ctx context.Context) error {
	in := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &s.Group}
	_, err := call(ctx, &s.away, createTimeout, func(ctx context.Context) (*cloudwatchlogs.CreateLogGroupOutput, error) {
		if s.NewGroup != nil {
			s.NewGroup(in)
			in.LogGroupName = &s.Group
		}
		return s.Client.CreateLogGroup(ctx, in, once)
	})
	switch {
	case err == nil:
		s.retain(ctx)
		return nil
	case exists(err):
		return nil
	}
	return fmt.Errorf("create group %s: %w", s.Group, err)
}

// retain sets how long a new group keeps its events. It is tried a few times at
// once, because nobody would come back to it, but not for long: events wait.
func (s *Stream) retain(ctx context.Context) {
	if s.Retention == 0 {
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, retainTimeout, timeoutError(retainTimeout))
	defer cancel()
	var err error
	for try := range 3 {
		_, err = call(ctx, &s.away, createTimeout, func(ctx context.Context) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
			return s.Client.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &s.Group, RetentionInDays: &s.Retention}, once)
		})
		if err == nil {
			return
		}
		if classify(err) != again || try == 2 || ctx.Err() != nil {
			break
		}
		sleep(ctx, s.pace.backoff(try+1))
	}
	s.Observer.Trouble(fmt.Errorf("keep events of new group %s for %d days: %w", s.Group, s.Retention, err), true)
}
