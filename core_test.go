package zapcw_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

func TestMain(m *testing.M) {
	runProgram()
	goleak.VerifyTestMain(m)
}

// bubble runs f in virtual time with a server and a Syncer for its stream.
func bubble(t *testing.T, f func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		s := &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: "s", Fallback: new(safeBuffer)}
		f(t, srv, s)
		_ = s.Close()
	})
}

// plain is an encoder that adds nothing to the message.
func plain() zapcore.Encoder { return zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()) }

func wantEvents(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCoreTriggers(t *testing.T) {
	bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		log := zap.New(zapcw.NewCore(plain(), s, zap.InfoLevel))
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
			bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
				tt.log(zap.New(zapcw.NewCore(plain(), s, zap.InfoLevel)))
				if got := len(srv.Messages("/g", "s")) == 1; got != tt.want {
					t.Errorf("delivered is %t, want %t", got, tt.want)
				}
			})
		})
	}
}

func TestCoreWith(t *testing.T) {
	bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		a := zap.New(zapcw.NewCore(plain(), s, zap.InfoLevel)).With(zap.Int("a", 1))
		b := a.With(zap.Int("b", 2))
		a.Info("one")
		b.Info("two", zap.Int("c", 3))
		a.Info("three")
		_ = a.Sync()
		wantEvents(t, srv.Messages("/g", "s"), "one\t{\"a\": 1}", "two\t{\"a\": 1, \"b\": 2, \"c\": 3}", "three\t{\"a\": 1}")
	})
}

func TestCoreLevel(t *testing.T) {
	level := zap.NewAtomicLevelAt(zap.WarnLevel)
	core := zapcw.NewCore(plain(), &zapcw.Syncer{}, level)
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
		{"ours", plain(), "m", "m"},
		{"ours, newline", plain(), "m\n", "m\n"},
		{"ours, two", plain(), "m\n\n", "m\n\n"},
		{"ours, empty", plain(), "", " "},
		{"ours, only a newline", plain(), "\n", "\n"},
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
			bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
				zap.New(zapcw.NewCore(tt.enc, s, zap.InfoLevel)).Info(tt.msg, zapcw.Flush())
				wantEvents(t, srv.Messages("/g", "s"), tt.want)
			})
		})
	}
}

// TestCoreTimes checks that an entry keeps its own time and a zero one is now.
func TestCoreTimes(t *testing.T) {
	bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		core := zapcw.NewCore(plain(), s, zap.InfoLevel)
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

func TestSyncerWrite(t *testing.T) {
	bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{MessageKey: "m"}), s, zap.InfoLevel))
		log.Info("through zap's own core")
		p := []byte("reused\n")
		if n, err := s.Write(p); n != len(p) || err != nil {
			t.Errorf("Write gave %d, %v", n, err)
		}
		copy(p, "XXXXXX")
		if err := log.Sync(); err != nil {
			t.Error(err)
		}
		wantEvents(t, srv.Messages("/g", "s"), `{"m":"through zap's own core"}`, "reused")
	})
}

func TestSyncerClose(t *testing.T) {
	bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		log := zap.New(zapcw.NewCore(plain(), s, zap.InfoLevel))
		log.Info("before")
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		_, err := s.Write([]byte("after"))
		if !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), "/g/s") {
			t.Errorf("Write after Close: %v", err)
		}
		if err := s.Sync(); err != nil {
			t.Errorf("Sync after Close: %v", err)
		}
		wantEvents(t, srv.Messages("/g", "s"), "before")
		spilled, _ := s.Fallback.(*safeBuffer).lines()
		wantEvents(t, spilled, "after")
		if st := s.Stats(); st.Accepted != 2 || st.Delivered != 1 || st.SpilledAs.AfterClose != 1 {
			t.Errorf("stats are %+v", st)
		}
	})
}

// TestHandler checks that everything is in the stream when the handler returns,
// and that a failing flush leaves the function's outcome alone.
func TestHandler(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name   string
		h      func(context.Context, string) (int, error)
		panics any
		err    error
	}{
		{"result", func(context.Context, string) (int, error) { return 7, nil }, nil, nil},
		{"error", func(context.Context, string) (int, error) { return 7, boom }, nil, boom},
		{"panic", func(context.Context, string) (int, error) { panic(boom) }, boom, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
				core := zapcore.NewSamplerWithOptions(zapcore.NewTee(zapcw.NewCore(plain(), s, zap.InfoLevel), zapcore.NewNopCore()), time.Second, 100, 100)
				log := zap.New(core).WithLazy(zap.Skip())
				f := zapcw.Handler(log, func(ctx context.Context, in string) (int, error) {
					log.Info(in)
					return tt.h(ctx, in)
				})
				call := func(limit time.Duration) (out int, panicked any, err error) {
					ctx, cancel := context.WithTimeout(t.Context(), limit)
					defer cancel()
					defer func() { panicked = recover() }()
					out, err = f(ctx, "hello")
					return out, nil, err
				}
				out, panicked, err := call(3 * time.Second)
				if err != tt.err || panicked != tt.panics || panicked == nil && out != 7 {
					t.Errorf("got %d, %v, panic %v", out, err, panicked)
				}
				wantEvents(t, srv.Messages("/g", "s"), "hello")

				srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
				begin := time.Now()
				_, panicked, err = call(3 * time.Second)
				if err != tt.err || panicked != tt.panics {
					t.Errorf("in an outage: got %v, panic %v", err, panicked)
				}
				if took := time.Since(begin); took < 2*time.Second || took >= 3*time.Second {
					t.Errorf("in an outage: the flush took %s of 3s", took)
				}
				spilled, _ := s.Fallback.(*safeBuffer).lines()
				wantEvents(t, spilled, "hello")
			})
		})
	}
}
