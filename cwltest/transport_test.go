package cwltest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
)

func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && errors.Is(err, syscall.ECONNREFUSED)
}

// reset reports whether the connection went away before an answer came. Over a
// socket a client may also see that its own writing fails.
func reset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) ||
		err != nil && strings.Contains(err.Error(), "server closed idle connection")
}

func TestDeadlineInBlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cwltest.NewServer(t)
		s.CreateStream(group, stream)
		s.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 1, Break: cwltest.BlackHole})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		c := s.Client(once)
		began := time.Now()
		_, err := c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
			LogGroupName: ptr(group), LogStreamName: ptr(stream), LogEvents: at(0)(time.Now().UnixMilli()),
		})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Hour {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		wantCode(t, putNow(t, c, "through"), "")
		wantMessages(t, s, "through")
	})
}

// A server made outside of a bubble serves clients inside of it.
func TestServerOutsideOfBubble(t *testing.T) {
	s := cwltest.NewServer(t)
	s.CreateStream(group, stream)
	c := s.Client()
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			s.Fail(cwltest.Fault{Times: 1, Before: time.Minute})
			began := time.Now()
			wantCode(t, putNow(t, c, "x"), "")
			if d := time.Since(began); d != time.Minute {
				t.Errorf("took %v", d)
			}
		})
	}
	if n := len(s.Events(group, stream)); n != 2 {
		t.Errorf("%d events", n)
	}
}

// A body notes whether it was closed, and that nobody reads it afterwards.
type body struct {
	t      *testing.T
	r      io.Reader
	closed bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.closed {
		b.t.Error("read after Close")
	}
	return b.r.Read(p)
}

func (b *body) Close() error {
	b.closed = true
	return nil
}

func TestBodyIsClosed(t *testing.T) {
	faults := []cwltest.Fault{
		{}, {Code: "ThrottlingException"}, {Break: cwltest.ResetBeforeBody}, {Break: cwltest.ResetMidBody},
		{Break: cwltest.ResetAfterBody}, {Break: cwltest.ResetMidReply},
	}
	for _, f := range faults {
		s := cwltest.NewServer(t)
		s.Fail(f)
		b := &body{t: t, r: strings.NewReader(`{"logGroupName":"g"}`)}
		req := signed(t, "CreateLogGroup", b)
		req.ContentLength = 20
		resp, err := s.Transport().RoundTrip(req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if (err != nil) != (f.Break != 0) || !b.closed {
			t.Errorf("%v: closed %v, error %v", f.Break, b.closed, err)
		}
		s.Close()
		b.closed = false
		if _, err := s.Transport().RoundTrip(signed(t, "CreateLogGroup", b)); !refused(err) || !b.closed {
			t.Errorf("after Close: closed %v, error %v", b.closed, err)
		}
	}
}

func TestMidBodyReadsHalf(t *testing.T) {
	s := cwltest.NewServer(t)
	s.Fail(cwltest.Fault{Break: cwltest.ResetMidBody})
	payload := bytes.NewReader(make([]byte, 1000))
	req := signed(t, "PutLogEvents", io.NopCloser(payload))
	req.ContentLength = 1000
	if _, err := s.Transport().RoundTrip(req); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("error %v", err)
	}
	if n := payload.Len(); n != 500 {
		t.Errorf("%d bytes left of 1000", n)
	}
}

func TestWrongContentLength(t *testing.T) {
	s := cwltest.NewServer(t)
	for _, n := range []int64{19, 21} {
		req := signed(t, "CreateLogGroup", io.NopCloser(strings.NewReader(`{"logGroupName":"g"}`)))
		req.ContentLength = n
		if _, err := s.Transport().RoundTrip(req); err == nil || !strings.Contains(err.Error(), "ContentLength=") {
			t.Errorf("length %d for 20: %v", n, err)
		}
	}
}

func TestCancelWhileServerWaits(t *testing.T) {
	bothWays(t, func(t *testing.T, s *cwltest.Server, c *cloudwatchlogs.Client) {
		s.CreateStream(group, stream)
		for _, f := range []cwltest.Fault{
			{Before: time.Hour}, {After: time.Hour}, {Break: cwltest.BlackHole}, {Break: cwltest.BlackHole, Commit: true},
		} {
			remove := s.Fail(f)
			ctx, cancel := context.WithCancelCause(t.Context())
			calls := s.Stats().Calls["PutLogEvents"]
			errs := make(chan error)
			go func() {
				_, err := c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
					LogGroupName: ptr(group), LogStreamName: ptr(stream), LogEvents: at(0)(time.Now().UnixMilli()),
				})
				errs <- err
			}()
			waitFor(t, func() bool {
				st := s.Stats()
				return st.Calls["PutLogEvents"] > calls && st.Requests[calls].N == 1
			})
			cancel(errors.New("enough"))
			if err := <-errs; err == nil || reset(err) {
				t.Errorf("error %v", err)
			}
			waitFor(t, func() bool { return s.Stats().Requests[calls].Code != "" })
			remove()
		}
		if n := len(s.Events(group, stream)); n != 2 { // After, and Commit
			t.Errorf("%d events stored", n)
		}
	})
}

func TestDeadContext(t *testing.T) {
	s := cwltest.NewServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := &body{t: t, r: strings.NewReader("{}")}
	_, err := s.Transport().RoundTrip(signed(t, "CreateLogGroup", b).WithContext(ctx))
	if !errors.Is(err, context.Canceled) || !b.closed {
		t.Errorf("closed %v, error %v", b.closed, err)
	}
	if _, err := s.Transport().RoundTrip(&http.Request{}); err == nil {
		t.Error("went without a URL")
	}
	if n := len(s.Stats().Requests); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// signed makes a request with a header that looks like a signature.
func signed(t testing.TB, op string, b io.ReadCloser) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://cwltest.invalid/", b)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "Logs_20140328."+op)
	req.Header.Set("X-Amz-Date", "20000101T000000Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20000101/us-east-1/logs/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	return req
}

func ptr[T any](v T) *T { return &v }
