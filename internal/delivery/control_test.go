package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/batch"
)

// A firewall refuses puts by what they hold.
type firewall struct {
	next   http.RoundTripper
	bad    func(body string) bool
	refuse func(*http.Request) (*http.Response, error)

	puts, controls int // controls got through
}

func (f *firewall) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutLogEvents") {
		f.puts++
		if f.bad(string(body)) {
			return f.refuse(r)
		}
		if bytes.Contains(body, []byte(controlText)) {
			f.controls++
		}
	}
	return f.next.RoundTrip(r)
}

// showPage has it answer with a page of its own.
func showPage(status int) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"text/html"}}, Body: io.NopCloser(strings.NewReader(page)), Request: r}, nil
	}
}

// reset has it end the connection.
func reset(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

// swallow has it say nothing.
func swallow(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func inFirewall(t *testing.T, fw *firewall, f func(*testing.T, *Stream, *recorder, *cwltest.Server)) {
	t.Helper()
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		fw.next = srv.Transport()
		s.Client = srv.Client(func(o *cloudwatchlogs.Options) { o.HTTPClient = &http.Client{Transport: fw} })
		f(t, s, r, srv)
	})
}

// TestFirewall has somebody on the way refuse some events by what they hold. They
// alone are refused, the others are delivered in their order, and it takes a
// bounded number of puts.
func TestFirewall(t *testing.T) {
	sql := func(body string) bool { return strings.Contains(body, "DROP TABLE") }
	for _, tt := range []struct {
		name   string
		refuse func(*http.Request) (*http.Response, error)
		code   string
	}{
		{"403 with a page", showPage(403), "HTTP 403"},
		{"400 with a page", showPage(400), "HTTP 400"},
		{"502 with a page", showPage(502), "HTTP 502"},
		{"200 with a page", showPage(200), "HTTP 200"},
		{"reset", reset, "syscall.Errno"},
	} {
		for _, list := range []struct {
			name  string
			texts []string
			bad   []int
			burst bool
			most  int // puts
			times int // controls
		}{
			{"the only event", texts("%d", 1), []int{0}, false, 22, 5},
			{"one of two", texts("%d", 2), []int{0}, false, 24, 5},
			{"the last of a thousand", texts("%d", 1000), []int{999}, false, 44, 5},
			{"in one millisecond", texts("%d", 1000), []int{500}, true, 46, 8},
			{"three of a thousand", texts("%d", 1000), []int{1, 2, 700}, false, 92, 10},
			{"all", texts("%d", 4), []int{0, 1, 2, 3}, false, 64, 13},
		} {
			t.Run(tt.name+", "+list.name, func(t *testing.T) {
				fw := &firewall{bad: sql, refuse: tt.refuse}
				inFirewall(t, fw, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
					want := slices.Clone(list.texts)
					for _, i := range list.bad {
						list.texts[i] += " DROP TABLE"
						want[i] = ""
					}
					want = slices.DeleteFunc(want, func(text string) bool { return text == "" })
					evs := chunked(list.texts...)
					if list.burst {
						evs = burst(list.texts...)
					}
					begin := time.Now()
					s.Deliver(t.Context(), evs, "a notice", r.report)
					got := srv.Messages("/g", "s")
					if i := slices.Index(got, "a notice"); i < 0 {
						t.Error("the notice is not in the stream")
					} else {
						got = slices.Delete(got, i, i+1)
					}
					if !slices.Equal(got, want) || r.count(Delivered) != len(want) || r.count(Refused) != len(list.bad) {
						t.Errorf("got %d events in the stream, %d delivered and %d refused, want %d, and %d refused", len(got), r.count(Delivered), r.count(Refused), len(want), len(list.bad))
					}
					for _, why := range r.whys {
						if Code(why) != tt.code || !strings.HasPrefix(why.Error(), "put 1 event to /g/s: ") || !strings.Contains(why.Error(), "other puts get through") || !strings.Contains(Hint(why), "check the firewall") {
							t.Errorf("got the reason %q with code %q and hint %q", why, Code(why), Hint(why))
						}
					}
					if took := time.Since(begin); took > 30*time.Second || fw.puts > list.most || fw.controls > list.times {
						t.Errorf("got %d puts in %s, with %d controls; want %d in 30s, with %d, at most", fw.puts, took, fw.controls, list.most, list.times)
					}
					if s.pace.cause() != nil {
						t.Errorf("the pace slows down: %v", s.pace.cause())
					}
				})
			})
		}
	}
}

