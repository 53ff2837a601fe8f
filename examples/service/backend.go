package main

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
)

// A backend is the server that has the stream.
type backend struct {
	name   string // for people
	client *cloudwatchlogs.Client
	memory *cwltest.Server // nil if it is AWS
}

// openBackend returns the backend. It does not use the network: a service should
// start even when CloudWatch is down.
func openBackend(ctx context.Context, aws bool) (*backend, error) {
	if !aws {
		server := &cwltest.Server{KeepEvents: -1} // the stream is enough, without records of requests
		return &backend{name: "a server in memory (-aws is the real one)", client: server.Client(), memory: server}, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		return nil, errors.New("no AWS region: set AWS_REGION, or a region in the profile")
	}
	return &backend{name: "AWS " + cfg.Region, client: cloudwatchlogs.NewFromConfig(cfg)}, nil
}

func (b *backend) close() {
	if b.memory != nil {
		_ = b.memory.Close()
	}
}
