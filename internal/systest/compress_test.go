package systest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// inCompressed is testkit.Bubble with Compress, an encoder of JSON, and a server that
// verifies signatures.
func inCompressed(t *testing.T, f func(*testing.T, *cwltest.Server, *zapcw.Syncer, *zap.Logger)) {
	t.Helper()
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		srv.SecretKey = "secret"
		s.Client, s.Compress = srv.Client(), true
		f(t, srv, s, zap.New(zapcw.NewCore(zapcw.NewJSONEncoder(zapcw.NewEncoderConfig()), s, zap.InfoLevel)))
	})
}

func gzipped(r *cwltest.Request) bool { return r.Encoding == "gzip" }

// encodings counts puts by the encoding of their bodies.
func encodings(srv *cwltest.Server) map[string]int {
	n := map[string]int{}
	for _, r := range srv.Stats().Requests {
		if r.Op == "PutLogEvents" {
			n[r.Encoding]++
		}
	}
	return n
}

// TestCompress sends a fifth of the bytes; the events and Stats are the same as
// without.
func TestCompress(t *testing.T) {
	inCompressed(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer, log *zap.Logger) {
		s.MaxEvents = 1 << 20
		for i := range 20_000 {
			log.Info("order placed", zap.Int("order", i), zap.String("customer", "größe & \"Söhne\" \xff"), zap.Duration("took", time.Duration(i*i)))
		}
		if err := s.Sync(); err != nil {
			t.Error(err)
		}
		got := srv.Messages("/g", "s")
		for i, text := range got {
			if want := fmt.Sprintf(`"message":"order placed","order":%d,"customer":"größe & \"Söhne\" `, i); !strings.Contains(text, want) {
				t.Fatalf("event %d is %s, want %s in it", i, text, want)
			}
		}
		sent := 0
		for _, r := range srv.Stats().Requests {
			if r.Op == "PutLogEvents" && r.Status == 200 {
				sent += r.Bytes
			}
		}
		st := s.Stats()
		if len(got) != 20_000 || st.BytesSent != uint64(srv.Stats().Bytes) || sent > int(st.BytesSent)/5 {
			t.Errorf("%d events of %d bytes in %d bytes of bodies, want 20000 in a fifth", len(got), st.BytesSent, sent)
		}
		if n := encodings(srv); n[""] != 0 {
			t.Errorf("puts by encoding are %v, want gzip alone", n)
		}
		// The first put missed the stream, which is how things are.
		if st.LastError != nil || st.Attempts != st.Puts+1 {
			t.Errorf("%d attempts for %d puts and %v, want one more and no error", st.Attempts, st.Puts, st.LastError)
		}
	})
}

// TestCompressRefused has a server that does not know gzip, and many puts in
// flight: the Fallback gets one line about it and no event.
func TestCompressRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		refuse func(*cwltest.Server)
	}{
		{"at once", func(srv *cwltest.Server) { srv.RefuseGzip = true }},
		{"as bad events", func(srv *cwltest.Server) {
			srv.Fail(cwltest.Fault{Match: gzipped, Code: "InvalidParameterException", Before: time.Second})
		}},
		{"by a proxy", func(srv *cwltest.Server) {
			srv.Fail(cwltest.Fault{Match: gzipped, Status: 415, Body: "<html>", Before: time.Second})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inCompressed(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer, log *zap.Logger) {
				tt.refuse(srv)
				for i := range 30_000 {
					log.Info("order placed", zap.Int("order", i), zap.String("note", strings.Repeat("n", 100)))
					if i%50 == 0 {
						time.Sleep(time.Millisecond) // in virtual time
					}
				}
				if err := s.Sync(); err != nil {
					t.Error(err)
				}
				log.Info(strings.Repeat("later ", 1000))
				if err := s.Sync(); err != nil {
					t.Error(err)
				}
				if n := len(srv.Messages("/g", "s")); n != 30_001 {
					t.Errorf("%d events in the stream, want 30001", n)
				}
				events, words := s.Fallback.(*testkit.Buffer).Lines()
				if len(events) > 0 || len(words) != 1 || !strings.Contains(words[0], "compression turned off") || !strings.Contains(words[0], "/g/s") {
					t.Errorf("%d events on the fallback and %q, want none and a line about compression", len(events), words)
				}
				if n := encodings(srv); n["gzip"] > 4 {
					t.Errorf("puts by encoding are %v, want no more gzip than go side by side", n)
				}
				if st := s.Stats(); st.LastError == nil || !strings.Contains(st.LastError.Error(), "compression turned off") || st.Delivered != 30_001 {
					t.Errorf("LastError is %v and %d delivered, want it and all", st.LastError, st.Delivered)
				}
			})
		})
	}
}

