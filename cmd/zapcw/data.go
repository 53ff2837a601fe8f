package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"example.com/zapcw/cwltest"
)

// openData gives server what the file of -data holds, and has it write there what
// comes in. A kill of the process loses nothing that was acknowledged; what a loss of
// power costs is up to the file system, since no write is forced to the disk. When ctx
// ends it stops reading, leaves the file as it is and returns the cause.
func openData(ctx context.Context, server *cwltest.Server, name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := useData(ctx, server, f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return f, nil
}

func useData(ctx context.Context, server *cwltest.Server, f *os.File) error {
	if err := lock(f); err != nil {
		return err
	}
	whole, err := server.Replay(&interruptible{ctx, f})
	if err != nil {
		return err
	}
	// The end may be torn.
	if err := f.Truncate(whole); err != nil {
		return err
	}
	if _, err := f.Seek(whole, io.SeekStart); err != nil {
		return err
	}
	server.Journal = f
	return nil
}

// An interruptible can be read until its context ends.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

var _ io.Reader = (*interruptible)(nil)

func (r *interruptible) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.from.Read(p)
}
