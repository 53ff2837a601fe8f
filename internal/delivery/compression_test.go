package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/batch"
)

// inPacked is inStream with Compress, a stream that exists, and signatures that
// are verified.
func inPacked(t *testing.T, f func(*testing.T, *Stream, *recorder, *cwltest.Server, *wire)) {
	t.Helper()
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.SecretKey = "secret"
		srv.CreateStream("/g", "s")
		w := &wire{next: srv.Transport()}
		s.Client = srv.Client(func(o *cloudwatchlogs.Options) { o.HTTPClient = &http.Client{Transport: w} })
		s.Compress = true
		f(t, s, r, srv, w)
	})
}

// gzipped is for faults that strike what is compressed.
func gzipped(r *cwltest.Request) bool { return r.Encoding == "gzip" }

// page is what a proxy answers.
const page = "<html><body>no</body></html>"

// many are events that make a put of more than minPacked.
func many(name string) []string { return texts(name+" %d", 100) }

// TestPackedRetries sends the same bytes, signed anew, until they get through.
func TestPackedRetries(t *testing.T) {
	inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
		faults := []cwltest.Fault{
			{Status: 500}, {Code: "ThrottlingException"}, {Status: 503, Body: page}, {Break: cwltest.ResetMidBody},
			{Break: cwltest.ResetAfterBody}, {Break: cwltest.BlackHole}, {Status: 408}, {Status: 429, Body: page}, {Code: "RequestTimeTooSkewed"},
		}
		want := many("a")
		s.Deliver(t.Context(), chunked(many("before")...), "", r.report)
		for _, f := range faults {
			f.Times = 1
			srv.Fail(f)
		}
		s.Deliver(t.Context(), chunked(want...), "", r.report)
		before := func(text string) bool { return strings.HasPrefix(text, "before") }
		if got := slices.DeleteFunc(srv.Messages("/g", "s"), before); !slices.Equal(got, want) {
			t.Errorf("got %d events in the stream, want each of %d once", len(got), len(want))
		}
		// Two of the faults meet a control, which is too small for gzip.
		if len(w.bodies) != 9 || w.encodings() != strings.TrimSpace(strings.Repeat("gzip ", 9)) {
			t.Fatalf("got puts %s, want 9 gzip", w.encodings())
		}
		w.bodies, w.heads = w.bodies[1:], w.heads[1:]
		plain, _ := (&payload{"/g", "s", nil, "", 0, chunked(want...), nil}).append(nil, nil, nil)
		for i, body := range w.bodies {
			if !bytes.Equal(body, w.bodies[0]) || len(body) > len(plain)/3 {
				t.Errorf("attempt %d has %d bytes, want the same %d as the first, a third of %d or less", i, len(body), len(w.bodies[0]), len(plain))
			}
			if auth := w.heads[i].Get("Authorization"); !strings.Contains(auth, ";content-encoding;") && !strings.Contains(auth, "=content-encoding;") {
				t.Errorf("got %q, want content-encoding signed", auth)
			}
		}
		if s.compression.state.Load() != gzipConfirmed {
			t.Error("compression is off after errors that pass")
		}
	})
}

// TestPackedRefused has servers that do not know gzip say so in their ways. It
// is turned off once, told once, and costs no event.
func TestPackedRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault cwltest.Fault
	}{
		{"takes it for JSON", cwltest.Fault{Code: "SerializationException"}},
		{"finds no events", cwltest.Fault{Code: "InvalidParameterException", Message: "Value null at 'logEvents' failed to satisfy constraint"}},
		{"finds no name", cwltest.Fault{Code: "InvalidParameterException", Message: "Value null at 'logGroupName' failed to satisfy constraint"}},
		{"does not know the operation", cwltest.Fault{Code: "UnknownOperationException"}},
		{"does not know it by status", cwltest.Fault{Code: "UnknownOperationException", Status: 404}},
		{"unpacks before it verifies", cwltest.Fault{Code: "InvalidSignatureException", Status: 403}},
		{"415", cwltest.Fault{Status: 415}},
		{"415 of a proxy", cwltest.Fault{Status: 415, Body: page}},
		{"403 of a proxy", cwltest.Fault{Status: 403, Body: page}},
		{"404 of a proxy", cwltest.Fault{Status: 404, Body: page}},
		{"breaks down", cwltest.Fault{Status: 500, Body: page}}, // so does moto, of what it has unpacked before
		{"breaks down with a code", cwltest.Fault{Code: "InternalFailure"}},
		{"breaks down without a page", cwltest.Fault{Status: 500}},
		{"502 of a proxy", cwltest.Fault{Status: 502, Body: page}},
		{"not implemented", cwltest.Fault{Code: "NotImplemented", Status: 501}},
		{"not implemented, with a page", cwltest.Fault{Status: 501, Body: page}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
				tt.fault.Match = gzipped
				srv.Fail(tt.fault)
				begin := time.Now()
				var want []string
				for _, name := range []string{"a", "b", "c"} {
					s.Deliver(t.Context(), chunked(many(name)...), "", r.report)
					want = append(want, many(name)...)
				}
				if got := srv.Messages("/g", "s"); len(got) != len(want) || r.count(Delivered) != len(want) {
					t.Errorf("got %d events in the stream, want %d", len(got), len(want))
				}
				if got := w.encodings(); got != "gzip plain plain plain" {
					t.Errorf("got puts %s, want one gzip and no more", got)
				}
				if took := time.Since(begin); took != 0 {
					t.Errorf("it took %s, want no wait", took)
				}
				if len(r.trouble) != 1 || !strings.Contains(r.trouble[0].Error(), "put 100 events to /g/s: ") || statusOf(r.trouble[0]) < 400 || !errors.Is(r.trouble[0], errNoGzip) || Hint(r.trouble[0]) != "set Compress to false for this server" {
					t.Errorf("got trouble %v, want it once, and the refusal in it", r.trouble)
				}
			})
		})
	}
}

