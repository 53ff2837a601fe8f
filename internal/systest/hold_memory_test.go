package systest

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/internal/testkit"
)

// TestHoldAllocs holds without an allocation, once a scope has its memory.
func TestHoldAllocs(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector makes pools forget, so there is nothing to count")
	}
	fields := []zapcore.Field{zap.String("user", "alice"), zap.Int("items", 3), zap.Duration("took", time.Second)}
	ent := zapcore.Entry{Level: zap.DebugLevel, Message: "order placed", Time: time.Now(), LoggerName: "api"}
	for name, enc := range map[string]zapcore.Encoder{
		"zap's json": zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()),
		"json":       zapcw.NewJSONEncoder(zapcw.NewEncoderConfig()),
		"prefix":     zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig()),
	} {
		s := &zapcw.Syncer{Client: new(testkit.StuckClient), Group: "/g", Stream: "s", Fallback: new(testkit.Buffer)}
		core := zapcw.Hold{}.Wrap(zapcw.NewCore(enc, s, zap.InfoLevel)).With([]zapcore.Field{zapcw.Scope(), zap.String("with", "this")})
		write := func() {
			if err := core.Write(ent, fields); err != nil {
				t.Error(err)
			}
		}
		for s.Stats().Evicted == 0 { // until the block has its last size
			write()
		}
		if got := testing.AllocsPerRun(1000, write); got != 0 {
			t.Errorf("%s: %v allocations a held entry, want 0", name, got)
		}
		if st := s.Stats(); st.Evicted < 1000 || st.Accepted != 0 {
			t.Errorf("%s: stats are %+v", name, st)
		}
	}
}

// TestHoldMemory has 100,000 scopes open: they cost next to nothing with nothing
// in them, no more than their bound ever, and nothing when they are dropped.
func TestHoldMemory(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector's memory would count")
	}
	const n, limit = 100_000, 1 << 10
	s := &zapcw.Syncer{Client: new(testkit.StuckClient), Group: "/g", Stream: "s", Fallback: new(testkit.Buffer)}
	log := zap.New(zapcw.Hold{MaxBytes: limit}.Wrap(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel)))
	loggers := make([]*zap.Logger, n)
	open := func(f func() zap.Field) int {
		before := heap()
		for i := range loggers {
			loggers[i] = log.With(f())
		}
		return (int(heap()) - int(before)) / n
	}
	before := heap()
	alone := open(zap.Skip)
	clear(loggers)
	empty := open(zapcw.Scope) - alone
	with := heap()
	hold := func(times, bytes int) int {
		text := strings.Repeat(".", bytes)
		for range times {
			for _, l := range loggers {
				l.Debug(text)
			}
		}
		return (int(heap()) - int(with)) / n
	}
	one, full := hold(1, 100), hold(8, 250)
	t.Logf("a scope: %d bytes empty, %d with one entry of 100 bytes, %d when full; a logger without: %d", empty, one, full, alone)
	if empty > 200 || one > 600 || full > limit+100 {
		t.Errorf("a scope takes %d bytes empty, %d with one entry, %d when full: want at most 200, 600, %d", empty, one, full, limit+100)
	}
	if st := s.Stats(); st.Held != 3*n || st.Evicted != 6*n || st.Accepted != 0 {
		t.Errorf("stats are %+v", st)
	}
	clear(loggers)
	if left := (int(heap()) - int(before)) / n; left > 1 {
		t.Errorf("%d bytes are left of a dropped scope", left)
	}
	runtime.KeepAlive(log)
}
