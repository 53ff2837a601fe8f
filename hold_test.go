package zapcw_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// levelled is an encoder that writes the level too.
func levelled() zapcore.Encoder {
	level := func(buf *buffer.Buffer, _ string, ent zapcore.Entry) {
		buf.AppendString(ent.Level.CapitalString() + ": ")
	}
	return zapcw.NewPrefixEncoder("", level, zapcw.NewEncoderConfig())
}

// notice is that of n evicted entries, all of the moment when a bubble begins.
func notice(n string, limit int) string {
	const then = "2000-01-01T00:00:00.000Z"
	return fmt.Sprintf("WARN: %s evicted, from %s to %s: MaxBytes of the Hold is %d", n, then, then, limit)
}

// TestHold is what a Hold does, a case a row: what is in the stream after some
// calls, and in the Stats.
func TestHold(t *testing.T) {
	few := zapcw.Hold{MaxBytes: 2 * (17 + len("DEBUG: a"))}
	for _, tt := range []struct {
		name          string
		hold          zapcw.Hold
		level         zapcore.LevelEnabler // of the Core, Info if nil
		log           func(*zap.Logger)
		want          []string
		held, evicted uint64
	}{
		{name: "debug is held", log: func(l *zap.Logger) {
			l.Debug("a")
			l.Info("b")
			l.Warn("c")
		}, want: []string{"INFO: b", "WARN: c"}, held: 1},
		{name: "an error releases", log: func(l *zap.Logger) {
			l.Debug("a")
			l.Info("b")
			l.Debug("c")
			l.Error("d")
		}, want: []string{"DEBUG: a", "INFO: b", "DEBUG: c", "ERROR: d"}},
		{name: "in the order of one millisecond", log: func(l *zap.Logger) {
			l.Debug("a")
			l.Debug("b")
			l.Info("c")
			l.With(zapcw.Scope()).Info("d")
			l.Debug("e")
			l.Info("f", zapcw.Release())
			l.Debug("g")
		}, want: []string{"DEBUG: a", "DEBUG: b", "INFO: c", "INFO: d", "DEBUG: e", "INFO: f", "DEBUG: g"}},
		{name: "in order of time", log: func(l *zap.Logger) {
			l.Debug("a")
			time.Sleep(time.Second)
			l.Info("b")
			time.Sleep(time.Second)
			l.Debug("c")
			l.Error("d")
		}, want: []string{"DEBUG: a", "INFO: b", "DEBUG: c", "ERROR: d"}},
		{name: "dpanic releases", log: func(l *zap.Logger) {
			l.Debug("a")
			l.DPanic("b")
		}, want: []string{"DEBUG: a", "DPANIC: b"}},
		{name: "after a release all is sent", log: func(l *zap.Logger) {
			l.Error("a")
			l.Debug("b")
			l.With(zap.Int("n", 1)).Debug("c")
			l.Error("d")
		}, want: []string{"ERROR: a", "DEBUG: b", "DEBUG: c\t{\"n\": 1}", "ERROR: d"}},
		{name: "a field releases", log: func(l *zap.Logger) {
			l.Debug("a")
			l.Info("b", zap.Int("n", 1), zapcw.Release())
		}, want: []string{"DEBUG: a", "INFO: b\t{\"n\": 1}"}},
		{name: "a field on what would be held", log: func(l *zap.Logger) {
			l.Debug("a")
			l.Debug("b", zapcw.Release())
		}, want: []string{"DEBUG: a", "DEBUG: b"}},
		{name: "with releases at once", log: func(l *zap.Logger) {
			l.Debug("a")
			l.With(zapcw.Release())
			l.Debug("b")
		}, want: []string{"DEBUG: a", "DEBUG: b"}},
		{name: "a scope that holds nothing", log: func(l *zap.Logger) {
			l.Debug("a")
			l.With(zapcw.Scope(), zapcw.Release()).Debug("b")
		}, want: []string{"DEBUG: b"}, held: 1},
		{name: "the scope around is released", log: func(l *zap.Logger) {
			l.Debug("a")
			l.With(zapcw.Release(), zapcw.Scope()).Debug("b")
		}, want: []string{"DEBUG: a"}, held: 1},
		{name: "scopes are apart", log: func(l *zap.Logger) {
			one, two := l.With(zapcw.Scope()), l.With(zapcw.Scope())
			l.Debug("a")
			one.Debug("b")
			two.Debug("c")
			two.Error("d")
			one.Debug("e")
			two.Debug("f")
			l.Debug("g")
		}, want: []string{"DEBUG: c", "ERROR: d", "DEBUG: f"}, held: 4},
		{name: "the outer scope lets the inner be", log: func(l *zap.Logger) {
			inner := l.With(zapcw.Scope())
			inner.Debug("a")
			l.Debug("b")
			l.Error("c")
			inner.Debug("d")
		}, want: []string{"DEBUG: b", "ERROR: c"}, held: 2},
		{name: "descendants share", log: func(l *zap.Logger) {
			l = l.With(zapcw.Scope(), zap.Int("id", 7))
			l.Named("x").With(zap.Int("n", 1)).Debug("a")
			l.WithOptions(zap.AddCaller()).Debug("b")
			l.Sugar().With("k", "v").Error("c")
		}, want: []string{"DEBUG: a\t{\"id\": 7, \"n\": 1}", "DEBUG: b\t{\"id\": 7}", "ERROR: c\t{\"id\": 7, \"k\": \"v\"}"}},
		{name: "a field makes one scope, however often it is used", log: func(l *zap.Logger) {
			scope := zapcw.Scope()
			l.With(scope).Debug("a")
			l.With(scope).Error("b")
		}, want: []string{"DEBUG: a", "ERROR: b"}},
		{name: "a scope as the field of an entry", log: func(l *zap.Logger) {
			scope := zapcw.Scope()
			l.Debug("a", scope)
			l.Debug("b")
			l.Error("c", scope)
		}, want: []string{"DEBUG: a", "ERROR: c"}, held: 1},
		{name: "lazy with", log: func(l *zap.Logger) {
			l = l.WithLazy(zapcw.Scope(), zap.Int("id", 7))
			l.Debug("a")
			l.With(zap.Int("n", 1)).Error("b")
		}, want: []string{"DEBUG: a\t{\"id\": 7}", "ERROR: b\t{\"id\": 7, \"n\": 1}"}},
		{name: "flush on what is held", log: func(l *zap.Logger) {
			l.Info("a")
			l.Debug("b", zapcw.Flush())
			l.With(zapcw.Flush()).Debug("c")
		}, want: []string{"INFO: a"}, held: 2},
		{name: "the oldest are evicted", hold: few, log: func(l *zap.Logger) {
			for _, m := range []string{"a", "b", "c", "d", "e"} {
				l.Debug(m)
			}
			l.Error("f")
		}, want: []string{"DEBUG: d", "DEBUG: e", notice("3 held entries were", few.MaxBytes), "ERROR: f"}, evicted: 3},
		{name: "one is evicted", hold: few, log: func(l *zap.Logger) {
			l.With(zap.Int("id", 7)).Debug("", zap.Skip()) // the smallest
			l.Debug("b")
			l.Debug("c")
			l.Debug("d")
			l.Info("e", zapcw.Release())
		}, want: []string{"DEBUG: c", "DEBUG: d", notice("2 held entries were", few.MaxBytes) + "\t{\"id\": 7}", "INFO: e"}, evicted: 2},
		{name: "what never fits", hold: few, log: func(l *zap.Logger) {
			l.Debug("a")
			l.Debug(strings.Repeat("b", 100))
			l.Error("c")
		}, want: []string{"DEBUG: a", notice("1 held entry was", few.MaxBytes), "ERROR: c"}, evicted: 1},
		{name: "nothing is held after all", hold: zapcw.Hold{MaxBytes: 1}, log: func(l *zap.Logger) {
			l.Debug("a")
			l.Error("b")
		}, want: []string{notice("1 held entry was", 1), "ERROR: b"}, evicted: 1},
		{name: "evicted and never released", hold: few, log: func(l *zap.Logger) {
			for range 10 {
				l.Debug("a")
			}
		}, held: 2, evicted: 8},
		{name: "the level of the core says what is sent", level: zap.ErrorLevel, log: func(l *zap.Logger) {
			l.Debug("a")
			l.Info("b")
			l.Warn("c")
			l.Error("d")
		}, want: []string{"DEBUG: a", "INFO: b", "WARN: c", "ERROR: d"}},
		{name: "a core that sends all holds nothing", level: zap.DebugLevel, log: func(l *zap.Logger) {
			l.Debug("a")
		}, want: []string{"DEBUG: a"}},
		{name: "other levels", hold: zapcw.Hold{Level: zap.InfoLevel, Release: zap.WarnLevel}, level: zap.WarnLevel, log: func(l *zap.Logger) {
			l.Debug("a")
			l.Info("b")
			l.Warn("c")
		}, want: []string{"INFO: b", "WARN: c"}},
		{name: "a level below debug", hold: zapcw.Hold{Level: zap.DebugLevel - 1}, log: func(l *zap.Logger) {
			l.Log(zap.DebugLevel-1, "a")
			l.Log(zap.DebugLevel-2, "b")
			l.Error("c")
		}, want: []string{"LEVEL(-2): a", "ERROR: c"}},
		{name: "what releases is never held", hold: zapcw.Hold{Release: zap.InfoLevel}, level: zap.ErrorLevel, log: func(l *zap.Logger) {
			l.Debug("a")
			l.Info("b")
		}, want: []string{"DEBUG: a", "INFO: b"}},
		{name: "an error that is not logged releases nothing", level: zap.NewAtomicLevelAt(zap.FatalLevel), hold: zapcw.Hold{Level: zap.LevelEnablerFunc(func(l zapcore.Level) bool { return l == zap.DebugLevel })}, log: func(l *zap.Logger) {
			l.Debug("a")
			l.Error("b")
		}, held: 1},
		{name: "a logger that is louder alone", log: func(l *zap.Logger) {
			l.Debug("a")
			l = l.WithOptions(zap.IncreaseLevel(zap.InfoLevel))
			l.Debug("b")
			l.Error("c")
		}, want: []string{"DEBUG: a", "ERROR: c"}},
		{name: "another hold", log: func(l *zap.Logger) {
			l.Debug("a")
			l = l.WithOptions(zap.WrapCore(zapcw.Hold{Release: zap.InfoLevel}.Wrap))
			l.Debug("b")
			l.Info("c")
		}, want: []string{"DEBUG: b", "INFO: c"}, held: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
				if tt.level == nil {
					tt.level = zap.InfoLevel
				}
				tt.log(zap.New(tt.hold.Wrap(zapcw.NewCore(levelled(), s, tt.level))))
				if err := s.Sync(); err != nil {
					t.Error(err)
				}
				testkit.WantEvents(t, srv.Messages("/g", "s"), tt.want...)
				if st := s.Stats(); st.Accepted != uint64(len(tt.want)) || st.Held != tt.held || st.Evicted != tt.evicted {
					t.Errorf("%d accepted, %d held, %d evicted: want %d, %d, %d", st.Accepted, st.Held, st.Evicted, len(tt.want), tt.held, tt.evicted)
				}
			})
		})
	}
}

