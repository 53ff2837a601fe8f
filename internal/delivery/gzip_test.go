package delivery

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/batch"
)

// unpack is what a server makes of a body.
func unpack(tb testing.TB, text []byte) []byte {
	tb.Helper()
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// FuzzPacked: what is compressed in pieces is what is not compressed.
func FuzzPacked(f *testing.F) {
	f.Add("/g", "s", "hello", "say \"hi\" \\ 'there'", uint16(1), uint16(1000))
	f.Add("/g", "\x00\u2028", "\xff\xf0\x9f", "žluťoučký 🐎 \u2028\u2029 <&>\x7f", uint16(9000), uint16(700))
	f.Add("", "", " ", "\t\r\n\b\f\x01", uint16(maxPiece-1), uint16(maxPiece+1))
	f.Add("g", "s", "a", "é", uint16(maxPiece-100), uint16(maxPiece))
	f.Fuzz(func(t *testing.T, group, stream, a, b string, m, n uint16) {
		if a == "" || b == "" || len(a)*int(m) > 1<<16 || len(b)*int(n) > 1<<16 {
			return
		}
		evs := chunked(strings.Repeat(a, 1+int(m)), "x"+strings.Repeat(b, 1+int(n)), a+b)
		for _, tok := range []*string{nil, &stream} {
			want, bad := appendPut(nil, group, stream, tok, evs, nil)
			text, invalid := appendPacked([]byte("before"), group, stream, tok, evs)
			if got := unpack(t, bytes.TrimPrefix(text, []byte("before"))); !bytes.Equal(got, want) || invalid != bad {
				t.Fatalf("got %d bytes with %d invalid, want %d with %d, and the same", len(got), invalid, len(want), bad)
			}
		}
	})
}

// A wire takes down the requests of puts.
type wire struct {
	next http.RoundTripper

	mu     sync.Mutex
	bodies [][]byte
	heads  []http.Header
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutLogEvents") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if r.ContentLength != int64(len(body)) {
			return nil, fmt.Errorf("Content-Length is %d for %d bytes", r.ContentLength, len(body))
		}
		w.mu.Lock()
		w.bodies, w.heads = append(w.bodies, body), append(w.heads, r.Header.Clone())
		w.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return w.next.RoundTrip(r)
}

// encodings are those of all puts so far, in order.
func (w *wire) encodings() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, h := range w.heads {
		out = append(out, map[string]string{"gzip": "gzip", "": "plain"}[h.Get("Content-Encoding")])
	}
	return strings.Join(out, " ")
}

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
		for _, f := range []cwltest.Fault{
			{Status: 500}, {Code: "ThrottlingException"}, {Status: 503, Body: page}, {Break: cwltest.ResetMidBody},
			{Break: cwltest.ResetAfterBody}, {Break: cwltest.BlackHole}, {Status: 408}, {Status: 429, Body: page}, {Code: "RequestTimeTooSkewed"},
		} {
			f.Times = 1
			srv.Fail(f)
		}
		want := many("a")
		s.Deliver(t.Context(), chunked(want...), r.settle)
		if got := srv.Messages("/g", "s"); !slices.Equal(got, want) {
			t.Errorf("got %d events in the stream, want each of %d once", len(got), len(want))
		}
		if len(w.bodies) != 10 || w.encodings() != strings.TrimSpace(strings.Repeat("gzip ", 10)) {
			t.Fatalf("got puts %s, want 10 gzip", w.encodings())
		}
		plain, _ := appendPut(nil, "/g", "s", nil, chunked(want...), nil)
		for i, body := range w.bodies {
			if !bytes.Equal(body, w.bodies[0]) || len(body) > len(plain)/3 {
				t.Errorf("attempt %d has %d bytes, want the same %d as the first, a third of %d or less", i, len(body), len(w.bodies[0]), len(plain))
			}
			if auth := w.heads[i].Get("Authorization"); !strings.Contains(auth, ";content-encoding;") && !strings.Contains(auth, "=content-encoding;") {
				t.Errorf("got %q, want content-encoding signed", auth)
			}
		}
		if s.gzip.Load() != gzipTaken {
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
					s.Deliver(t.Context(), chunked(many(name)...), r.settle)
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
				if len(r.trouble) != 1 || !strings.Contains(r.trouble[0].Error(), "put 100 events to /g/s: ") || statusOf(r.trouble[0]) < 400 || !errors.Is(r.trouble[0], errNoGzip) || Hint(r.trouble[0]) != "do not Compress for this server" {
					t.Errorf("got trouble %v, want it once, and the refusal in it", r.trouble)
				}
			})
		})
	}
}

