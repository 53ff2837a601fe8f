package systest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// TestHoldModel runs random schedules of goroutines that log to scopes of their
// own, nested or not, and to one that they share, and compares the stream and the
// Stats with a model of lists. A failure names its seed; ZAPCW_SEED=n runs that
// schedule alone.
func TestHoldModel(t *testing.T) {
	from, to := uint64(0), uint64(250)
	if testing.Short() || testkit.RaceEnabled {
		to /= 4
	}
	replay(t, from, to, func(t *testing.T, seed uint64) { newHoldSchedule(t, seed).run() })
}

// A holdSchedule is one run.
type holdSchedule struct {
	*testing.T
	rand   *rand.Rand
	server *cwltest.Server
	syncer *zapcw.Syncer
	spill  testkit.Buffer
	errors testkit.Buffer // of entries that settle
	tight  bool           // memory gets full, so that what is accepted may be spilled

	hold   zapcw.Hold // without zero values
	level  zapcore.Level
	root   *zap.Logger
	actors []*actor
	shared sharedScope
}

func newHoldSchedule(t *testing.T, seed uint64) *holdSchedule {
	r := rand.New(rand.NewPCG(seed, 12))
	m := &holdSchedule{T: t, rand: r, server: cwltest.NewServer(t), tight: r.IntN(4) == 0}
	m.syncer = &zapcw.Syncer{Client: m.server.Client(), Group: "/model", Stream: "s", Fallback: &m.spill, MaxEvents: 1 + r.IntN(100)}
	if m.tight {
		m.syncer.MaxPending = 2000
	}
	level := func(from, to zapcore.Level) zapcore.Level { return from + zapcore.Level(r.IntN(1+int(to-from))) }
	m.level = level(zap.InfoLevel, zap.ErrorLevel)
	m.hold = zapcw.Hold{
		Level:    level(zap.DebugLevel, zap.WarnLevel),
		Release:  level(zap.WarnLevel, zap.DPanicLevel),
		MaxBytes: []int{1, 40, 100, 1000, 20_000, 100_000}[r.IntN(6)],
	}
	m.root = zap.New(m.hold.Wrap(zapcw.NewCore(testkit.Plain(), m.syncer, m.level)), zap.ErrorOutput(&m.errors))
	m.shared.log = m.root.With(zapcw.Scope())
	return m
}

func (m *holdSchedule) run() {
	var all sync.WaitGroup
	steps := 1 + m.rand.IntN(300)
	for g := range 1 + m.rand.IntN(6) {
		a := &actor{holdSchedule: m, rand: rand.New(rand.NewPCG(m.rand.Uint64(), 13)), name: strconv.Itoa(g)}
		a.open(m.root.With(zapcw.Scope()))
		m.actors = append(m.actors, a)
		all.Go(func() {
			for range steps {
				a.step()
			}
		})
	}
	all.Wait()
	if err := m.syncer.Close(); err != nil && !m.tight {
		m.Error(err)
	}
	if m.errors.Len() > 0 && !m.tight {
		m.Error(m.errors.String())
	}
	m.check()
}

// An actor logs in one goroutine, and knows what must become of it.
type actor struct {
	*holdSchedule
	rand    *rand.Rand
	name    string
	n       int
	loggers []*zap.Logger
	scopes  []*modelScope // of the loggers
	// accepted is what the Syncer got, in this order, without the shared scope.
	accepted []modelEntry
}

type modelEntry struct {
	at    time.Time
	text  string
	scope *modelScope // that held it, nil if none did
}

// A modelScope is a scope as a list.
type modelScope struct {
	held        []modelEntry
	evicted     int
	first, last time.Time // of the evicted
	released    bool
}

func (s *modelScope) push(e modelEntry, limit int) {
	size := func(e modelEntry) int { return len(e.text) + 17 }
	if size(e) > limit {
		s.evict(e)
		return
	}
	e.scope = s
	s.held = append(s.held, e)
	for {
		sum := 0
		for _, e := range s.held {
			sum += size(e)
		}
		if sum <= limit {
			return
		}
		s.evict(s.held[0])
		s.held = s.held[1:]
	}
}

