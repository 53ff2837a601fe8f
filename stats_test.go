package zapcw_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// TestStats follows all fields through an outage: what is pending, what each put
// adds, and when something last went wrong or well.
func TestStats(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		s := r.Syncer
		want := func(when string, want zapcw.Stats) {
			r.Helper()
			got := s.Stats()
			var api smithy.APIError
			if failed := errors.As(got.LastError, &api); failed != !want.LastErrorTime.IsZero() || failed && api.ErrorCode() != "ThrottlingException" {
				r.Errorf("%s: LastError is %v", when, got.LastError)
			}
			got.LastError = nil
			if !got.LastErrorTime.Equal(want.LastErrorTime) || !got.LastDelivery.Equal(want.LastDelivery) {
				r.Errorf("%s: last error %s, last delivery %s, want %s and %s", when, got.LastErrorTime, got.LastDelivery, want.LastErrorTime, want.LastDelivery)
			}
			got.LastErrorTime, got.LastDelivery = want.LastErrorTime, want.LastDelivery
			if got != want {
				r.Errorf("%s:\n got %+v\nwant %+v", when, got, want)
			}
		}
		want("before the first event", zapcw.Stats{})

		// In memory an event takes 20 bytes more than its text, in a put 26.
		r.Info("one", "three")
		want("with two events", zapcw.Stats{Accepted: 2, Pending: 2, PendingBytes: 3 + 5 + 2*20})
		r.MustSync()
		first := time.Now()
		want("after Sync", zapcw.Stats{Accepted: 2, Delivered: 2, Attempts: 1, Puts: 1, BytesSent: 3 + 5 + 2*26, LastDelivery: first})

		testkit.NoJitter(s)
		r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "ThrottlingException", Times: 1})
		time.Sleep(time.Hour)
		r.Info("late")
		failed := time.Now()
		r.MustSync()
		want("after an attempt that failed", zapcw.Stats{Accepted: 3, Delivered: 3, Attempts: 3, Puts: 2, BytesSent: 3 + 5 + 4 + 3*26,
			LastErrorTime: failed, LastDelivery: failed.Add(100 * time.Millisecond)})
	})
}

// TestStatsOfParts counts what an entry makes: parts of a long one are events each.
func TestStatsOfParts(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.MaxEventBytes = 126
		if n, err := fmt.Fprint(r.Syncer, strings.Repeat("x", 250)); n != 250 || err != nil {
			r.Errorf("Write = %d, %v, want 250, nil", n, err)
		}
		if st := r.Syncer.Stats(); st.Accepted != 3 || st.Pending != 3 {
			r.Errorf("got %d accepted, %d pending, want the 3 parts", st.Accepted, st.Pending)
		}
		r.MustSync()
		if st := r.Syncer.Stats(); st.Delivered != 3 || st.Puts != 1 {
			r.Errorf("got %d delivered by %d puts, want 3 by one", st.Delivered, st.Puts)
		}
	})
}