// TestPackedBreaks has a server that gzip makes fail like one that is down.
func TestPackedBreaks(t *testing.T) {
	for _, f := range []cwltest.Fault{{Code: "InternalFailure"}, {Status: 500}, {Status: 502, Body: page}} {
		inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
			f.Match = gzipped
			srv.Fail(f)
			for _, name := range []string{"a", "b"} {
				s.Deliver(t.Context(), chunked(many(name)...), r.settle)
			}
			if got := w.encodings(); got != "gzip gzip gzip gzip plain plain" || r.count(Delivered) != 200 {
				t.Errorf("%s %d: got puts %s and %d delivered, want 4 gzip and 200", f.Code, f.Status, got, r.count(Delivered))
			}
			if last := r.trouble[len(r.trouble)-1].Error(); strings.Count(fmt.Sprint(r.trouble), "compression is off") != 1 || !strings.Contains(last, "compression is off") {
				t.Errorf("got trouble %v, want it to end with compression", r.trouble)
			}
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
				s.Deliver(t.Context(), chunked(many(name)...), r.settle)
			}
			if !strings.HasSuffix(w.encodings(), " gzip") || s.gzip.Load() != gzipTaken || r.count(Delivered) != 200 {
				t.Errorf("%s %s: got puts %s and %d delivered, want gzip at the end and 200", f.Code, f.Break, w.encodings(), r.count(Delivered))
			}
			if got := strings.Count(w.encodings(), "plain"); f.Status != 500 && got > 0 {
				t.Errorf("%s %s: got %d plain puts, want none", f.Code, f.Break, got)
			}
		})
	}
}

// TestPackedStays has answers that say nothing about gzip, in whatever form the
// put comes.
func TestPackedStays(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault cwltest.Fault
		want  string // puts of two batches
		fates string
	}{
		{"not allowed", cwltest.Fault{Times: 1, Code: "AccessDeniedException"}, "gzip gzip", "100 refused, 100 delivered"},
		{"throttled", cwltest.Fault{Times: 1, Code: "ThrottlingException"}, "gzip gzip gzip", "100 delivered, 100 delivered"},
		{"too large", cwltest.Fault{Times: 1, Code: "RequestEntityTooLargeException", Status: 413}, "gzip gzip gzip gzip", "50 delivered, 50 delivered, 100 delivered"},
		{"too large for a proxy", cwltest.Fault{Times: 1, Status: 413, Body: page}, "gzip gzip gzip gzip", "50 delivered, 50 delivered, 100 delivered"},
		{"no stream", cwltest.Fault{Times: 1, Code: "ResourceNotFoundException"}, "gzip gzip gzip", "100 delivered, 100 delivered"},
		{"bad credentials", cwltest.Fault{Times: 2, Code: "UnrecognizedClientException"}, "gzip plain gzip", "100 refused, 100 delivered"},
		{"page of an outage", cwltest.Fault{Times: 2, Status: 404, Body: page}, "gzip plain plain gzip", "100 delivered, 100 delivered"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
				tt.fault.Op = "PutLogEvents"
				srv.Fail(tt.fault)
				for _, name := range []string{"a", "b"} {
					s.Deliver(t.Context(), chunked(many(name)...), r.settle)
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
					s.Deliver(t.Context(), chunked(many("before")...), r.settle)
				}
				good := len(r.fates)
				puts := len(w.bodies)
				all := texts("this is the event with the number %d", n)
				all[n*2/3] = bad
				s.Deliver(t.Context(), chunked(all...), r.settle)
				if r.fates[bad] != Invalid || r.count(Delivered) != good+n-1 {
					t.Errorf("got %d delivered and the bad one %s, want %d and %s", r.count(Delivered), r.fates[bad], good+n-1, Invalid)
				}
				if got := len(w.bodies) - puts; got > tt.most {
					t.Errorf("got %d puts: %s; want %d at most", got, w.encodings(), tt.most)
				}
				s.Deliver(t.Context(), chunked(many("after")...), r.settle)
				if !strings.HasSuffix(w.encodings(), " gzip") || len(r.trouble) > 0 {
					t.Errorf("got puts %s and trouble %v, want gzip to the end and none", w.encodings(), r.trouble)
				}
			})
		})
	}
}

