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

// Streams are those for which dead owners left files in dir. It changes nothing. The
// errors tell of files that could not be read; they do not mean that there are no
// streams.
func Streams(dir string) (streams []Stream, errs []error) {
	d, err := openNamed(&dir)
	if err != nil {
		return nil, []error{err}
	}
	defer d.Close()
	names, err := d.names(anyPrefix)
	if err != nil {
		errs = append(errs, fmt.Errorf("spool %s: %w", dir, err))
	}
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
	return slices.Compact(streams), errs
}

// RemoveUnfinished removes the files that dead owners did not live to finish, of any
// stream: there is nothing in them.
func RemoveUnfinished(dir string) error {
	d, err := openNamed(&dir)
	if err != nil {
		return err
	}
	defer d.Close()
	names, err := d.names(anyPrefix)
	errs := []error{err}
	for _, name := range names {
		if filepath.Ext(name) != unfinished {
			continue
		}
		err := d.removeUnfinished(name)
		if err != nil && !errors.Is(err, errHeld) && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("spool %s: %w", filepath.Join(dir, name), err))
		}
	}
	return errors.Join(errs...)
}