// TestCompressBreaks has a server that gzip makes fail as if it were down: the
// same put goes plain at once, and one line tells why.
func TestCompressBreaks(t *testing.T) {
	inCompressed(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer, log *zap.Logger) {
		srv.Fail(cwltest.Fault{Match: gzipped, Code: "InternalFailure"})
		log.Info(strings.Repeat("long ", 1000))
		if err := s.Sync(); err != nil {
			t.Error(err)
		}
		if n := len(srv.Messages("/g", "s")); n != 1 {
			t.Errorf("%d events in the stream, want 1", n)
		}
		events, words := s.Fallback.(*testkit.Buffer).Lines()
		if len(events) > 0 || len(words) != 1 || !strings.Contains(words[0], "compression turned off") || !strings.HasSuffix(words[0], "; set Compress to false for this server") {
			t.Errorf("%d events on the fallback and %q, want none, and one line with the reason", len(events), words)
		}
	})
}

// TestCompressPoison: one bad event is found, and compression goes on.
func TestCompressPoison(t *testing.T) {
	inCompressed(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer, log *zap.Logger) {
		srv.Fail(cwltest.Poison(func(e cwltest.Event) bool { return strings.Contains(e.Message, `"order":333,`) }))
		s.MaxEvents = 1 << 20
		for i := range 1000 {
			log.Info("order placed", zap.Int("order", i), zap.String("note", strings.Repeat("n", 2000)))
		}
		if err := s.Sync(); err == nil {
			t.Error("Sync says nothing, want the bad event on the fallback")
		}
		st := s.Stats()
		if st.Delivered != 999 || st.RejectedAs.Invalid != 1 {
			t.Errorf("%d delivered and %+v, want 999 and one invalid", st.Delivered, st.RejectedAs)
		}
		if events, words := s.Fallback.(*testkit.Buffer).Lines(); len(events) != 1 || len(words) != 1 || strings.Contains(words[0], "compression") {
			t.Errorf("%d events on the fallback and %q, want the bad one and a line about it", len(events), words)
		}
		before := encodings(srv)
		log.Info(strings.Repeat("later ", 1000))
		if err := s.Sync(); err != nil {
			t.Error(err)
		}
		if n := encodings(srv); n["gzip"] != before["gzip"]+1 || n[""] > 2 {
			t.Errorf("puts by encoding are %v, want gzip but for one event alone and one batch", n)
		}
	})
}

// TestCompressSocket goes over TCP, with the SDK's own HTTP client.
func TestCompressSocket(t *testing.T) {
	srv := cwltest.NewServer(t)
	srv.SecretKey = "secret"
	url, transport := srv.URL(), new(http.Transport)
	defer transport.CloseIdleConnections()
	s := &zapcw.Syncer{
		Client: srv.Client(func(o *cloudwatchlogs.Options) {
			o.BaseEndpoint, o.HTTPClient = &url, &http.Client{Transport: transport}
		}),
		Group: "/g", Stream: "s", Compress: true, Fallback: new(testkit.Buffer),
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if _, err := s.Write([]byte(strings.Repeat("over the wire ", 100))); err != nil {
					t.Error(err)
				}
			}
			if err := s.Sync(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n, by := len(srv.Messages("/g", "s")), encodings(srv); n != 800 || by[""] > 0 || by["gzip"] == 0 {
		t.Errorf("%d events in the stream by puts %v, want 800 by gzip", n, by)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestCompressOther: what another Client than the SDK's gets is not compressed.
func TestCompressOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		type hidden struct{ zapcw.Client }
		s := &zapcw.Syncer{Client: hidden{srv.Client()}, Group: "/g", Stream: "s", Compress: true, Fallback: new(testkit.Buffer)}
		text := strings.Repeat("plain ", 1000)
		if _, err := s.Write([]byte(text)); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		testkit.WantEvents(t, srv.Messages("/g", "s"), text)
		if n := encodings(srv); n["gzip"] > 0 {
			t.Errorf("puts by encoding are %v, want none compressed", n)
		}
	})
}
