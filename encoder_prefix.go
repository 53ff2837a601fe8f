package zapcw

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"example.com/zapcw/internal/caller"
	"example.com/zapcw/internal/jsonenc"
	"example.com/zapcw/internal/template"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// A Prefix appends the text that precedes the message of an entry to buf, which is
// empty. function is the name that [NewPrefixEncoder] was given, such as that of a
// Lambda function.
//
// Like the function types of zapcore, a Prefix can be unmarshaled from text. It must
// be safe for concurrent use and must not keep buf. The nil Prefix appends nothing.
// If a Prefix panics, its entry has the message and no prefix.
type Prefix func(buf *buffer.Buffer, function string, ent zapcore.Entry)

var (
	_ Prefix = StandardPrefix
	_ Prefix = ShortPrefix
	_ Prefix = SimplePrefix
	_ Prefix = MiniPrefix
)

// StandardPrefix is the Prefix of the label #standard, "{level}: {func}: {caller}: ".
func StandardPrefix(buf *buffer.Buffer, function string, ent zapcore.Entry) {
	appendLevel(buf, ent.Level)
	buf.AppendString(": ")
	buf.AppendString(function)
	buf.AppendString(": ")
	buf.AppendString(caller.Function(&ent.Caller))
	buf.AppendString(": ")
}

// ShortPrefix is the Prefix of the label #short, "{level}: {func}: ".
func ShortPrefix(buf *buffer.Buffer, function string, ent zapcore.Entry) {
	appendLevel(buf, ent.Level)
	buf.AppendString(": ")
	buf.AppendString(function)
	buf.AppendString(": ")
}

// SimplePrefix is the Prefix of the label #simple, "{func}: ".
func SimplePrefix(buf *buffer.Buffer, function string, _ zapcore.Entry) {
	buf.AppendString(function)
	buf.AppendString(": ")
}

// MiniPrefix is the Prefix of the label #mini: at [zapcore.WarnLevel] and above the
// level and a colon, then the function and a colon unless that is empty. So an Info
// entry without a function's name is the message alone.
func MiniPrefix(buf *buffer.Buffer, function string, ent zapcore.Entry) {
	if ent.Level >= zapcore.WarnLevel {
		appendLevel(buf, ent.Level)
		buf.AppendString(": ")
	}
	if function != "" {
		buf.AppendString(function)
		buf.AppendString(": ")
	}
}

// ParsePrefix returns the Prefix for a label (#standard, #short, #simple, #mini) or a
// template. These placeholders of a template stand for values of the entry:
//
//	{level}   DEBUG INFO WARNING ERROR CRITICAL, or a decimal number
//	{func}    the function's name given to [NewPrefixEncoder]
//	{caller}  the bare name of the Go function that logged, without package,
//	          receiver and type arguments; for a closure, the enclosing function
//	{file}    the file that logged, with its directory: order/checkout.go
//	{line}    the line in that file
//	{logger}  the logger's name
//
// {{ and }} are literal braces. Braces in inserted values have no meaning. {caller},
// {file} and {line} need a logger with [zap.AddCaller]; otherwise they are empty.
//
// The empty template is an empty prefix. An unmatched brace, an unknown placeholder
// or an unknown label is an error that names it. A # followed by a single word counts
// as a label. Labels must match exactly: #Mini and "#mini " are errors, and so is a
// label without its #, like mini.
//
// [zap.AddCaller]: https://pkg.go.dev/go.uber.org/zap#AddCaller
func ParsePrefix(s string) (Prefix, error) { return parsePrefix(s, labels) }

