package cwlambda

import (
	"slices"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/internal/engine"
)

// A finder is a field that a Core puts its engine into.
type finder struct{ found []drainer }

var _ engine.Finder = (*finder)(nil)

func (f *finder) field() zapcore.Field {
	return zapcore.Field{Key: "zapcw.Flush", Type: zapcore.SkipType, Interface: f}
}

// Found is called by each Core.
func (f *finder) Found(e *engine.Engine) {
	if d := (found{e}); !slices.Contains(f.found, drainer(d)) {
		f.found = append(f.found, d)
	}
}

// found is an engine as a drainer.
type found struct{ *engine.Engine }

// Puts counts puts that succeeded.
func (f found) Puts() uint64 { return f.Stats().Puts }

// isStream reports whether nothing but one stream is behind a core.
func isStream(core zapcore.Core) bool {
	_, ok := core.(*zapcw.Core)
	return ok
}