// TestHoldChangesNothing logs the same with and without a Hold: what is released
// is, byte for byte and millisecond for millisecond, what would have been sent.
func TestHoldChangesNothing(t *testing.T) {
	for name, enc := range map[string]func() zapcore.Encoder{
		"prefix": func() zapcore.Encoder {
			return zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig())
		},
		"json":       func() zapcore.Encoder { return zapcw.NewJSONEncoder(zapcw.NewEncoderConfig()) },
		"zap's json": func() zapcore.Encoder { return zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()) },
	} {
		t.Run(name, func(t *testing.T) {
			var got [2][]string
			for i, core := range []func(*zapcw.Syncer) zapcore.Core{
				func(s *zapcw.Syncer) zapcore.Core { return zapcw.NewCore(enc(), s, zap.DebugLevel) },
				func(s *zapcw.Syncer) zapcore.Core { return zapcw.Hold{}.Wrap(zapcw.NewCore(enc(), s, zap.InfoLevel)) },
			} {
				testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
					logAllForms(zap.New(core(s), zap.AddCaller(), zap.AddStacktrace(zap.DebugLevel)), func() {
						if n := s.Stats().Held; n != uint64(5*i) {
							t.Errorf("%d entries are held, want %d", n, 5*i)
						}
					})
					if err := s.Sync(); err != nil {
						t.Error(err)
					}
					for _, e := range srv.Events("/g", "s") {
						got[i] = append(got[i], e.Time().String()+" "+e.Message)
					}
				})
			}
			if len(got[0]) != 6 {
				t.Errorf("%d events, want 6", len(got[0]))
			}
			testkit.WantEvents(t, got[1], got[0]...)
		})
	}
}

