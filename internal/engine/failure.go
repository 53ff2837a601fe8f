package engine

import (
	"errors"
	"fmt"

	"example.com/zapcw/internal/delivery"
)

// A failure is what the next Sync has to report: events that went to the
// fallback, or stay in the spool, or were lost there, by fate. A nil failure is none.
type failure [delivery.Fates + 2]struct {
	n           int
	why         error // of the first
	fallbackErr error // what went wrong with the fallback itself
}

// lostInSpool is the fate of events whose file somebody damaged. They are in no count
// any more.
const lostInSpool = delivery.Kept + 1

func (f *failure) add(fate delivery.Fate, n int, why, fallbackErr error) *failure {
	if f == nil {
		f = new(failure)
	}
	e := &f[fate]
	e.n += n
	if e.why == nil {
		e.why = why
	}
	if e.fallbackErr == nil {
		e.fallbackErr = fallbackErr
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
		switch delivery.Fate(i) {
		case delivery.Kept:
			place = "left in the spool " + dir
		case lostInSpool:
			place = "lost in the spool " + dir
		}
		errs = append(errs, fmt.Errorf("%s%s %s: %w", path, are(f[i].n), place, delivery.Uncounted(f[i].why)))
		if f[i].fallbackErr != nil {
			errs = append(errs, f[i].fallbackErr)
		}
	}
	return errors.Join(errs...)
}
