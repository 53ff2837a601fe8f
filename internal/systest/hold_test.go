package systest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// A chatty field logs while it is encoded.
type chatty struct{ log func() }

func (c chatty) MarshalLogObject(zapcore.ObjectEncoder) error {
	c.log()
	return nil
}

// TestHoldMarshalers has fields, and a prefix, that log to the scope of their
// entry.
func TestHoldMarshalers(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		var log *zap.Logger
		prefix := func(_ *buffer.Buffer, _ string, ent zapcore.Entry) {
			if strings.Contains(ent.Message, "evicted") {
				log.Error("from the notice")
			}
		}
		enc := zapcw.NewPrefixEncoder("", prefix, zapcw.NewEncoderConfig())
		log = zap.New(zapcw.Hold{MaxBytes: 60}.Wrap(zapcw.NewCore(enc, s, zap.InfoLevel)))
		debug := chatty{func() { log.Debug("from a field") }}
		log.Debug("a", zap.Object("o", debug))
		log.Debug("b", zap.Object("o", debug))
		log.Error("c", zap.Object("o", chatty{func() { log.Error("first") }}))
		if err := log.Sync(); err != nil {
			t.Error(err)
		}
		// The error inside is through before that around it is encoded.
		testkit.WantEvents(t, srv.Messages("/g", "s"),
			"from a field", "b\t{\"o\": {}}", "from the notice",
			"2 held entries were evicted, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.000Z: MaxBytes of the Hold is 60", "first", "c\t{\"o\": {}}")
	})
}

// slowFallback is a fallback that takes a second for each write.
type slowFallback struct{ testkit.Buffer }

func (f *slowFallback) Write(p []byte) (int, error) {
	time.Sleep(time.Second)
	return f.Buffer.Write(p)
}

// TestHoldReleaseUnderWay logs while another goroutine is releasing: what releases
// too comes after what was held, even if the process ends right after it, and all
// else waits for nobody.
func TestHoldReleaseUnderWay(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		slow := &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: "slow", Fallback: new(slowFallback)}
		_ = slow.Close()
		hold, scope := zapcw.Hold{}, zapcw.Scope()
		both := zap.New(hold.Wrap(zapcore.NewTee(zapcw.NewCore(testkit.Plain(), slow, zap.InfoLevel), zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel)))).With(scope)
		log := zap.New(hold.Wrap(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))).With(scope)
		both.Debug("a")

		begun := time.Now()
		after := func(want time.Duration) {
			t.Helper()
			if got := time.Since(begun); got != want {
				t.Errorf("returned after %v, want %v", got, want)
			}
		}
		go both.With(zapcw.Release())
		time.Sleep(100 * time.Millisecond) // it writes "a" to the slow fallback
		log.Debug("b")
		log.Info("c")
		after(100 * time.Millisecond)
		for _, release := range []func(){
			func() { log.Error("d") },
			func() { log.DPanic("e") },
			func() { log.With(zapcw.Release()) },
		} {
			go func() {
				release()
				after(time.Second)
			}()
		}
		time.Sleep(2 * time.Second)
		log.Error("f")
		after(2100 * time.Millisecond)
		_ = log.Sync()
		got := srv.Messages("/g", "s")
		slices.Sort(got[3:5])
		// By time: "a" is there before "e" is settled, and "d" is as old.
		testkit.WantEvents(t, got, "a", "b", "c", "d", "e", "f")
	})
}

// TestHoldSpills releases into a Syncer that is full.
func TestHoldSpills(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		s.MaxPending = 200
		srv.Fail(cwltest.Fault{Status: 503})
		log := zap.New(zapcw.Hold{}.Wrap(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel)))
		for i := range 20 {
			log.Debug(fmt.Sprint("entry ", i))
		}
		log.Error("end")
		st := s.Stats()
		if st.Accepted != 21 || st.Accepted != st.Pending+st.SpilledAs.Full || st.SpilledAs.Full == 0 || st.Held != 0 {
			t.Errorf("stats are %+v", st)
		}
		srv.Heal()
		_ = log.Sync()
		spilled, _ := s.Fallback.(*testkit.Buffer).Lines()
		all := append(srv.Messages("/g", "s"), spilled...)
		all = slices.DeleteFunc(all, func(text string) bool { return strings.HasPrefix(text, "zapcw: ") }) // gap notices
		if len(all) != 21 {
			t.Errorf("%d events, want 21: %q", len(all), all)
		}
	})
}
