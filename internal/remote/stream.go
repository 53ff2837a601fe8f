package remote

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"example.com/zapcw/internal/streamname"
)

const (
	// patience is how long a service may take until what it was given can be read.
	patience = 30 * time.Second
	// pause is between two looks.
	pause = 500 * time.Millisecond
)

// A Stream is a log stream to be read, or several whose names have a pattern.
type Stream struct {
	*Service
	Group, Name string
	Pattern     streamname.Pattern // nil for one stream; else Name is the pattern's text
}

// Named returns the stream of a name, or those of a pattern.
func (s *Service) Named(group, name string) Stream {
	st := Stream{Service: s, Group: group, Name: name}
	if p, err := streamname.Parse(name, true); err == nil && (p.Has(streamname.Date) || p.Has(streamname.Host) || p.Has(streamname.Function)) {
		st.Pattern = p
	}
	return st
}

// On returns the stream that an event of a time in milliseconds goes to. Nothing but the
// day may be open in the pattern.
func (s Stream) On(ms int64) Stream {
	if s.Pattern != nil {
		s.Name, s.Pattern = s.Pattern.Name(time.UnixMilli(ms)), nil
	}
	return s
}

// An Event is what the service keeps of an entry.
type Event struct {
	Timestamp int64 // milliseconds since 1970-01-01 UTC
	Text      string
}

// Time returns the event's timestamp.
func (e Event) Time() time.Time { return time.UnixMilli(e.Timestamp) }

// Events reads the stream's events from one time to another, in milliseconds and both
// included, page by page, as the service sorts them. A stream that does not
// exist has no events. With a pattern, see [Stream.On].
func (s Stream) Events(ctx context.Context, from, to int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		in := &cloudwatchlogs.GetLogEventsInput{
			LogGroupName:  &s.Group,
			LogStreamName: &s.Name,
			StartFromHead: aws.Bool(true),
			StartTime:     &from,
			EndTime:       aws.Int64(to + 1),
		}
		for {
			page, err := s.Client.GetLogEvents(ctx, in)
			var missing *types.ResourceNotFoundException
			if errors.As(err, &missing) {
				return
			}
			if err != nil {
				yield(Event{}, fmt.Errorf("read %s back: %w", s.Name, Reason(err)))
				return
			}
			for _, e := range page.Events {
				if !yield(Event{aws.ToInt64(e.Timestamp), aws.ToString(e.Message)}, nil) {
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

// Settled calls read until it has no error, or for long enough: a service may
// take a moment until all of what it was given can be seen.
func (s Stream) Settled(ctx context.Context, read func() error) error {
	err := read()
	for deadline := time.Now().Add(patience); err != nil && !s.Instant && !Denied(err) && time.Now().Before(deadline); {
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
