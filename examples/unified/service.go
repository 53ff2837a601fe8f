package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"example.com/zapcw/cwltest"
)

const (
	defaultRegion = "us-east-1"
	// dummyKey signs requests to servers that do not care, but want a signature.
	dummyKey = "unified"
	// answerIn bounds the first request, which shows whether anybody is there.
	answerIn = 5 * time.Second
	// credentialsIn bounds the search for credentials, which ends at an address
	// that answers in a moment, or not at all.
	credentialsIn = 3 * time.Second
)

// A service is where the stream is.
type service struct {
	name     string // for people
	client   *cloudwatchlogs.Client
	env      []string        // the environment in which the functions find it
	embedded *cwltest.Server // nil if it is another one
}

// openService returns the service that the flags name, and an error if it
// cannot be reached, or does not take the names of the stream and its group.
func openService(ctx context.Context, c *command) (*service, error) {
	var (
		s   *service
		err error
	)
	if c.aws || c.endpoint != "" {
		s, err = connect(ctx, c)
	} else {
		s, err = startServer()
	}
	if err != nil {
		return nil, err
	}
	if err := s.ask(ctx, c); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// startServer starts the server in memory.
func startServer() (*service, error) {
	server := &cwltest.Server{KeepEvents: -1} // the stream is enough, without records of requests
	if err := server.Listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	s := &service{name: server.URL(), embedded: server}
	// Over the socket, like the functions; server.Client would go through memory.
	s.client = cloudwatchlogs.New(cloudwatchlogs.Options{
		BaseEndpoint: aws.String(server.URL()),
		Region:       defaultRegion,
		Credentials:  credentials.NewStaticCredentialsProvider(dummyKey, dummyKey, ""),
	})
	// What the user has set up for AWS must not matter here, and a key of his
	// must not be sent around.
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(strings.ToUpper(kv), "AWS_") {
			s.env = append(s.env, kv)
		}
	}
	s.env = append(s.env,
		"AWS_CONFIG_FILE="+os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_REGION="+defaultRegion,
		"AWS_ACCESS_KEY_ID="+dummyKey,
		"AWS_SECRET_ACCESS_KEY="+dummyKey,
		"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS="+server.URL(),
	)
	return s, nil
}

// connect finds another service by the SDK's default chain.
func connect(ctx context.Context, c *command) (*service, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithDefaultRegion(defaultRegion),
		config.WithRetryMaxAttempts(8),   // for reading back; zapcw has a back-off of its own
		config.WithLogger(logging.Nop{})) // what matters comes as an error too
	if err != nil {
		return nil, err
	}
	s := &service{
		name: "AWS " + cfg.Region,
		env:  append(os.Environ(), "AWS_REGION="+cfg.Region),
	}
	if c.endpoint != "" {
		s.name = c.endpoint
		s.env = append(s.env,
			"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS="+c.endpoint,
			"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false")
	}
	search, cancel := context.WithTimeout(ctx, credentialsIn)
	defer cancel()
	switch _, err := cfg.Credentials.Retrieve(search); {
	case err == nil:
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case c.endpoint == "":
		return nil, fmt.Errorf("no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: %w", innermost(err))
	default:
		cfg.Credentials = credentials.NewStaticCredentialsProvider(dummyKey, dummyKey, "")
		s.env = append(s.env, "AWS_ACCESS_KEY_ID="+dummyKey, "AWS_SECRET_ACCESS_KEY="+dummyKey)
	}
	s.client = cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) {
		if c.endpoint != "" {
			o.BaseEndpoint = aws.String(c.endpoint)
		}
	})
	return s, nil
}

// ask makes one request. A logging call never fails because of the network, so
// without this an address that is wrong would show late.
func (s *service) ask(ctx context.Context, c *command) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerIn, fmt.Errorf("no answer in %s", answerIn))
	defer cancel()
	_, err := s.client.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
		LogGroupName:  &c.group,
		LogStreamName: &c.stream,
		Limit:         aws.Int32(1),
	}, func(o *cloudwatchlogs.Options) { o.Retryer = aws.NopRetryer{} })
	var missing *types.ResourceNotFoundException
	switch {
	case err == nil, errors.As(err, &missing):
		return nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%s: %w", s.name, reason(err))
}

func (s *service) close() {
	if s.embedded != nil {
		_ = s.embedded.Close()
	}
}

// reason takes off what the SDK wraps around an error: for a reader the
// service's own words say it, or the network's.
func reason(err error) error {
	var (
		api     smithy.APIError
		network *url.Error
		answer  *smithyhttp.ResponseError
	)
	switch {
	case errors.As(err, &api):
		return fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage())
	case errors.As(err, &network):
		return network.Err
	case errors.As(err, &answer):
		return fmt.Errorf("HTTP status %d, and not in the form of CloudWatch Logs", answer.HTTPStatusCode())
	}
	return err
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