// TestPackedForgotten has a server that knew gzip until it was replaced, and
// blames the events: none of them pays for that.
func TestPackedForgotten(t *testing.T) {
	for _, code := range []string{"InvalidParameterException", "SerializationException"} {
		inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
			s.Deliver(t.Context(), chunked(many("before")...), r.settle)
			srv.Fail(cwltest.Fault{Match: gzipped, Code: code})
			long := texts(strings.Repeat("long ", 300)+"%d", 8)
			s.Deliver(t.Context(), chunked(long...), r.settle)
			s.Deliver(t.Context(), chunked(many("after")...), r.settle)
			if n := r.count(Delivered); n != 208 || len(r.trouble) != 1 || s.gzip.Load() != gzipRefused {
				t.Errorf("%s: got %d delivered and trouble %v, want 208, and it once", code, n, r.trouble)
			}
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
				s.Deliver(t.Context(), chunked(many(name)...), r.settle)
			}
			if got := w.encodings(); got != "gzip plain plain plain plain" || r.count(Delivered) != 200 {
				t.Errorf("got puts %s and %d delivered, want one gzip and 200", got, r.count(Delivered))
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
					s.Deliver(t.Context(), chunked(many(fmt.Sprintf("%d.%d", l, b))...), r.settle)
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
			s.Deliver(t.Context(), chunked(many(name)...), r.settle)
		}
		if got := w.encodings(); got != "gzip gzip gzip" || r.count(Delivered) != 200 || s.gzip.Load() != gzipTaken {
			t.Errorf("got puts %s and %d delivered, want 3 gzip and 200", got, r.count(Delivered))
		}
	})
}

// TestPackedSmall leaves alone what is small, and what a Client wants to see.
func TestPackedSmall(t *testing.T) {
	inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
		fits := strings.Repeat("a", minPacked-batch.Overhead-1)
		for _, text := range []string{fits, fits + "b"} {
			s.Deliver(t.Context(), chunked(text), r.settle)
		}
		if got := w.encodings(); got != "plain gzip" {
			t.Errorf("got puts %s, want plain gzip", got)
		}
		s = &Stream{Client: forgetful{s.Client.(*cloudwatchlogs.Client)}, Group: "/g", Name: "s", Compress: true, Observer: r}
		s.Deliver(t.Context(), chunked(many("a")...), r.settle)
		if got := w.encodings(); got != "plain gzip plain" || r.count(Delivered) != 102 {
			t.Errorf("got puts %s and %d delivered, want plain ones of another Client and 102", got, r.count(Delivered))
		}
	})
}

// TestPackedInvalid counts what is not UTF-8 as the service does, across pieces.
func TestPackedInvalid(t *testing.T) {
	inPacked(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server, w *wire) {
		// Two thirds of a put, if each byte counted once.
		bad := strings.Repeat("\xff", 100_000)
		var all []string
		for i := range 7 {
			all = append(all, fmt.Sprint(i, bad))
		}
		s.Deliver(t.Context(), chunked(all...), r.settle)
		if got := srv.Stats(); got.Errors["InvalidParameterException"] > 0 || r.count(Delivered) != 7 {
			t.Errorf("got %d delivered and errors %v, want 7 and none", r.count(Delivered), got.Errors)
		}
	})
}

// logLines are a put of what programs log, in three styles.
func logLines(style string, size int) batch.List {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	message := func() string {
		return pick("order placed", "payment authorised", "stock reserved", "cache miss", "request served", "session refreshed, cart kept")
	}
	id := func() string {
		return fmt.Sprintf("%08x-%04x-%04x-%012x", r.Uint32(), r.Uint32N(1<<16), r.Uint32N(1<<16), r.Uint64N(1<<48))
	}
	at := time.Date(2026, 9, 21, 14, 13, 20, 0, time.UTC)
	var lines []string
	for counted := 0; ; {
		at = at.Add(time.Duration(r.IntN(20e6)))
		var line string
		switch {
		case style == "prefix":
			line = fmt.Sprintf("%s: checkout: api:%d: %s\t{\"request_id\": %q, \"customer\": %d}", pick("INFO", "DEBUG", "WARNING"), 20+r.IntN(200), message(), id(), r.IntN(1e7))
		default:
			line = fmt.Sprintf(`{"timestamp":%q,"level":%q,"location":"api.checkout:%d","message":%q,"request_id":%q,"path":"/v1/orders/%d/items","status":%s,"took":%.9f,"customer":%d`,
				at.Format(time.RFC3339Nano), pick("INFO", "DEBUG", "WARNING"), 20+r.IntN(200), message(), id(), r.IntN(1e6), pick("200", "201", "404"), r.ExpFloat64()/30, r.IntN(1e7))
			if style == "traces" && r.IntN(3) == 0 {
				line += `,"stacktrace":"goroutine ` + fmt.Sprint(r.IntN(9999)) + " [running]:"
				for _, f := range []string{"net/http.(*conn).serve.func1", "example.com/acme/orders.(*Store).Reserve", "example.com/acme/orders.(*Handler).Checkout", "net/http.HandlerFunc.ServeHTTP"} {
					line += fmt.Sprintf(`\n%s(0xc000%06x, {0x%x, 0xc000%06x})\n\t/src/%s.go:%d +0x%x`, f, r.IntN(1<<24), r.IntN(1<<24), r.IntN(1<<24), strings.ToLower(f), r.IntN(3000), r.IntN(1<<11))
				}
				line += `"`
			}
			line += "}"
		}
		if counted += len(line) + batch.Overhead; counted > size {
			return chunked(lines...)
		}
		lines = append(lines, line)
	}
}

