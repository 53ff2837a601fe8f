package testkit

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// A Rig is a Syncer before a server that can be made to fail. Its Fallback is
// Spill, and Core logs into it from DebugLevel on.
type Rig struct {
	*testing.T
	Server *cwltest.Server
	Syncer *zapcw.Syncer
	Core   zapcore.Core
	Spill  *Buffer
}

// InRig runs f in virtual time with a Rig whose stream exists. When f returns the
// server is healed and the Syncer closed, and the counts must add up.
func InRig(t *testing.T, f func(*Rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &Rig{T: t, Server: cwltest.NewServer(t), Spill: new(Buffer)}
		r.Syncer = &zapcw.Syncer{Client: r.Server.Client(), Group: RigGroup, Stream: RigStream, Fallback: r.Spill}
		r.Core = zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), r.Syncer, zap.DebugLevel)
		r.Server.CreateStream(RigGroup, RigStream)
		f(r)
		r.Server.Heal()
		_ = r.Syncer.Close()
		r.Balance()
		r.Server.Close()
	})
}

// RigGroup and RigStream name a Rig's stream.
const RigGroup, RigStream = "/rig", "s"

// At logs an event of now, and tells how long that took.
func (r *Rig) At(lvl zapcore.Level, text string) time.Duration {
	r.Helper()
	begin := time.Now()
	err := r.Core.Write(zapcore.Entry{Level: lvl, Time: begin, Message: text}, nil)
	if err != nil && !errors.Is(err, os.ErrClosed) && lvl <= zapcore.ErrorLevel {
		r.Errorf("Write(%.30q) = %v, want nil", text, err)
	}
	return time.Since(begin)
}

// Info logs events at InfoLevel, none of which may take any time.
func (r *Rig) Info(texts ...string) {
	r.Helper()
	for _, text := range texts {
		if took := r.At(zapcore.InfoLevel, text); took > 0 {
			r.Errorf("Write(%.30q) took %s, want no time", text, took)
		}
	}
}

// MustSync wants Sync to return no error.
func (r *Rig) MustSync() {
	r.Helper()
	if err := r.Syncer.Sync(); err != nil {
		r.Errorf("Sync = %v, want nil", err)
	}
}

// Stream gives the events in the stream, apart from gap notices.
func (r *Rig) Stream() (events, gaps []string) {
	for _, m := range r.Server.Messages(RigGroup, RigStream) {
		if strings.HasPrefix(m, "zapcw: ") {
			gaps = append(gaps, m)
			continue
		}
		events = append(events, m)
	}
	return events, gaps
}

// WantStream checks the events in the stream.
func (r *Rig) WantStream(want ...string) {
	r.Helper()
	if got, _ := r.Stream(); !slices.Equal(got, want) {
		r.Errorf("got %.200q in the stream, want %.200q", got, want)
	}
}

// WantGaps checks the gap notices in the stream.
func (r *Rig) WantGaps(want ...string) {
	r.Helper()
	if _, got := r.Stream(); !slices.Equal(got, want) {
		r.Errorf("got gaps %q, want %q", got, want)
	}
}

// WantSpill checks the events on the fallback.
func (r *Rig) WantSpill(want ...string) {
	r.Helper()
	if got, _ := r.Spill.Lines(); !slices.Equal(got, want) {
		r.Errorf("got %.200q on the fallback, want %.200q", got, want)
	}
}

// Balance checks what holds at every moment: each accepted event has one fate, and
// memory is bounded.
func (r *Rig) Balance() {
	r.Helper()
	st := r.Syncer.Stats()
	if st.Accepted != st.Delivered+st.Rejected+st.Spilled+st.Spooled+st.Pending {
		r.Errorf("got %d accepted, but %d delivered, %d rejected, %d spilled, %d spooled, %d pending",
			st.Accepted, st.Delivered, st.Rejected, st.Spilled, st.Spooled, st.Pending)
	}
	if most := uint64(r.Syncer.MaxPending); most > 0 && st.PendingBytes > most {
		r.Errorf("got %d bytes pending, want at most %d", st.PendingBytes, most)
	}
}
