package systest

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zapio"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// TestWrappedEntry: all that zap puts around a Core leaves entries, their times and
// fields as they are.
func TestWrappedEntry(t *testing.T) {
	testkit.InWrappings(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer, build func(...zap.Option) *zap.Logger) {
		log := build(zap.WithClock(testkit.Yesterday{}), zap.Fields(zap.Int("a", 1)))
		if got := zapcore.LevelOf(log.Core()); got != zap.InfoLevel {
			t.Errorf("level is %v, want info", got)
		}
		log.With(zap.Int("b", 2)).WithLazy(zap.Int("c", 3)).Warn("warn", zap.Int("d", 4))
		log.Debug("debug", zapcw.Flush())
		log.Error("error")
		if n := srv.Stats().Puts; n != 0 {
			t.Errorf("%d puts, and nothing was due", n)
		}
		if err := log.Sync(); err != nil {
			t.Error(err)
		}
		testkit.WantEvents(t, srv.Messages("/g", "s"), `{"l":"WARNING","m":"warn","a":1,"b":2,"c":3,"d":4}`, `{"l":"ERROR","m":"error","a":1}`)
		for _, e := range srv.Events("/g", "s") {
			if !e.Time().Equal(testkit.Yesterday{}.Now()) {
				t.Errorf("%s has the time %s, want that of the logger's clock", e.Message, e.Time())
			}
		}
	})
}

// TestWrappedSettles: a flush finds its way through all that zap puts around a Core.
func TestWrappedSettles(t *testing.T) {
	testkit.InWrappings(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer, build func(...zap.Option) *zap.Logger) {
		log := build()
		settled := func(how string, do func()) {
			t.Helper()
			log.Info("before")
			begin := srv.Stats().Events
			do()
			if n := srv.Stats().Events - begin; n != 2 {
				t.Errorf("%s: %d events delivered, want 2", how, n)
			}
		}
		settled("flush", func() { log.Info("m", zapcw.Flush()) })
		settled("flush in with", func() { log.With(zapcw.Flush()).Info("m") })
		settled("flush in lazy with", func() { log.WithLazy(zap.Skip(), zapcw.Flush()).Info("m") })
		settled("flush in fields", func() { build(zap.Fields(zapcw.Flush())).Info("m") })
		settled("flush, sugared", func() { log.Sugar().Infow("m", zapcw.Flush()) })
		settled("flush in sugared with", func() { log.Sugar().With(zapcw.Flush()).Info("m") })
		settled("dpanic", func() { log.DPanic("m") })
		settled("panic", func() { defer func() { _ = recover() }(); log.Panic("m") })
		settled("sync", func() { log.Info("m"); _ = log.Named("child").With(zap.Int("n", 1)).Sync() })
	})
}

// TestWrappedErrors: errors of Sync and Write reach the caller and zap's error output, once.
func TestWrappedErrors(t *testing.T) {
	testkit.InWrappings(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer, build func(...zap.Option) *zap.Logger) {
		said := new(testkit.Buffer)
		log := build(zap.ErrorOutput(said))
		srv.Fail(cwltest.Deny("logs:PutLogEvents"))
		log.Info("denied")
		var api smithy.APIError
		if err := log.Sync(); !errors.As(err, &api) || api.ErrorCode() != "AccessDeniedException" {
			t.Errorf("sync: %v, want AccessDeniedException", err)
		}
		log.Info("denied again", zapcw.Flush())
		if got := said.String(); strings.Count(got, "AccessDeniedException") != 1 {
			t.Errorf("error output %q, want AccessDeniedException once", got)
		}
		_ = s.Close()
		said.Reset()
		log.Info("too late")
		if got := said.String(); strings.Count(got, os.ErrClosed.Error()) != 1 {
			t.Errorf("error output %q, want %q once", got, os.ErrClosed)
		}
	})
}

