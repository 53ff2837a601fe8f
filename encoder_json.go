package zapcw

import (
	"strings"
	"sync"

	"example.com/zapcw/internal/caller"
	"example.com/zapcw/internal/jsonenc"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// jsonEncoder carries the context of a logger, or one entry on its way. Fields
// go to the Encoder inside; the text of errors is kept apart, because it comes
// last and above all namespaces.
type jsonEncoder struct {
	jsonenc.Encoder
	*jsonConfig

	exception    []byte // escaped
	hasException bool   // exception may be there and empty
	errText      string // of the error that was added last
	errStart     int    // its place in exception
}

// jsonConfig holds what all clones share. Keys are as AppendKey has them.
type jsonConfig struct {
	zapcore.EncoderConfig

	timeKey, levelKey, nameKey, callerKey, functionKey, messageKey, exceptionKey string
}

var _ zapcore.Encoder = (*jsonEncoder)(nil)

// NewEncoderConfig gives the configuration that both encoders are made for. The
// JSON encoder writes with it
//
//	timestamp  ISO 8601 with milliseconds and zone
//	level      as [EncodeLevel]
//	location   <logger>.<function>:<line>; see [NewJSONEncoder]
//	message
//	exception  the text of errors and the stack
//
// in this order, fields between message and exception, durations as seconds.
// The prefix encoder takes from it the forms of times and durations in fields,
// and that stacks are written.
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

// NewJSONEncoder gives an encoder that writes one JSON object an entry. It
// honours every member of cfg as [zapcore.NewJSONEncoder] does, and writes
// fields as that does. It differs in these points:
//
//   - The order is time, level, name, caller, function, message, fields, stack.
//   - Without cfg.EncodeCaller, the caller is <logger>.<function>:<line>. The
//     function is its bare name as {caller} of [PrefixOf] has it; if it is not
//     known, the file stands there. A nameless logger is left out with its dot.
//     A logger that has a name but does not record callers is written alone,
//     unless NameKey gives names a place of their own.
//   - A message that is a JSON object or array, white space around it allowed,
//     is embedded as JSON, without the white space between its tokens, and
//     otherwise as it came. It stays inside the message, so its keys meet no
//     others. Numbers, strings and literals alone stay text, and so does what
//     is not quite JSON or nested more than 1000 deep.
//   - What [zap.Error] adds is written with the stack, under StacktraceKey: the
//     text of the error, or the detailed one if the error has it (see
//     [fmt.Formatter]), a line break, the stack. Several errors of one entry and
//     its logger stand there one after the other; the key is written once, and
//     never inside a namespace. If StacktraceKey is empty, errors are ordinary
//     fields. Those under other names, by [zap.NamedError], always are.
//
// A logger's context reaches an encoder by name and value only, so there (in
// With) a string with the key "error" is taken for an error's text.
//
// Keys are not checked for being unique, as they are not in zap: a field named
// message is written beside the message. Most readers take the last.
//
// An event with a field _aws is a document of CloudWatch's embedded metric
// format if that field and those it names are in no namespace and have none of
// the keys above: see the example.
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
// adds an error as one string, or as two.
func (e *jsonEncoder) AddString(key, val string) {
	switch {
	case e.exceptionKey == "":
	case key == "error":
		e.addError(val)
		return
	case key == "errorVerbose" && e.hasException:
		e.addDetails(val)
		return
	}
	e.Encoder.AddString(key, val)
}

// Clone implements [zapcore.Encoder].
func (e *jsonEncoder) Clone() zapcore.Encoder {
	return &jsonEncoder{
		Encoder:      e.Encoder.Clone(),
		jsonConfig:   e.jsonConfig,
		exception:    append([]byte(nil), e.exception...),
		hasException: e.hasException,
		errStart:     len(e.exception),
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
		if f := &fields[i]; f.Type == zapcore.ErrorType && f.Key == "error" {
			f.AddTo(enc)
		} else {
			enc.AddField(f)
		}
	}
	enc.CloseNamespaces()
	enc.addException(ent.Stack)

	b := append(enc.Bytes(), '}')
	b = append(b, e.LineEnding...)
	buf.AppendBytes(b) // into itself, unless the space of buf did not suffice
	enc.end()
	return buf, nil
}

// lineEnding is what EncodeEntry appends last, so that a Core can take it off:
// an event ends without one.
func (e *jsonEncoder) lineEnding() string { return e.LineEnding }

// entries holds the encoders of single entries. A panic of a user's code on its
// way through EncodeEntry loses one, and nothing else.
var entries = sync.Pool{New: func() any { return new(jsonEncoder) }}

// begin makes e the encoder of one entry of a logger with the context of from.
func (e *jsonEncoder) begin(from *jsonEncoder, dst []byte) {
	e.Reset(&from.Encoder, dst)
	e.jsonConfig = from.jsonConfig
	e.exception = append(e.exception[:0], from.exception...)
	e.hasException = from.hasException
	e.errText, e.errStart = "", len(e.exception)
}

// end keeps nothing of the entry alive.
func (e *jsonEncoder) end() {
	e.Reset(new(jsonenc.Encoder), nil)
	e.jsonConfig = nil
	e.errText = ""
	entries.Put(e)
}

// addMetadata adds what stands before the fields. Every encoder function has a
// fallback for when it appends nothing: a key needs a value.
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

// addError appends the text of an error to those that are there.
func (e *jsonEncoder) addError(text string) {
	if e.hasException {
		e.exception = append(e.exception, '\\', 'n')
	}
	e.hasException = true
	e.errText, e.errStart = text, len(e.exception)
	e.exception = jsonenc.AppendEscaped(e.exception, text)
}

// addDetails gives the error that was added last its long text, which as a rule
// has the short one in it.
func (e *jsonEncoder) addDetails(text string) {
	if strings.Contains(text, e.errText) {
		e.exception = e.exception[:e.errStart]
	} else {
		e.exception = append(e.exception, '\\', 'n')
	}
	e.exception = jsonenc.AppendEscaped(e.exception, text)
}

// addException adds the member that holds the errors and the stack, if there is
// one to add.
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
