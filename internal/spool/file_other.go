//go:build !linux && !darwin

package spool

import (
	"errors"
	"fmt"
	"runtime"
)

// Supported says what a Spool needs and this system lacks.
func Supported() error {
	return fmt.Errorf("a spool needs flock and mmap as Linux and macOS have them, and zapcw has none on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

type directory struct{}

func openDirectory(string, bool) (*directory, error) { return nil, Supported() }

func (d *directory) Close() error                               { return Supported() }
func (d *directory) names(string) ([]string, error)             { return nil, Supported() }
func (d *directory) list(string) ([]string, error)              { return nil, Supported() }
func (d *directory) create(string, int64) (file, error)         { return file{}, Supported() }
func (d *directory) open(string, lockMode) (file, int64, error) { return file{}, 0, Supported() }
func (d *directory) rename(f file, from, to string) error       { return Supported() }
func (d *directory) has(string) bool                            { return false }
func (d *directory) remove(string, file) error                  { return Supported() }

type file struct{}

func (f file) linked() bool               { return false }
func (f file) read([]byte, int64) error   { return Supported() }
func (f file) mmap(int64) ([]byte, error) { return nil, Supported() }
func (f file) close()                     {}
func (f file) detach([]byte) error        { return Supported() }
func populate([]byte) error               { return Supported() }
func munmap([]byte) error                 { return Supported() }
