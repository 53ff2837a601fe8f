package spool

import (
	"fmt"
	"path/filepath"

	"example.com/zapcw/internal/batch"
)

// What follows is the part of directory that is the same on every system.

// openNamed opens a directory, and makes its name one that does not depend on where
// the process is.
func openNamed(dir *string) (*directory, error) {
	if abs, err := filepath.Abs(*dir); err == nil {
		*dir = abs
	}
	d, err := openDirectory(*dir, false)
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", *dir, err)
	}
	return d, nil
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

// readHead reads the head of a file without mapping it.
func readHead(f file, size int64) (h head, damaged []batch.Range, err error) {
	n := min(size, maxHead)
	first, last := make([]byte, n), make([]byte, n)
	if err := f.read(first, 0); err != nil {
		return h, nil, err
	}
	if err := f.read(last, size-n); err != nil {
		return h, nil, err
	}
	return findHead(first, last)
}

// removeUnfinished removes a file that its owner did not live to finish.
func (d *directory) removeUnfinished(name string) error {
	f, _, err := d.open(name, exclusive)
	if err != nil {
		return err
	}
	defer f.close()
	return d.remove(name, f)
}

// setAside keeps a damaged file under another name.
func (d *directory) setAside(name string, f file) error {
	to := name + ".bad"
	for i := 2; d.has(to); i++ {
		to = fmt.Sprintf("%s.%d.bad", name, i)
	}
	return d.rename(f, name, to)
}