// logAllForms logs five entries for Debug and, after a while, an error.
func logAllForms(log *zap.Logger, before func()) {
	log = log.Named("orders").With(zapcw.Scope(), zap.Namespace("request"), zap.String("id", "7"), zap.Error(errors.New("before")))
	items := []string{"tea", "milk"}
	log.Debug("cart", zap.Strings("items", items), zap.Namespace("inner"), zap.Int("n", 1))
	items[0] = "changed since"
	time.Sleep(1234 * time.Microsecond)
	log.Debug(`{"a": 1}`, zap.Error(errors.New("declined")), zap.Duration("took", time.Second))
	log.Debug("")
	log.Debug("\xff \u2028 line\nline\n")
	time.Sleep(time.Hour)
	_ = log.Core().Write(zapcore.Entry{Level: zap.DebugLevel, Message: "no time"}, nil)
	time.Sleep(time.Second)
	before()
	log.Error("end")
}

// TestHoldInOtherCores has the Hold around cores of others, and among them.
func TestHoldInOtherCores(t *testing.T) {
	for _, tt := range []struct {
		name string
		// wrap puts the Core among others; saw notes what these see.
		wrap func(core zapcore.Core, saw func(zapcore.Entry)) zapcore.Core
		want string // in the stream
		saw  string
		held uint64
	}{
		{"hooks", func(core zapcore.Core, saw func(zapcore.Entry)) zapcore.Core {
			return zapcore.RegisterHooks(core, func(e zapcore.Entry) error { saw(e); return nil })
		}, "a a a b e f", "a a a b e f", 0},
		{"a sampler", func(core zapcore.Core, saw func(zapcore.Entry)) zapcore.Core {
			return zapcore.NewSamplerWithOptions(core, time.Minute, 2, 0, zapcore.SamplerHook(func(e zapcore.Entry, d zapcore.SamplingDecision) {
				if d&zapcore.LogDropped != 0 {
					saw(e)
				}
			}))
		}, "a a b e f", "a", 0},
		{"a higher level", func(core zapcore.Core, _ func(zapcore.Entry)) zapcore.Core {
			core, err := zapcore.NewIncreaseLevelCore(core, zap.InfoLevel)
			if err != nil {
				panic(err)
			}
			return core
		}, "b e", "", 0},
		{"lazy fields", func(core zapcore.Core, _ func(zapcore.Entry)) zapcore.Core {
			return zapcore.NewLazyWith(core, []zapcore.Field{zap.Skip()})
		}, "a a a b e f", "", 0},
		{"beside another core", func(core zapcore.Core, saw func(zapcore.Entry)) zapcore.Core {
			return zapcore.NewTee(watch(zap.DebugLevel, saw), core)
		}, "a a a b e f", "a a a b e f", 0},
		{"beside a quiet core", func(core zapcore.Core, saw func(zapcore.Entry)) zapcore.Core {
			return zapcore.NewTee(core, watch(zap.InfoLevel, saw))
		}, "a a a b e f", "b e", 0},
		{"a tee that echoes at debug", func(core zapcore.Core, saw func(zapcore.Entry)) zapcore.Core {
			return zapcw.Tee(core, watch(zap.DebugLevel, saw))
		}, "a a a b e f", "", 0},
		{"a tee around a sampler", func(core zapcore.Core, saw func(zapcore.Entry)) zapcore.Core {
			return zapcw.Tee(zapcore.NewSamplerWithOptions(core, time.Minute, 2, 0), watch(zap.DebugLevel, saw))
		}, "a a b e f", "", 0},
	} {
		for _, inside := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, hold inside is %t", tt.name, inside), func(t *testing.T) {
				testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
					var seen []string
					saw := func(e zapcore.Entry) { seen = append(seen, e.Message) }
					var core zapcore.Core = zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel)
					if inside {
						core = tt.wrap(zapcw.Hold{}.Wrap(core), saw)
					} else {
						core = zapcw.Hold{}.Wrap(tt.wrap(core, saw))
					}
					log := zap.New(core).With(zapcw.Scope())
					for range 3 {
						if ce := log.Check(zap.DebugLevel, "a"); ce != nil {
							ce.Write()
						}
					}
					log.Info("b")
					log.Error("e")
					log.Debug("f")
					if err := log.Sync(); err != nil {
						t.Error(err)
					}
					testkit.WantEvents(t, srv.Messages("/g", "s"), strings.Fields(tt.want)...)
					if got := strings.Join(seen, " "); got != tt.saw {
						t.Errorf("the other core saw %q, want %q", got, tt.saw)
					}
					if st := s.Stats(); st.Held != tt.held || st.Evicted != 0 {
						t.Errorf("%d held, %d evicted: want %d, 0", st.Held, st.Evicted, tt.held)
					}
				})
			})
		}
	}
}

