package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const (
	// late is how long after its time an event may come and still be found: a Syncer keeps
	// events for a minute, unless MaxAge is set.
	late = 2 * time.Minute
	// lookAgain is how many looks pass between two that go back so far; the others go
	// back a little.
	lookAgain = 5
	recent    = 3 * time.Second
	// tailPause is between two looks. What is younger waits for the next one: others
	// may have logged before it, and be slower.
	tailPause = time.Second
	// ahead is how far the service takes events of the future.
	ahead = 2 * time.Hour
)

// A Tail reads a stream as it grows. With a pattern it reads all streams that have such a
// name, each for its own day: at midnight it goes on with the next.
type Tail struct {
	Stream
	From   int64 // time of the first event, in milliseconds
	Follow bool

	held []Event          // new ones, which may have company that is older
	seen map[string]int64 // times of events that were given, as far as they may be met again, by id
	last int64            // time of the latest event
}

// Run gives events to print, those that came together sorted by time, until the stream
// ends, or if it follows, until ctx does. A stream that does not exist is an error, unless
// it follows: then it waits for it. So it does when the service does not answer
// any more.
func (t *Tail) Run(ctx context.Context, print func([]Event) error) error {
	t.seen = make(map[string]int64)
	t.last = t.From
	if err := t.ask(ctx); err != nil {
		return err
	}
	for n := 0; ; n++ {
		back := recent
		if n%lookAgain == 0 {
			back = late
		}
		from := max(t.From, min(t.last, time.Now().UnixMilli())-back.Milliseconds())
		began := time.Now()
		err := t.read(ctx, from, print)
		var missing *types.ResourceNotFoundException
		switch {
		case ctx.Err() != nil:
			return t.end(ctx, print)
		case !t.Follow && errors.As(err, &missing):
			return fmt.Errorf("stream %s of %s does not exist at %s", t.Name, t.Group, t.Service.Name)
		case !t.Follow:
			return err
		case err != nil && !errors.As(err, &missing) && !Passing(err):
			return err
		}
		select {
		case <-ctx.Done():
			return t.end(ctx, print)
		case <-time.After(max(tailPause, time.Since(began))):
		}
	}
}

// ask finds out whether anybody is there, without trying for long.
func (t *Tail) ask(ctx context.Context) error {
	return t.first(ctx, func(ctx context.Context, once func(*cloudwatchlogs.Options)) error {
		in := t.since(time.Now().UnixMilli())
		in.Limit = aws.Int32(1)
		_, err := t.Client.FilterLogEvents(ctx, in, once)
		return err
	})
}

// since is the request for the events from a time on.
func (t *Tail) since(ms int64) *cloudwatchlogs.FilterLogEventsInput {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &t.Group, StartTime: &ms}
	if t.Pattern == nil {
		in.LogStreamNames = []string{t.Name}
		return in
	}
	// Names of streams that do not exist yet would be an error.
	if prefix := t.Pattern.Prefix(time.UnixMilli(ms), time.Now().Add(ahead)); prefix != "" {
		in.LogStreamNamePrefix = &prefix
	}
	return in
}

// end gives what still waits.
func (t *Tail) end(ctx context.Context, print func([]Event) error) error {
	slices.SortStableFunc(t.held, func(a, b Event) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	if err := print(t.held); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// read gives what came in since a time, page by page.
func (t *Tail) read(ctx context.Context, from int64, print func([]Event) error) error {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(t.Client, t.since(from))
	waited := t.held
	t.held = nil
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.held = append(waited, t.held...)
			return fmt.Errorf("read %s of %s at %s: %w", t.Name, t.Group, t.Service.Name, Reason(err))
		}
		events := t.take(page.Events)
		if !pages.HasMorePages() {
			events = append(events, waited...)
		}
		slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
		if err := print(events); err != nil {
			return err
		}
		t.forget()
	}
	return nil
}

// take returns the events of a page that were not met before, without those that wait.
func (t *Tail) take(page []types.FilteredLogEvent) []Event {
	young := time.Now().Add(-tailPause).UnixMilli()
	var events []Event
	for _, e := range page {
		id, at := aws.ToString(e.EventId), aws.ToInt64(e.Timestamp)
		if _, ok := t.seen[id]; ok {
			continue
		}
		if t.Pattern != nil && !t.Pattern.Match(aws.ToString(e.LogStreamName), time.UnixMilli(at)) {
			continue // another stream, whose name begins alike
		}
		t.seen[id] = at
		t.last = max(t.last, at)
		if event := (Event{at, aws.ToString(e.Message)}); t.Follow && at > young {
			t.held = append(t.held, event)
		} else {
			events = append(events, event)
		}
	}
	return events
}

// forget drops the ids of events that are not read again.
func (t *Tail) forget() {
	horizon := min(t.last, time.Now().UnixMilli()) - late.Milliseconds()
	for id, at := range t.seen {
		if at < horizon {
			delete(t.seen, id)
		}
	}
}
