package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/zapcw/internal/remote"
	"example.com/zapcw/internal/terminal"
)

var errHopeless = errors.New("")

// look shows how far it is, and ends a replay that cannot come to a good end.
func (r *Replay) look(cancel context.CancelCauseFunc) {
	st := r.Out.Stats()
	last := r.clock
	if st.LastDelivery.After(last) {
		last = st.LastDelivery
	}
	waiting := st.LastErrorTime.After(last)
	switch {
	case r.Stop != nil && r.Stop(st):
		a := AccountOf(st)
		a.Pending = 0 // these are not lost yet, but they do not help
		cancel(hopeless{a.Check()})
	case r.Stalled > 0 && waiting && time.Since(last) > r.Stalled:
		cancel(hopeless{fmt.Errorf("%s takes nothing for %s: %w", r.Stream.Service.Name, r.Stalled, remote.Reason(st.LastError))})
	case r.Progress.Shows():
		text := r.status()
		if waiting && r.readBack.Load() == 0 {
			text += "; waiting: " + remote.Reason(st.LastError).Error()
		}
		r.Progress.Show(text)
	}
}

// hopeless is why a replay is ended for which there is no hope.
type hopeless struct{ error }

func (h hopeless) Unwrap() []error { return []error{h.error, errHopeless} }

// LinesSent is how many lines were sent so far.
func (r *Replay) LinesSent() int64 { return r.lines.Load() }

func (r *Replay) status() string {
	sent, read := r.lines.Load(), r.In.Read()
	if n := r.readBack.Load(); n > 0 {
		return fmt.Sprintf("sent %s, read %s back", terminal.Count(sent, "line"), terminal.Number(n))
	}
	took := time.Since(r.clock).Seconds()
	rate := terminal.Number(int64(float64(sent)/took)) + " lines/s"
	if r.In.Size == 0 || read == 0 {
		return fmt.Sprintf("sent %s, %s, %s", terminal.Count(sent, "line"), terminal.Bytes(read), rate)
	}
	left := time.Duration(float64(r.In.Size-read) / float64(read) * took * float64(time.Second))
	return fmt.Sprintf("sent %s, %d%% of %s, %s, %s left", terminal.Count(sent, "line"),
		min(100, 100*read/r.In.Size), terminal.Bytes(r.In.Size), rate, max(0, left).Round(time.Second))
}
