package testkit

import (
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/internal/engine"
)

// NoJitter makes s wait exactly as long as its back-off says. The fields of s are
// to be set before.
func NoJitter(s *zapcw.Syncer) {
	engineOf(s).SetJitter(func(d time.Duration) time.Duration { return d })
}

// Widen gives s all of its lanes, as goroutines that meet would. The fields of s
// are to be set before.
func Widen(s *zapcw.Syncer) { engineOf(s).Widen() }

// engineOf finds what is inside.
func engineOf(s *zapcw.Syncer) *engine.Engine {
	var f finder
	field := zapcw.Flush()
	field.Interface = &f
	zapcw.NewCore(Plain(), s, zapcore.DebugLevel).With([]zapcore.Field{field})
	return f.engine
}

type finder struct{ engine *engine.Engine }

func (f *finder) Found(e *engine.Engine) { f.engine = e }