// A watcher is a core that shows its entries.
type watcher struct {
	zapcore.LevelEnabler
	saw func(zapcore.Entry)
}

func watch(level zapcore.Level, saw func(zapcore.Entry)) zapcore.Core { return watcher{level, saw} }

func (w watcher) With([]zapcore.Field) zapcore.Core { return w }

func (w watcher) Check(ent zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if w.Enabled(ent.Level) {
		return ce.AddCore(ent, w)
	}
	return ce
}

func (w watcher) Write(ent zapcore.Entry, _ []zapcore.Field) error { w.saw(ent); return nil }

func (w watcher) Sync() error { return nil }

// TestHoldEcho has the echo of a Tee follow what is sent at once.
func TestHoldEcho(t *testing.T) {
	for _, inside := range []bool{false, true} {
		testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
			level := zap.NewAtomicLevel()
			var core zapcore.Core = zapcw.NewCore(testkit.Plain(), s, level)
			stdout, printed := observer.New(zap.DebugLevel - 1)
			hold := zapcw.Hold{Level: zap.DebugLevel - 1}
			if inside {
				core = zapcw.Tee(hold.Wrap(core), stdout)
			} else {
				core = hold.Wrap(zapcw.Tee(core, stdout))
			}
			if got := zapcore.LevelOf(core); got != zap.DebugLevel-1 {
				t.Errorf("level %v, want that of the Hold", got)
			}
			log := zap.New(core)
			log.Debug("a")
			level.SetLevel(zap.DebugLevel)
			log.Debug("b")
			log.Log(zap.DebugLevel-1, "c")
			log.Error("d")
			log.Log(zap.DebugLevel-1, "e")
			level.SetLevel(zap.InfoLevel)
			log.Error("f")
			_ = log.Sync()
			testkit.WantEvents(t, srv.Messages("/g", "s"), "a", "b", "c", "d", "e", "f")
			var echo []string
			for _, e := range printed.All() {
				echo = append(echo, e.Message)
			}
			testkit.WantEvents(t, echo, "b", "d")
		})
	}
}

