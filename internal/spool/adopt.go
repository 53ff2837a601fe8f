package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"example.com/zapcw/internal/batch"
)

// ErrDirectory: not a file but the directory itself. NewChunk has the same trouble,
// and tells of it.
var ErrDirectory = errors.New("the directory cannot be used")

// A Stored is a chunk whose events lie in the file only, until Load.
type Stored struct {
	Ref    Ref
	Events int
	Bytes  int   // what the events cost in a chunk, see batch.Cost
	First  int64 // the time of the oldest, in milliseconds since 1970
}

// Adopt takes over what dead owners left for this group and stream: chunks with
// events that have no fate, oldest first. They are stored, see Load. Files without
// such events are removed; damaged files are set aside once all their events have
// their fate. unusable is what will not pass: damage, and files that are left alone. The
// error is of what the system did not give, and may give when it is tried again;
// it does not mean that there is nothing. Once ctx is done it ends in the middle of a
// file; what is not adopted then is left as it was.
func (s *Spool) Adopt(ctx context.Context) (found []Stored, unusable []error, err error) {
	d, err := openDirectory(s.Dir, false)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, nil
		}
		return nil, nil, fmt.Errorf("spool %s: %w: %w", s.Dir, ErrDirectory, err)
	}
	defer d.Close()
	names, err := d.list(s.prefix)
	var errs []error
	if err != nil {
		errs = append(errs, fmt.Errorf("spool %s: %w", s.Dir, err))
	}
	// Whoever looks at a file, as Streams does, has it locked for a moment: what is
	// held is tried once more.
	for range 2 {
		var held []string
		for _, name := range names {
			if ctx.Err() != nil {
				break
			}
			chunks, err := s.takeOver(ctx, d, name)
			found = append(found, chunks...)
			if errors.Is(err, errHeld) {
				held = append(held, name)
			} else if err != nil && err != ctx.Err() && !errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("spool %s: %w", filepath.Join(s.Dir, name), err)
				if errno := syscall.Errno(0); errors.As(err, &errno) {
					errs = append(errs, err)
				} else {
					unusable = append(unusable, err)
				}
			}
		}
		if names = held; len(held) > 0 {
			time.Sleep(5 * time.Millisecond)
		}
	}
	if ctx.Err() != nil {
		errs = append(errs, fmt.Errorf("spool %s: %w", s.Dir, ctx.Err()))
	}
	sortByAge(found)
	return found, unusable, errors.Join(errs...)
}

// takeOver looks after one file, if its owner is dead.
func (s *Spool) takeOver(ctx context.Context, d *directory, name string) ([]Stored, error) {
	switch filepath.Ext(name) {
	case unfinished:
		err := d.removeUnfinished(name)
		if errors.As(err, new(syscall.Errno)) {
			err = nil // nothing is in it, and the next owner tries that again
		}
		return nil, err
	case ".spool":
		return s.adopt(ctx, d, name)
	}
	return nil, nil
}

// adopt takes over one file.
func (s *Spool) adopt(ctx context.Context, d *directory, name string) ([]Stored, error) {
	f, size, err := d.open(name, exclusive)
	if err != nil {
		return nil, err
	}
	g := &segment{name: name, file: f, sealed: true}
	sc := scan{g: g, ctx: ctx}
	g.head, sc.damaged, err = readHead(f, size)
	switch {
	case errors.Is(err, errNoHead):
		// Nothing can be read in it.
		defer f.close()
		return nil, errors.Join(err, d.setAside(name, f))
	case err != nil:
		f.close()
		return nil, err
	case g.group != s.Group || g.stream != s.Stream:
		f.close()
		return nil, fmt.Errorf("it is of stream %s/%s: %w", g.group, g.stream, errForeign)
	case !strings.HasSuffix(name, nameOf(g.key)+".spool"):
		f.close()
		return nil, fmt.Errorf("it is a copy of a file whose name ended in %s.spool: %w", nameOf(g.key), errForeign)
	}
	g.avail = min(size, g.size)
	if err := sc.read(); err != nil {
		g.close()
		return nil, err
	}
	g.bad = len(sc.damaged) > 0
	if g.bad {
		err = damage(sc.damaged, name)
	}
	if len(sc.found) == 0 {
		defer g.close()
		if g.bad {
			return nil, errors.Join(err, d.setAside(name, f))
		}
		return nil, d.remove(name, f)
	}
	g.stored = len(sc.found)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		g.close()
		return nil, fmt.Errorf("the spool is closed: %w", fs.ErrClosed)
	}
	s.segments = append(s.segments, g)
	s.bytes += g.size
	return sc.found, err
}

// damage tells what is damaged in a file.
func damage(ranges []batch.Range, name string) error {
	const most = 8
	slices.SortFunc(ranges, func(a, b batch.Range) int { return a.Start - b.Start })
	var b strings.Builder
	for i, r := range ranges {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(ranges)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d-%d", r.Start, r.End)
	}
	return fmt.Errorf("damaged at bytes %s: every whole event is sent, and the file is kept as %s.bad", &b, name)
}
