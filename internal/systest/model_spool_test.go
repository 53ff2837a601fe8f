package systest

import (
	"os"
	"testing"
	"time"

	"example.com/zapcw"
)

// TestModelSpool is TestModel with a spool: what a Syncer leaves there is settled by
// the next one. Little memory and little disk have events come by all ways.
func TestModelSpool(t *testing.T) {
	t.Parallel()
	from, to := schedules(t)
	to /= 4 // the rest of the machine is that of TestModel
	replay(t, from, to, func(t *testing.T, seed uint64) {
		stream := "s"
		if seed%2 == 1 {
			stream = "s-{date}"
			time.Sleep(24*time.Hour - time.Second)
		}
		m := newSchedule(t, seed, stream)
		m.syncer.Spool = t.TempDir()
		m.syncer.MaxSpool = []int64{0, 0, 20_000, 1 << 20}[m.rand.IntN(4)]
		m.run()
	})
}

// inherit has other Syncers settle what the first one left, when the service is well
// again, and adds what became of it.
func (m *schedule) inherit() {
	for range 2 {
		left := m.stats.Spooled
		next := &zapcw.Syncer{
			Client: m.syncer.Client, Group: "/model", Stream: m.syncer.Stream, Fallback: &m.spill,
			Spool: m.syncer.Spool, MaxPending: m.syncer.MaxPending, Timeout: time.Hour,
		}
		if err := next.Close(); err != nil && m.stats.Rejected+m.stats.Spilled == 0 && !m.poisoned && !m.steps {
			m.Errorf("what was left: %v", err)
		}
		st := next.Stats()
		if st.Accepted != left || st.Spooled != 0 || st.Pending != 0 {
			m.Errorf("%d events left, the next accepted %d, left %d and has %d pending", left, st.Accepted, st.Spooled, st.Pending)
		}
		m.stats.Spooled = st.Spooled
		m.stats.Delivered += st.Delivered
		m.stats.Rejected += st.Rejected
		m.stats.Spilled += st.Spilled
	}
	if files, err := os.ReadDir(m.syncer.Spool); err != nil || len(files) > 0 {
		m.Errorf("%v, %v are left in the spool", files, err)
	}
}
