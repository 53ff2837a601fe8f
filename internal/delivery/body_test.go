package delivery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/batch"
)

// A lister notes how many options come with each put, one with a body and two
// without, and hides them.
type lister struct {
	forgetful
	n []int
}

func (l *lister) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, fs ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	l.n = append(l.n, len(fs))
	return l.forgetful.PutLogEvents(ctx, in, fs...)
}

// TestBodyTwice looks at the put that follows one whose body was not used: it
// must not bring that body along, or back, since it is in use elsewhere.
func TestBodyTwice(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		l := &lister{forgetful: forgetful{srv.Client()}}
		s.Client = l
		s.prepare()
		s.takesBodies.Store(true)
		s.Deliver(t.Context(), chunked("a", "b"), "", r.report)
		if want := []int{1, 2}; !slices.Equal(l.n, want) {
			t.Errorf("got puts with %v options, want %v: the second without a body", l.n, want)
		}
		if n := r.count(Delivered); n != 2 {
			t.Errorf("got %d delivered, want 2", n)
		}
	})
}

// TestBodyMiddleware has something of the user's fail before the SDK asks for a
// body: that is no reason to do without, and no reason to try twice.
func TestBodyMiddleware(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		calls := 0
		s.Client = srv.Client(cloudwatchlogs.WithAPIOptions(func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("limiter",
				func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
					if calls++; calls <= 3 {
						return middleware.InitializeOutput{}, middleware.Metadata{}, errDown
					}
					return next.HandleInitialize(ctx, in)
				}), middleware.Before)
		}))
		s.Deliver(t.Context(), chunked("a", "b"), "", r.report)
		if !s.takesBodies.Load() || calls != 4 || r.puts != 4 {
			t.Errorf("got bodies %t after %d calls for %d attempts, want them and 4 for 4", s.takesBodies.Load(), calls, r.puts)
		}
		if n := r.count(Delivered); n != 2 {
			t.Errorf("got %d delivered, want 2", n)
		}
	})
}

// bodyOf gives what a client sends for a put.
func bodyOf(t *testing.T, do func(c *cloudwatchlogs.Client)) (req *http.Request, text []byte) {
	t.Helper()
	var srv cwltest.Server
	c := srv.Client(func(o *cloudwatchlogs.Options) {
		o.HTTPClient = doFunc(func(r *http.Request) (*http.Response, error) {
			var err error
			if text, err = io.ReadAll(r.Body); err != nil {
				t.Error(err)
			}
			req = r
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("{}")), Header: http.Header{}}, nil
		})
	})
	do(c)
	return req, text
}

