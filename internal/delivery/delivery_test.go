package delivery

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/batch"
)

// TestNotice has a notice go before the events of a put, and come back once with
// its fate, however the put ends. It is never blamed for an event, nor an event
// for it.
func TestNotice(t *testing.T) {
	const notice = "3 events are missing here"
	at := func(i int32) *int32 { return &i }
	reject := func(old, expired, fresh *int32) cwltest.Fault {
		return cwltest.Fault{Op: "PutLogEvents", Keep: true, Reject: &types.RejectedLogEventsInfo{
			TooOldLogEventEndIndex: old, ExpiredLogEventEndIndex: expired, TooNewLogEventStartIndex: fresh,
		}}
	}
	poison := func(bad string) cwltest.Fault {
		return cwltest.Poison(func(e cwltest.Event) bool { return e.Message == bad })
	}
	for _, tt := range []struct {
		name  string
		fault cwltest.Fault
		want  string
		puts  int
	}{
		{"delivered", cwltest.Fault{Op: "CreateLogGroup"}, "4 and the notice delivered", 1},
		{"too old, alone", reject(at(1), nil, nil), "0 and the notice more than 14 days old, 4 delivered", 1},
		{"too old, with two", reject(at(3), nil, nil), "2 and the notice more than 14 days old, 2 delivered", 1},
		{"expired, alone", reject(nil, at(1), nil), "0 and the notice older than the group's retention, 4 delivered", 1},
		{"only an event is new", reject(nil, nil, at(4)), "3 and the notice delivered, 1 more than 2 hours ahead", 1},
		{"only the notice is not new", reject(nil, nil, at(1)), "0 and the notice delivered, 4 more than 2 hours ahead", 1},
		{"all new", reject(nil, nil, at(0)), "4 and the notice more than 2 hours ahead", 1},
		{"beyond", reject(nil, nil, at(5)), "4 and the notice delivered", 1},
		{"notice is bad", poison(notice), "4 delivered, 0 and the notice invalid", 3},
		{"event is bad", poison("2"), "2 delivered, 1 invalid, 1 delivered, 0 and the notice delivered", 7},
		{"too large for a proxy", cwltest.Fault{Op: "PutLogEvents", Times: 1, Status: 413}, "4 delivered, 0 and the notice delivered", 3},
		{"passes", cwltest.Fault{Op: "PutLogEvents", Times: 2, Code: "ThrottlingException"}, "4 and the notice delivered", 3},
		{"refused", cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException"}, "4 and the notice refused", 1},
		{"out of time", cwltest.Fault{Op: "PutLogEvents", Break: cwltest.BlackHole}, "4 and the notice out of time", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, client := range []string{"SDK", "another"} {
				inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
					if client == "another" {
						s.Client = forgetful{srv.Client()}
					}
					srv.CreateStream("/g", "s")
					srv.Fail(tt.fault)
					ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
					defer cancel()
					s.Deliver(ctx, chunked("0", "1", "2", "3"), notice, r.report)
					if got := strings.Join(r.runs, ", "); got != tt.want || r.puts != tt.puts {
						t.Errorf("%s: got %q after %d puts, want %q after %d", client, got, r.puts, tt.want, tt.puts)
					}
					if len(r.notices) != 1 {
						t.Errorf("%s: got the notice reported as %v, want it once", client, r.notices)
					}
					if tt.puts == 1 && r.events != 4 {
						t.Errorf("%s: got %d events recorded, want 4, without the notice", client, r.events)
					}
				})
			}
		})
	}
}

// TestNoticeSent looks at what arrives: the notice first, with the first event's
// time, in every form of a put.
func TestNoticeSent(t *testing.T) {
	for _, form := range []string{"plain", "gzip", "another client"} {
		inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
			srv.SecretKey = "secret"
			s.Client = srv.Client()
			s.Compress = form == "gzip"
			if form == "another client" {
				s.Client = forgetful{srv.Client()}
			}
			time.Sleep(time.Hour)
			want := many("a")
			evs := chunked(want...)
			time.Sleep(time.Minute)
			s.Deliver(t.Context(), evs, "notice\xff", r.report)
			want = append([]string{"notice\ufffd"}, want...)
			got := srv.Events("/g", "s")
			var texts []string
			for _, e := range got {
				texts = append(texts, e.Message)
			}
			if len(got) == 0 {
				t.Fatalf("%s: nothing arrived: %v", form, r.errs)
			}
			if !slices.Equal(texts, want) || got[0].Timestamp != evs.First() || got[0].Timestamp != got[1].Timestamp {
				t.Errorf("%s: got %q with the times %d, %d, want the notice first, at %d", form, texts[:2], got[0].Timestamp, got[1].Timestamp, evs.First())
			}
		})
	}
}

// TestNoticeTooLarge has a batch that is too large by its bytes that are not
// UTF-8: the notice makes room, and then the batch is halved.
func TestNoticeTooLarge(t *testing.T) {
	for _, form := range []string{"SDK", "another client"} {
		for _, tt := range []struct {
			events, bad int
			want        string
		}{
			{1, (batch.MaxBytes - batch.Overhead) / 3, "1 delivered, 0 and the notice delivered"},
			{2, 200_000, "1 delivered, 1 delivered, 0 and the notice delivered"},
			{2, 100_000, "2 and the notice delivered"},
		} {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				if form == "another client" {
					s.Client = forgetful{srv.Client()}
				}
				s.Deliver(t.Context(), chunked(texts("%d"+strings.Repeat("\xff", tt.bad-1), tt.events)...), "notice", r.report)
				if got := strings.Join(r.runs, ", "); got != tt.want {
					t.Errorf("%s, %d events of %d bytes: got %q, want %q", form, tt.events, tt.bad, got, tt.want)
				}
			})
		}
	}
}
