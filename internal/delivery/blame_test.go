package delivery

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/batch"
)

// burst puts texts into a chunk, all of one millisecond.
func burst(texts ...string) batch.List {
	c := batch.NewChunk(1<<16, 0)
	c.ID = 1
	for i, text := range texts {
		c.Append(time.Now().UnixMilli(), uint32(i), 0, []byte(text))
	}
	var q batch.Queue
	q.Add(c)
	return q.Cut(0, false).List
}

// TestBlame has the service find fault with some events of a batch, or with all.
// Where only events are bad, they alone are invalid and the order is kept. Where
// everything fails alike no event is to blame: all of it is refused, with one
// cause, after a bounded number of puts.
func TestBlame(t *testing.T) {
	const n = 1000
	all := func(int) bool { return true }
	for _, tt := range []struct {
		name   string
		burst  bool
		n      int
		bad    func(int) bool
		fate   Fate // of the bad ones
		most   int  // puts
		reason string
	}{
		{"all", false, n, all, Refused, 18, "put 1000 events to /g/s: "},
		{"all of one millisecond", true, n, all, Refused, 35, "put 1000 events to /g/s: "},
		{"all of very many", false, batch.MaxEvents, all, Refused, 22, "put 10000 events to /g/s: "},
		{"all of a few", false, 5, all, Refused, 9, "put 5 events to /g/s: "},
		{"all of two", false, 2, all, Invalid, 3, "put 1 event to /g/s: "},
		{"the only one", false, 1, all, Invalid, 1, "put 1 event to /g/s: "},
		{"the first", false, n, func(i int) bool { return i == 0 }, Invalid, 21, "put 1 event to /g/s: "},
		{"the first three", false, n, func(i int) bool { return i < 3 }, Invalid, 30, "put 1 event to /g/s: "},
		{"the first hundred", false, n, func(i int) bool { return i < 100 }, Invalid, 220, "put 1 event to /g/s: "},
		{"the first nine of one millisecond", true, n, func(i int) bool { return i < 9 }, Invalid, 40, "put 1 event to /g/s: "},
		{"the first and the last", false, n, func(i int) bool { return i == 0 || i == n-1 }, Invalid, 41, "put 1 event to /g/s: "},
		{"a hundred in the middle", true, n, func(i int) bool { return i >= 500 && i < 600 }, Invalid, 230, "put 1 event to /g/s: "},
		{"all but the first", false, 200, func(i int) bool { return i > 0 }, Invalid, 400, "put 1 event to /g/s: "},
	} {
		for _, code := range []string{"InvalidParameterException", "SerializationException", "ValidationException"} {
			t.Run(tt.name+" "+code, func(t *testing.T) {
				inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
					srv.CreateStream("/g", "s")
					f := cwltest.Poison(func(e cwltest.Event) bool { return strings.HasPrefix(e.Message, "bad") })
					f.Code = code
					srv.Fail(f)
					var texts, good []string
					for i := range tt.n {
						texts = append(texts, fmt.Sprintf("good %04d", i))
						if tt.bad(i) {
							texts[i] = fmt.Sprintf("bad %04d", i)
						} else {
							good = append(good, texts[i])
						}
					}
					evs := chunked(texts...)
					if tt.burst {
						evs = burst(texts...)
					}
					s.Deliver(t.Context(), evs, "", r.report)
					if got := srv.Messages("/g", "s"); !slices.Equal(got, good) {
						t.Errorf("got %d events in the stream, want the %d good ones in their order", len(got), len(good))
					}
					if got := r.count(tt.fate); got != tt.n-len(good) || r.count(Delivered) != len(good) {
						t.Errorf("got %d %s and %d delivered, want %d and %d", got, tt.fate, r.count(Delivered), tt.n-len(good), len(good))
					}
					if tt.fate == Refused && len(r.runs) != 1 {
						t.Errorf("got %q, want all in one run", r.runs)
					}
					most := tt.most
					if code != "InvalidParameterException" {
						most++ // one more attempt
					}
					if r.puts > most {
						t.Errorf("got %d puts, want %d at most", r.puts, most)
					}
					if !strings.HasPrefix(r.whys[0].Error(), tt.reason) || Code(r.whys[0]) != code {
						t.Errorf("got the reason %q, want one that begins with %q", r.whys[0], tt.reason)
					}
					if refusing := s.pace.cause() != nil; refusing != (tt.fate == Refused) {
						t.Errorf("the pace slows down: %t, want that only if everything fails", refusing)
					}
				})
			})
		}
	}
}