// parsePrefix is ParsePrefix with the labels that an error lists.
func parsePrefix(s string, labels []string) (Prefix, error) {
	switch s {
	case "#standard":
		return StandardPrefix, nil
	case "#short":
		return ShortPrefix, nil
	case "#simple":
		return SimplePrefix, nil
	case "#mini":
		return MiniPrefix, nil
	}
	if template.IsLabel(s, labels) {
		return nil, fmt.Errorf("prefix %q: unknown label: known are %s", s, strings.Join(labels, " "))
	}
	for _, label := range labels {
		if strings.EqualFold(s, label[1:]) {
			return nil, fmt.Errorf("prefix %q: a label without its #: want %s", s, label)
		}
	}
	segs, err := template.Parse(s, placeholders)
	if err != nil {
		return nil, fmt.Errorf("prefix %q: %w", s, err)
	}
	return compile(segs).prefix, nil
}

// PrefixFunc returns a Prefix that calls f for the text. f gets the level, the name
// that {func} stands for, the name that {caller} stands for, and the message. A nil f
// is no prefix.
func PrefixFunc(f func(level zapcore.Level, function, caller, msg string) string) Prefix {
	if f == nil {
		return nil
	}
	return func(buf *buffer.Buffer, function string, ent zapcore.Entry) {
		buf.AppendString(f(ent.Level, function, caller.Function(&ent.Caller), ent.Message))
	}
}

// UnmarshalText reads a label or a template as [ParsePrefix] does. After an error
// the Prefix is unchanged.
func (p *Prefix) UnmarshalText(text []byte) error {
	if p == nil {
		return errors.New("prefix: cannot unmarshal into a nil *Prefix")
	}
	prefix, err := ParsePrefix(string(text))
	if err != nil {
		return err
	}
	*p = prefix
	return nil
}

// A prefixEncoder keeps the context of a logger as zap's console encoder does: as
// JSON with a space after colons and commas.
type prefixEncoder struct {
	jsonenc.Encoder

	function  string
	prefix    Prefix
	foreign   bool // prefix is not from this package and may panic
	separator string
	stack     bool
	ending    string
}

var _ zapcore.Encoder = (*prefixEncoder)(nil)

// NewPrefixEncoder returns an encoder for human readers. It writes the prefix, the
// message, the fields as zap's console encoder does (a separator and one JSON
// object), the stack on lines of its own, if the entry has one, and the line ending.
//
// Only the prefix can show an entry's level, caller and logger. The time is not
// written, since CloudWatch Logs stores a time for every event. Of cfg it uses
//   - LineEnding and SkipLineEnding; the ending defaults to [zapcore.DefaultLineEnding],
//   - ConsoleSeparator, which defaults to a tab,
//   - StacktraceKey: if it is empty, stacks are left out,
//   - EncodeDuration, EncodeTime and NewReflectedEncoder for the values of fields,
//     with the defaults of zap's encoders.
//
// The message is written even if MessageKey is empty. A nil p is no prefix.
//
// Prefix encoders cannot emit metrics: in CloudWatch's embedded metric format the
// whole event is a JSON document, see [NewJSONEncoder].
func NewPrefixEncoder(function string, p Prefix, cfg zapcore.EncoderConfig) zapcore.Encoder {
	separator := cfg.ConsoleSeparator
	if separator == "" {
		separator = "\t"
	}
	return &prefixEncoder{
		Encoder:   jsonenc.New(&cfg, true),
		function:  function,
		prefix:    p,
		foreign:   !isOurs(p),
		separator: separator,
		stack:     cfg.StacktraceKey != "",
		ending:    lineEnding(&cfg),
	}
}

// Clone implements [zapcore.Encoder].
func (e *prefixEncoder) Clone() zapcore.Encoder {
	c := *e
	c.Encoder = e.Encoder.Clone()
	return &c
}

// EncodeEntry implements [zapcore.Encoder]. The error is always nil.
func (e *prefixEncoder) EncodeEntry(ent zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	buf := buffers.Get()
	switch {
	case e.prefix == nil:
	case e.foreign:
		e.tryPrefix(buf, &ent)
	default:
		e.prefix(buf, e.function, ent)
	}
	buf.AppendString(ent.Message)
	if len(fields) > 0 || len(e.Bytes()) > 0 {
		e.appendContext(buf, fields)
	}
	if e.stack && ent.Stack != "" {
		buf.AppendByte('\n')
		buf.AppendString(ent.Stack)
	}
	if e.ending == zapcore.DefaultLineEnding {
		buf.AppendByte('\n') // a store, where a string that may be any is a call
	} else {
		buf.AppendString(e.ending)
	}
	return buf, nil
}

