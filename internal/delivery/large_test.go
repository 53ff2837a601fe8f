package delivery

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
)

// A tripFunc is a transport.
type tripFunc func(*http.Request) (*http.Response, error)

func (f tripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestTooLargeUnsaid has something on the way that does not let large puts through,
// and does not say why: smaller ones are tried.
func TestTooLargeUnsaid(t *testing.T) {
	for _, tt := range []struct {
		name  string
		large tripFunc
	}{
		{"403 with a page", func(*http.Request) (*http.Response, error) { return answer(403, page), nil }},
		{"400 without a type", func(*http.Request) (*http.Response, error) { return answer(400, `{"message":"no"}`), nil }},
		{"502", func(*http.Request) (*http.Response, error) { return answer(502, ""), nil }},
		{"200 with a page", func(*http.Request) (*http.Response, error) { return answer(200, page), nil }},
		{"no answer", hang},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				srv.CreateStream("/g", "s")
				s.Client = srv.Client(func(o *cloudwatchlogs.Options) {
					o.HTTPClient = &http.Client{Transport: tripFunc(func(r *http.Request) (*http.Response, error) {
						if r.ContentLength > 8<<10 {
							return tt.large(r)
						}
						return srv.Transport().RoundTrip(r)
					})}
				})
				want := texts("%03d "+strings.Repeat("x", 1000), 60)
				s.Deliver(t.Context(), chunked(want...), "", r.report)
				if got := srv.Messages("/g", "s"); !slices.Equal(got, want) || r.count(Delivered) != len(want) {
					t.Errorf("got %d events in the stream and %d delivered, want all of %d in their order", len(got), r.count(Delivered), len(want))
				}
				if r.puts > 40 {
					t.Errorf("got %d puts, want 40 at most", r.puts)
				}
			})
		})
	}
}

// TestPackedUnsaid has something on the way that answers gzip with a page and
// 200: plain is tried.
func TestPackedUnsaid(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		w := &wire{next: tripFunc(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Content-Encoding") == "gzip" {
				return answer(200, page), nil
			}
			return srv.Transport().RoundTrip(r)
		})}
		s.Client = srv.Client(func(o *cloudwatchlogs.Options) { o.HTTPClient = &http.Client{Transport: w} })
		s.Compress = true
		s.Deliver(t.Context(), chunked(many("a")...), "", r.report)
		s.Deliver(t.Context(), chunked(many("b")...), "", r.report)
		if r.count(Delivered) != 200 || len(srv.Messages("/g", "s")) != 200 {
			t.Errorf("got %d delivered, want 200", r.count(Delivered))
		}
		if got := w.encodings(); got != "gzip plain plain" || s.compression.state.Load() != gzipOff {
			t.Errorf("got puts %s and compression in state %d, want one gzip and no more", got, s.compression.state.Load())
		}
	})
}

// TestEndlessAnswer has an answer that does not end: little of it is read.
func TestEndlessAnswer(t *testing.T) {
	for _, status := range []int{200, 404, 500} {
		inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
			srv.CreateStream("/g", "s")
			endless, first := new(endlessBody), true
			s.Client = srv.Client(func(o *cloudwatchlogs.Options) {
				o.HTTPClient = &http.Client{Transport: tripFunc(func(r *http.Request) (*http.Response, error) {
					if first {
						first = false
						resp := answer(status, "")
						resp.Body = endless
						resp.Header.Set("X-Amzn-Requestid", "r")
						return resp, nil
					}
					return srv.Transport().RoundTrip(r)
				})}
			})
			s.Deliver(t.Context(), chunked("a"), "", r.report)
			if r.count(Delivered) != 1 || r.puts != 2 || endless.read > 2*maxAnswer || !endless.closed {
				t.Errorf("%d: got fates %v after %d puts, %d bytes read and closed %t, want 1 delivered by the second, and little read", status, r.fates, r.puts, endless.read, endless.closed)
			}
		})
	}
}

type endlessBody struct {
	read   int
	closed bool
}

func (e *endlessBody) Read(p []byte) (int, error) {
	if e.read > 100*maxAnswer {
		return 0, errors.New("too much was read")
	}
	e.read += copy(p, bytes.Repeat([]byte(" "), len(p)))
	return len(p), nil
}

func (e *endlessBody) Close() error { e.closed = true; return nil }
