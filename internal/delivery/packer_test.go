package delivery

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
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
			p := payload{group, stream, tok, b, evs.First(), evs, nil}
			want, bad := p.append(nil, nil, nil)
			text, invalid := packed([]byte("before"), p)
			if got := unpack(t, bytes.TrimPrefix(text, []byte("before"))); !bytes.Equal(got, want) || invalid != bad {
				t.Fatalf("got %d bytes with %d invalid, want %d with %d, and the same", len(got), invalid, len(want), bad)
			}
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
		s.Deliver(t.Context(), chunked(all...), "", r.report)
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
	p := payload{group: "/g", stream: "s", evs: logLines("json", 1<<18)}
	buf, _ := packed(nil, p)
	if got := testing.AllocsPerRun(20, func() { buf, _ = packed(buf[:0], p) }); got != 0 {
		t.Errorf("got %v allocations a body, want 0", got)
	}
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			out, _ := packed(nil, p)
			if !bytes.Equal(out, buf) {
				t.Error("got another body from the same events")
			}
		})
	}
	all.Wait()
	if made, in := len(packersMade), len(packersFree); made > packers || made != in {
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
	s := &Stream{Name: "s", Service: &Service{Client: c, Group: "/g", Recorder: silent{}, Compress: true}}
	garbage := func(n int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range n {
			s.Deliver(context.Background(), evs, "", func(_ batch.List, _ bool, f Fate, err error) {
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
		whole, _ := (&payload{"/g", "s", nil, "", 0, evs, nil}).append(nil, nil, nil)
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
			buf, _ = (&payload{"/g", "s", nil, "", 0, evs, nil}).append(buf, nil, nil)
			return buf
		})
		for _, level := range []int{1, 2, 3, 4, 5, 6} {
			zip, err := gzip.NewWriterLevel(nil, level)
			if err != nil {
				b.Fatal(err)
			}
			p := &packer{zip: zip}
			run(fmt.Sprintf("gzip %d", level), func(buf []byte) []byte {
				buf, _ = p.pack(buf, payload{"/g", "s", nil, "", 0, evs, nil})
				return buf
			})
		}
	}
}

// packed appends a payload, compressed.
func packed(b []byte, p payload) (out []byte, invalid int) {
	z := takePacker()
	defer z.free()
	return z.pack(b, p)
}
