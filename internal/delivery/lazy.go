package delivery

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// A LazyClient makes the SDK's client when it is needed, and tries anew if that
// goes wrong. It hands options on, so it takes bodies as that does.
type LazyClient struct {
	New func(context.Context) (*cloudwatchlogs.Client, error)

	mu  sync.Mutex
	sdk *cloudwatchlogs.Client
}

var _ Client = (*LazyClient)(nil)

func (c *LazyClient) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	sdk, err := c.get(ctx)
	if err != nil {
		return nil, err
	}
	return sdk.PutLogEvents(ctx, in, opts...)
}

func (c *LazyClient) CreateLogStream(ctx context.Context, in *cloudwatchlogs.CreateLogStreamInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	sdk, err := c.get(ctx)
	if err != nil {
		return nil, err
	}
	return sdk.CreateLogStream(ctx, in, opts...)
}

func (c *LazyClient) CreateLogGroup(ctx context.Context, in *cloudwatchlogs.CreateLogGroupInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	sdk, err := c.get(ctx)
	if err != nil {
		return nil, err
	}
	return sdk.CreateLogGroup(ctx, in, opts...)
}

func (c *LazyClient) PutRetentionPolicy(ctx context.Context, in *cloudwatchlogs.PutRetentionPolicyInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	sdk, err := c.get(ctx)
	if err != nil {
		return nil, err
	}
	return sdk.PutRetentionPolicy(ctx, in, opts...)
}

// get holds no lock while it loads: that may hang on a file or the network, and
// the next put has a deadline of its own.
func (c *LazyClient) get(ctx context.Context) (*cloudwatchlogs.Client, error) {
	c.mu.Lock()
	sdk := c.sdk
	c.mu.Unlock()
	if sdk != nil {
		return sdk, nil
	}
	sdk, err := c.New(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sdk == nil {
		c.sdk = sdk
	}
	return c.sdk, nil
}
