package systest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

const blockedPage = "<html><body>blocked</body></html>"

// TestFirewall has a firewall refuse events by what they hold: those alone are on
// the fallback, with what it says, and a notice tells of them. The stream goes on
// within seconds, whether somebody waits or not.
func TestFirewall(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		holds := func(e cwltest.Event) bool { return strings.Contains(e.Message, "UNION SELECT") }
		r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Status: 403, Body: blockedPage, Match: func(q *cwltest.Request) bool { return slices.ContainsFunc(q.Events, holds) }})
		r.Syncer.MaxEvents, r.Syncer.MaxAge = 1, time.Second
		var want, bad []string
		for i := range 100 {
			text := fmt.Sprintf("%03d", i)
			if i%40 == 20 {
				text += " UNION SELECT"
				bad = append(bad, text)
			} else {
				want = append(want, text)
			}
			r.Info(text)
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Second)
		if st := r.Syncer.Stats(); st.Pending > 0 || st.SpilledAs.Refused != uint64(len(bad)) {
			r.Errorf("got %+v, want %d refused and nothing pending", st, len(bad))
		}
		if err := r.Syncer.Sync(); err == nil || !strings.Contains(err.Error(), "2 events are on the fallback: put events to /rig/s: ") {
			r.Errorf("Sync = %v, want it to tell of the two", err)
		}
		alone := "UNION SELECT, alone"
		r.Info(alone)
		if err := r.Syncer.Sync(); err == nil || !strings.Contains(err.Error(), "1 event is on the fallback: put events to /rig/s: ") || !strings.Contains(err.Error(), "while other puts get through") {
			r.Errorf("Sync = %v, want it to tell of the one, and not to run out of time", err)
		}
		r.Info("last")
		r.MustSync()
		r.WantStream(append(want, "last")...)
		r.WantSpill(append(bad, alone)...)
		if _, gaps := r.Stream(); len(gaps) != 3 || !strings.Contains(gaps[0], `because of "refused"`) {
			r.Errorf("got gaps %q, want one for each of three", gaps)
		}
		if _, words := r.Spill.Lines(); !strings.HasSuffix(words[1], "not delivered, and written below; check the firewall or proxy on the way: it refuses what these events hold") {
			r.Errorf("got %q, want what is wrong and what to do", words)
		}
	})
}

// TestFirewallRefusesAll has it refuse everything for ten minutes: that is an
// outage, and nothing is given up.
func TestFirewallRefusesAll(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Status: 403, Body: blockedPage, For: 10 * time.Minute})
		want := testkit.Numbered("%03d", 600)
		for _, text := range want {
			r.At(zapcore.InfoLevel, text)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		r.WantStream(want...)
		r.WantGaps()
		if st := r.Syncer.Stats(); st.Pending > 0 || st.Spilled > 0 {
			r.Errorf("got %+v, want all delivered", st)
		}
	})
}
