package zapcw

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/ring"
)

// A Hold keeps entries below a Core's level in memory, and sends them when an
// error follows: Debug for what fails, without paying for it the rest of the time.
//
//	core := zapcw.Hold{}.Wrap(zapcw.NewCore(enc, out, zap.InfoLevel))
//	logger := zap.New(core)
//	…
//	log := logger.With(zapcw.Scope(), zap.String("request_id", id)) // for each request
//
// Entries at or above the level of the Core are sent at once, as without a Hold.
// Entries below it are held in a scope. With [Scope] a logger opens one, for a
// request, an invocation or a job; loggers that are derived from it share it. A
// scope is never closed: its memory is freed with the last logger that uses it, and
// what is still held there then is never sent.
//
// A held entry keeps its time. It is encoded when it is logged, so what its fields
// point to may change afterwards. When the memory of a scope is used up, its oldest
// entries are evicted. The first entry that releases the scope sends everything
// that is held there, then a notice of what was evicted, if anything was, and then
// itself. From then on the scope holds nothing: every entry is sent at once.
//
// Loggers without Scope share one scope, that of the core that Wrap returned. For a
// program that runs for long this is not enough: after its first error it would
// send Debug for ever.
//
// Until they are released, held entries count as Held in Stats and are not accepted:
// Sync, Flush and Close do not touch them, and [Flush] on a held entry has no
// effect. An entry with [Release] releases without being an error.
//
// CloudWatch sorts a stream by time, so released entries stand where they would
// have stood. Only those of a millisecond of which a put has left already come
// after what that carried. An entry that is logged while another goroutine releases its scope
// may be sent before what was held; of two in the same millisecond either may
// come first. An entry that releases waits until everything that was held is
// accepted, even if another goroutine does the work.
//
// Each scope takes MaxBytes at most: for 1,000 requests at a time up to 64 MiB by
// default. A release moves everything in a scope into the Syncer, whose MaxPending
// should have room for that.
//
// The zero value is ready to use.
type Hold struct {
	// Level is the lowest level that is held, of the entries that the Core does
	// not send. It is asked for each entry. Defaults to zap.DebugLevel.
	Level zapcore.LevelEnabler
	// Release is the lowest level of entries that release. Defaults to
	// zap.ErrorLevel.
	Release zapcore.LevelEnabler
	// MaxBytes bounds the memory of a scope, in bytes; entries for different
	// Syncers are kept apart, and each Syncer has its own bound. An entry takes 17
	// bytes more than its text. One that is larger than MaxBytes is evicted at
	// once. At most 1 GiB; larger values count as that. Defaults to 64 KiB, as do
	// negative values.
	MaxBytes int
}

const (
	defaultHoldBytes = 64 << 10
	maxHoldBytes     = 1 << 30
)

// Wrap returns core with the Hold, and with a new scope. The Hold is for all Cores of
// this package in it, wherever they are: in a Tee, a sampler, a core with hooks,
// beside others in [zapcore.NewTee]. All other cores get the same entries as without
// it. A Core that already has a Hold gets this one instead.
//
// The result is enabled for what is held, so loggers build such entries with
// their callers, samplers count them, and hooks run for them when they are logged.
// It does not make [Tee] echo: that depends on what is sent at once.
//
// To give a Hold to a logger use [zap.WrapCore]: zap.WrapCore(zapcw.Hold{}.Wrap).
// Where there is no Core of this package, as behind [OpenSink], nothing is held.
func (h Hold) Wrap(core zapcore.Core) zapcore.Core {
	if h.Level == nil {
		h.Level = zapcore.DebugLevel
	}
	if h.Release == nil {
		h.Release = zapcore.ErrorLevel
	}
	if h.MaxBytes <= 0 {
		h.MaxBytes = defaultHoldBytes
	}
	h.MaxBytes = min(h.MaxBytes, maxHoldBytes)
	return core.With([]zapcore.Field{controlField("zapcw.Hold", holding{&h, new(scope)})})
}

// Scope is for [zap.Logger.With]: the logger gets a scope of its own to hold
// entries in, which it shares with all loggers derived from it, see [Hold]. What is
// held or released there does not touch the scope around it. An empty scope takes
// about 100 bytes. Loggers that share the Field share the scope; in a logger without
// a Hold it has no effect.
func Scope() zap.Field { return controlField("zapcw.Scope", new(scope)) }

// Release marks an entry that releases its scope, whatever its level, see [Hold]. In
// [zap.Logger.With] it releases at once, without an entry: when With returns,
// everything that was held is accepted, and a Sync flushes it. So
//
//	logger.With(zapcw.Scope(), zapcw.Release())
//
// is a logger that holds nothing. Where there is no Hold it has no effect.
func Release() zap.Field { return controlField("zapcw.Release", release{}) }

// A control is the value of a field that is meant for Cores and no encoder.
type control interface{ control(*Core) }

var (
	_ control = holding{}
	_ control = (*scope)(nil)
	_ control = release{}
	_ control = sendsOnly{}
)

func controlField(key string, c control) zap.Field {
	return zap.Field{Key: key, Type: zapcore.SkipType, Interface: c}
}

// holding gives a Core its Hold.
type holding struct {
	hold  *Hold // without zero values
	scope *scope
}

func (h holding) control(c *Core) { c.hold, c.scope = h.hold, h.scope }

// sendsOnly takes the Hold from a Core.
type sendsOnly struct{}

func (sendsOnly) control(c *Core) { c.hold, c.scope = nil, nil }