// TestSampler: what zap's sampler drops never reaches the Core, so a Flush on it
// does nothing, and a Panic that it drops flushes nothing.
func TestSampler(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		dropped := 0
		log := zap.New(zapcore.NewSamplerWithOptions(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel), time.Second, 2, 3,
			zapcore.SamplerHook(func(_ zapcore.Entry, d zapcore.SamplingDecision) {
				if d&zapcore.LogDropped != 0 {
					dropped++
				}
			})))
		for i := range 6 {
			log.Info("same", zap.Int("i", i))
		}
		log.Info("same", zapcw.Flush())
		if n := srv.Stats().Puts; n != 0 || dropped != 4 {
			t.Errorf("%d puts and %d entries dropped, want 0 and 4", n, dropped)
		}
		time.Sleep(time.Second)
		log.Info("same", zapcw.Flush())
		testkit.WantEvents(t, srv.Messages("/g", "s"), "same\t{\"i\": 0}", "same\t{\"i\": 1}", "same\t{\"i\": 4}", "same")

		for i := range 3 {
			log.Info(fmt.Sprint("before panic ", i))
			func() {
				defer func() { _ = recover() }()
				log.Panic("same")
			}()
		}
		if n := s.Stats().Pending; n != 1 {
			t.Errorf("%d events pending, want 1", n)
		}
	})
}

// TestHooks: a hook runs after the Core, so a flushed entry is in the stream by
// then, and the hook's error does not keep the entry from it.
func TestHooks(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name  string
		build func(core zapcore.Core, hook func(zapcore.Entry) error, opt zap.Option) *zap.Logger
	}{
		{"of the core", func(core zapcore.Core, hook func(zapcore.Entry) error, opt zap.Option) *zap.Logger {
			return zap.New(zapcore.RegisterHooks(core, hook), opt)
		}},
		{"of the logger", func(core zapcore.Core, hook func(zapcore.Entry) error, opt zap.Option) *zap.Logger {
			return zap.New(core, zap.Hooks(hook), opt)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
				said := new(testkit.Buffer)
				var seen []string
				log := tt.build(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel), func(ent zapcore.Entry) error {
					seen = append(seen, fmt.Sprint(ent.Message, " of ", len(srv.Messages("/g", "s"))))
					return boom
				}, zap.ErrorOutput(said))
				log.Debug("not at this level")
				log.Info("one")
				log.Info("two", zapcw.Flush())
				testkit.WantEvents(t, seen, "one of 0", "two of 2")
				testkit.WantEvents(t, srv.Messages("/g", "s"), "one", "two")
				if n := strings.Count(said.String(), boom.Error()); n != 2 {
					t.Errorf("the hook's error was said %d times, want 2", n)
				}
			})
		})
	}
}

// TestIncreaseLevel: a Core's level can be increased and not decreased.
func TestIncreaseLevel(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		said := new(testkit.Buffer)
		core := zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel)
		log := zap.New(core, zap.ErrorOutput(said))
		higher := log.With(zapcw.Flush()).WithOptions(zap.IncreaseLevel(zap.ErrorLevel))
		if got := higher.Level(); got != zap.ErrorLevel {
			t.Errorf("level is %v, want error", got)
		}
		higher.Warn("not at this level")
		higher.Error("higher")
		testkit.WantEvents(t, srv.Messages("/g", "s"), "higher")

		if c, err := zapcore.NewIncreaseLevelCore(core, zap.DebugLevel); err == nil {
			t.Errorf("the level was decreased: %v", c)
		}
		lower := log.WithOptions(zap.IncreaseLevel(zap.DebugLevel))
		lower.Debug("not at this level", zapcw.Flush())
		lower.Info("as before", zapcw.Flush())
		testkit.WantEvents(t, srv.Messages("/g", "s"), "higher", "as before")
		if !strings.Contains(said.String(), "invalid increase level") {
			t.Errorf("zap said %q of the decrease", said.String())
		}
	})
}

// TestTwoStreams has one logger with two streams: what goes wrong with one does
// not touch the events of the other, and Sync has the errors of both.
func TestTwoStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		open := func(stream string) *zapcw.Syncer {
			return &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: stream, Fallback: new(testkit.Buffer)}
		}
		all, errs := open("all"), open("errors")
		log := zap.New(zapcore.NewTee(zapcw.NewCore(testkit.Plain(), all, zap.InfoLevel), zapcw.NewCore(testkit.Plain(), errs, zap.ErrorLevel)), zap.ErrorOutput(new(testkit.Buffer)))
		for _, denied := range [][]string{nil, {"all"}, {"errors"}, {"all", "errors"}} {
			heal := srv.Fail(cwltest.Fault{Code: "AccessDeniedException", Match: func(r *cwltest.Request) bool {
				return slices.Contains(denied, r.Stream)
			}})
			log.Info("info")
			log.Error("error")
			err := log.Sync()
			for _, s := range []*zapcw.Syncer{all, errs} {
				want := slices.Contains(denied, s.Stream)
				if got := err != nil && strings.Contains(err.Error(), "sync /g/"+s.Stream+": "); got != want {
					t.Errorf("%q denied: sync says %v; that of %s is in it: %t, want %t", denied, err, s.Stream, got, want)
				}
			}
			heal()
		}
		for s, n := range map[*zapcw.Syncer]uint64{all: 8, errs: 4} {
			_ = s.Close()
			if st := s.Stats(); st.Accepted != n || st.Delivered != n/2 || st.SpilledAs.Refused != n/2 {
				t.Errorf("%s: %+v, want %d events, half of them delivered", s.Stream, st, n)
			}
		}
	})
}

