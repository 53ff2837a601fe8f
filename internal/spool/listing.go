//go:build linux || darwin

package spool

import (
	"path/filepath"
	"sync"
	"time"
)

// listings are the directories that are being read. Ten thousand Syncers that start
// at once on one directory would read ten thousand names each.
var listings struct {
	mu     sync.Mutex
	byPath map[string]*listing
}

// A listing is the names in a directory, for all who asked before it was read.
type listing struct {
	mu       sync.Mutex // held while the directory is read
	byPrefix map[string][]string
	err      error

	// Under listings.mu:
	users   int
	started int // how often the directory was read, or is about to be
}

// list gives the names of the files of one stream, as they are now or later.
func (d *directory) list(prefix string) ([]string, error) {
	l, asked := enterListing(d.path)
	defer l.leave(d.path)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.startedSince(asked) {
		var names []string
		names, l.err = d.names(anyPrefix)
		d.removeForgotten(names)
		l.byPrefix = make(map[string][]string)
		for _, name := range names {
			if len(name) > len(prefix) {
				p := name[:len(prefix)]
				l.byPrefix[p] = append(l.byPrefix[p], name)
			}
		}
	}
	return l.byPrefix[prefix], l.err
}

// forgotten is how old a file is at least that nobody will finish: not one that its
// owner is about to lock.
const forgotten = time.Minute

// removeForgotten removes what dead owners of any stream did not live to finish. Of a
// stream that is never used again nobody else would.
func (d *directory) removeForgotten(names []string) {
	for _, name := range names {
		if filepath.Ext(name) != unfinished {
			continue
		}
		if st, err := d.stat(name); err == nil && time.Since(time.Unix(st.Mtim.Unix())) > forgotten {
			_ = d.removeUnfinished(name) // the owner lives, or it is not ours
		}
	}
}

// enterListing gives the listing of a directory, and how often it was started.
func enterListing(path string) (l *listing, started int) {
	listings.mu.Lock()
	defer listings.mu.Unlock()
	if listings.byPath == nil {
		listings.byPath = make(map[string]*listing)
	}
	if l = listings.byPath[path]; l == nil {
		l = new(listing)
		listings.byPath[path] = l
	}
	l.users++
	return l, l.started
}

// startedSince reports whether the directory was read since somebody asked. If not,
// the caller does so now.
func (l *listing) startedSince(asked int) bool {
	listings.mu.Lock()
	defer listings.mu.Unlock()
	if l.started > asked {
		return true
	}
	l.started++
	return false
}

func (l *listing) leave(path string) {
	listings.mu.Lock()
	defer listings.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(listings.byPath, path)
	}
}
