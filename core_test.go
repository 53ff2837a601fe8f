package zapcw_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

func TestCoreTriggers(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
		for range 19 {
			log.Info("m")
			log.Debug("filtered events count nothing and flush nothing", zapcw.Flush())
		}
		synctest.Wait()
		if n := srv.Stats().Puts; n != 0 {
			t.Errorf("%d puts after 19 events, want 0", n)
		}
		log.Info("m")
		synctest.Wait()
		if n := srv.Stats().Events; n != 20 {
			t.Errorf("%d events delivered after the 20th, want 20", n)
		}
		log.Info("alone")
		time.Sleep(time.Minute - time.Millisecond)
		synctest.Wait()
		if n := srv.Stats().Events; n != 20 {
			t.Errorf("%d events delivered before a minute was over, want 20", n)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n := srv.Stats().Events; n != 21 {
			t.Errorf("%d events delivered after a minute, want 21", n)
		}
	})
}

// TestCoreSettles checks which entries are delivered when the call returns.
func TestCoreSettles(t *testing.T) {
	for _, tt := range []struct {
		name string
		log  func(*zap.Logger)
		want bool
	}{
		{"info", func(l *zap.Logger) { l.Info("m") }, false},
		{"error", func(l *zap.Logger) { l.Error("m") }, false},
		{"dpanic", func(l *zap.Logger) { l.DPanic("m") }, true},
		{"panic", func(l *zap.Logger) { defer func() { _ = recover() }(); l.Panic("m") }, true},
		{"flush", func(l *zap.Logger) { l.Info("m", zapcw.Flush()) }, true},
		{"flush behind fields", func(l *zap.Logger) { l.Info("m", zap.Skip(), zapcw.Flush()) }, true},
		{"flush in with", func(l *zap.Logger) { l.With(zapcw.Flush()).Named("x").Info("m") }, true},
		{"flush in another with", func(l *zap.Logger) { l.With(zapcw.Flush()); l.Info("m") }, false},
		{"flush in lazy with", func(l *zap.Logger) { l.WithLazy(zapcw.Flush()).Info("m") }, true},
		{"sync", func(l *zap.Logger) { l.Info("m"); _ = l.Sync() }, true},
		{"skip", func(l *zap.Logger) { l.Info("m", zap.Skip()) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
				tt.log(zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel)))
				if got := len(srv.Messages("/g", "s")) == 1; got != tt.want {
					t.Errorf("delivered is %t, want %t", got, tt.want)
				}
			})
		})
	}
}

func TestCoreWith(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		a := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel)).With(zap.Int("a", 1))
		b := a.With(zap.Int("b", 2))
		a.Info("one")
		b.Info("two", zap.Int("c", 3))
		a.Info("three")
		_ = a.Sync()
		testkit.WantEvents(t, srv.Messages("/g", "s"), "one\t{\"a\": 1}", "two\t{\"a\": 1, \"b\": 2, \"c\": 3}", "three\t{\"a\": 1}")
	})
}

func TestCoreLevel(t *testing.T) {
	level := zap.NewAtomicLevelAt(zap.WarnLevel)
	core := zapcw.NewCore(testkit.Plain(), &zapcw.Syncer{}, level)
	if core.Check(zapcore.Entry{Level: zap.InfoLevel}, nil) != nil {
		t.Error("Check takes Info at Warn")
	}
	if core.Check(zapcore.Entry{Level: zap.WarnLevel}, nil) == nil {
		t.Error("Check leaves Warn at Warn")
	}
	level.SetLevel(zap.DebugLevel)
	if got := zapcore.LevelOf(core); got != zap.DebugLevel {
		t.Errorf("level is %v, want debug", got)
	}
}