// TestTwoStreamsTime: zap's tee goes from core to core, so an entry above Error
// waits for one stream and then for the other; an ordinary one for neither.
func TestTwoStreamsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		away := &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: "away", Fallback: new(testkit.Buffer)}
		here := &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: "here", Fallback: new(testkit.Buffer)}
		log := zap.New(zapcore.NewTee(zapcw.NewCore(testkit.Plain(), away, zap.InfoLevel), zapcw.NewCore(testkit.Plain(), here, zap.InfoLevel)), zap.ErrorOutput(new(testkit.Buffer)))
		srv.Fail(cwltest.Fault{Break: cwltest.BlackHole, Match: func(r *cwltest.Request) bool { return r.Stream == "away" }})
		begin := time.Now()
		for range 100 {
			log.Info("m")
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("ordinary entries waited for %s", took)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(srv.Messages("/g", "here")); n != 100 {
			t.Errorf("%d events in the stream that is there, want 100", n)
		}
		begin = time.Now()
		log.DPanic("last")
		if took := time.Since(begin); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("the last entry waited for %s, want the Timeout of the stream that is away", took)
		}
		if n := len(srv.Messages("/g", "here")); n != 101 {
			t.Errorf("%d events in the stream that is there, want 101", n)
		}
		_, _ = away.Close(), here.Close()
	})
}

// onEnd is called when zap is about to end the process or to panic.
type onEnd func(zapcore.Entry)

func (f onEnd) OnWrite(ce *zapcore.CheckedEntry, _ []zapcore.Field) { f(ce.Entry) }

// TestLastEntries: before zap panics or ends the process the stream has everything.
func TestLastEntries(t *testing.T) {
	for _, tt := range []struct {
		name   string
		opts   func(hook zapcore.CheckWriteHook) []zap.Option
		log    func(*zap.Logger)
		hook   bool // the hook is called
		panics bool
	}{
		{"fatal hook", func(h zapcore.CheckWriteHook) []zap.Option { return []zap.Option{zap.WithFatalHook(h)} },
			func(l *zap.Logger) { l.Fatal("last") }, true, false},
		{"fatal as a panic", func(zapcore.CheckWriteHook) []zap.Option {
			return []zap.Option{zap.WithFatalHook(zapcore.WriteThenPanic)}
		}, func(l *zap.Logger) { l.Fatal("last") }, false, true},
		{"panic hook", func(h zapcore.CheckWriteHook) []zap.Option { return []zap.Option{zap.WithPanicHook(h)} },
			func(l *zap.Logger) { l.Panic("last") }, true, false},
		{"panic", func(zapcore.CheckWriteHook) []zap.Option { return nil },
			func(l *zap.Logger) { l.Panic("last") }, false, true},
		{"dpanic in development", func(zapcore.CheckWriteHook) []zap.Option { return []zap.Option{zap.Development()} },
			func(l *zap.Logger) { l.DPanic("last") }, false, true},
		{"dpanic in development, hook", func(h zapcore.CheckWriteHook) []zap.Option {
			return []zap.Option{zap.Development(), zap.WithPanicHook(h)}
		}, func(l *zap.Logger) { l.DPanic("last") }, true, false},
		{"dpanic", func(h zapcore.CheckWriteHook) []zap.Option { return []zap.Option{zap.WithPanicHook(h)} },
			func(l *zap.Logger) { l.DPanic("last") }, false, false},
		{"sugared", func(h zapcore.CheckWriteHook) []zap.Option { return []zap.Option{zap.WithFatalHook(h)} },
			func(l *zap.Logger) { l.Sugar().Fatalf("la%s", "st") }, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
				hooked, panicked := false, true
				hook := onEnd(func(zapcore.Entry) {
					hooked = true
					testkit.WantEvents(t, srv.Messages("/g", "s"), "first", "last")
				})
				func() {
					defer func() { _ = recover() }()
					log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel), tt.opts(hook)...)
					log.Info("first")
					tt.log(log)
					panicked = false
				}()
				testkit.WantEvents(t, srv.Messages("/g", "s"), "first", "last")
				if hooked != tt.hook || panicked != tt.panics {
					t.Errorf("hooked %t, panicked %t, want %t, %t", hooked, panicked, tt.hook, tt.panics)
				}
			})
		})
	}
}

