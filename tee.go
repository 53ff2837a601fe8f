package zapcw

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"go.uber.org/zap/zapcore"
)

type tee struct {
	core, stdout zapcore.Core
	// sends returns core without a Hold, whose level decides about the echo.
	sends func() zapcore.Core
}

var _ zapcore.Core = (*tee)(nil)

// Tee returns a core that writes to core and, while the level of core is exactly
// [zapcore.DebugLevel], echoes to stdout: every entry that core accepts and that
// the level of stdout enables. At any other level of core, higher or lower, nothing
// goes to stdout.
//
// The level is that of [zapcore.LevelOf]. It is checked for each entry, so the echo
// starts and ends when a [zap.AtomicLevel] changes. An entry is written to stdout
// before core gets it, so it is visible while core waits for the network.
//
// The level of the Tee itself is that of core. With passes the fields to both cores.
// Write and Sync use both even if one has an error, and return the errors of both.
//
// A [Hold] in core, or around the Tee, does not change that level, and entries that
// it holds and releases are not echoed.
func Tee(core, stdout zapcore.Core) zapcore.Core {
	return &tee{core, stdout, sync.OnceValue(func() zapcore.Core {
		return core.With([]zapcore.Field{controlField("zapcw.Hold", sendsOnly{})})
	})}
}

func (t *tee) Enabled(l zapcore.Level) bool { return t.core.Enabled(l) }

// Level is for [zapcore.LevelOf], which cannot find all levels by Enabled alone.
func (t *tee) Level() zapcore.Level { return zapcore.LevelOf(t.core) }

func (t *tee) With(fields []zapcore.Field) zapcore.Core {
	return &tee{t.core.With(fields), t.stdout.With(fields), t.sends}
}

func (t *tee) Check(ent zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !t.echoes(ent.Level) {
		return t.core.Check(ent, ce)
	}
	// Enabled is not enough: core may be a sampler, which also drops entries that
	// it is enabled for. So core decides first, with a CheckedEntry of its own,
	// since ce would not show whether core has added itself.
	own := t.core.Check(ent, nil)
	if own == nil {
		return ce
	}
	return t.stdout.Check(ent, ce).AddCore(ent, accepted{t.core, own})
}

// Write is for cores around a tee that add themselves to the CheckedEntry.
func (t *tee) Write(ent zapcore.Entry, fields []zapcore.Field) error {
	var err error
	if t.echoes(ent.Level) {
		err = t.stdout.Write(ent, fields)
	}
	return errors.Join(err, t.core.Write(ent, fields))
}

func (t *tee) Sync() error { return errors.Join(t.stdout.Sync(), t.core.Sync()) }

// echoes also asks for the level below Debug: a zapcore.Level or a function
// that enables it has no Level method, and LevelOf looks no further than Debug.
func (t *tee) echoes(l zapcore.Level) bool {
	if !t.stdout.Enabled(l) || !t.core.Enabled(zapcore.DebugLevel) {
		return false
	}
	sends := t.sends()
	held := t.core.Enabled(l) && !sends.Enabled(l)
	return !held && zapcore.LevelOf(sends) == zapcore.DebugLevel && !sends.Enabled(zapcore.DebugLevel-1)
}

// accepted writes an entry to the cores that Core.Check has chosen for it.
type accepted struct {
	zapcore.Core
	ce *zapcore.CheckedEntry
}

func (a accepted) Write(ent zapcore.Entry, fields []zapcore.Field) error {
	// A CheckedEntry does not return errors but prints them.
	var out report
	a.ce.Entry = ent // the logger adds caller and stack after Check
	a.ce.ErrorOutput = &out
	a.ce.Write(fields...)
	if out.Len() == 0 {
		return nil
	}
	text := bytes.TrimPrefix(out.Bytes(), fmt.Appendf(nil, "%v write error: ", ent.Time))
	return errors.New(string(bytes.TrimSuffix(text, []byte("\n"))))
}

type report struct{ bytes.Buffer }

func (*report) Sync() error { return nil }

// Stdout returns standard output as a locked WriteSyncer. It looks [os.Stdout] up at
// each use, as fmt.Println does, so a test that replaces it also captures the output
// of loggers that were made before.
//
// Sync ignores EINVAL, ENOTTY and EBADF, which a terminal, a pipe or /dev/null
// returns because it cannot be synced: otherwise every [zap.Logger.Sync] would
// return an error. For a regular file it returns these errors too.
func Stdout() zapcore.WriteSyncer {
	return zapcore.Lock(console(func() *os.File { return os.Stdout }))
}

// stderr is Stdout for standard error.
func stderr() zapcore.WriteSyncer {
	return zapcore.Lock(console(func() *os.File { return os.Stderr }))
}

// A console looks up a standard file.
type console func() *os.File

var _ zapcore.WriteSyncer = console(nil)

func (c console) Write(p []byte) (int, error) { return c().Write(p) }

func (c console) Sync() error {
	f := c()
	err := f.Sync()
	if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTTY) && !errors.Is(err, syscall.EBADF) {
		return err
	}
	// Stat fails too if the descriptor is really bad.
	if info, bad := f.Stat(); bad != nil || info.Mode().IsRegular() {
		return err
	}
	return nil
}
