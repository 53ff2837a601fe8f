package testkit

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// wrappings are the ways in which zap puts a core into a logger, as far as they
// let all entries from Info on pass.
var wrappings = []struct {
	name  string
	build func(core zapcore.Core, opts ...zap.Option) *zap.Logger
}{
	{"bare", zap.New},
	{"sampler", func(core zapcore.Core, opts ...zap.Option) *zap.Logger {
		return zap.New(zapcore.NewSamplerWithOptions(core, time.Second, 100, 100), opts...)
	}},
	{"hooks of the core", func(core zapcore.Core, opts ...zap.Option) *zap.Logger {
		return zap.New(zapcore.RegisterHooks(core, noHook), opts...)
	}},
	{"hooks of the logger", func(core zapcore.Core, opts ...zap.Option) *zap.Logger {
		return zap.New(core, append(opts, zap.Hooks(noHook))...)
	}},
	{"lazy core", func(core zapcore.Core, opts ...zap.Option) *zap.Logger {
		return zap.New(zapcore.NewLazyWith(core, nil), opts...)
	}},
	{"lazy logger", func(core zapcore.Core, opts ...zap.Option) *zap.Logger {
		return zap.New(core, opts...).WithLazy(zap.Skip())
	}},
	{"increased level of the core", func(core zapcore.Core, opts ...zap.Option) *zap.Logger {
		higher, err := zapcore.NewIncreaseLevelCore(core, zap.InfoLevel)
		if err != nil {
			panic(err)
		}
		return zap.New(higher, opts...)
	}},
	{"increased level of the logger", func(core zapcore.Core, opts ...zap.Option) *zap.Logger {
		return zap.New(core, append(opts, zap.IncreaseLevel(zap.InfoLevel))...)
	}},
	{"tee", func(core zapcore.Core, opts ...zap.Option) *zap.Logger {
		return zap.New(zapcore.NewTee(zapcore.NewNopCore(), core), opts...)
	}},
	{"our tee", func(core zapcore.Core, opts ...zap.Option) *zap.Logger {
		return zap.New(zapcw.Tee(core, zapcore.NewNopCore()), opts...)
	}},
	{"sugar", func(core zapcore.Core, opts ...zap.Option) *zap.Logger {
		return zap.New(core, opts...).Sugar().With().Desugar()
	}},
	{"all of it", func(core zapcore.Core, opts ...zap.Option) *zap.Logger {
		core = zapcore.NewTee(zapcw.Tee(core, zapcore.NewNopCore()), zapcore.NewNopCore())
		core = zapcore.RegisterHooks(zapcore.NewSamplerWithOptions(core, time.Second, 100, 100), noHook)
		core = zapcore.NewLazyWith(core, nil)
		return zap.New(core, append(opts, zap.IncreaseLevel(zap.InfoLevel), zap.Hooks(noHook))...).WithLazy(zap.Skip())
	}},
}

func noHook(zapcore.Entry) error { return nil }

// InWrappings runs f with a logger of each wrapping around a Core.
func InWrappings(t *testing.T, f func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer, build func(...zap.Option) *zap.Logger)) {
	t.Helper()
	enc := zapcw.NewJSONEncoder(zapcore.EncoderConfig{MessageKey: "m", LevelKey: "l", EncodeLevel: zapcw.EncodeLevel})
	for _, w := range wrappings {
		t.Run(w.name, func(t *testing.T) {
			Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
				f(t, srv, s, func(opts ...zap.Option) *zap.Logger {
					return w.build(zapcw.NewCore(enc, s, zap.InfoLevel), opts...)
				})
			})
		})
	}
}
