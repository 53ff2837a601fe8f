package delivery

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
)

// TestTroubleMended: what an attempt mends by itself is counted and is no error.
func TestTroubleMended(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(*Stream, *cwltest.Server)
		puts    int
	}{
		{"no group", func(*Stream, *cwltest.Server) {}, 2},
		{"no stream", func(_ *Stream, srv *cwltest.Server) { srv.CreateStream("/g", "another") }, 2},
		{"token", func(_ *Stream, srv *cwltest.Server) {
			srv.CreateStream("/g", "s")
			srv.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 1, Code: "InvalidSequenceTokenException"})
		}, 2},
		{"no group, then a token", func(_ *Stream, srv *cwltest.Server) {
			srv.SequenceTokens = true
			srv.Fail(cwltest.Fault{Op: "PutLogEvents", Skip: 1, Times: 1, Code: "InvalidSequenceTokenException"})
		}, 3},
		{"idle connection", func(s *Stream, srv *cwltest.Server) {
			srv.CreateStream("/g", "s")
			s.Client = srv.Client(func(o *cloudwatchlogs.Options) {
				o.HTTPClient = &http.Client{Transport: &idler{next: srv.Transport()}}
			})
		}, 2},
		{"delivered before", func(_ *Stream, srv *cwltest.Server) {
			srv.CreateStream("/g", "s")
			srv.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 1, Code: "DataAlreadyAcceptedException", Commit: true})
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				tt.prepare(s, srv)
				s.Deliver(t.Context(), chunked("a", "b"), "", r.report)
				if r.count(Delivered) != 2 || r.puts != tt.puts || len(r.errs) > 0 {
					t.Errorf("got %d delivered by %d puts and errors %v, want 2 by %d and none", r.count(Delivered), r.puts, r.errs, tt.puts)
				}
			})
		})
	}
}

// TestTroubleForm: whatever fails, it is reported once and says what for.
func TestTroubleForm(t *testing.T) {
	const put = "put 3 events to /g/s: "
	for _, tt := range []struct {
		name  string
		fault cwltest.Fault
		want  []string // beginnings
	}{
		{"passes", cwltest.Fault{Op: "PutLogEvents", Times: 2, Code: "ThrottlingException"}, []string{put, put}},
		{"is refused", cwltest.Fault{Op: "PutLogEvents", Times: 1, Code: "AccessDeniedException"}, []string{put}},
		{"is bad", cwltest.Fault{Op: "PutLogEvents", Times: 1, Code: "InvalidParameterException"}, []string{put}},
		{"is not answered", cwltest.Fault{Op: "PutLogEvents", Break: cwltest.BlackHole}, []string{put, put}},
		{"never exists", cwltest.Fault{Op: "PutLogEvents", Times: 5, Code: "ResourceNotFoundException"}, []string{put}},
		{"cannot be created", cwltest.Fault{Op: "CreateLogStream", Times: 1, Code: "AccessDeniedException"}, []string{"create stream /g/s: "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				srv.Fail(tt.fault)
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
				defer cancel()
				s.Deliver(ctx, chunked("a", "b", "c"), "", r.report)
				var got []string
				for _, err := range r.errs {
					got = append(got, err.Error())
				}
				if !slices.EqualFunc(got, tt.want, strings.HasPrefix) {
					t.Errorf("got %q, want errors that begin with %q", got, tt.want)
				}
			})
		})
	}
}

// TestSkewedClock has a server that refuses signatures from a clock that is ten
// minutes late: the SDK learns that, and nothing is lost.
func TestSkewedClock(t *testing.T) {
	srv := cwltest.NewServer(t)
	srv.CreateStream("/g", "s")
	const late = 10 * time.Minute
	refused := 0
	c := srv.Client(func(o *cloudwatchlogs.Options) {
		next := o.HTTPClient
		o.HTTPClient = doFunc(func(r *http.Request) (*http.Response, error) {
			signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
			if err != nil {
				t.Error(err)
			}
			if now := time.Now().Add(late); now.Sub(signed) > 5*time.Minute {
				refused++
				text := `{"__type":"InvalidSignatureException","message":"Signature expired"}`
				return &http.Response{StatusCode: 400, Body: io.NopCloser(strings.NewReader(text)), Header: http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}}, nil
			}
			return next.Do(r)
		})
	})
	r := new(recorder)
	s := &Stream{Name: "s", Service: &Service{Client: c, Group: "/g", Recorder: r}}
	s.Deliver(t.Context(), chunked("a", "b"), "", r.report)
	if got := fmt.Sprint(srv.Messages("/g", "s")); got != "[a b]" || refused != 1 || r.count(Delivered) != 2 {
		t.Errorf("stored %s after %d refusals, %d delivered, want [a b] after one", got, refused, r.count(Delivered))
	}
}