// TestPackedOutage has a service that is down for all, from the beginning.
func TestPackedOutage(t *testing.T) {
	for _, f := range []cwltest.Fault{{Status: 500}, {Code: "ServiceUnavailableException"}, {Status: 503, Body: page}, {Break: cwltest.ResetAfterBody}, {Break: cwltest.BlackHole}} {
		inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
			f.Op, f.For = "PutLogEvents", 10*time.Minute
			srv.Fail(f)
			for _, name := range []string{"a", "b"} {
				s.Deliver(t.Context(), chunked(many(name)...), "", r.report)
			}
			if !strings.HasSuffix(w.encodings(), " gzip") || s.compression.state.Load() != gzipConfirmed || r.count(Delivered) != 200 {
				t.Errorf("%s %s: got puts %s and %d delivered, want gzip at the end and 200", f.Code, f.Break, w.encodings(), r.count(Delivered))
			}
			if got := strings.Count(w.encodings(), "plain"); f.Break != 0 && got > 0 {
				t.Errorf("%s %s: got %d plain puts, want none", f.Code, f.Break, got)
			}
		})
	}
}

// TestPackedStays has answers that a put gets in whatever form it comes.
func TestPackedStays(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault cwltest.Fault
		want  string // puts of two batches
		fates string
	}{
		{"not allowed", cwltest.Fault{Times: 2, Code: "AccessDeniedException"}, "gzip plain gzip", "100 refused, 100 delivered"},
		{"throttled", cwltest.Fault{Times: 1, Code: "ThrottlingException"}, "gzip gzip gzip", "100 delivered, 100 delivered"},
		{"too large", cwltest.Fault{Times: 2, Code: "RequestEntityTooLargeException", Status: 413}, "gzip plain gzip gzip gzip", "50 delivered, 50 delivered, 100 delivered"},
		{"too large for a proxy", cwltest.Fault{Times: 2, Status: 413, Body: page}, "gzip plain gzip gzip gzip", "50 delivered, 50 delivered, 100 delivered"},
		{"no stream", cwltest.Fault{Times: 1, Code: "ResourceNotFoundException"}, "gzip gzip gzip", "100 delivered, 100 delivered"},
		{"bad credentials", cwltest.Fault{Times: 2, Code: "UnrecognizedClientException"}, "gzip plain gzip", "100 refused, 100 delivered"},
		{"page of an outage", cwltest.Fault{Times: 2, Status: 404, Body: page}, "gzip plain gzip gzip", "100 delivered, 100 delivered"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
				tt.fault.Op = "PutLogEvents"
				srv.Fail(tt.fault)
				for _, name := range []string{"a", "b"} {
					s.Deliver(t.Context(), chunked(many(name)...), "", r.report)
				}
				if got := w.encodings(); got != tt.want {
					t.Errorf("got puts %s, want %s", got, tt.want)
				}
				if got := strings.Join(r.runs, ", "); got != tt.fates {
					t.Errorf("got %s, want %s", got, tt.fates)
				}
			})
		})
	}
}

