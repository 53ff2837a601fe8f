package adapters_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
)

// TestSlogtest has log/slog's own rules for handlers. There is none that zapslog
// does not keep.
func TestSlogtest(t *testing.T) {
	var srv *cwltest.Server
	var s *zapcw.Syncer
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey, cfg.LevelKey, cfg.MessageKey = slog.TimeKey, slog.LevelKey, slog.MessageKey
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		srv, s = open(t)
		return zapslog.NewHandler(zapcw.NewCore(zapcw.NewJSONEncoder(cfg), s, zap.InfoLevel))
	}, func(t *testing.T) (record map[string]any) {
		if err := s.Sync(); err != nil {
			t.Error(err)
		}
		texts := srv.Messages("/acme/prod", "orders")
		if len(texts) != 1 {
			t.Fatalf("got %q, want one event", texts)
		}
		if err := json.Unmarshal([]byte(texts[0]), &record); err != nil {
			t.Fatal(err)
		}
		return record
	})
}

// TestSlog: records keep their time, and have zap's levels.
func TestSlog(t *testing.T) {
	srv, s := open(t)
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig())
	h := zapslog.NewHandler(zapcw.NewCore(enc, s, zap.DebugLevel), zapslog.WithCaller(true), zapslog.AddStacktraceAt(slog.LevelError+100))
	log := slog.New(h)
	ctx := t.Context()
	if h.Enabled(ctx, slog.LevelDebug-1) != h.Enabled(ctx, slog.LevelDebug) || !log.Enabled(ctx, slog.LevelDebug) {
		t.Error("debug is not enabled")
	}
	log.Debug("d")
	log.With("order", 7).WithGroup("item").Info("i", "name", "tea", slog.Group("price", "cents", 250))
	log.Warn("w", "err", context.Canceled)
	log.Error("e", "took", time.Second)
	log.Log(ctx, slog.LevelError+8, "e+8")
	yesterday := time.Now().Add(-24 * time.Hour).Truncate(time.Millisecond)
	if err := h.Handle(ctx, slog.NewRecord(yesterday, slog.LevelInfo, "old", 0)); err != nil {
		t.Error(err)
	}
	if n := s.Stats().Attempts; n != 0 {
		t.Errorf("%d puts: nothing that slog has is above zap's error", n)
	}
	if err := s.Sync(); err != nil {
		t.Error(err)
	}
	wantEvents(t, srv,
		"INFO: checkout: : old",
		"DEBUG: checkout: TestSlog: d",
		"INFO: checkout: TestSlog: i\t{\"order\": 7, \"item\": {\"name\": \"tea\", \"price\": {\"cents\": 250}}}",
		"WARNING: checkout: TestSlog: w\t{\"err\": \"context canceled\"}",
		"ERROR: checkout: TestSlog: e\t{\"took\": 1}",
		"ERROR: checkout: TestSlog: e+8",
	)
	if got := srv.Events("/acme/prod", "orders")[0].Time(); !got.Equal(yesterday) {
		t.Errorf("the old record has the time %s, want %s", got, yesterday)
	}
}

// TestSlogFlush: slog has no fields of zap, so Flush goes into the core.
func TestSlogFlush(t *testing.T) {
	srv, s := open(t)
	core := zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.InfoLevel)
	slog.New(zapslog.NewHandler(core)).Info("waits", "flush", zapcw.Flush())
	if n := s.Stats().Pending; n != 1 {
		t.Errorf("%d events pending, want 1", n)
	}
	slog.New(zapslog.NewHandler(core.With([]zap.Field{zapcw.Flush()}))).With("n", 1).Info("sent")
	if n := s.Stats().Delivered; n != 2 {
		t.Errorf("%d events delivered, want 2", n)
	}
	if got := srv.Messages("/acme/prod", "orders"); len(got) != 2 || got[1] != "sent\t{\"n\": 1}" {
		t.Errorf("got %q", got)
	}
}

// TestSlogErrors: zapslog keeps the errors of a core to itself, but Sync has
// them, and the events are on the Fallback.
func TestSlogErrors(t *testing.T) {
	srv, s := open(t)
	spilled := new(text)
	s.Fallback = spilled
	srv.Fail(cwltest.Deny("logs:PutLogEvents"))
	core := zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.InfoLevel)
	record := func(msg string) slog.Record { return slog.NewRecord(time.Now(), slog.LevelInfo, msg, 0) }
	if err := zapslog.NewHandler(core.With([]zap.Field{zapcw.Flush()})).Handle(t.Context(), record("denied")); err != nil {
		t.Errorf("zapslog has the error now: %v", err)
	}
	if err := zapslog.NewHandler(core).Handle(t.Context(), record("denied too")); err != nil {
		t.Error(err)
	}
	if err := core.Sync(); err == nil || !strings.Contains(err.Error(), "AccessDeniedException") {
		t.Errorf("sync: %v, want AccessDeniedException", err)
	}
	if got := spilled.String(); !strings.HasSuffix(got, "denied\ndenied too\n") {
		t.Errorf("on the fallback is %q", got)
	}
}

// text is a Fallback.
type text struct {
	mu sync.Mutex
	strings.Builder
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Builder.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Builder.String()
}

func (*text) Sync() error { return nil }

// A program that logs with log/slog.
func Example_slog() {
	var srv cwltest.Server // in place of the service
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())

	log := slog.New(zapslog.NewHandler(zapcw.NewCore(enc, s, zap.InfoLevel)))
	log.Info("order placed", "items", 3)
	fmt.Println(s.Sync(), srv.Messages("/acme/prod", "orders"))
	// Output: <nil> [INFO: checkout: order placed	{"items": 3}]
}
