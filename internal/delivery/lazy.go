package delivery

import (
	"context"
	"errors"
	"reflect"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// A LazyClient makes the SDK's client when it is first needed, and tries again if that
// fails. It passes options on, so it sends finished bodies as the SDK's client does.
type LazyClient struct {
	New func(context.Context) (*cloudwatchlogs.Client, error)

	mu  sync.Mutex
	sdk *cloudwatchlogs.Client
}

var _ Client = (*LazyClient)(nil)

func (c *LazyClient) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	return lazily(ctx, c, (*cloudwatchlogs.Client).PutLogEvents, in, opts)
}

func (c *LazyClient) CreateLogStream(ctx context.Context, in *cloudwatchlogs.CreateLogStreamInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	return lazily(ctx, c, (*cloudwatchlogs.Client).CreateLogStream, in, opts)
}

func (c *LazyClient) CreateLogGroup(ctx context.Context, in *cloudwatchlogs.CreateLogGroupInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	return lazily(ctx, c, (*cloudwatchlogs.Client).CreateLogGroup, in, opts)
}

func (c *LazyClient) PutRetentionPolicy(ctx context.Context, in *cloudwatchlogs.PutRetentionPolicyInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	return lazily(ctx, c, (*cloudwatchlogs.Client).PutRetentionPolicy, in, opts)
}

func lazily[In, Out any](ctx context.Context, c *LazyClient, call func(*cloudwatchlogs.Client, context.Context, In, ...func(*cloudwatchlogs.Options)) (Out, error), in In, opts []func(*cloudwatchlogs.Options)) (out Out, err error) {
	sdk, err := c.get(ctx)
	if err != nil {
		return out, err
	}
	return call(sdk, ctx, in, opts...)
}

// get holds no lock while it makes the client: that may hang on a file or the network,
// and the next put has its own deadline.
func (c *LazyClient) get(ctx context.Context) (*cloudwatchlogs.Client, error) {
	c.mu.Lock()
	sdk := c.sdk
	c.mu.Unlock()
	if sdk != nil {
		return sdk, nil
	}
	sdk, err := c.New(ctx)
	if err == nil {
		err = checkRegion(sdk)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, &configError{err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sdk == nil {
		c.sdk = sdk
	}
	return c.sdk, nil
}

// errNoRegion reports a client with neither a region nor an endpoint. The SDK would look
// for credentials first, and then complain about those.
var errNoRegion = errors.New("no AWS region")

func checkRegion(c *cloudwatchlogs.Client) error {
	o := c.Options()
	standard := reflect.TypeOf(o.EndpointResolverV2) == reflect.TypeOf(cloudwatchlogs.NewDefaultEndpointResolverV2())
	if o.Region == "" && o.BaseEndpoint == nil && standard {
		return &configError{errNoRegion}
	}
	return nil
}