// TestFirewallNotice has a notice refused, which is no event.
func TestFirewallNotice(t *testing.T) {
	fw := &firewall{bad: func(body string) bool { return strings.Contains(body, "fallback") }, refuse: showPage(403)}
	inFirewall(t, fw, func(t *testing.T, s *Stream, r *recorder, _ *cwltest.Server) {
		s.Deliver(t.Context(), chunked("a", "b"), "on the fallback", r.report)
		if got, want := strings.Join(r.runs, ", "), "2 delivered, 0 and the notice refused"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// TestFirewallOutage has everything refused for a time, or in turns: that is no
// event's fault, and all are delivered when it is over.
func TestFirewallOutage(t *testing.T) {
	for name, refuse := range map[string]func(*http.Request) (*http.Response, error){"page": showPage(403), "reset": reset, "no answer": swallow} {
		for _, n := range []int{1, 2, 1000} {
			t.Run(name, func(t *testing.T) {
				begin := time.Now()
				fw := &firewall{refuse: refuse}
				inFirewall(t, fw, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
					begin = time.Now()
					fw.bad = func(string) bool { return time.Since(begin) < time.Hour }
					want := texts("%d", n)
					s.Deliver(t.Context(), chunked(want...), "", r.report)
					if got := srv.Messages("/g", "s"); !slices.Equal(got, want) || r.count(Delivered) != n {
						t.Errorf("got %d events in the stream, want %d", len(got), n)
					}
					if after := time.Since(begin) - time.Hour; after > 10*time.Minute || fw.controls > 0 {
						t.Errorf("everything was delivered %s after the outage, with %d controls, want none", after, fw.controls)
					}
				})
			})
		}
	}
}

// TestFirewallFlaps has puts refused by turns for an hour, ten seconds in twenty:
// whatever gets through in between, no event is given up.
func TestFirewallFlaps(t *testing.T) {
	fw := &firewall{refuse: showPage(503)}
	inFirewall(t, fw, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		begin := time.Now()
		fw.bad = func(string) bool {
			since := time.Since(begin)
			return since < time.Hour && since/(10*time.Second)%2 == 0
		}
		for i := range 600 {
			s.Deliver(t.Context(), chunked(texts(strings.Repeat("x", i+1)+"%d", 3)...), "", r.report)
			time.Sleep(6 * time.Second)
		}
		if n := r.count(Delivered); n != 1800 {
			t.Errorf("got %d delivered, want 1800", n)
		}
	})
}

// TestFirewallRandom has most puts fail at random, as behind a gateway with a few
// backends that work: no event is to blame. One in 6,000 is all the same, so the
// choice of what fails is always the same.
func TestFirewallRandom(t *testing.T) {
	for _, percent := range []int{50, 80, 90} {
		random := rand.New(rand.NewPCG(uint64(percent), 0))
		fw := &firewall{refuse: showPage(503), bad: func(string) bool { return random.IntN(100) < percent }}
		inFirewall(t, fw, func(t *testing.T, s *Stream, r *recorder, _ *cwltest.Server) {
			const n = 2000
			for i := range n / 20 {
				s.Deliver(t.Context(), chunked(texts(fmt.Sprintf("%d-%%d", i), 20)...), "", r.report)
			}
			if got := r.count(Delivered); got != n {
				t.Errorf("with %d of 100 puts failing: got %d of %d delivered, want all", percent, got, n)
			}
		})
	}
}

// TestFirewallSwallows has puts that are not answered because of what they hold, or
// because the link is slow: nobody can tell, and nothing is given up.
func TestFirewallSwallows(t *testing.T) {
	for _, text := range []string{"DROP", strings.Repeat("DROP", batch.MaxBytes/8)} {
		fw := &firewall{refuse: swallow}
		inFirewall(t, fw, func(t *testing.T, s *Stream, r *recorder, _ *cwltest.Server) {
			begin := time.Now()
			fw.bad = func(body string) bool { return strings.Contains(body, "DROP") && time.Since(begin) < time.Hour }
			s.Deliver(t.Context(), chunked(text), "", r.report)
			if r.count(Delivered) != 1 || fw.controls > 0 {
				t.Errorf("got fates %v, and %d controls, want it delivered, without", r.fates, fw.controls)
			}
		})
	}
}

// TestFirewallCancelled ends a delivery while it finds out about an event: for that
// and those behind it there was no time.
func TestFirewallCancelled(t *testing.T) {
	for _, after := range []time.Duration{100 * time.Millisecond, time.Second, 2200 * time.Millisecond} {
		fw := &firewall{bad: func(body string) bool { return strings.Contains(body, "DROP") }, refuse: showPage(403)}
		inFirewall(t, fw, func(t *testing.T, s *Stream, r *recorder, _ *cwltest.Server) {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			s.Deliver(ctx, chunked("DROP", "DROP too"), "", r.report)
			if got, want := strings.Join(r.runs, ", "), "2 out of time"; got != want {
				t.Errorf("after %s: got %s, want %s", after, got, want)
			}
			for _, why := range r.whys {
				if Code(why) != "HTTP 403" || errors.As(why, new(*filteredError)) {
					t.Errorf("after %s: got the reason %q, want what the firewall said", after, why)
				}
			}
		})
	}
}
