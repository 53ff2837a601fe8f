package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const (
	// patience is how long a service other than the embedded one may take until
	// what it was given can be read.
	patience = 30 * time.Second
	// pause is between two looks.
	pause = 500 * time.Millisecond
)

// A stream is a log stream to be read.
type stream struct {
	*service
	group, name string
	since       time.Time // events before are not of this run
}

// An event is what the service keeps of an entry.
type event struct {
	time time.Time
	text string
}

// events reads the stream from its head, page by page. A stream that does not
// exist has no events.
func (s stream) events(ctx context.Context) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		in := &cloudwatchlogs.GetLogEventsInput{
			LogGroupName:  &s.group,
			LogStreamName: &s.name,
			StartFromHead: aws.Bool(true),
			StartTime:     aws.Int64(s.since.UnixMilli()),
		}
		for {
			page, err := s.client.GetLogEvents(ctx, in)
			var missing *types.ResourceNotFoundException
			if errors.As(err, &missing) {
				return
			}
			if err != nil {
				yield(event{}, fmt.Errorf("read %s back: %w", s.name, reason(err)))
				return
			}
			for _, e := range page.Events {
				if !yield(event{time.UnixMilli(aws.ToInt64(e.Timestamp)), aws.ToString(e.Message)}, nil) {
					return
				}
			}
			// A page may be empty in the middle of a stream. Its end is where
			// the token that was sent comes back.
			next := aws.ToString(page.NextForwardToken)
			if next == "" || next == aws.ToString(in.NextToken) {
				return
			}
			in.NextToken = &next
		}
	}
}

// await reads the stream when it has n events, or more: others may write to it,
// and a put that was not answered is made again.
func (s stream) await(ctx context.Context, n int) ([]event, error) {
	var events []event
	err := s.settled(ctx, func() error {
		events = events[:0]
		for e, err := range s.events(ctx) {
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		if len(events) < n {
			return fmt.Errorf("%d events were delivered, %d are in stream %s", n, len(events), s.name)
		}
		return nil
	})
	return events, err
}

// settled calls read until it has no error. The embedded server gives what it
// has at once, so there the first error counts; other services may take until
// all of it can be seen.
func (s stream) settled(ctx context.Context, read func() error) error {
	err := read()
	for deadline := time.Now().Add(patience); err != nil && s.embedded == nil && time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
		err = read()
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