// TestHoldLevel tells what is enabled.
func TestHoldLevel(t *testing.T) {
	for _, tt := range []struct {
		core, hold zapcore.LevelEnabler
		want       zapcore.Level
	}{
		{zap.InfoLevel, nil, zap.DebugLevel},
		{zap.DebugLevel - 1, nil, zap.DebugLevel - 1},
		{zap.ErrorLevel, zap.WarnLevel, zap.WarnLevel},
		{zap.NewAtomicLevelAt(zap.WarnLevel), zap.NewAtomicLevelAt(zap.InfoLevel), zap.InfoLevel},
		{zap.WarnLevel, zapcore.InvalidLevel, zap.WarnLevel},
		{zapcore.InvalidLevel, zapcore.InvalidLevel, zapcore.InvalidLevel},
	} {
		core := zapcw.Hold{Level: tt.hold}.Wrap(zapcw.NewCore(testkit.Plain(), new(zapcw.Syncer), tt.core))
		if got := zapcore.LevelOf(core); got != tt.want {
			t.Errorf("core %v, hold %v: level %v, want %v", tt.core, tt.hold, got, tt.want)
		}
		for l := zap.DebugLevel - 2; l <= zap.FatalLevel; l++ {
			if got := core.Enabled(l); got != (l >= tt.want) {
				t.Errorf("core %v, hold %v: %v enabled is %t", tt.core, tt.hold, l, got)
			}
		}
	}
}