// lineEnding is what EncodeEntry appends last. A Core removes it: an event has no
// line ending.
func (e *prefixEncoder) lineEnding() string { return e.ending }

// appendContext appends the separator and the object, or nothing if the object has
// no member. It writes to the free space of buf, and AppendBytes then copies nothing
// anew, unless that space was too small.
func (e *prefixEncoder) appendContext(buf *buffer.Buffer, fields []zapcore.Field) {
	b := buf.Bytes()
	start := len(b)
	switch {
	case start == 0:
		b = append(b, '{')
	case e.separator == "\t":
		b = append(b, '\t', '{')
	default:
		b = append(append(b, e.separator...), '{')
	}
	empty := len(b)
	if b = e.Append(b, fields); len(b) > empty {
		b = append(b, '}')
		buf.AppendBytes(b[start:])
	}
}

// tryPrefix calls the prefix, and drops what it wrote if it panics.
func (e *prefixEncoder) tryPrefix(buf *buffer.Buffer, ent *zapcore.Entry) {
	defer func() {
		if recover() != nil {
			buf.Reset()
		}
	}()
	e.prefix(buf, e.function, *ent)
}

// buffers holds the buffers that both encoders return.
var buffers = buffer.NewPool()

var (
	labels       = []string{"#mini", "#short", "#simple", "#standard"}
	placeholders = []string{"caller", "file", "func", "level", "line", "logger"}
)

// Kinds of a segment: the indexes of placeholders, and literal text.
const (
	atCaller = iota
	atFile
	atFunc
	atLevel
	atLine
	atLogger
	literal = template.Literal
)

// A segment of a template is a placeholder or literal text, followed by a word:
// literal text of at most eight bytes, which is appended with one store. Most
// literal text is that short.
type segment struct {
	kind int
	text string
	word [8]byte
	n    int // bytes of the word
}

type segments []segment

func compile(parsed []template.Segment) segments {
	segs := make(segments, 0, len(parsed))
	for i, p := range parsed {
		if last := len(segs) - 1; i > 0 && p.Known == literal && len(p.Text) <= len(segs[last].word) && segs[last].n == 0 {
			segs[last].n = copy(segs[last].word[:], p.Text)
			continue
		}
		segs = append(segs, segment{kind: p.Known, text: p.Text})
	}
	return segs
}

// prefix is the Prefix of every template. Appending to a slice is faster than
// calling buf for each piece.
func (s segments) prefix(buf *buffer.Buffer, function string, ent zapcore.Entry) {
	b := buf.Bytes()
	start := len(b)
	for i := range s {
		g := &s[i]
		text := g.text
		switch g.kind {
		case atCaller:
			text = caller.Function(&ent.Caller)
		case atFile:
			text = caller.File(&ent.Caller)
		case atFunc:
			text = function
		case atLevel:
			text = levelName(ent.Level)
		case atLine:
			if ent.Caller.Defined {
				b = strconv.AppendInt(b, int64(ent.Caller.Line), 10)
			}
			text = ""
		case atLogger:
			text = ent.LoggerName
		}
		b = append(b, text...)
		b = append(b, g.word[:]...)
		b = b[:len(b)-len(g.word)+g.n]
	}
	buf.AppendBytes(b[start:])
}

// isOurs reports whether p is known not to panic. Functions can only be compared
// by the address of their code, which all method values of a type share. Answering
// no by mistake only costs speed.
func isOurs(p Prefix) bool {
	code := reflect.ValueOf(p).Pointer()
	for _, ours := range [...]Prefix{StandardPrefix, ShortPrefix, SimplePrefix, MiniPrefix, segments(nil).prefix} {
		if reflect.ValueOf(ours).Pointer() == code {
			return true
		}
	}
	return p == nil
}