// TestCoreLineEnding checks that an encoder's line ending does not become a part
// of the event, and that newlines of the message do.
func TestCoreLineEnding(t *testing.T) {
	cfg := zapcore.EncoderConfig{MessageKey: "m"}
	crlf := zapcore.EncoderConfig{MessageKey: "m", LineEnding: "\r\n"}
	skip := zapcore.EncoderConfig{MessageKey: "m", SkipLineEnding: true}
	for _, tt := range []struct {
		name      string
		enc       zapcore.Encoder
		msg, want string
	}{
		{"ours", testkit.Plain(), "m", "m"},
		{"ours, newline", testkit.Plain(), "m\n", "m\n"},
		{"ours, two", testkit.Plain(), "m\n\n", "m\n\n"},
		{"ours, empty", testkit.Plain(), "", " "},
		{"ours, only a newline", testkit.Plain(), "\n", "\n"},
		{"ours, crlf", zapcw.NewPrefixEncoder("", nil, crlf), "m\r\n", "m\r\n"},
		{"ours, skip", zapcw.NewPrefixEncoder("", nil, skip), "m\n", "m\n"},
		{"our json", zapcw.NewJSONEncoder(cfg), "m\n", `{"m":"m\n"}`},
		{"json", zapcore.NewJSONEncoder(cfg), "m\n", `{"m":"m\n"}`},
		{"console", zapcore.NewConsoleEncoder(cfg), "m", "m"},
		{"console, newline", zapcore.NewConsoleEncoder(cfg), "m\n", "m\n"},
		{"console, crlf", zapcore.NewConsoleEncoder(crlf), "m", "m"},
		{"console, skip", zapcore.NewConsoleEncoder(skip), "m\n", "m\n"},
		{"console, empty", zapcore.NewConsoleEncoder(cfg), "", " "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
				zap.New(zapcw.NewCore(tt.enc, s, zap.InfoLevel)).Info(tt.msg, zapcw.Flush())
				testkit.WantEvents(t, srv.Messages("/g", "s"), tt.want)
			})
		})
	}
}

// TestCoreTimes checks that an entry keeps its own time and a zero one is now.
func TestCoreTimes(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		core := zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel)
		now := time.Now()
		for _, at := range []time.Time{now.Add(time.Millisecond), {}, now.Add(-time.Hour)} {
			if err := core.Write(zapcore.Entry{Message: "m", Time: at}, nil); err != nil {
				t.Error(err)
			}
		}
		_ = core.Sync()
		var got []time.Duration
		for _, e := range srv.Events("/g", "s") {
			got = append(got, e.Time().Sub(now))
		}
		if !slices.Equal(got, []time.Duration{-time.Hour, 0, time.Millisecond}) {
			t.Errorf("got events at %v", got)
		}
	})
}

// TestCoreAllocs wants no allocation in a logging call.
func TestCoreAllocs(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector makes pools forget, so there is nothing to count")
	}
	template, err := zapcw.ParsePrefix("{level} {logger}> ")
	if err != nil {
		t.Fatal(err)
	}
	fields := []zapcore.Field{zap.String("user", "alice"), zap.Int("items", 3), zap.Duration("took", time.Second)}
	for _, tt := range []struct {
		name string
		enc  zapcore.Encoder
	}{
		{"zap's json", zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())},
		{"json", zapcw.NewJSONEncoder(zapcw.NewEncoderConfig())},
		{"prefix", zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig())},
		{"template", zapcw.NewPrefixEncoder("checkout", template, zapcw.NewEncoderConfig())},
	} {
		for _, n := range []int{0, 3} {
			// Nothing is sent, so that only the call is counted.
			s := &zapcw.Syncer{Client: new(testkit.StuckClient), Group: "/g", Stream: "s", MaxEvents: 1 << 30, MaxAge: time.Hour, MaxPending: 1 << 20, Fallback: new(testkit.Buffer)}
			core := zapcw.NewCore(tt.enc, s, zap.InfoLevel).With([]zapcore.Field{zap.String("with", "this")})
			ent := zapcore.Entry{Message: "order placed", Time: time.Now(), LoggerName: "api"}
			if got := testing.AllocsPerRun(1000, func() {
				if err := core.Write(ent, fields[:n]); err != nil {
					t.Error(err)
				}
			}); got != 0 {
				t.Errorf("%s, %d fields: %v allocations a call, want 0", tt.name, n, got)
			}
			if st := s.Stats(); st.Pending != 1001 {
				t.Errorf("%d pending, want 1001", st.Pending)
			}
		}
	}
}

