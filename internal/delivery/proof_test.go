package delivery

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
)

// A stand is before a server and answers puts itself, some times.
type stand struct {
	next   http.RoundTripper
	status int
	head   http.Header
	text   string
	times  int
}

func (s *stand) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.times == 0 || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutLogEvents") {
		return s.next.RoundTrip(r)
	}
	s.times--
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	h := s.head.Clone()
	if h == nil {
		h = http.Header{}
	}
	return &http.Response{StatusCode: s.status, ProtoMajor: 1, ProtoMinor: 1, Header: h, Body: io.NopCloser(strings.NewReader(s.text)), ContentLength: int64(len(s.text)), Request: r}, nil
}

// inStand is inStream with a stream that exists, and somebody before it who
// answers so many puts.
func inStand(t *testing.T, st *stand, f func(*testing.T, *Stream, *recorder, *cwltest.Server)) {
	t.Helper()
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		st.next = srv.Transport()
		s.Client = srv.Client(func(o *cloudwatchlogs.Options) {
			// As the SDK's own, it follows no redirect.
			o.HTTPClient = &http.Client{Transport: st, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		})
		f(t, s, r, srv)
	})
}

// TestProof has somebody answer a put with a success. It counts if CloudWatch
// Logs, or one that does the same, can have said it; otherwise the put is made
// again, until something else comes.
func TestProof(t *testing.T) {
	id := http.Header{"X-Amzn-Requestid": {"4711"}}
	for _, tt := range []struct {
		name   string
		status int
		head   http.Header
		text   string
		counts bool
	}{
		{"empty object", 200, nil, `{}`, true},
		{"token", 200, nil, `{"nextSequenceToken":"495"}`, true},
		{"token is null", 200, nil, ` {"nextSequenceToken":null} ` + "\n", true},
		{"rejected", 200, nil, `{"nextSequenceToken":"1","rejectedLogEventsInfo":{"tooNewLogEventStartIndex":2}}`, true},
		{"entity", 200, nil, `{"rejectedEntityInfo":{"errorType":"InvalidAttributes"}}`, true},
		{"request id, empty", 200, id, ``, true},
		{"request id of another form", 200, http.Header{"X-Amz-Requestid": {"4711"}}, ``, true},
		{"request id, something new", 200, id, `{"somethingNew":1}`, true},
		{"empty", 200, nil, ``, false},
		{"white space", 200, nil, "\n", false},
		{"204", 204, nil, ``, false},
		{"202", 202, nil, ``, false},
		{"health page", 200, nil, `{"status":"UP"}`, false},
		{"token and more", 200, nil, `{"nextSequenceToken":"1","status":"UP"}`, false},
		{"null", 200, nil, `null`, false},
		{"true", 200, nil, `true`, false},
		{"OK", 200, nil, `OK`, false},
		{"string", 200, nil, `"OK"`, false},
		{"list", 200, nil, `[]`, false},
		{"two objects", 200, nil, `{}{}`, false},
		{"half an object", 200, nil, `{"nextSequenceToken":`, false},
		{"page", 200, http.Header{"Content-Type": {"text/html"}}, "<html>\x1b[31mlog in\r\n\u2028</html>", false},
		{"bytes", 200, nil, "\xff\x00\xfe", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStand(t, &stand{status: tt.status, head: tt.head, text: tt.text, times: 2}, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				s.Deliver(t.Context(), chunked("a", "b"), "", r.report)
				if tt.counts {
					if r.puts != 1 || r.count(Delivered) != 2 || len(r.errs) > 0 {
						t.Errorf("got fates %v after %d puts and %v, want 2 delivered by one", r.fates, r.puts, r.errs)
					}
					return
				}
				if got := fmt.Sprint(srv.Messages("/g", "s")); r.puts != 3 || got != "[a b]" || r.count(Delivered) != 2 {
					t.Errorf("got fates %v after %d puts and %s stored, want 2 delivered by the third", r.fates, r.puts, got)
				}
				for _, err := range r.errs {
					text := err.Error()
					if !strings.Contains(text, "did not come from CloudWatch Logs") || !strings.Contains(Hint(err), "check the endpoint") || strings.ContainsFunc(text, unicode.IsControl) || strings.Contains(text, "\u2028") {
						t.Errorf("got %q with the hint %q, want one that says whose it is, without control characters", text, Hint(err))
					}
				}
			})
		})
	}
}

