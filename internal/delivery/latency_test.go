package delivery

import (
	"fmt"
	"testing"
	"time"

	"example.com/zapcw/cwltest"
)

// TestSlowService has a service that answers steadily, only later than a first
// time-out: after one put that is cut off the others get the time they need.
func TestSlowService(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", After: 8 * time.Second})
		for i := range 5 {
			s.Deliver(t.Context(), chunked(fmt.Sprint(i)), "", r.report)
		}
		if got := srv.Stats().Calls["PutLogEvents"]; got != 6 {
			t.Errorf("got %d puts for 5 batches, want 6", got)
		}
	})
}

func TestPutTimeout(t *testing.T) {
	for _, tt := range []struct {
		size, round int
		want        time.Duration
	}{
		{0, 0, 5 * time.Second},
		{64 << 10, 0, 6 * time.Second},
		{1 << 20, 0, 21 * time.Second},
		{0, 1, 10 * time.Second},
		{0, 5, 30 * time.Second},
		{0, 1000, 30 * time.Second},
		{1 << 20, 1000, 126 * time.Second},
	} {
		if got := putTimeout(tt.size, tt.round); got != tt.want {
			t.Errorf("putTimeout(%d, %d) = %s, want %s", tt.size, tt.round, got, tt.want)
		}
	}
}
