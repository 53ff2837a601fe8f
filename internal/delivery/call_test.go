package delivery

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
)

// TestCall is about clients that do not behave.
func TestCall(t *testing.T) {
	type out struct{}
	boom := errors.New("boom")
	cause := errors.New("nobody waits")
	for _, tt := range []struct {
		name   string
		f      func(context.Context) (*out, error)
		cancel time.Duration // 0: never
		takes  time.Duration
		want   []error // that errors.Is finds
		text   string
	}{
		{"answers", func(context.Context) (*out, error) { return new(out), nil }, 0, 0, nil, ""},
		{"fails", func(context.Context) (*out, error) { return nil, boom }, 0, 0, []error{boom}, "boom"},
		{"panics", func(context.Context) (*out, error) { panic("oh") }, 0, 0, []error{}, "client panicked: oh"},
		{"panics with an error", func(context.Context) (*out, error) { panic(boom) }, 0, 0, []error{boom}, "client panicked: boom"},
		{"waits for its context", func(ctx context.Context) (*out, error) { <-ctx.Done(); return nil, ctx.Err() }, 0,
			3 * time.Second, []error{context.DeadlineExceeded}, "no answer in 3s"},
		{"is cancelled", func(ctx context.Context) (*out, error) { <-ctx.Done(); return nil, ctx.Err() }, time.Second,
			time.Second, []error{cause, context.Canceled}, "nobody waits"},
		{"comes late", func(ctx context.Context) (*out, error) { <-ctx.Done(); time.Sleep(grace / 2); return new(out), nil }, 0,
			3*time.Second + grace/2, nil, ""},
		{"panics late", func(ctx context.Context) (*out, error) { <-ctx.Done(); time.Sleep(grace / 2); panic(boom) }, 0,
			3*time.Second + grace/2, []error{boom, context.DeadlineExceeded}, "no answer in 3s"},
		{"does not come back", func(context.Context) (*out, error) { time.Sleep(time.Hour); panic(boom) }, 0,
			3*time.Second + grace, []error{context.DeadlineExceeded}, "no answer in 3s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, func() { cancel(cause) })
				}
				begin := time.Now()
				_, _, err := call(ctx, new(caller), within(3*time.Second), tt.f)
				if took := time.Since(begin); took != tt.takes {
					t.Errorf("it took %s, want %s", took, tt.takes)
				}
				if (err == nil) != (tt.want == nil) {
					t.Fatalf("got %v, want %v", err, tt.want)
				}
				for _, want := range tt.want {
					if !errors.Is(err, want) {
						t.Errorf("got %v, want %v in it", err, want)
					}
				}
				if err != nil && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("got %q, want %q in it", err, tt.text)
				}
				time.Sleep(2 * time.Hour) // let the stuck one go
			})
		})
	}
}

// TestAbandoned leaves calls behind that do not come back, up to a number, and goes on
// when they are back.
func TestAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			c    caller
			let  = make(chan struct{})
			made atomic.Int32
		)
		try := func() error {
			_, _, err := call(t.Context(), &c, within(time.Second), func(context.Context) (int, error) {
				made.Add(1)
				<-let
				return 0, nil
			})
			return err
		}
		for i := range maxAbandoned {
			if err := try(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("call %d = %v, want a time-out", i, err)
			}
		}
		if err := try(); !errors.Is(err, errAbandoned) || classify(err) != classRetry || made.Load() != maxAbandoned {
			t.Errorf("got %v with %d calls made, want %v, which passes, with %d", err, made.Load(), errAbandoned, maxAbandoned)
		}
		close(let)
		synctest.Wait()
		if err := try(); err != nil || c.abandoned.Load() != 0 {
			t.Errorf("got %v with %d away, want nil with none", err, c.abandoned.Load())
		}
	})
}

// A deaf transport does not return as long as it is not let go, whatever its
// request's context says.
type deaf struct {
	next http.RoundTripper
	let  <-chan struct{}
}

func (d deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	<-d.let
	return d.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
}

// TestAbandonedBodies has the SDK's own client stuck: when it is back, it still gets
// bodies that were made here.
func TestAbandonedBodies(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		let := make(chan struct{})
		s.Client = srv.Client(func(o *cloudwatchlogs.Options) {
			o.HTTPClient = &http.Client{Transport: deaf{srv.Transport(), let}}
		})
		time.AfterFunc(time.Hour, func() { close(let) })
		s.Deliver(t.Context(), chunked("one"), "", r.report)
		if n := r.count(Delivered); n != 1 {
			t.Errorf("got %d delivered, want 1", n)
		}
		if !s.takesBodies.Load() {
			t.Error("got no more bodies after an outage, want them")
		}
	})
}
