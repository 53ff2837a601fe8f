package zapcw

import (
	"bytes"
	"errors"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/engine"
)

// A Core encodes entries and hands them to a Syncer. It differs from the core that
// zapcore.NewCore returns in three ways: each entry keeps its own time and level,
// entries with the field Flush are sent at once, and the encoder's line ending does
// not become part of the event.
type Core struct {
	zapcore.LevelEnabler
	enc   zapcore.Encoder
	out   *Syncer
	flush bool   // every entry is to be sent at once
	found bool   // package cwlambda flushes the engine itself, so Sync does not
	hold  *Hold  // nil if nothing is held
	scope *scope // where it is held
	// ending is the length of the encoder's line ending, -1 if unknown.
	ending int
}

var _ zapcore.Core = (*Core)(nil)

// NewCore makes a Core. It does no I/O and reads nothing from the environment.
// None of its arguments may be nil. Any encoder works; NewPrefixEncoder and
// NewJSONEncoder are made for it. With a zap.AtomicLevel the level can be changed
// while the program runs.
func NewCore(enc zapcore.Encoder, out *Syncer, enab zapcore.LevelEnabler) *Core {
	c := &Core{LevelEnabler: enab, enc: enc, out: out, ending: -1}
	if e, ok := enc.(interface{ lineEnding() string }); ok {
		c.ending = len(e.lineEnding())
	}
	return c
}

// Enabled reports whether entries of a level are sent or, with a Hold, held.
func (c *Core) Enabled(l zapcore.Level) bool {
	return c.LevelEnabler.Enabled(l) || c.holds(l)
}

// Level returns the lowest level that is enabled, see zapcore.LevelOf.
func (c *Core) Level() zapcore.Level {
	l := levelOf(c.LevelEnabler)
	if c.hold != nil {
		l = min(l, levelOf(c.hold.Level))
	}
	return l
}

// levelOf is zapcore.LevelOf for levels below Debug too, which that function does
// not find for a zapcore.Level.
func levelOf(enab zapcore.LevelEnabler) zapcore.Level {
	if l, ok := enab.(zapcore.Level); ok {
		return l
	}
	return zapcore.LevelOf(enab)
}

// With returns a Core whose entries carry these fields. A Flush among them marks
// all of its entries. Scope and Release take effect in the order of the fields.
func (c *Core) With(fields []zapcore.Field) zapcore.Core {
	clone := *c
	clone.enc = c.enc.Clone()
	for i := range fields {
		f := &fields[i]
		if f.Type == zapcore.SkipType {
			clone.obey(f)
			continue
		}
		if e, ok := clone.enc.(*jsonEncoder); ok && isError(f) {
			e.addErrorField(f)
			continue
		}
		f.AddTo(clone.enc)
	}
	return &clone
}

// obey carries out a field that adds nothing to an entry, like Flush.
func (c *Core) obey(f *zapcore.Field) {
	switch v := f.Interface.(type) {
	case control:
		v.control(c)
	case engine.Finder:
		v.Found(c.out.started())
		c.found = true
	default:
		c.flush = c.flush || isFlush(f)
	}
}

// Check adds the Core to ce if the entry's level is enabled.
func (c *Core) Check(ent zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(ent.Level) {
		return ce.AddCore(ent, c)
	}
	return ce
}

// Write encodes the entry and hands it to the Syncer, which copies it, or to the
// scope of a Hold. It does not wait for the network, except for entries with Flush
// and for those above ErrorLevel, since the process may end right after them: for
// these Write calls Sync before it returns. With WhenFull set to Block it waits
// while the memory is full.
//
// Errors come from the encoder, from a closed Syncer and, for flushed entries, from
// Sync. Whatever the error, the event is not lost: it goes to the stream or to the
// Syncer's Fallback. If a field's marshaler panics, so does Write, like the cores of
// zap.
func (c *Core) Write(ent zapcore.Entry, fields []zapcore.Field) error {
	buf, err := c.enc.EncodeEntry(ent, fields)
	if err != nil {
		return c.writeBare(&ent, fields, err)
	}
	var held bool
	if text := c.trim(buf.Bytes(), ent.Message); c.hold == nil {
		err = c.out.started().Add(ent.Time, ent.Level, text)
	} else {
		held, err = c.holdOrSend(&ent, fields, text)
	}
	buf.Free()
	if held || err != nil {
		return err
	}
	if c.flush || ent.Level > zapcore.ErrorLevel || anyFlush(fields) {
		return c.out.Sync()
	}
	return nil
}

// writeBare writes the message of an entry that could not be encoded: that is better
// than nothing.
func (c *Core) writeBare(ent *zapcore.Entry, fields []zapcore.Field, why error) (err error) {
	text := []byte(ent.Message)
	if c.hold == nil {
		err = c.out.started().Add(ent.Time, ent.Level, text)
	} else {
		_, err = c.holdOrSend(ent, fields, text)
	}
	return errors.Join(why, err)
}

// Sync flushes everything that was logged before, see Syncer.Sync.
func (c *Core) Sync() error {
	if c.found {
		return nil
	}
	return c.out.Sync()
}

// trim cuts off the line ending. Encoders of this package say what theirs is;
// for other encoders it is the last newline, unless that belongs to the message.
func (c *Core) trim(text []byte, msg string) []byte {
	if c.ending >= 0 {
		return text[:len(text)-c.ending]
	}
	n := len(text) - 1
	if n < 0 || text[n] != '\n' {
		return text
	}
	if strings.HasSuffix(msg, "\n") && bytes.HasSuffix(text, []byte(msg)) && !bytes.HasSuffix(text[:n], []byte(msg)) {
		return text
	}
	if n > 0 && text[n-1] == '\r' {
		n--
	}
	return text[:n]
}

// Flush returns a field that flushes: the entry and everything before it are settled
// before the logging call returns, see Syncer.Sync. In Logger.With it applies to
// every entry of that logger. Other cores ignore it. It replaces withPurge=True of
// the Python class.
func Flush() zap.Field {
	return zap.Field{Key: flushKey, Type: zapcore.SkipType}
}

const flushKey = "zapcw.Flush"

func anyFlush(fields []zapcore.Field) bool {
	for i := range fields {
		if isFlush(&fields[i]) {
			return true
		}
	}
	return false
}

func isFlush(f *zapcore.Field) bool { return f.Type == zapcore.SkipType && f.Key == flushKey }
