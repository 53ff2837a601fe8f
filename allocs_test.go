package zapcw_test

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
)

// TestAllocs holds the logging call to no allocation of its own.
func TestAllocs(t *testing.T) {
	if zapcw.RaceEnabled {
		t.Skip("the race detector makes pools forget, so there is nothing to count")
	}
	template, err := zapcw.PrefixOf("{level} {logger}> ")
	if err != nil {
		t.Fatal(err)
	}
	fields := []zapcore.Field{zap.String("user", "alice"), zap.Int("items", 3), zap.Duration("took", time.Second)}
	for _, tt := range []struct {
		name string
		enc  zapcore.Encoder
	}{
		{"zap's json", zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())},
		{"json", zapcw.NewJSONEncoder(zapcw.NewEncoderConfig())},
		{"prefix", zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig())},
		{"template", zapcw.NewPrefixEncoder("checkout", template, zapcw.NewEncoderConfig())},
	} {
		for _, n := range []int{0, 3} {
			// Nothing is sent, so that only the call is counted.
			s := &zapcw.Syncer{Client: new(stuckClient), Group: "/g", Stream: "s", MaxEvents: 1 << 30, MaxAge: time.Hour, MaxPending: 1 << 20, Fallback: new(safeBuffer)}
			core := zapcw.NewCore(tt.enc, s, zap.InfoLevel).With([]zapcore.Field{zap.String("with", "this")})
			ent := zapcore.Entry{Message: "order placed", Time: time.Now(), LoggerName: "api"}
			if got := testing.AllocsPerRun(1000, func() {
				if err := core.Write(ent, fields[:n]); err != nil {
					t.Error(err)
				}
			}); got != 0 {
				t.Errorf("%s, %d fields: %v allocations a call, want 0", tt.name, n, got)
			}
			if st := s.Stats(); st.Pending != 1001 {
				t.Errorf("%d pending, want 1001", st.Pending)
			}
		}
	}
}
