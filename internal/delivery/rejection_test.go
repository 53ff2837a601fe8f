package delivery

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"example.com/zapcw/cwltest"
)

// TestRejected maps what the service reports to the events: the ends of the old
// ones are exclusive, the start of the new ones is inclusive.
func TestRejected(t *testing.T) {
	at := func(i int32) *int32 { return &i }
	for _, tt := range []struct {
		name                string
		old, expired, fresh *int32
		want                string
	}{
		{"nothing", nil, nil, nil, "6 delivered"},
		{"old", at(2), nil, nil, "2 more than 14 days old, 4 delivered"},
		{"expired", nil, at(2), nil, "2 older than the group's retention, 4 delivered"},
		{"old, then expired", at(1), at(3), nil, "1 more than 14 days old, 2 older than the group's retention, 3 delivered"},
		{"expired less than old", at(3), at(1), nil, "3 more than 14 days old, 3 delivered"},
		{"new", nil, nil, at(4), "4 delivered, 2 more than 2 hours ahead"},
		{"all three", at(1), at(2), at(5), "1 more than 14 days old, 1 older than the group's retention, 3 delivered, 1 more than 2 hours ahead"},
		{"all old", at(6), nil, nil, "6 more than 14 days old"},
		{"all new", nil, nil, at(0), "6 more than 2 hours ahead"},
		{"none left", at(3), nil, at(3), "3 more than 14 days old, 3 more than 2 hours ahead"},
		{"overlap", at(4), nil, at(2), "4 more than 14 days old, 2 more than 2 hours ahead"},
		{"zero is none", at(0), at(0), nil, "6 delivered"},
		{"new starts behind the end", nil, nil, at(6), "6 delivered"},
		{"beyond", at(100), at(100), at(100), "6 more than 14 days old"},
		{"new beyond", nil, nil, at(1 << 30), "6 delivered"},
		{"negative", at(-1), at(-2), nil, "6 delivered"},
		{"negative start", nil, nil, at(-5), "6 more than 2 hours ahead"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				srv.CreateStream("/g", "s")
				srv.Fail(cwltest.Fault{Op: "PutLogEvents", Reject: &types.RejectedLogEventsInfo{
					TooOldLogEventEndIndex: tt.old, ExpiredLogEventEndIndex: tt.expired, TooNewLogEventStartIndex: tt.fresh,
				}, Keep: true})
				s.Deliver(t.Context(), chunked(texts("%d", 6)...), "", r.report)
				if got := strings.Join(r.runs, ", "); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				for _, err := range r.whys {
					if !strings.Contains(err.Error(), "/g/s") {
						t.Errorf("got the reason %q, want the stream's name in it", err)
					}
				}
			})
		})
	}
}