// TestAtomicLevel changes the level by HTTP, as an operator does.
func TestAtomicLevel(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		level := zap.NewAtomicLevelAt(zap.WarnLevel)
		log := zap.New(zapcw.NewCore(testkit.Plain(), s, level))
		child := log.With(zap.Int("n", 1))
		for _, l := range []zapcore.Level{zap.DebugLevel, zap.ErrorLevel, zap.InfoLevel} {
			answer := httptest.NewRecorder()
			level.ServeHTTP(answer, httptest.NewRequest(http.MethodPut, "/", strings.NewReader(`{"level": "`+l.String()+`"}`)))
			if answer.Code != http.StatusOK || zapcore.LevelOf(child.Core()) != l {
				t.Errorf("%s: answer %d, level %v", l, answer.Code, child.Level())
			}
			child.Debug(l.String() + " d")
			child.Info(l.String() + " i")
			child.Error(l.String() + " e")
		}
		_ = log.Sync()
		testkit.WantEvents(t, srv.Messages("/g", "s"),
			"debug d\t{\"n\": 1}", "debug i\t{\"n\": 1}", "debug e\t{\"n\": 1}", "error e\t{\"n\": 1}", "info i\t{\"n\": 1}", "info e\t{\"n\": 1}")
	})
}

// TestWriter has lines come in pieces by way of zapio. Its Sync ends a line and
// is not that of the logger.
func TestWriter(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		log := zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("sh", zapcw.ShortPrefix, zapcw.NewEncoderConfig()), s, zap.InfoLevel))
		w := &zapio.Writer{Log: log.With(zap.Int("pid", 7)), Level: zap.WarnLevel}
		for _, p := range []string{"one\ntw", "o\n\n", "three"} {
			if n, err := w.Write([]byte(p)); n != len(p) || err != nil {
				t.Errorf("%q: %d, %v", p, n, err)
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if n := s.Stats().Pending; n != 4 {
			t.Errorf("%d events pending, want 4", n)
		}
		_ = log.Sync()
		testkit.WantEvents(t, srv.Messages("/g", "s"), "WARNING: sh: one\t{\"pid\": 7}", "WARNING: sh: two\t{\"pid\": 7}", "WARNING: sh: \t{\"pid\": 7}", "WARNING: sh: three\t{\"pid\": 7}")

		w.Log = log.With(zapcw.Flush())
		fmt.Fprintln(w, "at once")
		if n := len(srv.Messages("/g", "s")); n != 5 {
			t.Errorf("%d events delivered, want 5", n)
		}
	})
}

// TestStdLog has the standard library's loggers write entries, which name who
// called these.
func TestStdLog(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		logger := zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("api", zapcw.StandardPrefix, zapcw.NewEncoderConfig()), s, zap.InfoLevel), zap.AddCaller())
		zap.NewStdLog(logger).Print("new")
		at, err := zap.NewStdLogAt(logger, zap.ErrorLevel)
		if err != nil {
			t.Fatal(err)
		}
		at.Println("at error")
		before := log.Writer()
		restore := zap.RedirectStdLog(logger)
		log.Printf("redirected %d", 1)
		restore()
		log.SetOutput(before)
		if n := srv.Stats().Puts; n != 0 {
			t.Errorf("%d puts, and nothing was due", n)
		}
		at, err = zap.NewStdLogAt(logger, zap.DPanicLevel)
		if err != nil {
			t.Fatal(err)
		}
		at.Print("at dpanic")
		testkit.WantEvents(t, srv.Messages("/g", "s"), "INFO: api: TestStdLog: new", "ERROR: api: TestStdLog: at error",
			"INFO: api: TestStdLog: redirected 1", "CRITICAL: api: TestStdLog: at dpanic")
	})
}
