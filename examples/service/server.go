package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
)

const (
	// readHeaderIn bounds how long a client may take for the head of a request.
	readHeaderIn = 10 * time.Second
	// shutdownIn bounds how long requests that are under way may take to end.
	// With the Syncer's Timeout of 10 s this stays below the 30 s that
	// orchestrators like Kubernetes leave.
	shutdownIn = 10 * time.Second
)

// serve serves until ctx is done, and then until running requests have ended.
func serve(ctx context.Context, ln net.Listener, h http.Handler, logger *zap.Logger) error {
	errorLog, err := zap.NewStdLogAt(logger, zap.ErrorLevel)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: readHeaderIn, ErrorLog: errorLog}
	logger.Info("started", zap.Stringer("addr", ln.Addr()))
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	logger.Info("shutting down", zap.NamedError("cause", context.Cause(ctx)))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownIn)
	defer cancel()
	if err = srv.Shutdown(ctx); err != nil {
		err = errors.Join(err, srv.Close())
	}
	<-served
	return err
}
