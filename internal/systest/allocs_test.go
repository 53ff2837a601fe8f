package systest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// A putCost is what one put allocated.
type putCost struct{ Bytes, Allocs uint64 }

// puts is a program: it prints what full puts allocate.
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

// TestPutAllocs bounds what a full put allocates. The server is another process.
// The SDK alone allocates 25 KiB in 350 pieces, and net/http 38 KiB.
func TestPutAllocs(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector makes pools forget, so there is nothing to count")
	}
	srv := cwltest.NewServer(t)
	srv.CreateStream("/processes", "s")
	out, err := command(programEnv, program{Name: "puts", Endpoint: srv.URL(), Stream: "s", N: 41}).Output()
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