// TestPackedAllocs compresses without garbage, and with no more packers than
// are meant to be.
func TestPackedAllocs(t *testing.T) {
	evs := logLines("json", 1<<18)
	buf, _ := appendPacked(nil, "/g", "s", nil, evs)
	if got := testing.AllocsPerRun(20, func() { buf, _ = appendPacked(buf[:0], "/g", "s", nil, evs) }); got != 0 {
		t.Errorf("got %v allocations a body, want 0", got)
	}
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			out, _ := appendPacked(nil, "/g", "s", nil, evs)
			if !bytes.Equal(out, buf) {
				t.Error("got another body from the same events")
			}
		})
	}
	all.Wait()
	if made, in := len(packersOut), len(packersIn); made > packers || made != in {
		t.Errorf("got %d packers made and %d back, want all of them back and %d at most", made, in, packers)
	}
}

// TestPackedGarbage puts to a server that costs nothing.
func TestPackedGarbage(t *testing.T) {
	evs := logLines("json", batch.MaxBytes)
	var srv cwltest.Server
	c := srv.Client(func(o *cloudwatchlogs.Options) {
		o.HTTPClient = doFunc(func(r *http.Request) (*http.Response, error) {
			_, err := io.Copy(io.Discard, r.Body)
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("{}")), Header: http.Header{}}, err
		})
	})
	s := &Stream{Client: c, Group: "/g", Name: "s", Observer: silent{}, Compress: true}
	garbage := func(n int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range n {
			s.Deliver(context.Background(), evs, func(_ batch.List, f Fate, err error) {
				if f != Delivered {
					t.Errorf("%s: %v", f, err)
				}
			})
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	// The first makes what is kept. The pool of bodies may lose what is in it,
	// which then is most of the garbage.
	garbage(1)
	got := garbage(10) / 10
	t.Logf("%d bytes a put", got)
	if got > 512<<10 {
		t.Errorf("got %d bytes of garbage a put of 1 MiB, want half of that at most", got)
	}
}

// BenchmarkBody makes bodies of 1 MiB and their hashes, as they are and
// compressed.
func BenchmarkBody(b *testing.B) {
	for _, style := range []string{"json", "prefix", "traces"} {
		evs := logLines(style, batch.MaxBytes)
		whole, _ := appendPut(nil, "/g", "s", nil, evs, nil)
		run := func(name string, f func(buf []byte) []byte) {
			b.Run(style+"/"+name, func(b *testing.B) {
				var buf []byte
				b.SetBytes(int64(len(whole)))
				b.ReportAllocs()
				for b.Loop() {
					buf = f(buf[:0])
					sha256.Sum256(buf)
				}
				b.ReportMetric(float64(len(whole))/float64(len(buf)), "ratio")
			})
		}
		run("plain", func(buf []byte) []byte {
			buf, _ = appendPut(buf, "/g", "s", nil, evs, nil)
			return buf
		})
		for _, level := range []int{1, 2, 3, 4, 5, 6} {
			zip, err := gzip.NewWriterLevel(nil, level)
			if err != nil {
				b.Fatal(err)
			}
			p := &packer{zip: zip}
			run(fmt.Sprintf("gzip %d", level), func(buf []byte) []byte {
				buf, _ = p.appendPut(buf, "/g", "s", nil, evs)
				return buf
			})
		}
	}
}
