package delivery

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"example.com/zapcw/cwltest"
)

// TestTokens puts side by side to a server that wants sequence tokens.
func TestTokens(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.SequenceTokens = true
		var lanes sync.WaitGroup
		for l := range 4 {
			lanes.Go(func() {
				for b := range 15 {
					s.Deliver(t.Context(), chunked(texts(fmt.Sprintf("%d.%d.%%d", l, b), 3)...), "", r.report)
				}
			})
		}
		lanes.Wait()
		got := srv.Messages("/g", "s")
		slices.Sort(got)
		for l := range 4 {
			for b := range 15 {
				for _, text := range texts(fmt.Sprintf("%d.%d.%%d", l, b), 3) {
					from, _ := slices.BinarySearch(got, text)
					to, _ := slices.BinarySearch(got, text+"!")
					if to-from != 1 {
						t.Errorf("got %s %d times in the stream, want it once", text, to-from)
					}
				}
			}
		}
		if n := r.count(Delivered); n != 4*15*3 {
			t.Errorf("got %d delivered, want %d", n, 4*15*3)
		}
		// At the worst three others were faster, each time.
		if got := srv.Stats().Calls["PutLogEvents"]; got > 4*60+10 {
			t.Errorf("got %d puts for 60 batches, want at most %d", got, 4*60+10)
		}
	})
}

// TestTokenAlone learns the token once and then needs no detour.
func TestTokenAlone(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.SequenceTokens = true
		srv.CreateStream("/g", "s")
		for b := range 10 {
			s.Deliver(t.Context(), chunked(fmt.Sprint(b)), "", r.report)
		}
		if got := srv.Stats().Calls["PutLogEvents"]; got != 11 {
			t.Errorf("got %d puts for 10 batches, want 11", got)
		}
		// The new stream knows nothing of the old one's token.
		srv.DeleteStream("/g", "s")
		s.Deliver(t.Context(), chunked("after the stream was deleted"), "", r.report)
		if n := r.count(Delivered); n != 11 {
			t.Errorf("got %d delivered, want 11", n)
		}
	})
}
