package delivery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
)

// retention asks for how many days a group keeps its events.
func retention(t *testing.T, srv *cwltest.Server) int32 {
	t.Helper()
	out, err := srv.Client().DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil || len(out.LogGroups) != 1 {
		t.Fatalf("DescribeLogGroups = %v, %v, want one group", out, err)
	}
	if d := out.LogGroups[0].RetentionInDays; d != nil {
		return *d
	}
	return 0
}

// TestRetention is about groups that a Stream creates, and no others.
func TestRetention(t *testing.T) {
	for _, tt := range []struct {
		name    string
		days    int32
		prepare func(*cwltest.Server)
		want    int32 // in the end
		calls   int   // of PutRetentionPolicy
		trouble string
	}{
		{"new group", 7, func(*cwltest.Server) {}, 7, 1, ""},
		{"new group, for ever", 0, func(*cwltest.Server) {}, 0, 0, ""},
		{"group of somebody else", 7, func(s *cwltest.Server) { s.CreateStream("/g", "another") }, 0, 0, ""},
		{"stream of somebody else", 7, func(s *cwltest.Server) { s.CreateStream("/g", "s") }, 0, 0, ""},
		{"somebody is faster", 7, func(s *cwltest.Server) {
			s.Fail(cwltest.Fault{Op: "CreateLogStream", Times: 1, Code: "ResourceNotFoundException"})
			s.CreateStream("/g", "another")
		}, 0, 0, ""},
		{"throttled twice", 7, func(s *cwltest.Server) {
			s.Fail(cwltest.Fault{Op: "PutRetentionPolicy", Times: 2, Code: "ThrottlingException"})
		}, 7, 3, ""},
		{"throttled", 7, func(s *cwltest.Server) {
			s.Fail(cwltest.Fault{Op: "PutRetentionPolicy", Code: "ThrottlingException"})
		}, 0, 3, "ThrottlingException"},
		{"not allowed", 7, func(s *cwltest.Server) { s.Fail(cwltest.Deny("logs:PutRetentionPolicy")) }, 0, 1, "AccessDeniedException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				s.Retention = tt.days
				tt.prepare(srv)
				for i := range 3 {
					s.Deliver(t.Context(), chunked(fmt.Sprint(i)), "", r.report)
					srv.DeleteStream("/g", "s") // and it is created again
				}
				if n := r.count(Delivered); n != 3 {
					t.Errorf("got %d events delivered, want 3", n)
				}
				if got := srv.Stats().Calls["PutRetentionPolicy"]; got != tt.calls {
					t.Errorf("got %d calls of PutRetentionPolicy, want %d", got, tt.calls)
				}
				srv.Heal()
				if got := retention(t, srv); got != tt.want {
					t.Errorf("got a retention of %d days, want %d", got, tt.want)
				}
				if tt.trouble == "" && len(r.trouble) > 0 || tt.trouble != "" && (len(r.trouble) != 1 || Code(r.trouble[0]) != tt.trouble || !strings.Contains(r.trouble[0].Error(), "/g")) {
					t.Errorf("got trouble %q, want %q with the group's name", r.trouble, tt.trouble)
				}
			})
		})
	}
}

// TestNewGroup lets somebody have a say in a new group.
func TestNewGroup(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    func(*cloudwatchlogs.CreateLogGroupInput)
		want Fate
	}{
		{"tags", func(in *cloudwatchlogs.CreateLogGroupInput) { in.Tags = map[string]string{"team": "orders"} }, Delivered},
		{"another name", func(in *cloudwatchlogs.CreateLogGroupInput) { in.LogGroupName = nil }, Delivered},
		{"panic", func(*cloudwatchlogs.CreateLogGroupInput) { panic(os.ErrInvalid) }, Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				s.NewGroup = tt.f
				s.Deliver(t.Context(), chunked("a", "b"), "", r.report)
				if n := r.count(tt.want); n != 2 {
					t.Errorf("got fates %v, want 2 %s", r.fates, tt.want)
				}
				if tt.want == Refused && (len(r.whys) != 1 || !errors.Is(r.whys[0], os.ErrInvalid)) {
					t.Errorf("got reasons %v, want the panic's error", r.whys)
				}
			})
		})
	}
}

// TestCreateRace has 16 batches of one Stream miss the stream at the same time:
// one creates it, the others wait for that.
func TestCreateRace(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.Fail(cwltest.Fault{Op: "CreateLogStream", Times: 1, Code: "ServiceUnavailableException", Before: time.Second})
		srv.Fail(cwltest.Fault{Op: "Create*", Before: time.Second})
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() { s.Deliver(t.Context(), chunked(fmt.Sprint(i)), "", r.report) })
		}
		all.Wait()
		if n := r.count(Delivered); n != 16 {
			t.Errorf("got %d delivered, want 16", n)
		}
		// The first fails; then group missing, group, stream.
		calls := srv.Stats().Calls
		if calls["CreateLogGroup"] != 1 || calls["CreateLogStream"] != 3 {
			t.Errorf("got %v, want 1 creation of the group and 3 of the stream", calls)
		}
	})
}

// TestCreateWaitCancelled gives up while another batch creates the stream.
func TestCreateWaitCancelled(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.Fail(cwltest.Fault{Op: "Create*", Before: 10 * time.Second})
		var all sync.WaitGroup
		all.Go(func() { s.Deliver(t.Context(), chunked("patient"), "", r.report) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		s.Deliver(ctx, chunked("in a hurry"), "", r.report)
		if took := time.Since(begin); took != time.Second || r.count(Late) != 1 {
			t.Errorf("got %d late after %s, want 1 after a second", r.count(Late), took)
		}
		if err := r.whys[0]; !strings.HasPrefix(err.Error(), "create stream /g/s: ") || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got the reason %v, want what it waited for, and that time ran out", err)
		}
		all.Wait()
		if got := r.fates["patient"]; got != Delivered {
			t.Errorf("got %s for who waited, want delivered", got)
		}
	})
}
