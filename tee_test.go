package zapcw

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	logtest "go.uber.org/zap/zaptest/observer"
)

// pair is a Tee over two observers, and what is seen there, oldest first.
func pair(core, stdout zapcore.LevelEnabler) (tee zapcore.Core, toCore, toStdout *logtest.ObservedLogs) {
	a, toCore := logtest.New(core)
	b, toStdout := logtest.New(stdout)
	return Tee(a, b), toCore, toStdout
}

func messages(logs *logtest.ObservedLogs) string {
	var all []string
	for _, e := range logs.TakeAll() {
		all = append(all, e.Message)
	}
	return strings.Join(all, " ")
}

func logAll(core zapcore.Core) {
	log := zap.New(core)
	log.Log(zapcore.DebugLevel-1, "t")
	log.Debug("d")
	log.Info("i")
	log.Warn("w")
	log.Error("e")
	log.DPanic("c")
}

func TestTeeEchoesAtDebugAlone(t *testing.T) {
	everything := zap.LevelEnablerFunc(func(zapcore.Level) bool { return true })
	fromDebug := zap.LevelEnablerFunc(zap.DebugLevel.Enabled)
	for _, tt := range []struct {
		name         string
		core, stdout zapcore.LevelEnabler
		want, echo   string
	}{
		{"below debug", belowDebug, everything, "t d i w e c", ""},
		{"below debug, atomic", zap.NewAtomicLevelAt(belowDebug), everything, "t d i w e c", ""},
		{"everything", everything, everything, "t d i w e c", ""},
		{"debug", zap.DebugLevel, everything, "d i w e c", "d i w e c"},
		{"debug, by a function", fromDebug, everything, "d i w e c", "d i w e c"},
		{"info", zap.InfoLevel, everything, "i w e c", ""},
		{"error", zap.ErrorLevel, everything, "e c", ""},
		{"nothing", zapcore.InvalidLevel, everything, "", ""},
		{"debug, stdout has a level", zap.DebugLevel, zap.WarnLevel, "d i w e c", "w e c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tee, toCore, toStdout := pair(tt.core, tt.stdout)
			logAll(tee)
			if got := messages(toCore); got != tt.want {
				t.Errorf("core got %q, want %q", got, tt.want)
			}
			if got := messages(toStdout); got != tt.echo {
				t.Errorf("stdout got %q, want %q", got, tt.echo)
			}
			if got, want := zapcore.LevelOf(tee), zapcore.LevelOf(tt.core); got != want {
				t.Errorf("level %v, want that of core: %v", got, want)
			}
		})
	}
}

func TestTeeFollowsAtomicLevel(t *testing.T) {
	level := zap.NewAtomicLevelAt(zap.InfoLevel)
	tee, toCore, toStdout := pair(level, zap.DebugLevel)
	log := zap.New(tee).With(zap.Int("n", 1)) // a clone follows too
	for _, l := range []zapcore.Level{zap.InfoLevel, zap.DebugLevel, zap.WarnLevel, zap.DebugLevel, belowDebug} {
		level.SetLevel(l)
		log.Warn(l.String())
	}
	if got := messages(toCore); got != "info debug warn debug Level(-2)" {
		t.Errorf("core got %q", got)
	}
	if got := messages(toStdout); got != "debug debug" {
		t.Errorf("stdout got %q", got)
	}
}

// dropper is a core that says Enabled and then does not take an entry, as a
// sampler does.
type dropper struct{ zapcore.Core }

func (d dropper) Check(ent zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if strings.HasPrefix(ent.Message, "drop") {
		return ce
	}
	return d.Core.Check(ent, ce)
}

func TestTeeDoesNotEchoWhatCoreRefuses(t *testing.T) {
	core, toCore := logtest.New(zap.DebugLevel)
	stdout, toStdout := logtest.New(zap.DebugLevel)
	other, toOther := logtest.New(zap.DebugLevel)
	// With another core in front the CheckedEntry is there already.
	log := zap.New(zapcore.NewTee(other, Tee(dropper{core}, stdout)))
	log.Info("drop this")
	log.Info("take this")
	if got := messages(toCore); got != "take this" {
		t.Errorf("core got %q", got)
	}
	if got := messages(toStdout); got != "take this" {
		t.Errorf("stdout got %q", got)
	}
	if got := messages(toOther); got != "drop this take this" {
		t.Errorf("the other core got %q", got)
	}
}

func TestTeeSamplerCountsOnce(t *testing.T) {
	core, toCore := logtest.New(zap.DebugLevel)
	stdout, toStdout := logtest.New(zap.DebugLevel)
	log := zap.New(Tee(zapcore.NewSamplerWithOptions(core, time.Hour, 2, 0), stdout))
	for range 5 {
		log.Info("same")
	}
	if a, b := messages(toCore), messages(toStdout); a != "same same" || b != a {
		t.Errorf("core got %q and stdout %q, want the first two", a, b)
	}
}

func TestTeeWith(t *testing.T) {
	tee, toCore, toStdout := pair(zap.DebugLevel, zap.DebugLevel)
	zap.New(tee).With(zap.String("a", "1")).Info("m", zap.String("b", "2"))
	zap.New(tee).Info("bare")
	for name, logs := range map[string]*logtest.ObservedLogs{"core": toCore, "stdout": toStdout} {
		all := logs.TakeAll()
		if len(all) != 2 || len(all[0].Context) != 2 || len(all[1].Context) != 0 {
			t.Errorf("%s got %v", name, all)
		}
	}
}