func (s *modelScope) evict(e modelEntry) {
	if s.evicted == 0 || e.at.Before(s.first) {
		s.first = e.at
	}
	if s.evicted == 0 || e.at.After(s.last) {
		s.last = e.at
	}
	s.evicted++
}

// open adds a logger with a scope of its own.
func (a *actor) open(log *zap.Logger) {
	a.loggers = append(a.loggers, log)
	a.scopes = append(a.scopes, new(modelScope))
}

func (a *actor) step() {
	i := a.rand.IntN(len(a.loggers))
	log, scope := a.loggers[i], a.scopes[i]
	switch k := a.rand.IntN(100); {
	case k < 5:
		time.Sleep(time.Duration(a.rand.IntN(5)) * time.Millisecond)
	case k < 10:
		a.open(log.With(zapcw.Scope()))
	case k < 15:
		a.loggers = append(a.loggers, log.Named("x").With(zap.Skip()))
		a.scopes = append(a.scopes, scope)
	case k == 15:
		log.With(zapcw.Release())
		a.release(scope, time.Now())
	case k < 40:
		a.logShared()
	default:
		a.log(log, scope)
	}
}

// randomEntry gives an entry with a text that is nowhere else.
func (a *actor) randomEntry() (zapcore.Level, string, []zapcore.Field, bool) {
	levels := []zapcore.Level{zap.DebugLevel, zap.DebugLevel, zap.DebugLevel, zap.InfoLevel, zap.WarnLevel, zap.ErrorLevel, zap.DPanicLevel}
	l := levels[a.rand.IntN(len(levels)-a.rand.IntN(4))]
	a.n++
	text := fmt.Sprintf("%s.%d.%s", a.name, a.n, strings.Repeat("-", a.rand.IntN(30)))
	if a.rand.IntN(50) == 0 {
		text += strings.Repeat("=", a.rand.IntN(2000))
	}
	fields := []zapcore.Field{zap.Skip()}
	if a.rand.IntN(20) == 0 {
		fields = append(fields, zapcw.Flush())
	}
	releases := a.rand.IntN(100) == 0
	if releases {
		fields = append(fields, zapcw.Release())
	}
	return l, text, fields, releases || a.hold.Release.Enabled(l)
}

func (a *actor) log(log *zap.Logger, scope *modelScope) {
	l, text, fields, releases := a.randomEntry()
	e := modelEntry{at: time.Now(), text: text}
	log.Log(l, text, fields...)
	switch sent := a.level.Enabled(l); {
	case !sent && !a.hold.Level.Enabled(l):
	case releases:
		a.release(scope, e.at)
		a.accepted = append(a.accepted, e)
	case sent || scope.released:
		a.accepted = append(a.accepted, e)
	default:
		scope.push(e, a.hold.MaxBytes)
	}
}

func (a *actor) release(s *modelScope, at time.Time) {
	if s.released {
		return
	}
	s.released = true
	a.accepted = append(a.accepted, s.held...)
	s.held = nil
	if s.evicted > 0 {
		what := fmt.Sprintf("%d held entries were", s.evicted)
		if s.evicted == 1 {
			what = "1 held entry was"
		}
		const form = "2006-01-02T15:04:05.000Z"
		a.accepted = append(a.accepted, modelEntry{at: at, text: fmt.Sprintf("%s evicted, from %s to %s: MaxBytes of the Hold is %d",
			what, s.first.UTC().Format(form), s.last.UTC().Format(form), a.hold.MaxBytes)})
	}
}

// A sharedScope is used by all actors at a time. What becomes of an entry may
// depend on who comes first.
type sharedScope struct {
	log *zap.Logger

	mu     sync.Mutex
	sent   []string // must be sent
	either []string // may be held, evicted or sent
	over   bool     // somebody released it, and came back
}

