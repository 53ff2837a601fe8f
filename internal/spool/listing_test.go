//go:build linux || darwin

package spool

import (
	"fmt"
	"sync"
	"testing"
)

// Everybody who asks at once finds its own, and what was made before it asked.
func TestListing(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			stream := func(o *Options) { o.Stream = fmt.Sprint(i) }
			for n := range 20 {
				r := open(t, dir, stream)
				c := r.chunk(10, 1<<10)
				want := r.fill(c, 3, fmt.Sprintf("%d/%d", i, n))
				r.Store(c)
				r.Close()
				next := open(t, dir, stream)
				got, _ := next.adopt()
				same(t, "recovered", got, want)
				next.Close()
			}
		})
	}
	all.Wait()
	if len(listings.byPath) > 0 {
		t.Errorf("%d listings are left", len(listings.byPath))
	}
}