// order notes which core is written first.
type order struct {
	zapcore.Core
	name string
	to   *[]string
	err  error
}

func (o order) With([]zapcore.Field) zapcore.Core { return o }

func (o order) Check(ent zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return ce.AddCore(ent, o)
}

func (o order) Write(ent zapcore.Entry, _ []zapcore.Field) error {
	*o.to = append(*o.to, o.name+" "+ent.Message+" "+ent.Caller.Function)
	return o.err
}

func (o order) Sync() error {
	*o.to = append(*o.to, o.name+" sync")
	return o.err
}

func TestTeeErrors(t *testing.T) {
	broken, away := errors.New("stdout is broken"), errors.New("core is away")
	level, _ := logtest.New(zap.DebugLevel)
	for _, tt := range []struct{ stdout, core error }{{nil, nil}, {broken, nil}, {nil, away}, {broken, away}} {
		var seen []string
		tee := Tee(order{level, "core", &seen, tt.core}, order{level, "stdout", &seen, tt.stdout})
		check := func(what string, err error) {
			t.Helper()
			if errors.Is(err, broken) != (tt.stdout != nil) || errors.Is(err, away) != (tt.core != nil) {
				t.Errorf("%s: error %v, want those of both: %v, %v", what, err, tt.stdout, tt.core)
			}
		}
		check("write", tee.Write(zapcore.Entry{Message: "m"}, nil))
		check("sync", tee.Sync())
		if got, want := strings.Join(seen, ", "), "stdout m , core m , stdout sync, core sync"; got != want {
			t.Errorf("seen %q, want %q", got, want)
		}

		seen = nil
		var out bytes.Buffer
		zap.New(tee, zap.AddCaller(), zap.ErrorOutput(zapcore.AddSync(&out))).Info("logged")
		if len(seen) != 2 || !strings.HasPrefix(seen[0], "stdout logged ") || !strings.HasPrefix(seen[1], "core logged ") ||
			!strings.HasSuffix(seen[1], "TestTeeErrors") {
			t.Errorf("seen %q, want stdout, then core with the caller", seen)
		}
		for _, err := range []error{tt.stdout, tt.core} {
			if err != nil && strings.Count(out.String(), err.Error()) != 1 {
				t.Errorf("error output %q, want %q once", out.String(), err)
			}
		}
		if strings.Count(out.String(), "write error") > 1 {
			t.Errorf("error output says it twice: %q", out.String())
		}
	}
}

// TestTeeWriteKeepsToTheLevel: a core around a tee that adds itself must not
// turn the echo on.
func TestTeeWriteKeepsToTheLevel(t *testing.T) {
	tee, toCore, toStdout := pair(zap.InfoLevel, zap.DebugLevel)
	if err := tee.Write(zapcore.Entry{Message: "m"}, nil); err != nil {
		t.Fatal(err)
	}
	if a, b := messages(toCore), messages(toStdout); a != "m" || b != "" {
		t.Errorf("core got %q, stdout %q", a, b)
	}
}

func TestStdoutIsLookedUpAtEachUse(t *testing.T) {
	out := Stdout()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdout
	os.Stdout = file
	_, err = io.WriteString(out, "line\n")
	err = errors.Join(err, out.Sync())
	os.Stdout = old
	if err = errors.Join(err, file.Close()); err != nil {
		t.Error(err)
	}
	if text, _ := os.ReadFile(file.Name()); string(text) != "line\n" {
		t.Errorf("file has %q", text)
	}
}

func TestConsoleSync(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	closed, err := os.Create(filepath.Join(t.TempDir(), "closed"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{file, r, w, null} {
		defer f.Close()
	}
	closed.Close()
	for _, tt := range []struct {
		name string
		file *os.File
		want error
	}{
		{"file", file, nil},
		{"pipe", w, nil},
		{"null device", null, nil},
		{"closed", closed, os.ErrClosed},
		{"nil", nil, os.ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := console(func() *os.File { return tt.file }).Sync(); !errors.Is(err, tt.want) {
				t.Errorf("sync: %v, want %v", err, tt.want)
			}
		})
	}
}

// TestConsoleSyncBadDescriptor: EBADF is hidden for a device alone. A descriptor
// that was opened for its path only gives it with anything.
func TestConsoleSyncBadDescriptor(t *testing.T) {
	const pathOnly = 0x200000 // O_PATH
	if runtime.GOOS != "linux" {
		t.Skip("needs O_PATH of Linux")
	}
	regular := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(regular, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{os.DevNull: nil, regular: syscall.EBADF} {
		fd, err := syscall.Open(name, pathOnly, 0)
		if err != nil {
			t.Fatal(err)
		}
		f := os.NewFile(uintptr(fd), name)
		if err := f.Sync(); !errors.Is(err, syscall.EBADF) {
			t.Fatalf("%s: sync without a console: %v, want EBADF", name, err)
		}
		if err := (console(func() *os.File { return f })).Sync(); !errors.Is(err, want) {
			t.Errorf("%s: sync: %v, want %v", name, err, want)
		}
		f.Close()
	}
}
