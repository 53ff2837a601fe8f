package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// A Stream is one for which there is a Spool.
type Stream struct{ Group, Stream string }

// Streams are those for which dead owners left files in dir. It changes nothing. An
// error tells of files that could not be read; it does not mean that there are no
// streams.
func Streams(dir string) ([]Stream, error) {
	d, err := openDirectory(dir, false)
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", dir, err)
	}
	defer d.Close()
	names, err := d.names("zapcw-")
	var errs []error
	if err != nil {
		errs = append(errs, fmt.Errorf("spool %s: %w", dir, err))
	}
	var streams []Stream
	for _, name := range names {
		if !strings.HasSuffix(name, ".spool") {
			continue
		}
		h, err := d.head(name)
		switch {
		case err == nil:
			streams = append(streams, Stream{h.group, h.stream})
		case !errors.Is(err, errHeld) && !errors.Is(err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("spool %s: %w", filepath.Join(dir, name), err))
		}
	}
	slices.SortFunc(streams, func(a, b Stream) int {
		return strings.Compare(a.Group+"\x00"+a.Stream, b.Group+"\x00"+b.Stream)
	})
	return slices.Compact(streams), errors.Join(errs...)
}

// head reads the head of a file that somebody left.
func (d *directory) head(name string) (head, error) {
	f, size, err := d.open(name, shared)
	if err != nil {
		return head{}, err
	}
	defer f.close()
	h, _, err := readHead(f, size)
	return h, err
}
