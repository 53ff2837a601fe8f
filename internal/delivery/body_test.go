package delivery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/batch"
)

// chunked puts texts into a chunk, a millisecond apart.
func chunked(texts ...string) batch.List {
	var q batch.Queue
	for i, text := range texts {
		c := batch.NewChunk(len(text), 0)
		c.ID = uint64(i + 1)
		c.Append(time.Now().UnixMilli()+int64(i), uint32(i), 0, []byte(text))
		q.Add(c)
	}
	return q.Cut(0, false).List
}

// put is what the service makes of a request.
type put struct {
	LogGroupName, LogStreamName string
	SequenceToken               *string
	LogEvents                   []struct {
		Timestamp int64
		Message   string
	}
}

func FuzzBody(f *testing.F) {
	f.Add("/g", "s", "hello", "say \"hi\" \\ 'there'")
	f.Add("/g", "\x00\u2028", "\xff\xf0\x9f", "žluťoučký 🐎 \u2028\u2029 <&>\x7f")
	f.Add("", "", " ", "\t\r\n\b\f\x01")
	f.Fuzz(func(t *testing.T, group, stream, a, b string) {
		if len(a) > 1<<16 || len(b) > 1<<16 || a == "" || b == "" {
			return
		}
		evs := chunked(a, b)
		for _, tok := range []*string{nil, &stream} {
			text, _ := appendPut(nil, group, stream, tok, evs, nil)
			var got, want put
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("%v in %q", err, text)
			}
			// The same by encoding/json.
			stock := map[string]any{"LogGroupName": group, "LogStreamName": stream, "LogEvents": []map[string]any{
				{"Timestamp": evs.First(), "Message": a}, {"Timestamp": evs.Last(), "Message": b},
			}}
			if tok != nil {
				stock["SequenceToken"] = *tok
			}
			text, err := json.Marshal(stock)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("got %+v, want %+v", got, want)
			}
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

type doFunc func(*http.Request) (*http.Response, error)

func (f doFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

type silent struct{}

func (silent) Put(int, int, bool)  {}
func (silent) Trouble(error, bool) {}

// TestBodyHook fails when the SDK no longer uses its Protocol, so that the fast
// way to send cannot get lost unnoticed.
func TestBodyHook(t *testing.T) {
	evs := chunked("a", "say \"b\"", "\xff")
	fast, got := bodyOf(t, func(c *cloudwatchlogs.Client) {
		s := &Stream{Client: c, Group: "/g", Name: "s", Observer: silent{}}
		s.Deliver(context.Background(), evs, func(_ batch.List, f Fate, err error) {
			if f != Delivered {
				t.Errorf("%s: %v", f, err)
			}
		})
		if !s.bodies.Load() {
			t.Error("the SDK did not take the body")
		}
	})
	if want, _ := appendPut(nil, "/g", "s", nil, evs, nil); !bytes.Equal(got, want) {
		t.Errorf("sent %s, want %s", got, want)
	}
	stock, _ := bodyOf(t, func(c *cloudwatchlogs.Client) {
		group, stream := "/g", "s"
		in, err := input(newRequest(evs))
		if err != nil {
			t.Error(err)
		}
		_, err = c.PutLogEvents(context.Background(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: in}, once)
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
	s := &Stream{Client: srv.Client(), Group: "/g", Name: "s", Observer: silent{}}
	s.Deliver(context.Background(), chunked("a", "b"), func(_ batch.List, f Fate, err error) {
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
	s := &Stream{Client: c, Group: "/g", Name: "s", Observer: silent{}}
	s.Deliver(context.Background(), chunked("a", "b"), func(_ batch.List, f Fate, err error) {
		if f != Delivered {
			t.Errorf("%s: %v", f, err)
		}
	})
	if got := fmt.Sprint(srv.Messages("/g", "s")); got != "[a b]" || s.bodies.Load() {
		t.Errorf("stored %s, by bodies %t", got, s.bodies.Load())
	}
}

// TestBodyUnused has an SDK that takes the option and does not use it.
func TestBodyUnused(t *testing.T) {
	srv := cwltest.NewServer(t)
	c := srv.Client()
	s := &Stream{Client: forgetful{c}, Group: "/g", Name: "s", Observer: silent{}}
	s.init.Do(func() { s.bodies.Store(true) })
	s.Deliver(context.Background(), chunked("a", "b"), func(_ batch.List, f Fate, err error) {
		if f != Delivered {
			t.Errorf("%s: %v", f, err)
		}
	})
	if got := fmt.Sprint(srv.Messages("/g", "s")); got != "[a b]" || s.bodies.Load() {
		t.Errorf("stored %s, by bodies %t", got, s.bodies.Load())
	}
}

type forgetful struct{ *cloudwatchlogs.Client }

func (f forgetful) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	return f.Client.PutLogEvents(ctx, in, once)
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
	s := &Stream{Group: "/g", Name: "s", Observer: silent{}, Client: srv.Client(cloudwatchlogs.WithAPIOptions(func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(spy, "ComputePayloadHash", middleware.After)
	}))}
	r := newRequest(chunked("a", "b"))
	if _, err := s.send(t.Context(), r, nil, 0); err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256(r.body.text)
	r.body.hash = "kept" // where there is one, none is computed
	_, err := s.send(t.Context(), r, nil, 0)
	if got := fmt.Sprint(hashes); got != fmt.Sprintf("[%x kept]", want) {
		t.Errorf("got hashes %s and then %v, want %x and what was kept of it", got, err, want)
	}
}

// TestConnectionReused has one connection do for all puts, see stream; also when
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
	s := &Stream{Client: c, Group: "/g", Name: "s", Observer: silent{}}
	for range 200 {
		s.Deliver(t.Context(), chunked("a"), func(_ batch.List, f Fate, err error) {
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
			r := newRequest(chunked("a\xff", "b"))
			size := r.size
			spare.Store(nil)
			if _, err := s.send(t.Context(), r, nil, 0); err == nil {
				t.Errorf("a call that %s: no error", name)
			}
			if r.body != nil || spare.Load() != nil || r.size != size {
				t.Errorf("a call that %s: its body is kept, or its size is %d, want %d", name, r.size, size)
			}
		}
		close(let)
	})
}
