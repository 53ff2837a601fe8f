package zapcw_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// TestHandler checks that everything is in the stream when the handler returns,
// and that a failing flush leaves the function's outcome alone.
func TestHandler(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name   string
		h      func(context.Context, string) (int, error)
		panics any
		err    error
	}{
		{"result", func(context.Context, string) (int, error) { return 7, nil }, nil, nil},
		{"error", func(context.Context, string) (int, error) { return 7, boom }, nil, boom},
		{"panic", func(context.Context, string) (int, error) { panic(boom) }, boom, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
				core := zapcore.NewSamplerWithOptions(zapcore.NewTee(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel), zapcore.NewNopCore()), time.Second, 100, 100)
				log := zap.New(core).WithLazy(zap.Skip())
				f := zapcw.Handler(log, func(ctx context.Context, in string) (int, error) {
					log.Info(in)
					return tt.h(ctx, in)
				})
				call := func(limit time.Duration) (out int, panicked any, err error) {
					ctx, cancel := context.WithTimeout(t.Context(), limit)
					defer cancel()
					defer func() { panicked = recover() }()
					out, err = f(ctx, "hello")
					return out, nil, err
				}
				out, panicked, err := call(3 * time.Second)
				if err != tt.err || panicked != tt.panics || panicked == nil && out != 7 {
					t.Errorf("got %d, %v, panic %v", out, err, panicked)
				}
				testkit.WantEvents(t, srv.Messages("/g", "s"), "hello")

				srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
				begin := time.Now()
				_, panicked, err = call(3 * time.Second)
				if err != tt.err || panicked != tt.panics {
					t.Errorf("in an outage: got %v, panic %v", err, panicked)
				}
				if took := time.Since(begin); took < 2*time.Second || took >= 3*time.Second {
					t.Errorf("in an outage: the flush took %s of 3s", took)
				}
				spilled, _ := s.Fallback.(*testkit.Buffer).Lines()
				testkit.WantEvents(t, spilled, "hello")
			})
		})
	}
}

// TestWrappedHandler: however a Core is wrapped, the flush finds its Syncer, and is
// over before the invocation's time is.
func TestWrappedHandler(t *testing.T) {
	testkit.InWrappings(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer, build func(...zap.Option) *zap.Logger) {
		log := build()
		srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = zapcw.Handler(log, func(context.Context, int) (int, error) {
			log.Info("m")
			return 0, nil
		})(ctx, 0)
		if ctx.Err() != nil || s.Stats().SpilledAs.Late != 1 {
			t.Errorf("context is %v, %d events late, want the time kept and 1", ctx.Err(), s.Stats().SpilledAs.Late)
		}
	})
}

// TestHandlerSink: a Syncer that is the sink of zap's own core is not found, so its
// Timeout counts, and not the invocation's time.
func TestHandlerSink(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		log := zap.New(zapcore.NewCore(testkit.Plain(), zap.CombineWriteSyncers(s), zap.InfoLevel), zap.WithClock(testkit.Yesterday{}))
		srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		_, _ = zapcw.Handler(log, func(context.Context, int) (int, error) {
			log.Info("m")
			return 0, nil
		})(ctx, 0)
		if took := time.Since(begin); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("it took %s, want the Timeout of 10 s", took)
		}
	})
}
