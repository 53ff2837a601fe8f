// Package remote is what the programs of this module share about a CloudWatch Logs
// service: how it is found, what its errors mean to people, and how a stream is
// read.
package remote

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
	"github.com/aws/smithy-go/logging"
)

const (
	// DefaultRegion is where groups are looked for if nobody says otherwise.
	DefaultRegion = "us-east-1"
	// DummyKey signs requests to servers that want a signature and do not check it.
	DummyKey = "zapcw"
	// answerIn bounds the first request, which shows whether anybody is there.
	answerIn = 5 * time.Second
	// credentialsIn bounds the search for credentials, which ends at an address
	// that answers in a moment, or not at all.
	credentialsIn = 3 * time.Second
)

var errSilent = fmt.Errorf("no answer in %s", answerIn)

// A Service is where streams are.
type Service struct {
	Name   string // for people: a URL, or AWS and the region
	Client *cloudwatchlogs.Client
	// Env is the environment in which another process finds the service by the
	// SDK's default chain.
	Env []string
	// Instant tells that all that was put can be read at once.
	Instant bool
}

// Connect finds a service by the SDK's default chain. An endpoint, if it is not empty,
// is used instead of the one that the chain finds; a server that is found by an
// endpoint gets dummy credentials if there are no others. Nothing is asked yet.
func Connect(ctx context.Context, endpoint string) (*Service, error) {
	if err := CheckEndpoint(endpoint); err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithDefaultRegion(DefaultRegion),
		config.WithRetryMaxAttempts(8),   // for reading; zapcw has a back-off of its own
		config.WithLogger(logging.Nop{})) // what matters comes as an error too
	if err != nil {
		return nil, err
	}
	s := &Service{Env: append(os.Environ(), "AWS_REGION="+cfg.Region)}
	if endpoint != "" {
		s.Env = append(s.Env, endpointVariable+"="+endpoint, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false")
	}
	options := func(o *cloudwatchlogs.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	}
	found := aws.ToString(cloudwatchlogs.NewFromConfig(cfg, options).Options().BaseEndpoint)
	s.Name = found
	if found == "" {
		s.Name = "AWS " + cfg.Region
	}

	search, cancel := context.WithTimeout(ctx, credentialsIn)
	defer cancel()
	switch _, err := cfg.Credentials.Retrieve(search); {
	case err == nil:
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case found == "":
		return nil, fmt.Errorf("no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: %w", innermost(err))
	default:
		cfg.Credentials = credentials.NewStaticCredentialsProvider(DummyKey, DummyKey, "")
		s.Env = append(s.Env, "AWS_ACCESS_KEY_ID="+DummyKey, "AWS_SECRET_ACCESS_KEY="+DummyKey)
	}
	s.Client = cloudwatchlogs.NewFromConfig(cfg, options)
	return s, nil
}

const endpointVariable = "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"

// Local returns the service of a server of the caller's own. Nothing that the user has
// set up for AWS matters there, and no key of his is sent to it.
func Local(endpoint string) *Service {
	s := &Service{
		Name: endpoint,
		Client: cloudwatchlogs.New(cloudwatchlogs.Options{
			BaseEndpoint: &endpoint,
			Region:       DefaultRegion,
			Credentials:  credentials.NewStaticCredentialsProvider(DummyKey, DummyKey, ""),
		}),
		Instant: true,
	}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(strings.ToUpper(kv), "AWS_") {
			s.Env = append(s.Env, kv)
		}
	}
	s.Env = append(s.Env,
		"AWS_CONFIG_FILE="+os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_REGION="+DefaultRegion,
		"AWS_ACCESS_KEY_ID="+DummyKey,
		"AWS_SECRET_ACCESS_KEY="+DummyKey,
		endpointVariable+"="+endpoint,
	)
	return s
}

// CheckEndpoint returns an error unless endpoint is empty or the URL of a server.
func CheckEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("endpoint %q: want a URL like http://127.0.0.1:4586", endpoint)
	}
	return nil
}

// Ask makes one request to read a stream. A logging call never fails because of the
// network, so without this an address that is wrong would show late. A stream
// that does not exist is no error. For what others mean see [Denied] and
// [Passing].
func (s *Service) Ask(ctx context.Context, group, stream string) error {
	return s.first(ctx, func(ctx context.Context, once func(*cloudwatchlogs.Options)) error {
		_, err := s.Client.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName:  &group,
			LogStreamName: &stream,
			Limit:         aws.Int32(1),
		}, once)
		return err
	})
}

// first makes a first request, which is not tried again.
func (s *Service) first(ctx context.Context, request func(context.Context, func(*cloudwatchlogs.Options)) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerIn, errSilent)
	defer cancel()
	err := request(ctx, func(o *cloudwatchlogs.Options) { o.Retryer = aws.NopRetryer{} })
	var missing *types.ResourceNotFoundException
	switch {
	case err == nil, errors.As(err, &missing):
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", s.Name, context.Cause(ctx))
	}
	return fmt.Errorf("%s: %w", s.Name, Reason(err))
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