// TestCoreNamespaces nests namespaces 40 deep.
func TestCoreNamespaces(t *testing.T) {
	const depth = 40
	for name, enc := range map[string]zapcore.Encoder{
		"prefix": zapcw.NewPrefixEncoder("f", zapcw.StandardPrefix, zapcw.NewEncoderConfig()),
		"JSON":   zapcw.NewJSONEncoder(zapcw.NewEncoderConfig()),
	} {
		t.Run(name, func(t *testing.T) {
			testkit.InRig(t, func(r *testkit.Rig) {
				l := zap.New(zapcw.NewCore(enc, r.Syncer, zap.DebugLevel))
				for i := range depth {
					l = l.With(zap.Int("i", i), zap.Namespace("n"))
				}
				l.Info("deep", zap.Bool("bottom", true))
				l.Info("deeper", zap.Namespace("last"), zap.Namespace("empty"))
				r.MustSync()
				got, _ := r.Stream()
				if len(got) != 2 {
					r.Fatalf("got %d events, want 2", len(got))
				}
				for k, text := range got {
					var m map[string]any
					if err := json.Unmarshal([]byte(text[strings.Index(text, "{"):]), &m); err != nil {
						r.Fatalf("%v in %s", err, text)
					}
					for i := range depth {
						if m["i"] != float64(i) {
							r.Fatalf("event %d, level %d: got %v, want %d", k, i, m["i"], i)
						}
						m = m["n"].(map[string]any)
					}
					if k == 0 && m["bottom"] != true {
						r.Errorf("got %v at the bottom, want true", m["bottom"])
					}
				}
			})
		})
	}
}

func TestCorePrefixPanics(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		prefix := zapcw.PrefixFunc(func(zapcore.Level, string, string, string) string { panic("prefix is broken") })
		zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("f", prefix, zapcw.NewEncoderConfig()), r.Syncer, zap.DebugLevel)).Info("hello")
		r.MustSync()
		r.WantStream("hello")
	})
}

// brokenEncoder cannot encode any entry.
type brokenEncoder struct{ zapcore.Encoder }

func (brokenEncoder) EncodeEntry(zapcore.Entry, []zapcore.Field) (*buffer.Buffer, error) {
	return nil, os.ErrInvalid
}

func TestCoreEncoderFails(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		core := zapcw.NewCore(brokenEncoder{}, r.Syncer, zap.DebugLevel)
		if err := core.Write(zapcore.Entry{Message: "hello"}, nil); !errors.Is(err, os.ErrInvalid) {
			r.Errorf("Write = %v, want the encoder's error", err)
		}
		r.MustSync()
		r.WantStream("hello")
	})
}