func (a *actor) logShared() {
	s := &a.shared
	l, text, fields, releases := a.randomEntry()
	sent, held := a.level.Enabled(l), a.hold.Level.Enabled(l)
	s.mu.Lock()
	over := s.over
	s.mu.Unlock()
	s.log.Log(l, text, fields...)
	if !sent && !held {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sent || releases || over {
		s.sent = append(s.sent, text)
	} else {
		s.either = append(s.either, text)
	}
	s.over = s.over || releases
}

func (m *holdSchedule) check() {
	got := m.server.Messages("/model", "s")
	got = slices.DeleteFunc(got, func(text string) bool { return m.tight && strings.HasPrefix(text, "zapcw: ") })
	if m.tight {
		spilled, _ := m.spill.Lines()
		got = append(got, spilled...)
	}
	st := m.syncer.Stats()
	if st.Accepted != uint64(len(got)) || st.Pending != 0 {
		m.Errorf("%d accepted, %d pending: want %d, 0", st.Accepted, st.Pending, len(got))
	}
	left := make(map[string]int)
	for _, text := range got {
		left[text]++
	}
	take := func(text string) bool {
		if left[text]--; left[text] == 0 {
			delete(left, text)
		}
		return left[text] >= 0
	}

	var held, evicted int
	for _, a := range m.actors {
		for _, e := range a.accepted {
			if !take(e.text) {
				m.Errorf("actor %s: no %q", a.name, e.text)
			}
		}
		seen := make(map[*modelScope]bool)
		for _, s := range a.scopes {
			if !seen[s] {
				held, evicted = held+len(s.held), evicted+s.evicted
			}
			seen[s] = true
		}
		if !m.tight {
			a.checkOrder(got)
		}
	}
	for _, text := range m.shared.sent {
		if !take(text) {
			m.Errorf("shared scope: no %q", text)
		}
	}
	gone := 0
	for _, text := range m.shared.either {
		if left[text] == 0 {
			gone++
		} else {
			take(text)
		}
	}
	if !m.shared.over && gone != len(m.shared.either) {
		m.Errorf("shared scope: %d of %d are sent, and it was not released", len(m.shared.either)-gone, len(m.shared.either))
	}
	// What is left is a notice for those that are gone.
	told := 0
	for text := range left {
		if n, _ := fmt.Sscanf(text, "%d held", &told); n != 1 || len(left) > 1 || left[text] != 1 {
			m.Errorf("%q is too much, %d times", text, left[text])
		}
	}
	if m.shared.over && told != gone {
		m.Errorf("shared scope: the notice tells of %d evicted, and %d are gone", told, gone)
	}
	if got, want := int(st.Held+st.Evicted), held+evicted+gone; got != want || int(st.Held) < held || int(st.Evicted) < evicted {
		m.Errorf("%d held, %d evicted: want %d, %d, and %d of the shared scope", st.Held, st.Evicted, held, evicted, gone)
	}
}

// checkOrder looks for an actor's entries in the stream. They are in order of
// time. Those of one millisecond are in the order in which they were logged, as
// far as one scope held them, or none.
func (a *actor) checkOrder(stream []string) {
	own := make(map[string]modelEntry)
	want := make(map[*modelScope][]string)
	sorted := slices.Clone(a.accepted)
	slices.SortStableFunc(sorted, func(x, y modelEntry) int { return x.at.Compare(y.at) })
	for _, e := range sorted {
		if strings.HasPrefix(e.text, a.name+".") { // others may have the same notice
			own[e.text] = e
			want[e.scope] = append(want[e.scope], e.text)
		}
	}
	got := make(map[*modelScope][]string)
	var last modelEntry
	for _, text := range stream {
		e, ok := own[text]
		if !ok {
			continue
		}
		if e.at.UnixMilli() < last.at.UnixMilli() {
			a.Errorf("actor %s: %q comes after %q, which is newer", a.name, text, last.text)
		}
		last = e
		got[e.scope] = append(got[e.scope], text)
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		a.Errorf("actor %s: the stream has %v, want %v", a.name, got, want)
	}
}
