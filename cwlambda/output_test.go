package cwlambda

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// However a Core is wrapped, its stream is found, and found once.
func TestStreamsAreFound(t *testing.T) {
	srv := cwltest.NewServer(t)
	logger, _ := newStream(srv, nil)
	one := logger.Core()
	other := zapcw.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), &zapcw.Syncer{Client: srv.Client(), Group: group, Stream: "other"}, zap.InfoLevel)
	stdout := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(os.Stdout), zap.InfoLevel)
	increased, err := zapcore.NewIncreaseLevelCore(one, zap.ErrorLevel)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		core zapcore.Core
		want int
		rest bool
	}{
		{"alone", one, 1, false},
		{"with fields", one.With([]zapcore.Field{zap.Int("n", 1)}), 1, false},
		{"tee", zapcore.NewTee(one, other), 2, true},
		{"the same twice", zapcore.NewTee(one, one), 1, true},
		{"with stdout", zapcw.Tee(one, stdout), 1, true},
		{"sampler", zapcore.NewSamplerWithOptions(one, time.Second, 1, 1), 1, true},
		{"hooks", zapcore.RegisterHooks(one, func(zapcore.Entry) error { return nil }), 1, true},
		{"increased level", increased, 1, true},
		{"lazy", zapcore.NewLazyWith(one, []zapcore.Field{zap.Int("n", 1)}), 1, false},
		{"none", zapcore.NewNopCore(), 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOutputs(test.core)
			if len(o.streams) != test.want {
				t.Errorf("%d streams, want %d", len(o.streams), test.want)
			}
			if o.rest == nil && test.rest {
				t.Error("nothing else is synced, want the rest to be")
			}
		})
	}
}

// A sink that counts.
type sink struct{ syncs *int }

func (sink) Write(p []byte) (int, error) { return len(p), nil }
func (s sink) Sync() error               { *s.syncs++; return nil }

// What is no stream is synced too, and the streams are not synced with it: they
// would spill when their Timeout is over.
func TestRestIsSynced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
		logger, s := newStream(srv, zapcore.AddSync(new(strings.Builder)))
		s.Timeout = time.Second
		syncs := 0
		file := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), sink{&syncs}, zap.InfoLevel)
		logger = zap.New(zapcore.NewTee(logger.Core(), file))
		f := newFunction(logger, nil)
		_, _ = f.invoke(context.Background(), func(context.Context) (any, error) {
			logger.Info("inside")
			return nil, nil
		})
		if syncs != 1 {
			t.Errorf("%d syncs of the file, want 1", syncs)
		}
		if st := s.Stats(); st.Pending != 1 {
			t.Errorf("%d pending, want the event to stay in memory", st.Pending)
		}
		_ = s.Close()
	})
}

// Two streams in a tee, of which one is dark.
func TestTee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		well, dark := cwltest.NewServer(t), cwltest.NewServer(t)
		dark.Fail(cwltest.Fault{Break: cwltest.BlackHole})
		one, _ := newStream(well, nil)
		two, s := newStream(dark, zapcore.AddSync(new(strings.Builder)))
		logger := zap.New(zapcore.NewTee(one.Core(), two.Core()))
		f := newFunction(logger, nil)
		begin := time.Now()
		for i := range 100 {
			_, _ = f.invoke(context.Background(), func(context.Context) (any, error) {
				logger.Info(fmt.Sprint("n", i))
				return nil, nil
			})
			if n := len(well.Messages(group, stream)); n != i+1 {
				t.Fatalf("%d events in the stream that is well after %d invocations", n, i+1)
			}
		}
		if took := time.Since(begin); took >= 30*time.Second {
			t.Errorf("100 invocations took %s, want less than 30 s", took)
		}
		_ = s.Close()
	})
}

// A Syncer that is the sink of another core, as behind OpenSink with the lock
// that zap puts around it, is flushed within the same bounds.
func TestSink(t *testing.T) {
	for _, test := range []struct {
		name    string
		timeout time.Duration
		sink    func(*zapcw.Syncer) zapcore.WriteSyncer
	}{
		{"zapcore.NewCore", 10 * time.Second, func(s *zapcw.Syncer) zapcore.WriteSyncer { return s }},
		{"with a lock", outageWait, func(s *zapcw.Syncer) zapcore.WriteSyncer { return zapcore.Lock(s) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := cwltest.NewServer(t)
				var fallback strings.Builder
				s := &zapcw.Syncer{Client: srv.Client(), Group: group, Stream: stream, Fallback: zapcore.Lock(zapcore.AddSync(&fallback)), Timeout: test.timeout}
				logger := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), test.sink(s), zap.InfoLevel))
				f := newFunction(logger, nil)
				invoke := func() {
					ctx, cancel := invocationContext(t, "r-1", time.Minute)
					defer cancel()
					_, _ = f.invoke(ctx, func(ctx context.Context) (any, error) {
						Logger(ctx).Info("event of an invocation")
						return nil, nil
					})
				}
				invoke()
				if n := len(srv.Messages(group, stream)); n != 1 {
					t.Fatalf("%d events in the stream, want 1", n)
				}
				srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
				begin := time.Now()
				for range 100 {
					invoke()
				}
				if took := time.Since(begin); took >= 30*time.Second {
					t.Errorf("100 invocations took %s, want less than 30 s", took)
				}
				srv.Heal()
				time.Sleep(time.Minute) // a Sync may be under way
				invoke()
				_ = s.Close()
				got := len(srv.Messages(group, stream)) + strings.Count(fallback.String(), `"event of an invocation"`)
				notices := 0
				for _, m := range srv.Messages(group, stream) {
					if strings.HasPrefix(m, "zapcw: ") {
						notices++
					}
				}
				if got-notices != 102 {
					t.Errorf("%d events in the stream and on the fallback, want 102", got-notices)
				}
			})
		})
	}
}
