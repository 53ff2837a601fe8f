package zapcw

import (
	"strings"
	"sync"

	"example.com/zapcw/internal/caller"
	"example.com/zapcw/internal/jsonenc"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// A jsonEncoder holds the context of a logger, or encodes one entry. Fields go to
// the embedded Encoder. The text of errors is kept separately, because it is written
// last and outside of all namespaces.
type jsonEncoder struct {
	jsonenc.Encoder
	*jsonConfig

	exception    []byte // the errors so far, escaped
	hasException bool   // there is an error, maybe with an empty text

	last lastError
}

// A lastError is the error that was added last. If it has a long form, zap adds
// that as the next string.
type lastError struct {
	text    string
	start   int  // its offset in exception
	end     int  // the length of the members when it was added
	open    bool // the long form may still follow
	certain bool // all strings that are now added come from one field
}

// A jsonConfig is shared by all clones. AppendKey has escaped and quoted its keys.
type jsonConfig struct {
	zapcore.EncoderConfig

	timeKey, levelKey, nameKey, callerKey, functionKey, messageKey, exceptionKey string
}

var _ zapcore.Encoder = (*jsonEncoder)(nil)

// NewEncoderConfig returns the default configuration for both encoders. With it, the
// JSON encoder writes these keys in this order, and fields between message and
// exception:
//
//	timestamp  ISO 8601 with milliseconds and zone
//	level      by [EncodeLevel]
//	location   <logger>.<function>:<line>; see [NewJSONEncoder]
//	message
//	exception  the text of errors and the stack
//
// Durations are seconds. The prefix encoder uses the same formats for times and
// durations in fields, and writes stacks because StacktraceKey is set.
func NewEncoderConfig() zapcore.EncoderConfig {
	return zapcore.EncoderConfig{
		TimeKey:        "timestamp",
		LevelKey:       "level",
		CallerKey:      "location",
		MessageKey:     "message",
		StacktraceKey:  "exception",
		LineEnding:     zapcore.DefaultLineEnding,
		EncodeLevel:    EncodeLevel,
		EncodeTime:     zapcore.ISO8601TimeEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder,
		EncodeName:     zapcore.FullNameEncoder,
	}
}

// NewJSONEncoder returns an encoder that writes one JSON object per entry. It
// honours every field of cfg as [zapcore.NewJSONEncoder] does, and writes
// fields the same way. It differs in these points:
//
//   - The order is time, level, name, caller, function, message, fields, stack.
//   - Without cfg.EncodeCaller, the caller is <logger>.<function>:<line>. The
//     function is the bare name, like {caller} in [ParsePrefix]; if it is unknown,
//     the file takes its place. Without a logger's name, the name and its dot are
//     left out. If a named logger does not record callers, its name stands alone,
//     unless NameKey gives names a key of their own.
//   - A message that is a JSON object or array is embedded as JSON, without white
//     space around it and between its tokens. It is nested under MessageKey, so its
//     keys cannot clash with others. A message that is just a number, a string or a
//     literal stays text. So does JSON that some readers refuse or read differently
//     (encoding/json, Python's json and orjson were tried): half a surrogate pair or
//     bytes that are not UTF-8; an integer that needs more than 64 bits or that a
//     float64 cannot hold, such as 2^53+1; -0; a number beyond the range of a
//     float64; a key twice in one object; more than 500 levels of nesting.
//   - Errors added by [zap.Error] are written with the stack, under StacktraceKey:
//     the error's text, or its long form if it has one (see [fmt.Formatter]), a line
//     break, the stack. If the entry and its logger have several errors, they follow
//     one another; the key is written once, and never inside a namespace. If
//     StacktraceKey is empty, errors are ordinary fields. Errors under other names,
//     added by [zap.NamedError], always are.
//
// The context of a logger (With) reaches an encoder as keys and values, not as
// fields. There a string with the key "error" is taken for an error's text. A
// string with the key "errorVerbose" is taken for its long form only if it directly
// follows in the same With, and in a [Core] only if it comes from the same field;
// otherwise it is an ordinary field.
//
// As in zap, keys are not checked for duplicates: a field named message is
// written next to the message, and most readers use the last one.
//
// An event with a field _aws is a document in CloudWatch's embedded metric
// format if that field and those that it names are outside of all namespaces and
// use none of the keys above: see the example.
//
// [zap.Error]: https://pkg.go.dev/go.uber.org/zap#Error
// [zap.NamedError]: https://pkg.go.dev/go.uber.org/zap#NamedError
func NewJSONEncoder(cfg zapcore.EncoderConfig) zapcore.Encoder {
	cfg.LineEnding = lineEnding(&cfg)
	if cfg.EncodeName == nil {
		cfg.EncodeName = zapcore.FullNameEncoder
	}
	c := &jsonConfig{EncoderConfig: cfg}
	for _, k := range []struct {
		key  string
		text *string
	}{
		{cfg.TimeKey, &c.timeKey},
		{cfg.LevelKey, &c.levelKey},
		{cfg.NameKey, &c.nameKey},
		{cfg.CallerKey, &c.callerKey},
		{cfg.FunctionKey, &c.functionKey},
		{cfg.MessageKey, &c.messageKey},
		{cfg.StacktraceKey, &c.exceptionKey},
	} {
		if k.key != "" {
			*k.text = string(jsonenc.AppendKey(nil, k.key, false))
		}
	}
	return &jsonEncoder{Encoder: jsonenc.New(&c.EncoderConfig, false), jsonConfig: c}
}

// AddString implements [zapcore.ObjectEncoder] for [zapcore.Field.AddTo], which
// adds an error as one string, or as two if it has a long form.
func (e *jsonEncoder) AddString(key, val string) {
	switch {
	case e.exceptionKey == "":
	case key == "error":
		e.addError(val)
		return
	case key == "errorVerbose" && e.isLongForm(val):
		e.addLongForm(val)
		return
	}
	e.Encoder.AddString(key, val)
}

// addErrorField adds an error that has the key "error".
func (e *jsonEncoder) addErrorField(f *zapcore.Field) {
	e.last.certain = true
	f.AddTo(e)
	e.last = lastError{}
}

// Clone implements [zapcore.Encoder]. It drops last: a field does not span clones.
func (e *jsonEncoder) Clone() zapcore.Encoder {
	return &jsonEncoder{
		Encoder:      e.Encoder.Clone(),
		jsonConfig:   e.jsonConfig,
		exception:    append([]byte(nil), e.exception...),
		hasException: e.hasException,
	}
}

// EncodeEntry implements [zapcore.Encoder]. The error is always nil.
func (e *jsonEncoder) EncodeEntry(ent zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	buf := buffers.Get()
	enc := entries.Get().(*jsonEncoder)
	enc.begin(e, append(buf.Bytes(), '{'))
	enc.addMetadata(&ent)
	enc.Splice(&e.Encoder)
	for i := range fields {
		if f := &fields[i]; isError(f) {
			enc.addErrorField(f)
		} else {
			enc.AddField(f)
		}
	}
	enc.CloseNamespaces()
	enc.addException(ent.Stack)

	b := append(enc.Bytes(), '}')
	b = append(b, e.LineEnding...)
	buf.AppendBytes(b) // onto itself, unless buf was too small
	enc.end()
	return buf, nil
}

// lineEnding returns what EncodeEntry appends last. A Core removes it: an event
// has no line ending.
func (e *jsonEncoder) lineEnding() string { return e.LineEnding }

// entries pools the encoders of single entries. A user's marshaler that panics
// costs the pool one of them, and nothing else.
var entries = sync.Pool{New: func() any { return new(jsonEncoder) }}

// begin prepares e for one entry, with the context of from.
func (e *jsonEncoder) begin(from *jsonEncoder, dst []byte) {
	e.Reset(&from.Encoder, dst)
	e.jsonConfig = from.jsonConfig
	e.exception = append(e.exception[:0], from.exception...)
	e.hasException = from.hasException
	e.last = lastError{}
}

// end returns e to the pool without references to the entry.
func (e *jsonEncoder) end() {
	e.Reset(new(jsonenc.Encoder), nil)
	e.jsonConfig = nil
	e.last = lastError{}
	entries.Put(e)
}

// addMetadata adds the members before the fields. For every encoder function
// that appends nothing there is a default: a key needs a value.
func (e *jsonEncoder) addMetadata(ent *zapcore.Entry) {
	if e.timeKey != "" && !ent.Time.IsZero() {
		e.AddRaw(e.timeKey)
		e.AppendTime(ent.Time)
	}
	if e.levelKey != "" && e.EncodeLevel != nil {
		n := e.AddRaw(e.levelKey)
		if e.EncodeLevel(ent.Level, &e.Encoder); n == len(e.Bytes()) {
			e.AppendString(ent.Level.String())
		}
	}
	if e.nameKey != "" && ent.LoggerName != "" {
		n := e.AddRaw(e.nameKey)
		if e.EncodeName(ent.LoggerName, &e.Encoder); n == len(e.Bytes()) {
			e.AppendString(ent.LoggerName)
		}
	}
	if e.callerKey != "" {
		e.addCaller(ent)
	}
	if e.functionKey != "" && ent.Caller.Defined {
		e.AddRaw(e.functionKey)
		e.AppendString(ent.Caller.Function)
	}
	if e.messageKey != "" {
		e.AddRaw(e.messageKey)
		e.AppendMessage(ent.Message)
	}
}

func (e *jsonEncoder) addCaller(ent *zapcore.Entry) {
	switch {
	case !ent.Caller.Defined:
		if e.EncodeCaller == nil && e.nameKey == "" && ent.LoggerName != "" {
			e.AddRaw(e.callerKey)
			e.AppendString(ent.LoggerName)
		}
	case e.EncodeCaller != nil:
		n := e.AddRaw(e.callerKey)
		if e.EncodeCaller(ent.Caller, &e.Encoder); n == len(e.Bytes()) {
			e.AppendString(ent.Caller.String())
		}
	default:
		e.AddRaw(e.callerKey)
		function := caller.Function(&ent.Caller)
		if function == "" {
			function = caller.File(&ent.Caller)
		}
		e.AppendLocation(ent.LoggerName, function, ent.Caller.Line)
	}
}

func isError(f *zapcore.Field) bool { return f.Type == zapcore.ErrorType && f.Key == "error" }

// addError appends the text of an error to those that are there.
func (e *jsonEncoder) addError(text string) {
	if e.hasException {
		e.exception = append(e.exception, '\\', 'n')
	}
	e.hasException = true
	e.last.text, e.last.start, e.last.end, e.last.open = text, len(e.exception), len(e.Bytes()), true
	e.exception = jsonenc.AppendEscaped(e.exception, text)
}

// isLongForm reports whether text is the long form of the error that was added
// last: it directly follows the short form, from the same field. Other cores do not
// show where a field ends; for these the text must also contain the short form.
func (e *jsonEncoder) isLongForm(text string) bool {
	return e.last.open && e.last.end == len(e.Bytes()) && (e.last.certain || strings.Contains(text, e.last.text))
}

// addLongForm replaces the text of the last error by its long form, or appends the
// long form if that does not contain the text.
func (e *jsonEncoder) addLongForm(text string) {
	e.last.open = false
	if strings.Contains(text, e.last.text) {
		e.exception = e.exception[:e.last.start]
	} else {
		e.exception = append(e.exception, '\\', 'n')
	}
	e.exception = jsonenc.AppendEscaped(e.exception, text)
}

// addException adds the member with the errors and the stack, if there are any.
func (e *jsonEncoder) addException(stack string) {
	if e.exceptionKey == "" || !e.hasException && stack == "" {
		return
	}
	e.AddRaw(e.exceptionKey)
	b := append(e.Bytes(), '"')
	b = append(b, e.exception...)
	if e.hasException && stack != "" {
		b = append(b, '\\', 'n')
	}
	b = jsonenc.AppendEscaped(b, stack)
	e.SetBytes(append(b, '"'))
}

// lineEnding is what zap's encoders end an entry with.
func lineEnding(cfg *zapcore.EncoderConfig) string {
	switch {
	case cfg.SkipLineEnding:
		return ""
	case cfg.LineEnding == "":
		return zapcore.DefaultLineEnding
	}
	return cfg.LineEnding
}
