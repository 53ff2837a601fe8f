package delivery

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// A creator lets one of several puts that find the stream missing create it, while the
// others wait.
type creator struct {
	created  atomic.Int32 // number of creations
	mu       sync.Mutex
	creating chan struct{} // closed when the creation ends; nil while there is none
}

// enter waits for its turn to create.
func (c *creator) enter(ctx context.Context) error {
	for {
		c.mu.Lock()
		before := c.creating
		if before == nil {
			c.creating = make(chan struct{})
		}
		c.mu.Unlock()
		if before == nil {
			return nil
		}
		select {
		case <-before:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (c *creator) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.creating)
	c.creating = nil
}

const (
	// createTimeout bounds one call that creates something.
	createTimeout = 15 * time.Second
	// retainTimeout bounds all attempts to set a group's retention.
	retainTimeout = 3 * time.Second
)

// create makes the stream, and the group if that does not exist either. "Already
// exists" is success, and zapcw never calls a Describe action: for a stream that
// exists, the permission to put is enough. seen is the number of creations before the
// put failed.
func (s *Stream) create(ctx context.Context, seen int32) error {
	if err := s.creator.enter(ctx); err != nil {
		return fmt.Errorf("create stream %s/%s: %w", s.Group, s.Name, err)
	}
	defer s.creator.leave()
	if s.creator.created.Load() != seen {
		return nil // while this put waited
	}
	err := s.createStream(ctx)
	if err != nil && classify(err) == classCreate {
		if err = s.createGroup(ctx); err == nil {
			err = s.createStream(ctx)
		}
	}
	if err == nil {
		s.tokens.forget()
		s.creator.created.Add(1)
	}
	return err
}

func (s *Stream) createStream(ctx context.Context) error {
	_, _, err := call(ctx, &s.calls, within(createTimeout), func(ctx context.Context) (*cloudwatchlogs.CreateLogStreamOutput, error) {
		return s.Client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &s.Group, LogStreamName: &s.Name}, noRetryNoLog)
	})
	if err == nil || exists(err) {
		return nil
	}
	return fmt.Errorf("create stream %s/%s: %w", s.Group, s.Name, err)
}

func (s *Stream) createGroup(ctx context.Context) error {
	in := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &s.Group}
	_, _, err := call(ctx, &s.calls, within(createTimeout), func(ctx context.Context) (*cloudwatchlogs.CreateLogGroupOutput, error) {
		if s.NewGroup != nil {
			s.NewGroup(in)
			in.LogGroupName = &s.Group
		}
		return s.Client.CreateLogGroup(ctx, in, noRetryNoLog)
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

// retain sets how long a new group keeps its events. It retries at once, since nothing
// sets it later, but not for long, since events wait.
func (s *Stream) retain(ctx context.Context) {
	if s.Retention == 0 {
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, retainTimeout, timeoutError(retainTimeout))
	defer cancel()
	var err error
	for try := range 3 {
		_, _, err = call(ctx, &s.calls, within(createTimeout), func(ctx context.Context) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
			return s.Client.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &s.Group, RetentionInDays: &s.Retention}, noRetryNoLog)
		})
		if err == nil {
			return
		}
		if classify(err) != classRetry || try == 2 || ctx.Err() != nil {
			break
		}
		sleep(ctx, s.pace.backoff(try+1))
	}
	s.Recorder.RecordTrouble(fmt.Errorf("set retention of new group %s to %d days: %w", s.Group, s.Retention, err), true)
}
