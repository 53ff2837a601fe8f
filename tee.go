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
	// sends is core without a Hold; it is there to tell its level.
	sends func() zapcore.Core
}

var _ zapcore.Core = (*tee)(nil)

// Tee returns a core that writes to core and, as long as the level of core is
// exactly [zapcore.DebugLevel], to stdout too: every entry that core accepts,
// whatever its level, if the level of stdout lets it pass. While core is
// quieter than that, or louder, nothing goes to stdout.
//
// The level is that of [zapcore.LevelOf], asked for each entry, so the echo starts
// and ends when a [zap.AtomicLevel] changes. An entry is written to stdout before
// core gets it, so it is there while core waits for the network.
//
// The level of the Tee itself is that of core. With gives the fields to both;
// Write and Sync go on with one when the other has an error, and return the
// errors of both.
//
// A [Hold] in core, or around the Tee, does not change that level, and entries that
// it holds and releases are not echoed.
func Tee(core, stdout zapcore.Core) zapcore.Core {
	return &tee{core, stdout, sync.OnceValue(func() zapcore.Core {
		return core.With([]zapcore.Field{controlField("zapcw.Hold", sendsOnly{})})
	})}
}

func (t *tee) Enabled(l zapcore.Level) bool { return t.core.Enabled(l) }

// Level is for [zapcore.LevelOf]: the Enabled of a tee says less than its core.
func (t *tee) Level() zapcore.Level { return zapcore.LevelOf(t.core) }

func (t *tee) With(fields []zapcore.Field) zapcore.Core {
	return &tee{t.core.With(fields), t.stdout.With(fields), t.sends}
}

func (t *tee) Check(ent zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !t.echoes(ent.Level) {
		return t.core.Check(ent, ce)
	}
	// Enabled is not all that core may ask of an entry: it may be a sampler.
	// So core decides first, and with a CheckedEntry of its own, since ce
	// does not tell whether core has added itself.
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

// accepted writes an entry to where Core, when it was asked, wanted it.
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
// each use, as fmt.Println does, so a test that sets it to a file also gets what is
// printed by loggers that were made before.
//
// Sync ignores EINVAL, ENOTTY and EBADF, by which a terminal, a pipe or /dev/null
// says that there is nothing to sync: otherwise every [zap.Logger.Sync] would return
// an error. It returns other errors, and those too if the output is a regular file.
func Stdout() zapcore.WriteSyncer {
	return zapcore.Lock(console(func() *os.File { return os.Stdout }))
}

// stderr is as Stdout, for standard error.
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
	// A descriptor that is really bad cannot be looked at either.
	if info, bad := f.Stat(); bad != nil || info.Mode().IsRegular() {
		return err
	}
	return nil
}
