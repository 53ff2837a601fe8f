package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"example.com/zapcw/cwltest"
)

// openData gives server what the file of -data holds, and has it write there what
// comes in. A kill of the process loses nothing that was acknowledged; what a loss of
// power costs is up to the file system, since no write is forced to the disk. When ctx
// ends it stops reading, leaves the file as it is and returns the cause.
//
// If more than half of the file is about what is gone, it is written anew without that.
// Where this fails warn is called, and the file is used as it is.
func openData(ctx context.Context, server *cwltest.Server, name string, warn func(error)) (io.Closer, error) {
	f, err := openLocked(name)
	if err != nil {
		return nil, err
	}
	whole, err := server.Replay(&interruptible{ctx, f})
	if err == nil && replaces && server.Dead() > whole/2 {
		var compact *os.File
		compact, err = compactData(ctx, server, f)
		if compact != nil {
			server.Journal = compact
			return compact, nil
		}
		if ctx.Err() == nil {
			warn(fmt.Errorf("compact %s: %w", name, err))
			err = nil
		}
	}
	if err == nil {
		err = f.Truncate(whole) // the end may be torn
	}
	if err == nil {
		_, err = f.Seek(whole, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	server.Journal = f
	return f, nil
}

// openLocked opens a file that no other server has.
func openLocked(name string) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := lock(f); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
		}
		// Another server may have compacted it, and ended, in the meantime.
		opened, err := f.Stat()
		named, err2 := os.Stat(name)
		if err == nil && err2 == nil && os.SameFile(opened, named) {
			return f, nil
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		if err2 != nil && !errors.Is(err2, os.ErrNotExist) {
			return nil, err2
		}
	}
}

// compactData puts a smaller file in the place of f, with the same content, and closes
// f. Whenever the process dies, one of the two is there, and whole.
func compactData(ctx context.Context, server *cwltest.Server, f *os.File) (_ *os.File, err error) {
	name, err := filepath.EvalSymlinks(f.Name())
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// What a process left that died here is written over.
	compact, err := os.OpenFile(name+".compact", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, compact.Close(), os.Remove(compact.Name()))
		}
	}()
	if err := lock(compact); err != nil {
		return nil, err
	}
	w := bufio.NewWriterSize(&interruptible{ctx, compact}, 1<<20)
	if err := server.Compact(w); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Flush(), compact.Chmod(info.Mode().Perm()), compact.Sync()); err != nil {
		return nil, err
	}
	if err := os.Rename(compact.Name(), name); err != nil {
		return nil, err
	}
	if dir, err := os.Open(filepath.Dir(name)); err == nil {
		_ = dir.Sync() // some file systems cannot: then the name leads to either, and both are whole
		_ = dir.Close()
	}
	_ = f.Close()
	return compact, nil
}

// An interruptible can be read and written until its context ends.
type interruptible struct {
	ctx context.Context
	io.ReadWriter
}

var _ io.ReadWriter = (*interruptible)(nil)

func (r *interruptible) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.ReadWriter.Read(p)
}

func (r *interruptible) Write(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.ReadWriter.Write(p)
}
