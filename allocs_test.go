package zapcw_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
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

// A putCost is what one put allocated.
type putCost struct{ Bytes, Allocs uint64 }

// puts prints what full puts cost this process.
func puts(s *zapcw.Syncer, log *zap.Logger, n int) {
	const events = 4095 // one more would start a put
	s.MaxEvents = 1 << 30
	text := strings.Repeat(".", 230)
	var all []putCost
	for range n {
		for range events {
			log.Info(text)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := log.Sync(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		runtime.ReadMemStats(&after)
		all = append(all, putCost{after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs})
	}
	_ = json.NewEncoder(os.Stdout).Encode(all)
}

// TestPutAllocs has a full put leave little behind. The server is another
// process. The SDK alone leaves 25 KiB in 350 pieces, and net/http 38 KiB.
func TestPutAllocs(t *testing.T) {
	if zapcw.RaceEnabled {
		t.Skip("the race detector makes pools forget, so there is nothing to count")
	}
	srv := cwltest.NewServer(t)
	srv.CreateStream("/processes", "s")
	out, err := command(t, program{Name: "puts", Endpoint: srv.URL(), Stream: "s", N: 41}).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var all []putCost
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	if got := srv.Stats().Events; got != 41*4095 {
		t.Fatalf("%d events arrived, want %d", got, 41*4095)
	}
	// A collection in between empties pools: the middle says how it is.
	median := func(of func(putCost) uint64) uint64 {
		slices.SortFunc(all, func(a, b putCost) int { return cmp.Compare(of(a), of(b)) })
		return of(all[len(all)/2])
	}
	bytes, allocs := median(func(c putCost) uint64 { return c.Bytes }), median(func(c putCost) uint64 { return c.Allocs })
	t.Logf("a put of 4,095 events: %d bytes in %d allocations", bytes, allocs)
	if bytes > 64<<10 || allocs > 4095/10 {
		t.Errorf("a put of 4,095 events takes %d bytes in %d allocations, want at most 64 KiB and 0.1 an event", bytes, allocs)
	}
}