// release releases the scope of a Core.
type release struct{}

func (release) control(c *Core) {
	if c.scope != nil {
		_ = c.scope.release(time.Now()) // whatever it is, it is on the Fallback
	}
}

// holds reports whether entries of a level are held if the Core does not send them.
func (c *Core) holds(l zapcore.Level) bool {
	return c.hold != nil && c.hold.Level.Enabled(l)
}

// holdOrSend is accept for a Core with a Hold.
func (c *Core) holdOrSend(ent *zapcore.Entry, fields []zapcore.Field, text []byte) (held bool, err error) {
	s, releases := c.scope, c.hold.Release.Enabled(ent.Level)
	for i := range fields {
		if fields[i].Type == zapcore.SkipType {
			switch v := fields[i].Interface.(type) {
			case release:
				releases = true
			case *scope: // from a core that keeps the fields of With for Write
				s = v
			}
		}
	}
	if releases {
		err = s.release(ent.Time)
		return false, errors.Join(err, c.out.started().Add(ent.Time, ent.Level, text))
	}
	if !c.LevelEnabler.Enabled(ent.Level) && c.holds(ent.Level) && s.hold(c, ent, text) {
		return true, nil
	}
	return false, c.out.started().Add(ent.Time, ent.Level, text)
}

// A scope holds entries until it is released. The zero value holds.
type scope struct {
	state atomic.Uint32

	mu   sync.Mutex
	held heldFor       // the first Syncer; others follow
	done chan struct{} // closed when the release is over; nil if nobody waits
}

// The states of a scope, in their order.
const (
	scopeHolds     = iota
	scopeReleasing // what was held is on its way; what is logged is sent at once
	scopeReleased
)

// heldFor is what a scope holds for one Syncer.
type heldFor struct {
	core *Core // that held the first entry; nil if there was none
	ring ring.Ring
	last uint32 // place of the newest entry
	next *heldFor
}

func (s *scope) control(c *Core) {
	if c.hold != nil {
		c.scope = s
	}
}

// hold holds an entry of c, unless the scope is released.
func (s *scope) hold(c *Core, ent *zapcore.Entry, text []byte) bool {
	if s.state.Load() != scopeHolds {
		return false
	}
	t := ent.Time
	if t.IsZero() {
		t = time.Now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() != scopeHolds {
		return false
	}
	h := &s.held
	for h.core != nil && h.core.out != c.out {
		if h.next == nil {
			h.next = new(heldFor)
		}
		h = h.next
	}
	out := c.out.started()
	place := out.Place()
	if h.core == nil {
		h.core = c
	} else if int32(place-h.last) <= 0 {
		place = h.last + 1
	}
	h.last = place
	evicted, kept := h.ring.Push(c.hold.MaxBytes, t.UnixMilli(), place, int8(ent.Level), text)
	out.CountHeld(evicted, kept)
	return true
}

// release sends what is held, and returns when all of it is accepted, also if
// another goroutine is at it. The time is that of the entry that releases.
func (s *scope) release(t time.Time) error {
	if s.state.Load() == scopeReleased {
		return nil
	}
	s.mu.Lock()
	if s.state.Load() != scopeHolds {
		done := s.done
		if done == nil && s.state.Load() == scopeReleasing {
			done = make(chan struct{})
			s.done = done
		}
		s.mu.Unlock()
		if done != nil {
			<-done
		}
		return nil
	}
	s.state.Store(scopeReleasing)
	all := s.held
	s.held = heldFor{}
	s.mu.Unlock()

	err := s.send(&all)
	// Only now: the encoder of a notice may run code that logs, and releases.
	return errors.Join(err, all.notify(t))
}

// send sends what was held, and lets those go who wait for that.
func (s *scope) send(all *heldFor) (err error) {
	defer func() { // also if a Fallback panics
		s.mu.Lock()
		s.state.Store(scopeReleased)
		if s.done != nil {
			close(s.done)
		}
		s.mu.Unlock()
	}()
	for h := all; h != nil && h.core != nil; h = h.next {
		out := h.core.out.started()
		for e := range h.ring.All() {
			// One error says it: they are all of a Syncer that is closed.
			if failed := out.AddHeld(e.Time, zapcore.Level(e.Level), e.Text, e.Place); err == nil {
				err = failed
			}
		}
		h.ring.Free()
	}
	return err
}

// notify sends a notice of what was evicted, with the fields of the logger that
// held the first entry.
func (h *heldFor) notify(t time.Time) (err error) {
	if t.IsZero() {
		t = time.Now()
	}
	for ; h != nil; h = h.next {
		d := h.ring.Dropped()
		if d.Count == 0 {
			continue
		}
		c := h.core
		ent := zapcore.Entry{Level: zapcore.WarnLevel, Time: t, Message: fmt.Sprintf(
			"%s evicted, from %s to %s: MaxBytes of the Hold is %d",
			entriesWere(d.Count), clock(d.First), clock(d.Last), c.hold.MaxBytes)}
		text := []byte(ent.Message)
		buf, failed := c.enc.EncodeEntry(ent, nil)
		if failed == nil {
			text = c.trim(buf.Bytes(), ent.Message)
		}
		err = errors.Join(err, failed, c.out.started().Add(t, ent.Level, text))
		if failed == nil {
			buf.Free()
		}
	}
	return err
}

func clock(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

func entriesWere(n uint64) string {
	if n == 1 {
		return "1 held entry was"
	}
	return fmt.Sprintf("%d held entries were", n)
}
