package engine

import (
	"fmt"
	"strconv"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/delivery"
)

// A gap counts the events that were spilled since the last successful put. The zero
// value is no gap.
type gap struct {
	count       uint64
	levels      [1 + zapcore.DPanicLevel - zapcore.DebugLevel + 1]uint64 // the first is for levels without a name
	first, last int64                                                    // milliseconds since 1970
	why         uint16                                                   // one bit for each fate
}

// add counts an event.
func (g *gap) add(ms int64, lvl int8, why delivery.Fate) {
	var one gap
	one.count, one.first, one.last, one.why = 1, ms, ms, 1<<why
	if l := zapcore.Level(lvl); l >= zapcore.DebugLevel && l <= zapcore.FatalLevel {
		// The levels above Error share a name.
		one.levels[1+min(l, zapcore.DPanicLevel)-zapcore.DebugLevel] = 1
	} else {
		one.levels[0] = 1
	}
	g.merge(one)
}

func (g *gap) merge(h gap) {
	if h.count == 0 {
		return
	}
	if g.count == 0 {
		*g = h
		return
	}
	g.count += h.count
	for i, n := range h.levels {
		g.levels[i] += n
	}
	g.first, g.last = min(g.first, h.first), max(g.last, h.last)
	g.why |= h.why
}

// notice is the event that tells readers of a stream which events are missing.
func (g *gap) notice(place string) string {
	b := fmt.Appendf(nil, "zapcw: %s went to the writer's fallback instead of %s:", delivery.Events(int(g.count)), place)
	sep := " "
	for i, n := range g.levels {
		if n > 0 {
			b = fmt.Appendf(b, "%s%d %s", sep, n, gapLevels[i])
			sep = ", "
		}
	}
	b = fmt.Appendf(b, ", from %s to %s, because of", utc(g.first), utc(g.last))
	sep = " "
	for f := range delivery.Fates {
		if g.why&(1<<f) != 0 {
			b = append(append(b, sep...), strconv.Quote(delivery.Fate(f).String())...)
			sep = ", "
		}
	}
	return string(b)
}

// gapLevels are the names of gap.levels.
var gapLevels = [...]string{"of other levels", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}

func utc(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
