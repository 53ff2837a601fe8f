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

// A Hold keeps entries below a Core's level in memory and sends them when an error
// follows: you get Debug for what fails, and do not pay for it otherwise.
//
//	core := zapcw.Hold{}.Wrap(zapcw.NewCore(enc, out, zap.InfoLevel))
//	logger := zap.New(core)
//	…
//	log := logger.With(zapcw.Scope(), zap.String("request_id", id)) // for each request
//
// Entries at or above the level of the Core are buffered and sent as without a
// Hold. Entries below it are held in a scope. Open a scope with [Scope] for each
// request, invocation or job; loggers derived from its logger share it. A scope is
// never closed: its memory is freed with the last logger that uses it, and entries
// still held there are never sent.
//
// A held entry keeps its time. It is encoded when it is logged, so later changes to
// what its fields point to do not show. When a scope is full, its oldest entries
// are evicted. The first entry that releases a scope sends everything held there,
// then a notice about evicted entries, if there are any, and then itself. From then
// on the scope holds nothing: its entries are sent as without a Hold.
//
// Loggers without Scope share one scope, that of the core that Wrap returned. In a
// long-running program this is not enough: after its first error it would send
// Debug for ever.
//
// Until they are released, held entries count as Held in Stats and not as Accepted:
// Sync, Flush and Close do not touch them, and [Flush] on a held entry has no
// effect. An entry with [Release] releases its scope without being an error.
//
// CloudWatch sorts a stream by time, so released entries appear where they were
// logged. The exception is a millisecond of which other entries were put before:
// held entries come after those. An entry logged while another goroutine releases
// its scope may be sent before what was held; within a millisecond either may come
// first. An entry that releases waits until everything that was held is accepted,
// even if another goroutine does the work.
//
// Each scope takes MaxBytes at most: 1,000 concurrent requests take up to 64 MiB by
// default. A release moves everything in a scope into the Syncer, whose MaxPending
// should have room for that.
//
// The zero value is ready to use.
type Hold struct {
	// Level is the lowest level that is held; entries that the Core sends are never
	// held. It is checked for each entry. Defaults to zap.DebugLevel.
	Level zapcore.LevelEnabler
	// Release is the lowest level that releases a scope. Defaults to
	// zap.ErrorLevel.
	Release zapcore.LevelEnabler
	// MaxBytes bounds the memory of a scope, in bytes, for each Syncer that its
	// entries go to. An entry takes its text and 17 bytes; one that is larger than
	// MaxBytes is evicted at once. The maximum is 1 GiB; larger values count as
	// that. Zero and negative values mean the default, 64 KiB.
	MaxBytes int
}

const (
	defaultHoldBytes = 64 << 10
	maxHoldBytes     = 1 << 30
)

// Wrap returns core with the Hold and a new scope. The Hold applies to every Core of
// this package inside core: in a Tee, a sampler, a core with hooks, or next to
// others in [zapcore.NewTee]. Other cores get the same entries as without it. A Core
// that already has a Hold gets this one instead.
//
// The result is enabled for held levels too, so loggers build such entries with
// their callers, samplers count them, and hooks run for them when they are logged.
// It does not make a [Tee] echo: that depends on the level of what is not held.
//
// To add a Hold to a logger use [zap.WrapCore]: zap.WrapCore(zapcw.Hold{}.Wrap).
// Without a Core of this package, as with [OpenSink], nothing is held.
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

// Scope returns a field for [zap.Logger.With]: the logger gets a new scope, which it
// shares with all loggers derived from it, see [Hold]. Holding and releasing there
// does not affect the scope that the logger had before. An empty scope takes about
// 100 bytes. Loggers that are given the same Field share the scope; in a logger
// without a Hold it has no effect.
func Scope() zap.Field { return controlField("zapcw.Scope", new(scope)) }

// Release returns a field that makes an entry release its scope, whatever its level,
// see [Hold]. In [zap.Logger.With] it releases at once, without an entry: when With
// returns, everything that was held is accepted, and a Sync flushes it. So
//
//	logger.With(zapcw.Scope(), zapcw.Release())
//
// is a logger that holds nothing. Without a Hold it has no effect.
func Release() zap.Field { return controlField("zapcw.Release", release{}) }

// A control is the value of a field that Cores act on and encoders never see.
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

// sendsOnly removes the Hold of a Core.
type sendsOnly struct{}

func (sendsOnly) control(c *Core) { c.hold, c.scope = nil, nil }

// release releases the scope of a Core.
type release struct{}

func (release) control(c *Core) {
	if c.scope != nil {
		_ = c.scope.release(time.Now()) // the Fallback has the error and the events
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

// A scope holds entries until it is released. The zero value is not released.
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
	core *Core // the one that held the first entry; nil if there was none
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

// release sends what is held, and returns when all of it is accepted, even if
// another goroutine does the work. t is the time of the entry that releases.
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
	// After send: encoding the notice may run code that logs and releases.
	return errors.Join(err, all.notify(t))
}

// send sends what was held, and wakes those who wait for that.
func (s *scope) send(all *heldFor) (err error) {
	defer func() { // even if a Fallback panics
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
			// The first error is enough: all of them say that the Syncer is closed.
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