// TestBlameVaries has everything fail with a text of its own each time.
func TestBlameVaries(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		for i := range 500 {
			srv.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 1, Code: "InvalidParameterException", Message: fmt.Sprintf("call %d is bad", i)})
		}
		s.Deliver(t.Context(), chunked(texts("%d", 1000)...), "", r.report)
		if r.count(Refused) != 1000 || r.puts != maxBadPuts+1 {
			t.Errorf("got %d refused after %d puts, want 1000 after %d", r.count(Refused), r.puts, maxBadPuts+1)
		}
	})
}

// TestTooLargeForAll has a proxy with a page refuse everything, whatever its size.
func TestTooLargeForAll(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", Status: 413, Body: page})
		s.Deliver(t.Context(), chunked(texts("%d", 1000)...), "", r.report)
		if r.count(Refused) != 1000 || r.puts > 18 {
			t.Errorf("got %d refused after %d puts, want 1000 after 18 at most", r.count(Refused), r.puts)
		}
	})
}

// TestSuspectOnce has a batch that was damaged on its way once.
func TestSuspectOnce(t *testing.T) {
	for _, code := range []string{"SerializationException", "ValidationException", "MalformedHttpRequestException"} {
		inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
			srv.CreateStream("/g", "s")
			srv.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 1, Code: code})
			s.Deliver(t.Context(), chunked(texts("%d", 100)...), "", r.report)
			if r.count(Delivered) != 100 || r.puts != 2 {
				t.Errorf("%s: got %d delivered by %d puts, want 100 by 2", code, r.count(Delivered), r.puts)
			}
		})
	}
}

// TestBlameCancelled ends a delivery between the bad events: those that failed
// alone are invalid, and for the others there was no time.
func TestBlameCancelled(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		srv.Fail(cwltest.Poison(func(e cwltest.Event) bool { return e.Message < "2" }))
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", Break: cwltest.BlackHole})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s.Deliver(ctx, chunked(texts("%d", 8)...), "", r.report)
		if got, want := strings.Join(r.runs, ", "), "1 invalid, 1 invalid, 6 out of time"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// TestBlameAgain has batch after batch fail for the same reason, which is no
// event's: the later ones are found out sooner. One with a bad event of its own
// loses no other by that.
func TestBlameAgain(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		all := true
		srv.Fail(cwltest.Poison(func(e cwltest.Event) bool { return all || strings.HasSuffix(e.Message, " 7") }))
		for i, most := range []int{18, 2, 2} {
			before := r.puts
			s.Deliver(t.Context(), chunked(texts(fmt.Sprint("batch ", i, " event %d"), 1000)...), "", r.report)
			if n := r.puts - before; n > most || r.count(Refused) != 1000*(i+1) {
				t.Errorf("batch %d: got %d refused after %d puts, want %d after %d at most", i, r.count(Refused), n, 1000*(i+1), most)
			}
		}
		all = false
		s.Deliver(t.Context(), chunked(texts("good %d", 1000)...), "", r.report)
		if r.count(Delivered) != 999 || r.count(Invalid) != 1 {
			t.Errorf("got %d delivered and %d invalid, want 999 and 1", r.count(Delivered), r.count(Invalid))
		}
	})
}
