package zapcw

import (
	"context"
	"errors"

	"example.com/zapcw/internal/spool"
)

// Recovered is what [Recover] did for one stream.
type Recovered struct {
	Group, Stream string
	// Delivered events are in the stream now. Rejected ones were refused by the
	// service, and Spilled ones could not be brought to it; both are on standard
	// error, with the reasons. Spooled ones are still in the directory: ctx was done
	// before they were delivered.
	Delivered, Rejected, Spilled, Spooled uint64
}

// Recover sends what dead processes left in the directory of a [Syncer]'s Spool,
// for any group and stream, and removes their files. It is for a sidecar, for the
// next deployment or for a person; a Syncer that uses the directory recovers its
// own stream by itself. What living processes hold there is left alone, and so are
// files of other users.
//
// It returns when everything is settled, or ctx is done; without a deadline it
// waits as long as an outage lasts. The error says what is left, or on standard
// error, and why. A file that is damaged is kept as *.bad, and standard error tells
// where; what is whole in it is sent.
func Recover(ctx context.Context, client Client, dir string) ([]Recovered, error) {
	streams, err := spool.Streams(dir)
	errs := []error{err} // others may be readable
	var all []Recovered
	for _, to := range streams {
		s := &Syncer{Client: client, Group: to.Group, Stream: to.Stream, Spool: dir}
		if err := s.Check(); err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, s.started().Close(ctx))
		st := s.Stats()
		all = append(all, Recovered{
			Group: to.Group, Stream: to.Stream,
			Delivered: st.Delivered, Rejected: st.Rejected, Spilled: st.Spilled, Spooled: st.Spooled,
		})
	}
	return all, errors.Join(errs...)
}
