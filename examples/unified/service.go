package main

import (
	"context"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/remote"
)

// A service is where the stream is.
type service struct {
	*remote.Service
	server *cwltest.Server // in memory; nil if it is another one
}

// openService returns the service that the flags name, and an error if it
// cannot be reached, or does not take the names of the stream and its group.
func openService(ctx context.Context, c *command) (*service, error) {
	s, err := findService(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := s.Ask(ctx, c.group, c.stream); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func findService(ctx context.Context, c *command) (*service, error) {
	if c.aws || c.endpoint != "" {
		to, err := remote.Connect(ctx, c.endpoint)
		if err != nil {
			return nil, err
		}
		return &service{Service: to}, nil
	}
	server := &cwltest.Server{KeepEvents: -1} // the stream is enough, without records of requests
	if err := server.Listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	return &service{remote.Local(server.URL()), server}, nil
}

func (s *service) close() {
	if s.server != nil {
		_ = s.server.Close()
	}
}