// TestGateway has somebody answer a put with an error that CloudWatch Logs did
// not make. Whatever it says, it passes.
func TestGateway(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		head   http.Header
		text   string
	}{
		{"no route", 404, nil, `{"message":"no Route matched with those values"}`},
		{"forbidden", 403, nil, `{"message":"Forbidden"}`},
		{"bad request", 400, nil, `{"message":"Bad Request"}`},
		{"unauthorized", 401, nil, `{"error":"unauthorized"}`},
		{"empty 403", 403, nil, ``},
		{"empty 404", 404, nil, ``},
		{"empty object", 400, nil, `{}`},
		{"method", 405, nil, `{}`},
		{"gone", 410, nil, `{"Message":"gone"}`},
		{"teapot", 418, nil, `short and stout`},
		{"page", 404, http.Header{"Content-Type": {"text/html"}}, page},
		{"page 403", 403, nil, page},
		{"number for a code", 403, nil, `{"code":403,"message":"no"}`},
		{"text for a code", 403, nil, `{"code":"RBAC: access denied","message":"no"}`},
		{"code of its own", 404, nil, `{"code":"ROUTE_NOT_FOUND","message":"no"}`},
		{"lower case", 403, nil, `{"code":"forbidden"}`},
		{"like AWS, without an id", 403, nil, `{"code":"Forbidden"}`},
		{"exception of its own", 404, nil, `{"code":"NoRouteException","message":"no"}`},
		{"exception in the head", 403, http.Header{"X-Amzn-Errortype": {"ForbiddenException"}}, `{"message":"Forbidden"}`},
		{"nested", 502, nil, `{"error":{"code":"upstream"}}`},
		{"null", 400, nil, `null`},
		{"list", 400, nil, `[]`},
		{"redirect", 302, http.Header{"Location": {"https://login.example.com/"}}, ``},
		{"not modified", 304, nil, ``},
		{"proxy wants a password", 407, nil, ``},
		{"control characters", 403, nil, `{"code":"\u001b[31mred\u2028","message":"\u001b[0m"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStand(t, &stand{status: tt.status, head: tt.head, text: tt.text, times: 2}, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				s.Deliver(t.Context(), chunked("a", "b"), "", r.report)
				if got := fmt.Sprint(srv.Messages("/g", "s")); got != "[a b]" || r.count(Delivered) != 2 {
					t.Errorf("got fates %v and %s stored, want 2 delivered", r.fates, got)
				}
				for _, err := range r.errs {
					if classify(err) != classRetry || strings.ContainsFunc(Code(err)+Hint(err), unicode.IsControl) {
						t.Errorf("got %v of class %d with code %q, hint %q, want it to pass", err, classify(err), Code(err), Hint(err))
					}
				}
			})
		})
	}
}

// TestAnswer has the service itself say no: that decides.
func TestAnswer(t *testing.T) {
	id := func(kind string) http.Header {
		return http.Header{"X-Amzn-Requestid": {"4711"}, "X-Amzn-Errortype": {kind}}
	}
	for _, tt := range []struct {
		name   string
		status int
		head   http.Header
		text   string
		want   Fate
	}{
		{"denied", 400, nil, `{"__type":"AccessDeniedException","Message":"no"}`, Refused},
		{"denied, full name", 400, nil, `{"__type":"com.amazonaws.logs#AccessDeniedException"}`, Refused},
		{"denied, in the head", 403, id("AccessDeniedException:http://internal.amazon.com/"), ``, Refused},
		{"unknown key", 400, nil, `{"__type":"UnrecognizedClientException"}`, Refused},
		{"unknown id", 403, nil, `{"__type":"InvalidClientTokenId"}`, Refused},
		{"signature", 403, nil, `{"__type":"InvalidSignatureException"}`, Refused},
		{"unknown operation", 400, nil, `{"__type":"UnknownOperationException"}`, Refused},
		{"new, with an id", 400, id("SomethingNew"), `{}`, Refused},
		{"throttled", 400, nil, `{"__type":"ThrottlingException"}`, Delivered},
		{"throttled by another name", 400, nil, `{"__type":"SlowDown"}`, Delivered},
		{"expired", 400, nil, `{"__type":"ExpiredTokenException"}`, Delivered},
		{"down", 500, nil, `{"__type":"InternalFailure"}`, Delivered},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStand(t, &stand{status: tt.status, head: tt.head, text: tt.text, times: 2}, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				s.Deliver(t.Context(), chunked("a", "b"), "", r.report)
				if n := r.count(tt.want); n != 2 {
					t.Errorf("got fates %v and %v, want %s", r.fates, r.errs, tt.want)
				}
			})
		})
	}
}

// A strict proxy resets connections that bring more than it wants, without an
// answer.
type strict struct {
	next http.RoundTripper
	most atomic.Int64
	err  error
	puts []int64
}

func (s *strict) RoundTrip(r *http.Request) (*http.Response, error) {
	s.puts = append(s.puts, r.ContentLength)
	if r.ContentLength > s.most.Load() {
		return nil, s.err
	}
	return s.next.RoundTrip(r)
}

// TestResets has a proxy reset large bodies: after some of that smaller ones are
// tried. A proxy that resets everything is an outage.
func TestResets(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
	}{
		{"reset while reading", &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}},
		{"reset while writing", &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}},
		{"closed", io.EOF},
		{"broken off", io.ErrUnexpectedEOF},
		{"stream of HTTP/2", errors.New("stream error: stream ID 5; REFUSED_STREAM; received from peer")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				srv.CreateStream("/g", "s")
				proxy := &strict{next: srv.Transport(), err: tt.err}
				proxy.most.Store(100 << 10)
				s.Client = srv.Client(func(o *cloudwatchlogs.Options) { o.HTTPClient = &http.Client{Transport: proxy} })
				want := texts("%03d "+strings.Repeat("x", 1000), 900)
				s.Deliver(t.Context(), chunked(want...), "notice", r.report)
				got := srv.Messages("/g", "s")
				if i := slices.Index(got, "notice"); i < 0 {
					t.Error("the notice is not in the stream")
				} else {
					got = slices.Delete(got, i, i+1)
				}
				if !slices.Equal(got, want) || r.count(Delivered) != 900 {
					t.Errorf("got %d events in the stream and %d delivered, want all of %d in their order", len(got), r.count(Delivered), len(want))
				}
				if len(r.notices) != 1 || r.puts > 50 {
					t.Errorf("got the notice reported as %v and %d puts, want it once and 50 at most: %v", r.notices, r.puts, proxy.puts)
				}
			})
		})
	}
	t.Run("everything", func(t *testing.T) {
		inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
			srv.CreateStream("/g", "s")
			proxy := &strict{next: srv.Transport(), err: io.EOF}
			proxy.most.Store(-1)
			s.Client = srv.Client(func(o *cloudwatchlogs.Options) { o.HTTPClient = &http.Client{Transport: proxy} })
			time.AfterFunc(10*time.Minute, func() { proxy.most.Store(1 << 30) })
			want := texts("%03d "+strings.Repeat("x", 1000), 900)
			s.Deliver(t.Context(), chunked(want...), "", r.report)
			if got := srv.Messages("/g", "s"); !slices.Equal(got, want) || r.count(Delivered) != 900 {
				t.Errorf("got %d events in the stream and %d delivered, want all of %d in their order", len(got), r.count(Delivered), len(want))
			}
			sizes := slices.Compact(slices.Sorted(slices.Values(proxy.puts)))
			if len(sizes) != 2 || sizes[0] > 200 {
				t.Errorf("got puts of %d bytes, want the whole batch and controls only", sizes)
			}
		})
	})
	t.Run("no connection", func(t *testing.T) {
		inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
			srv.CreateStream("/g", "s")
			proxy := &strict{next: srv.Transport(), err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}
			proxy.most.Store(-1)
			s.Client = srv.Client(func(o *cloudwatchlogs.Options) { o.HTTPClient = &http.Client{Transport: proxy} })
			time.AfterFunc(time.Minute, func() { proxy.most.Store(1 << 30) })
			s.Deliver(t.Context(), chunked(texts("%03d "+strings.Repeat("x", 1000), 900)...), "", r.report)
			if slices.Min(proxy.puts) != slices.Max(proxy.puts) || r.count(Delivered) != 900 {
				t.Errorf("got %d delivered by puts of %d bytes, want 900 and all puts alike", r.count(Delivered), proxy.puts)
			}
		})
	})
}