// TestHoldTwoStreams shares a scope between the Cores of two streams: what
// releases it in one releases all, and each gets what it held.
func TestHoldTwoStreams(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		other := &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: "other"}
		defer other.Close()
		quiet, err := zapcore.NewIncreaseLevelCore(zapcw.NewCore(testkit.Plain(), other, zap.WarnLevel), zapcore.WarnLevel)
		if err != nil {
			t.Fatal(err)
		}
		limit := 2 * (17 + 1)
		log := zap.New(zapcw.Hold{MaxBytes: limit}.Wrap(zapcore.NewTee(
			zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel),
			zapcw.NewCore(levelled(), other, zap.WarnLevel),
			zapcw.NewCore(testkit.Plain(), s, zap.ErrorLevel),
			quiet,
		)))
		log.Debug("a")
		log.Info("b")
		log.Error("c")
		_ = log.Sync()
		testkit.WantEvents(t, srv.Messages("/g", "s"), "a", "b", "b", "1 held entry was"+strings.TrimPrefix(notice("", limit), "WARN: "), "c", "c")
		testkit.WantEvents(t, srv.Messages("/g", "other"), "INFO: b", notice("1 held entry was", limit), "ERROR: c", "c")
	})
}

// TestHoldAfterClose loses nothing that is released too late.
func TestHoldAfterClose(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		core := zapcw.Hold{}.Wrap(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
		write := func(l zapcore.Level, text string) error {
			return core.Write(zapcore.Entry{Level: l, Time: time.Now(), Message: text}, nil)
		}
		err := errors.Join(write(zap.DebugLevel, "a"), s.Close(), write(zap.DebugLevel, "b"))
		if err != nil {
			t.Error(err)
		}
		if err := write(zap.ErrorLevel, "c"); !errors.Is(err, os.ErrClosed) {
			t.Errorf("error %v, want %v", err, os.ErrClosed)
		}
		events, _ := s.Fallback.(*testkit.Buffer).Lines()
		testkit.WantEvents(t, events, "a", "b", "c")
		if st := s.Stats(); st.SpilledAs.AfterClose != 3 || st.Accepted != 3 || st.Held != 0 {
			t.Errorf("stats are %+v", st)
		}
	})
}
