package systest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/internal/testkit"
)

// TestFleetSteady has fleets log at a steady rate against the quota of one
// account. Where they could send more small puts than that they settle: each
// sends fewer, which carry the same events.
func TestFleetSteady(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n, rate int           // Syncers, and events a second of each
		scale   int           // both the fleet and the quota are so many times smaller
		tick    time.Duration // between the moments at which one logs, longer for less CPU
		used    float64       // of the quota, at least, by a fleet that settles
	}{
		{n: 1_000, rate: 50, scale: 5, tick: 200 * time.Millisecond},
		{n: 10_000, rate: 50, scale: 5, tick: 200 * time.Millisecond, used: 0.7},
		{n: 1_000, rate: 10_000, scale: 50, tick: 50 * time.Millisecond, used: 0.5}, // or they would put less often
	} {
		t.Run(fmt.Sprintf("%d Syncers, %d events a second each", tt.n, tt.rate), func(t *testing.T) {
			t.Parallel()
			scale := tt.scale
			if testing.Short() || testkit.RaceEnabled {
				scale = max(scale, 10)
			}
			if scale > 1 {
				t.Logf("%d Syncers against %d puts a second: there is no time for more", tt.n/scale, putQuota/scale)
			}
			synctest.Test(t, func(t *testing.T) { runSteady(t, tt.n/scale, tt.rate, putQuota/scale, tt.tick, tt.used) })
		})
	}
}

func runSteady(t *testing.T, n, rate, quota int, tick time.Duration, used float64) {
	const settle, long = time.Minute, 75 * time.Second
	a := &account{begin: time.Now(), quota: quota, streams: map[string]bool{"0": true}}
	fleet := make([]*zapcw.Syncer, n)
	each := int(tick.Seconds() * float64(rate))
	for i := range fleet {
		s := &zapcw.Syncer{Client: a, Group: "/fleet", Stream: "0", Fallback: zapcore.AddSync(io.Discard)}
		fleet[i] = s
		begin := rand.N(time.Second)
		var logs func()
		ticker := time.AfterFunc(time.Hour, func() { logs() })
		logs = func() {
			if time.Since(a.begin) >= long {
				return
			}
			ticker.Reset(tick)
			for range each {
				if _, err := io.WriteString(s, "hello"); err != nil {
					t.Error(err)
				}
			}
		}
		ticker.Reset(begin)
	}
	time.Sleep(long + time.Minute + time.Second) // what is left has MaxAge
	synctest.Wait()
	var st zapcw.Stats
	for _, s := range fleet {
		one := s.Stats()
		st.Accepted += one.Accepted
		st.Delivered += one.Delivered
		st.Puts += one.Puts
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if st.Accepted != st.Delivered || a.stored != int(st.Accepted) {
		t.Errorf("got %d events accepted, %d delivered, %d stored, want all", st.Accepted, st.Delivered, a.stored)
	}
	var lines strings.Builder
	for s := 0; s < len(a.puts); s += 10 {
		fmt.Fprintf(&lines, " %d/%d", sum(a.throttles[s:min(s+10, len(a.throttles))]), sum(a.puts[s:min(s+10, len(a.puts))]))
	}
	t.Logf("throttled of attempts, every 10 s:%s; %.0f events a put", lines.String(), float64(st.Delivered)/float64(st.Puts))
	from, to := int(settle.Seconds()), int(long.Seconds())
	settles := used > 0
	tried, throttled := sum(a.puts[from:to]), sum(a.throttles[from:to])
	switch all := sum(a.throttles); {
	case !settles && all > 0:
		t.Errorf("%d attempts were throttled, want none", all)
	case settles && all == 0:
		t.Error("no attempt was throttled: the fleet does not need the quota")
	case settles && throttled*20 > tried:
		t.Errorf("after a minute %d of %d attempts were throttled, want 5 per cent at most", throttled, tried)
	case settles && float64(tried-throttled) < used*float64(quota*(to-from)):
		t.Errorf("after a minute %d puts were made in %d s, want %.0f per cent of the quota of %d a second used", tried-throttled, to-from, 100*used, quota)
	}
}