// TestBodyHook fails when the SDK no longer uses its Protocol, so that the fast
// way to send cannot get lost unnoticed.
func TestBodyHook(t *testing.T) {
	evs := chunked("a", "say \"b\"", "\xff")
	fast, got := bodyOf(t, func(c *cloudwatchlogs.Client) {
		s := &Stream{Name: "s", Service: &Service{Client: c, Group: "/g", Recorder: silent{}}}
		s.Deliver(context.Background(), evs, "", func(_ batch.List, _ bool, f Fate, err error) {
			if f != Delivered {
				t.Errorf("%s: %v", f, err)
			}
		})
		if !s.takesBodies.Load() {
			t.Error("the SDK did not take the body")
		}
	})
	if want, _ := (&payload{"/g", "s", nil, "", 0, evs, nil}).append(nil, nil, nil); !bytes.Equal(got, want) {
		t.Errorf("sent %s, want %s", got, want)
	}
	stock, _ := bodyOf(t, func(c *cloudwatchlogs.Client) {
		group, stream := "/g", "s"
		in, err := newRequest(evs, "").input()
		if err != nil {
			t.Error(err)
		}
		_, err = c.PutLogEvents(context.Background(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: in}, noRetryNoLog)
		if err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"X-Amz-Target", "Content-Type"} {
		if got, want := fast.Header.Get(name), stock.Header.Get(name); got != want {
			t.Errorf("%s is %q, of the SDK itself %q", name, got, want)
		}
	}
	if fast.Method != stock.Method || fast.URL.String() != stock.URL.String() || fast.ContentLength != int64(len(got)) {
		t.Errorf("%s %s of %d bytes, of the SDK itself %s %s", fast.Method, fast.URL, fast.ContentLength, stock.Method, stock.URL)
	}
}

// TestBodySigned has a server verify the signature of a body, also when it is
// sent again.
func TestBodySigned(t *testing.T) {
	srv := cwltest.NewServer(t)
	srv.SecretKey = "secret"
	srv.Fail(cwltest.Fault{Op: "PutLogEvents", Skip: 1, Times: 2, Status: 500})
	s := &Stream{Name: "s", Service: &Service{Client: srv.Client(), Group: "/g", Recorder: silent{}}}
	s.Deliver(context.Background(), chunked("a", "b"), "", func(_ batch.List, _ bool, f Fate, err error) {
		if f != Delivered {
			t.Errorf("%s: %v", f, err)
		}
	})
	if got := fmt.Sprint(srv.Messages("/g", "s")); got != "[a b]" {
		t.Errorf("stored %s", got)
	}
}

// otherProtocol is one that no body is made for.
type otherProtocol struct{ smithyhttp.ClientProtocol }

func (otherProtocol) ID() smithy.ShapeID { return smithy.ShapeID{Namespace: "x", Name: "y"} }

func TestBodyUnknownProtocol(t *testing.T) {
	srv := cwltest.NewServer(t)
	c := srv.Client(func(o *cloudwatchlogs.Options) { o.Protocol = otherProtocol{o.Protocol} })
	s := &Stream{Name: "s", Service: &Service{Client: c, Group: "/g", Recorder: silent{}}}
	s.Deliver(context.Background(), chunked("a", "b"), "", func(_ batch.List, _ bool, f Fate, err error) {
		if f != Delivered {
			t.Errorf("%s: %v", f, err)
		}
	})
	if got := fmt.Sprint(srv.Messages("/g", "s")); got != "[a b]" || s.takesBodies.Load() {
		t.Errorf("stored %s, by bodies %t", got, s.takesBodies.Load())
	}
}

// TestBodyUnused has an SDK that takes the option and does not use it.
func TestBodyUnused(t *testing.T) {
	srv := cwltest.NewServer(t)
	c := srv.Client()
	s := &Stream{Name: "s", Service: &Service{Client: forgetful{c}, Group: "/g", Recorder: silent{}}}
	s.prepare()
	s.takesBodies.Store(true)
	s.Deliver(context.Background(), chunked("a", "b"), "", func(_ batch.List, _ bool, f Fate, err error) {
		if f != Delivered {
			t.Errorf("%s: %v", f, err)
		}
	})
	if got := fmt.Sprint(srv.Messages("/g", "s")); got != "[a b]" || s.takesBodies.Load() {
		t.Errorf("stored %s, by bodies %t", got, s.takesBodies.Load())
	}
}

// TestDigest has the hash of a body be that of all of it, whatever was made in the
// same memory before.
func TestDigest(t *testing.T) {
	for _, size := range []int{1, 78, digestPiece - 1, digestPiece, 3*digestPiece + 7, 300 << 10} {
		for _, n := range []int{1, 2, 700} {
			evs := chunked(slices.Repeat([]string{strings.Repeat("x", max(1, size/n))}, n)...)
			for _, gzip := range []bool{false, true} {
				b := newBody(payload{"/g", "s", nil, "", 0, evs, nil}, evs.Size(), gzip)
				if want := fmt.Sprintf("%x", sha256.Sum256(b.text)); b.hash != want {
					t.Errorf("%d events of %d bytes in all, gzip %t: got %s, want %s", n, size, gzip, b.hash, want)
				}
				b.free()
			}
		}
	}
}

// TestHashOnce tries a put twice: the second time its hash is not computed again.
func TestHashOnce(t *testing.T) {
	var (
		hashes []string
		srv    = cwltest.NewServer(t)
	)
	srv.CreateStream("/g", "s")
	spy := middleware.FinalizeMiddlewareFunc("spy", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		hashes = append(hashes, v4.GetPayloadHash(ctx))
		return next.HandleFinalize(ctx, in)
	})
	s := &Stream{Name: "s", Service: &Service{Group: "/g", Recorder: silent{}, Client: srv.Client(cloudwatchlogs.WithAPIOptions(func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(spy, "ComputePayloadHash", middleware.After)
	}))}}
	s.prepare()
	r := newRequest(chunked("a", "b"), "")
	if _, err := s.send(t.Context(), r, 0, false); err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256(r.body.text)
	r.body.hash = "kept" // where there is one, none is computed
	_, err := s.send(t.Context(), r, 0, false)
	if got := fmt.Sprint(hashes); got != fmt.Sprintf("[%x kept]", want) {
		t.Errorf("got hashes %s and then %v, want %x and what was kept of it", got, err, want)
	}
}

// TestConnectionReused has one connection do for all puts, see bodyReader; also when
// the answers have no length and go on behind what the SDK makes of them.
func TestConnectionReused(t *testing.T) {
	var conns atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "{}")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, strings.Repeat("\n", 100))
	}))
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	c := cloudwatchlogs.New(cloudwatchlogs.Options{
		Region: "us-east-1", BaseEndpoint: &srv.URL, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
	s := &Stream{Name: "s", Service: &Service{Client: c, Group: "/g", Recorder: silent{}}}
	for range 200 {
		s.Deliver(t.Context(), chunked("a"), "", func(_ batch.List, _ bool, f Fate, err error) {
			if f != Delivered {
				t.Errorf("%s: %v", f, err)
			}
		})
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("200 puts took %d connections, want 1", n)
	}
}

// TestBodyLeft has calls that may go on reading their body: one that panicked, and
// one that did not come back. It is not used again, and its bad bytes count once.
func TestBodyLeft(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, _ *recorder, srv *cwltest.Server) {
		let := make(chan struct{})
		for name, do := range map[string]doFunc{
			"panicked": func(*http.Request) (*http.Response, error) { panic("instrumentation") },
			"is away":  func(*http.Request) (*http.Response, error) { <-let; return nil, io.EOF },
		} {
			s.Client = srv.Client(func(o *cloudwatchlogs.Options) { o.HTTPClient = do })
			s.prepare()
			r := newRequest(chunked("a\xff", "b"), "")
			size := r.size
			spareBody.Store(nil)
			if _, err := s.send(t.Context(), r, 0, false); err == nil {
				t.Errorf("a call that %s: no error", name)
			}
			if r.body != nil || spareBody.Load() != nil || r.size != size {
				t.Errorf("a call that %s: its body is kept, or its size is %d, want %d", name, r.size, size)
			}
		}
		close(let)
	})
}
