package testkit

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw"
)

// A FakeClient puts into memory: it keeps every input as it came.
type FakeClient struct {
	mu   sync.Mutex
	puts []*cloudwatchlogs.PutLogEventsInput
	// Answer, if set, answers puts in place of success.
	Answer func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error)
}

var _ zapcw.Client = (*FakeClient)(nil)

// PutLogEvents implements zapcw.Client.
func (c *FakeClient) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	c.mu.Lock()
	c.puts = append(c.puts, in)
	c.mu.Unlock()
	if c.Answer != nil {
		return c.Answer(ctx)
	}
	return new(cloudwatchlogs.PutLogEventsOutput), nil
}

// CreateLogStream implements zapcw.Client.
func (*FakeClient) CreateLogStream(context.Context, *cloudwatchlogs.CreateLogStreamInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	return nil, errors.New("no stream is missing")
}

// CreateLogGroup implements zapcw.Client.
func (*FakeClient) CreateLogGroup(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	return nil, errors.New("no group is missing")
}

// PutRetentionPolicy implements zapcw.Client.
func (*FakeClient) PutRetentionPolicy(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	return nil, errors.New("no group is new")
}

// Messages gives what was put, in the order of the puts.
func (c *FakeClient) Messages() (texts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, in := range c.puts {
		for _, e := range in.LogEvents {
			texts = append(texts, *e.Message)
		}
	}
	return texts
}

// A StuckClient does not come back from a put until Release is closed, and never
// if that is nil.
type StuckClient struct {
	zapcw.Client
	Release chan struct{}
	Calls   atomic.Int32
}

// PutLogEvents counts the call and waits.
func (c *StuckClient) PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	c.Calls.Add(1)
	<-c.Release
	return nil, nil
}