// TestPackedPoison finds the one event that the service does not take, and does
// not blame gzip for it.
func TestPackedPoison(t *testing.T) {
	const n = 1000
	for _, tt := range []struct {
		name   string
		before int // batches that got through
		long   int // bytes of the bad event
		most   int // puts for the bad batch
	}{
		{"first", 0, 10, 2*10 + 1 + 1},
		{"later", 1, 10, 2*10 + 1},
		{"first, long", 0, 5000, 2*10 + 1 + 2},
		{"later, long", 1, 5000, 2*10 + 1 + 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
				bad := strings.Repeat("poison", tt.long/6)
				srv.Fail(cwltest.Poison(func(e cwltest.Event) bool { return e.Message == bad }))
				for range tt.before {
					s.Deliver(t.Context(), chunked(many("before")...), "", r.report)
				}
				good := len(r.fates)
				puts := len(w.bodies)
				all := texts("this is the event with the number %d", n)
				all[n*2/3] = bad
				s.Deliver(t.Context(), chunked(all...), "", r.report)
				if r.fates[bad] != Invalid || r.count(Delivered) != good+n-1 {
					t.Errorf("got %d delivered and the bad one %s, want %d and %s", r.count(Delivered), r.fates[bad], good+n-1, Invalid)
				}
				if got := len(w.bodies) - puts; got > tt.most {
					t.Errorf("got %d puts: %s; want %d at most", got, w.encodings(), tt.most)
				}
				s.Deliver(t.Context(), chunked(many("after")...), "", r.report)
				if !strings.HasSuffix(w.encodings(), " gzip") || len(r.trouble) > 0 {
					t.Errorf("got puts %s and trouble %v, want gzip to the end and none", w.encodings(), r.trouble)
				}
			})
		})
	}
}

// TestPackedRefusedLate has the plain put meet trouble of its own.
func TestPackedRefusedLate(t *testing.T) {
	for _, f := range []cwltest.Fault{{Status: 500}, {Break: cwltest.ResetAfterBody}, {Code: "ThrottlingException"}} {
		inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
			srv.Fail(cwltest.Fault{Match: gzipped, Code: "SerializationException"})
			f.Op, f.Times = "PutLogEvents", 2
			srv.Fail(f)
			for _, name := range []string{"a", "b"} {
				s.Deliver(t.Context(), chunked(many(name)...), "", r.report)
			}
			if got := w.encodings(); got != "gzip plain gzip plain gzip plain plain" || r.count(Delivered) != 200 {
				t.Errorf("got puts %s and %d delivered, want gzip before each plain put until one gets through, and 200", got, r.count(Delivered))
			}
			// The second failure in a row is told as ever.
			if len(r.trouble) != 2 || !errors.Is(r.trouble[1], errNoGzip) || !strings.Contains(r.trouble[1].Error(), "SerializationException") {
				t.Errorf("got trouble %v, want the refusal last", r.trouble)
			}
		})
	}
}

// TestPackedRefusedSideBySide has many puts under way when the first is refused.
func TestPackedRefusedSideBySide(t *testing.T) {
	inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
		srv.Fail(cwltest.Fault{Match: gzipped, Code: "InvalidParameterException", Before: time.Second})
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", Before: time.Second})
		var lanes sync.WaitGroup
		for l := range 8 {
			lanes.Go(func() {
				time.Sleep(time.Duration(l) * 300 * time.Millisecond) // in virtual time
				for b := range 5 {
					s.Deliver(t.Context(), chunked(many(fmt.Sprintf("%d.%d", l, b))...), "", r.report)
				}
			})
		}
		lanes.Wait()
		if n := r.count(Delivered); n != 8*5*100 || len(srv.Messages("/g", "s")) != n {
			t.Errorf("got %d delivered and %d in the stream, want %d", n, len(srv.Messages("/g", "s")), 8*5*100)
		}
		if len(r.trouble) != 1 {
			t.Errorf("got trouble %v, want it once", r.trouble)
		}
		// The first comes back plain after 2 s; until then 7 have begun.
		if got := strings.Count(w.encodings(), "gzip"); got < 2 || got > 7 {
			t.Errorf("got %d compressed puts, want some side by side and no more than 7", got)
		}
	})
}

// TestPackedTokens makes the body anew for a token.
func TestPackedTokens(t *testing.T) {
	inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
		srv.SequenceTokens = true
		for _, name := range []string{"a", "b"} {
			s.Deliver(t.Context(), chunked(many(name)...), "", r.report)
		}
		if got := w.encodings(); got != "gzip gzip gzip" || r.count(Delivered) != 200 || s.compression.state.Load() != gzipConfirmed {
			t.Errorf("got puts %s and %d delivered, want 3 gzip and 200", got, r.count(Delivered))
		}
	})
}

// TestPackedSmall leaves alone what is small, and what a Client wants to see.
func TestPackedSmall(t *testing.T) {
	inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
		fits := strings.Repeat("a", minPacked-batch.Overhead-1)
		for _, text := range []string{fits, fits + "b"} {
			s.Deliver(t.Context(), chunked(text), "", r.report)
		}
		if got := w.encodings(); got != "plain gzip" {
			t.Errorf("got puts %s, want plain gzip", got)
		}
		s = &Stream{Name: "s", Service: &Service{Client: forgetful{s.Client.(*cloudwatchlogs.Client)}, Group: "/g", Compress: true, Recorder: r}}
		s.Deliver(t.Context(), chunked(many("a")...), "", r.report)
		if got := w.encodings(); got != "plain gzip plain" || r.count(Delivered) != 102 {
			t.Errorf("got puts %s and %d delivered, want plain ones of another Client and 102", got, r.count(Delivered))
		}
	})
}
