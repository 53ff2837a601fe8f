package zapcw

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"example.com/zapcw/internal/engine"
	"example.com/zapcw/internal/spool"
)

// Recovered reports what [Recover] did for one stream.
type Recovered struct {
	Group, Stream string
	// Delivered events are in the stream now. Rejected ones were refused by the
	// service, and Spilled ones could not be delivered; both are on standard error,
	// with the reasons. Spooled ones are still in the directory: ctx was done before
	// they were delivered.
	Delivered, Rejected, Spilled, Spooled uint64
}

// Recover sends what dead processes left in dir, the directory of a [Syncer]'s
// Spool, for any group and stream, and removes their files. Call it from a sidecar,
// from a new deployment or by hand; a Syncer that uses the directory recovers its
// own stream by itself. Recover leaves the files of live processes alone, and those
// of other users even when it runs as root: call it as the user whose processes
// wrote them.
//
// It returns when everything is settled, or ctx is done; without a deadline it
// waits as long as an outage lasts. The error says what is left or was written to
// standard error, and why; streams that were not tried before ctx was done are not
// in the result. It also names each file that cannot be used; all others are
// recovered nonetheless. A damaged file is kept as *.bad once its intact events are
// sent.
func Recover(ctx context.Context, client Client, dir string) ([]Recovered, error) {
	streams, errs := spool.Streams(dir) // others may be readable
	var all []Recovered
	var told troubles
	told.add(spool.RemoveUnfinished(dir))
	for i, to := range streams {
		if ctx.Err() != nil {
			errs = append(errs, fmt.Errorf("spool %s: %d of %d streams were not tried: %w", dir, len(streams)-i, len(streams), context.Cause(ctx)))
			break
		}
		s := &Syncer{Client: client, Group: to.Group, Stream: to.Stream, Spool: dir}
		if err := s.Check(); err != nil {
			errs = append(errs, err)
			continue
		}
		o := s.options()
		o.TellOfSpool = told.add
		e := engine.New(o)
		s.engine.Store(e)
		e.Start()
		errs = append(errs, e.Close(ctx))
		st := s.Stats()
		all = append(all, Recovered{
			Group: to.Group, Stream: to.Stream,
			Delivered: st.Delivered, Rejected: st.Rejected, Spilled: st.Spilled, Spooled: st.Spooled,
		})
	}
	return all, told.join(errors.Join(errs...))
}

// troubles are what spools told.
type troubles struct {
	mu   sync.Mutex
	list []error
}

func (t *troubles) add(err error) {
	if err == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = append(t.list, err)
}

// join adds them to an error, unless it says the same.
func (t *troubles) join(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.list {
		if err == nil || !strings.Contains(err.Error(), e.Error()) {
			err = errors.Join(err, e)
		}
	}
	return err
}
