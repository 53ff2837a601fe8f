package engine

import (
	"errors"
	"fmt"

	"example.com/zapcw/internal/delivery"
)

// A failure is what the next Sync has to report: events that went to the
// fallback, or stay in the spool, by fate. A nil failure is none.
type failure [delivery.Fates + 1]struct {
	n    int
	why  error // of the first
	lost error // what went wrong with the fallback itself
}

func (f *failure) add(fate delivery.Fate, n int, why, lost error) *failure {
	if f == nil {
		f = new(failure)
	}
	e := &f[fate]
	e.n += n
	if e.why == nil {
		e.why = why
	}
	if e.lost == nil {
		e.lost = lost
	}
	return f
}

func (f *failure) err(group, stream, dir string) error {
	if f == nil {
		return nil
	}
	path := "sync: "
	if group != "" && stream != "" {
		path = fmt.Sprintf("sync %s/%s: ", group, stream)
	}
	var errs []error
	for i := range f {
		if f[i].n == 0 {
			continue
		}
		place := "on the fallback"
		if delivery.Fate(i) == delivery.Kept {
			place = "left in the spool " + dir
		}
		errs = append(errs, fmt.Errorf("%s%s %s: %w", path, are(f[i].n), place, delivery.Uncounted(f[i].why)))
		if f[i].lost != nil {
			errs = append(errs, f[i].lost)
		}
	}
	return errors.Join(errs...)
}
