package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"example.com/zapcw/cwltest"
)

// openData gives server what the file of -data holds, and has it write there what
// comes in. A kill of the process loses nothing that was acknowledged; what a loss of
// power costs is up to the file system, since no write is forced to the disk.
func openData(server *cwltest.Server, name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := useData(server, f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return f, nil
}

func useData(server *cwltest.Server, f *os.File) error {
	if err := lock(f); err != nil {
		return err
	}
	whole, err := server.Replay(f)
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