// TestCoreUnusualTimes has times out of order, far apart and out of range: each
// entry keeps its own, the stream is in order, no put breaks a rule, and what the
// service rejects is on the fallback.
func TestCoreUnusualTimes(t *testing.T) {
	const hour, day = time.Hour, 24 * time.Hour
	for _, tt := range []struct {
		name  string
		steps []time.Duration // of each event from now
		bad   func(d time.Duration) bool
		as    func(zapcw.Rejections) uint64
	}{
		{"backwards", []time.Duration{0, -time.Millisecond, -time.Second, -time.Minute, -hour, 0, 1}, nil, nil},
		{"a day apart", []time.Duration{0, -25 * hour, hour, -24 * hour, -23 * hour, -24*hour - time.Millisecond, -3 * day}, nil, nil},
		{"25 hours ahead", []time.Duration{0, 25 * hour, -hour, 3 * hour, time.Millisecond},
			func(d time.Duration) bool { return d > 2*hour }, func(r zapcw.Rejections) uint64 { return r.TooNew }},
		{"2 hours ahead", []time.Duration{0, 2*hour - time.Minute, 2*hour + time.Minute},
			func(d time.Duration) bool { return d > 2*hour }, func(r zapcw.Rejections) uint64 { return r.TooNew }},
		{"14 days old", []time.Duration{0, -14*day + time.Minute, -14*day - time.Minute},
			func(d time.Duration) bool { return d < -14*day }, func(r zapcw.Rejections) uint64 { return r.TooOld }},
		{"before 1970", []time.Duration{0, -100 * 365 * day},
			func(d time.Duration) bool { return d < -14*day }, func(r zapcw.Rejections) uint64 { return r.Invalid }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.InRig(t, func(r *testkit.Rig) {
				now := time.Now()
				var good []time.Duration
				var bad []string
				for _, d := range tt.steps {
					if tt.bad != nil && tt.bad(d) {
						bad = append(bad, d.String())
					} else {
						good = append(good, d)
					}
					_ = r.Core.Write(zapcore.Entry{Time: now.Add(d), Message: d.String()}, nil)
				}
				err := r.Syncer.Sync()
				if (err == nil) != (len(bad) == 0) {
					r.Errorf("Sync = %v, want an error for %d bad events", err, len(bad))
				}
				slices.Sort(good)
				var want []cwltest.Event
				for _, d := range good {
					want = append(want, cwltest.Event{Timestamp: now.Add(d).UnixMilli(), Message: d.String()})
				}
				if got := r.Server.Events(testkit.RigGroup, testkit.RigStream); !slices.Equal(got, want) {
					r.Errorf("got %v in the stream, want %v", got, want)
				}
				events, _ := r.Spill.Lines()
				slices.Sort(events)
				slices.Sort(bad)
				if !slices.Equal(events, bad) {
					r.Errorf("got %q on the fallback, want %q", events, bad)
				}
				if st := r.Syncer.Stats(); len(bad) > 0 && tt.as(st.RejectedAs) != uint64(len(bad)) {
					r.Errorf("got %+v, want %d for this reason", st.RejectedAs, len(bad))
				}
			})
		})
	}
	t.Run("none", func(t *testing.T) {
		testkit.InRig(t, func(r *testkit.Rig) {
			_ = r.Core.Write(zapcore.Entry{Message: "no time"}, nil)
			r.MustSync()
			if got := r.Server.Events(testkit.RigGroup, testkit.RigStream); len(got) != 1 || got[0].Timestamp != time.Now().UnixMilli() {
				r.Errorf("got %v, want one event of now", got)
			}
		})
	})
	t.Run("absurd", func(t *testing.T) {
		testkit.InRig(t, func(r *testkit.Rig) {
			for _, at := range []time.Time{time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0), time.UnixMilli(math.MaxInt64), time.UnixMilli(math.MinInt64), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)} {
				_ = r.Core.Write(zapcore.Entry{Time: at, Message: "absurd"}, nil)
			}
			r.Info("good")
			if err := r.Syncer.Sync(); err == nil {
				r.Error("Sync = nil, want what the service says to such times")
			}
			r.WantStream("good")
			r.WantSpill("absurd", "absurd", "absurd", "absurd", "absurd")
		})
	})
}

// TestCoreSettlesEveryLevel: as with zap's own core, what is above ErrorLevel is
// safe when Write returns, and what was logged before it.
func TestCoreSettlesEveryLevel(t *testing.T) {
	for l := zapcore.DebugLevel - 2; l <= zapcore.FatalLevel+2; l++ {
		t.Run(l.String(), func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
				core := zapcw.NewCore(testkit.Plain(), s, zapcore.DebugLevel-2)
				if err := core.Write(zapcore.Entry{Level: zapcore.InfoLevel, Message: "before", Time: time.Now()}, nil); err != nil {
					t.Error(err)
				}
				if err := core.Write(zapcore.Entry{Level: l, Message: "m", Time: time.Now()}, nil); err != nil {
					t.Error(err)
				}
				var want []string
				if l > zapcore.ErrorLevel {
					want = []string{"before", "m"}
				}
				testkit.WantEvents(t, srv.Messages("/g", "s"), want...)
			})
		})
	}
}
