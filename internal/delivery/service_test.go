package delivery

import (
	"testing"

	"example.com/zapcw/cwltest"
)

// TestStreamsTogether has two streams of one service: an outage is known to both,
// a sequence token and the creation are a stream's own.
func TestStreamsTogether(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		other := &Stream{Service: s.Service, Name: "other"}
		srv.SequenceTokens = true
		for _, text := range []string{"a", "b", "c"} {
			s.Deliver(t.Context(), chunked(text), "", r.report)
			other.Deliver(t.Context(), chunked("other "+text), "", r.report)
		}
		if got := len(srv.Messages("/g", "s")); got != 3 {
			t.Errorf("got %d events in the stream, want 3", got)
		}
		if got := len(srv.Messages("/g", "other")); got != 3 {
			t.Errorf("got %d events in the other stream, want 3", got)
		}
		if s.creator.created.Load() != 1 || other.creator.created.Load() != 1 {
			t.Errorf("got %d and %d creations, want one each", s.creator.created.Load(), other.creator.created.Load())
		}
		// Of each stream one put misses it and one has no token.
		if got := srv.Stats().Calls["PutLogEvents"]; got != 2*(3+2) {
			t.Errorf("got %d puts, want 10: the streams do not share a sequence token", got)
		}
		s.pace.report(0, errDown, true)
		if _, err := other.FateOfUntried(ErrRefusing); err != errDown {
			t.Errorf("FateOfUntried of the other stream = %v, want what stands in the way of both", err)
		}
		if s.LastLatency() != other.LastLatency() {
			t.Error("want one latency")
		}
	})
}
