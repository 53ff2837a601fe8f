package zapcw

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const jsonHead = `{"timestamp":"2023-11-14T22:13:20.123Z","level":"INFO","location":"app.handler:42","message":`

func jsonEntry(msg string) zapcore.Entry {
	ent := zapcore.Entry{
		Time:       time.Date(2023, 11, 14, 22, 13, 20, 123e6, time.UTC),
		LoggerName: "app",
		Message:    msg,
		Caller:     callerOf("handler"),
	}
	return ent
}

func TestJSONMessage(t *testing.T) {
	enc := NewJSONEncoder(NewEncoderConfig())
	for msg, want := range map[string]string{
		"hello":                    `"hello"`,
		"":                         `""`,
		"  ":                       `"  "`,
		"a\tb\nc\x01\"\\":          `"a\tb\nc\u0001\"\\"`,
		"é 🐎 \u2028 <&>":           "\"é 🐎 \u2028 <&>\"",
		"\xff":                     `"\ufffd"`,
		`{"b": 1, "a": "x"}`:       `{"b":1,"a":"x"}`,
		` {"a": [1, null]}` + "\n": `{"a":[1,null]}`,
		`{}`:                       `{}`,
		`[1, 2, "x"]`:              `[1,2,"x"]`,
		`{"level": "FAKE", "timestamp": "t", "message": "inner"}`: `{"level":"FAKE","timestamp":"t","message":"inner"}`,
		`{"n": 7}`:                           `{"n":7}`,
		`5`:                                  `"5"`,
		`-1.50`:                              `"-1.50"`,
		`true`:                               `"true"`,
		`null`:                               `"null"`,
		`"quoted"`:                           `"\"quoted\""`,
		`{"a": NaN}`:                         `"{\"a\": NaN}"`,
		`[1, 'x']`:                           `"[1, 'x']"`,
		`{"a": 1} {}`:                        `"{\"a\": 1} {}"`,
		`[INFO] text`:                        `"[INFO] text"`,
		"[\"\xff\"]":                         `"[\"\ufffd\"]"`,
		`{"title":"cut in an emoji \ud83d"}`: `"{\"title\":\"cut in an emoji \\ud83d\"}"`,
		`{"title":"an emoji \ud83d\udc0e"}`:  `{"title":"an emoji \ud83d\udc0e"}`,
		`{"n": 1e400}`:                       `"{\"n\": 1e400}"`,
		`{"n": 9007199254740993}`:            `"{\"n\": 9007199254740993}"`,
		`{"n": -0}`:                          `"{\"n\": -0}"`,
		"\ufeff{}":                           "\"\ufeff{}\"",
		`{"a": "<&>" }`:                      `{"a":"<&>"}`,
	} {
		if got, want := encode(t, enc, jsonEntry(msg)), jsonHead+want+"}"; got != want {
			t.Errorf("%q: %s, want %s", msg, got, want)
		}
	}
}

// A key that occurs twice has no value that all readers agree about: nothing of
// the message is lost if it stays text.
func TestJSONMessageDuplicateKeys(t *testing.T) {
	for _, msg := range []string{`{"a": 1, "a": 2}`, `{"a": 1, "\u0061": 2}`, `[{"a": {"b": 1, "b": 2}}]`} {
		var got struct{ Message string }
		if err := json.Unmarshal([]byte(encode(t, NewJSONEncoder(NewEncoderConfig()), jsonEntry(msg))), &got); err != nil {
			t.Fatal(err)
		}
		if got.Message != msg {
			t.Errorf("got %s, want %s", got.Message, msg)
		}
	}
	// The keys around a message are none of its own.
	for _, msg := range []string{`{"message":1,"level":2,"timestamp":{"message":3}}`, `{"a":{"a":1}}`} {
		if got, want := encode(t, NewJSONEncoder(NewEncoderConfig()), jsonEntry(msg)), jsonHead+msg+"}"; got != want {
			t.Errorf("%s: %s, want %s", msg, got, want)
		}
	}
}

// Whatever was embedded, a reader must be able to take the line apart again.
func TestJSONMessageDeep(t *testing.T) {
	for _, n := range []int{1, 100, 499, 500, 501, 502, 999, 1000, 1001, 1002, 9999, 10000, 20000} {
		got := encode(t, NewJSONEncoder(NewEncoderConfig()), jsonEntry(strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n)))
		if !json.Valid([]byte(got)) {
			t.Errorf("invalid at depth %d", n)
		}
		if embedded := strings.HasPrefix(got, jsonHead+"{"); embedded != (n <= 500) {
			t.Errorf("depth %d: embedded is %t", n, embedded)
		}
	}
}

func TestJSONMetadata(t *testing.T) {
	ent := jsonEntry("m")
	ent.Stack = "main.main\n\tmain.go:1"
	for name, tt := range map[string]struct {
		change func(*zapcore.EncoderConfig, *zapcore.Entry)
		want   string
	}{
		"stock": {func(*zapcore.EncoderConfig, *zapcore.Entry) {},
			`{"timestamp":"2023-11-14T22:13:20.123Z","level":"INFO","location":"app.handler:42","message":"m","f":1,"exception":"main.main\n\tmain.go:1"}`},
		"all keys": {func(c *zapcore.EncoderConfig, _ *zapcore.Entry) { c.NameKey, c.FunctionKey = "name", "function" },
			`{"timestamp":"2023-11-14T22:13:20.123Z","level":"INFO","name":"app","location":"app.handler:42","function":"example.com/acme.v2/orders.handler","message":"m","f":1,"exception":"main.main\n\tmain.go:1"}`},
		"no keys": {func(c *zapcore.EncoderConfig, _ *zapcore.Entry) { *c = zapcore.EncoderConfig{} }, `{"f":1}`},
		"zero entry": {func(_ *zapcore.EncoderConfig, e *zapcore.Entry) { *e = zapcore.Entry{} },
			`{"level":"INFO","message":"","f":1}`},
		"nil encoders": {func(c *zapcore.EncoderConfig, _ *zapcore.Entry) {
			c.EncodeTime, c.EncodeLevel, c.EncodeName, c.NameKey, c.StacktraceKey = nil, nil, nil, "n", ""
		}, `{"timestamp":1700000000123000000,"n":"app","location":"app.handler:42","message":"m","f":1}`},
		"silent encoders": {func(c *zapcore.EncoderConfig, _ *zapcore.Entry) {
			c.EncodeTime = func(time.Time, zapcore.PrimitiveArrayEncoder) {}
			c.EncodeLevel = func(zapcore.Level, zapcore.PrimitiveArrayEncoder) {}
			c.EncodeName = func(string, zapcore.PrimitiveArrayEncoder) {}
			c.EncodeCaller = func(zapcore.EntryCaller, zapcore.PrimitiveArrayEncoder) {}
			c.NameKey, c.StacktraceKey = "n", ""
		}, `{"timestamp":1700000000123000000,"level":"info","n":"app","location":"/src/acme/orders/checkout.go:42","message":"m","f":1}`},
		"caller encoder": {func(c *zapcore.EncoderConfig, _ *zapcore.Entry) {
			c.EncodeCaller, c.StacktraceKey = zapcore.ShortCallerEncoder, ""
		}, `{"timestamp":"2023-11-14T22:13:20.123Z","level":"INFO","location":"orders/checkout.go:42","message":"m","f":1}`},
		"escaped keys": {func(c *zapcore.EncoderConfig, _ *zapcore.Entry) {
			*c = zapcore.EncoderConfig{MessageKey: "\"m\n", StacktraceKey: "\\"}
		}, `{"\"m\n":"m","f":1,"\\":"main.main\n\tmain.go:1"}`},
		"nameless": {func(_ *zapcore.EncoderConfig, e *zapcore.Entry) { e.LoggerName, e.Stack = "", "" },
			`{"timestamp":"2023-11-14T22:13:20.123Z","level":"INFO","location":"handler:42","message":"m","f":1}`},
		"closure": {func(_ *zapcore.EncoderConfig, e *zapcore.Entry) {
			e.LoggerName, e.Caller, e.Stack = "a.\"b\"", callerOf("(*T).Serve.func1.2"), ""
		}, `{"timestamp":"2023-11-14T22:13:20.123Z","level":"INFO","location":"a.\"b\".Serve:42","message":"m","f":1}`},
		"no function": {func(_ *zapcore.EncoderConfig, e *zapcore.Entry) { e.Caller.Function, e.Stack = "", "" },
			`{"timestamp":"2023-11-14T22:13:20.123Z","level":"INFO","location":"app.orders/checkout.go:42","message":"m","f":1}`},
		"no caller": {func(_ *zapcore.EncoderConfig, e *zapcore.Entry) { e.Caller.Defined, e.Stack = false, "" },
			`{"timestamp":"2023-11-14T22:13:20.123Z","level":"INFO","location":"app","message":"m","f":1}`},
		"no caller, name key": {func(c *zapcore.EncoderConfig, e *zapcore.Entry) {
			c.NameKey, e.Caller.Defined, e.Stack = "n", false, ""
		}, `{"timestamp":"2023-11-14T22:13:20.123Z","level":"INFO","n":"app","message":"m","f":1}`},
		"no caller, caller encoder": {func(c *zapcore.EncoderConfig, e *zapcore.Entry) {
			c.EncodeCaller, e.Caller.Defined, e.Stack = zapcore.ShortCallerEncoder, false, ""
		}, `{"timestamp":"2023-11-14T22:13:20.123Z","level":"INFO","message":"m","f":1}`},
		"zone": {func(_ *zapcore.EncoderConfig, e *zapcore.Entry) {
			e.Time, e.Stack = e.Time.In(time.FixedZone("X", -3*3600-1800)), ""
		}, `{"timestamp":"2023-11-14T18:43:20.123-0330","level":"INFO","location":"app.handler:42","message":"m","f":1}`},
	} {
		cfg, ent := NewEncoderConfig(), ent
		tt.change(&cfg, &ent)
		if got := encode(t, NewJSONEncoder(cfg), ent, zap.Int("f", 1)); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, tt.want)
		}
	}
}

func TestJSONException(t *testing.T) {
	const stack = "main.main\n\tmain.go:1"
	one, two, verbose := zap.Error(errors.New("one")), zap.Error(errors.New("two")), zap.Error(verboseError{"short"})
	for name, tt := range map[string]struct {
		with, fields []zapcore.Field
		stack, want  string
	}{
		"none":             {nil, nil, "", ``},
		"stack":            {nil, nil, stack, `"exception":"main.main\n\tmain.go:1"`},
		"error":            {nil, []zapcore.Field{one}, "", `"exception":"one"`},
		"error and stack":  {nil, []zapcore.Field{one}, stack, `"exception":"one\nmain.main\n\tmain.go:1"`},
		"empty error":      {nil, []zapcore.Field{zap.Error(errors.New(""))}, "", `"exception":""`},
		"nil error":        {[]zapcore.Field{zap.Error(nil)}, []zapcore.Field{zap.Error(nil)}, "", ``},
		"with":             {[]zapcore.Field{one}, nil, "", `"exception":"one"`},
		"with and stack":   {[]zapcore.Field{one}, nil, stack, `"exception":"one\nmain.main\n\tmain.go:1"`},
		"with and error":   {[]zapcore.Field{one}, []zapcore.Field{two}, "", `"exception":"one\ntwo"`},
		"two":              {nil, []zapcore.Field{one, zap.Int("a", 1), two}, stack, `"a":1,"exception":"one\ntwo\nmain.main\n\tmain.go:1"`},
		"verbose":          {nil, []zapcore.Field{verbose}, "", `"exception":"short\nat main.go:1"`},
		"verbose with":     {[]zapcore.Field{verbose}, []zapcore.Field{verbose}, "", `"exception":"short\nat main.go:1\nshort\nat main.go:1"`},
		"unlike verbose":   {nil, []zapcore.Field{zap.Error(unlike{})}, "", `"exception":"short\n[long]"`},
		"named":            {nil, []zapcore.Field{zap.NamedError("cause", errors.New("x")), one}, "", `"cause":"x","exception":"one"`},
		"named verbose":    {nil, []zapcore.Field{zap.NamedError("cause", verboseError{"x"})}, "", `"cause":"x","causeVerbose":"x\nat main.go:1"`},
		"string":           {nil, []zapcore.Field{zap.String("error", "x")}, "", `"error":"x"`},
		"string with":      {[]zapcore.Field{zap.String("error", "x")}, nil, "", `"exception":"x"`},
		"errorVerbose":     {[]zapcore.Field{zap.String("errorVerbose", "x")}, nil, "", `"errorVerbose":"x"`},
		"group":            {nil, []zapcore.Field{zap.Error(errorGroup{errors.New("a"), nil})}, "", `"errorCauses":[{"error":"a"}],"exception":"2 errors"`},
		"group with":       {[]zapcore.Field{zap.Error(errorGroup{errors.New("a")})}, nil, "", `"errorCauses":[{"error":"a"}],"exception":"1 errors"`},
		"nil pointer":      {nil, []zapcore.Field{zap.Error((*customError)(nil))}, "", `"exception":"<nil>"`},
		"panics":           {nil, []zapcore.Field{zap.Error(errorFunc(func() string { panic("no text") }))}, "", `"errorError":"PANIC=no text"`},
		"namespace":        {nil, []zapcore.Field{zap.Namespace("n"), one, zap.Int("a", 1)}, stack, `"n":{"a":1},"exception":"one\nmain.main\n\tmain.go:1"`},
		"with namespace":   {[]zapcore.Field{zap.Namespace("n"), one, zap.Namespace("o")}, []zapcore.Field{two}, "", `"n":{"o":{}},"exception":"one\ntwo"`},
		"inside an object": {nil, []zapcore.Field{zap.Dict("d", one)}, "", `"d":{"error":"one"}`},
		"own exception":    {nil, []zapcore.Field{zap.String("exception", "mine")}, "", `"exception":"mine"`},
		"both exceptions":  {nil, []zapcore.Field{zap.String("exception", "mine"), one}, "", `"exception":"mine","exception":"one"`},
		"escapes":          {nil, []zapcore.Field{zap.Error(errors.New("\"\xff\n"))}, "\\", `"exception":"\"\ufffd\n\n\\"`},
	} {
		enc := NewJSONEncoder(zapcore.EncoderConfig{StacktraceKey: "exception"})
		enc = enc.Clone()
		for _, f := range tt.with {
			f.AddTo(enc)
		}
		for range 2 {
			if got := encode(t, enc, zapcore.Entry{Stack: tt.stack}, tt.fields...); got != "{"+tt.want+"}" {
				t.Errorf("%s:\ngot  %s\nwant {%s}", name, got, tt.want)
			}
		}
		if got := encode(t, enc.Clone(), zapcore.Entry{Stack: tt.stack}, tt.fields...); got != "{"+tt.want+"}" {
			t.Errorf("%s, cloned:\ngot  %s\nwant {%s}", name, got, tt.want)
		}
	}
}

// The long form of an error comes directly behind the short one, from the same
// field: nobody else's errorVerbose is taken for it.
func TestJSONErrorVerbose(t *testing.T) {
	plain, verbose, odd := zap.Error(errors.New("dial failed")), zap.Error(verboseError{"short"}), zap.Error(unlike{})
	mine := zap.String("errorVerbose", "my own text")
	const own = `"errorVerbose":"my own text"`
	const long = `"exception":"short\nat main.go:1"`
	type fields = []zapcore.Field
	for name, tt := range map[string]struct {
		with   []fields
		fields fields
		want   string
		core   bool // by a Core's With, which sees the bounds of fields
	}{
		"another With":               {[]fields{{plain}, {mine}}, nil, own + `,"exception":"dial failed"`, false},
		"another With, verbose":      {[]fields{{verbose}, {mine}}, nil, own + `,` + long, false},
		"another With, namespace":    {[]fields{{plain, zap.Namespace("n")}, {mine}}, nil, `"n":{` + own + `},"exception":"dial failed"`, false},
		"same With":                  {[]fields{{plain, mine}}, nil, own + `,"exception":"dial failed"`, false},
		"same With, verbose":         {[]fields{{verbose, mine}}, nil, own + `,` + long, false},
		"same With, between":         {[]fields{{plain, zap.Int("a", 1), mine}}, nil, `"a":1,` + own + `,"exception":"dial failed"`, false},
		"same With, empty namespace": {[]fields{{plain, zap.Namespace("n"), mine}}, nil, `"n":{` + own + `},"exception":"dial failed"`, false},
		"before":                     {[]fields{{mine, plain}}, nil, own + `,"exception":"dial failed"`, false},
		"before, verbose":            {[]fields{{mine}, {verbose}}, nil, own + `,` + long, false},
		"in the entry":               {nil, fields{plain, mine}, own + `,"exception":"dial failed"`, false},
		"in the entry, verbose":      {nil, fields{verbose, mine, mine}, own + `,` + own + `,` + long, false},
		"error with, mine in entry":  {[]fields{{plain}}, fields{mine}, own + `,"exception":"dial failed"`, false},
		"verbose in both":            {[]fields{{plain}, {verbose}}, fields{verbose}, `"exception":"dial failed\nshort\nat main.go:1\nshort\nat main.go:1"`, false},
		"nil error before":           {[]fields{{zap.Error(nil), mine}}, nil, own, false},
		"named error":                {[]fields{{zap.NamedError("cause", verboseError{"x"}), mine}}, nil, `"cause":"x","causeVerbose":"x\nat main.go:1",` + own, false},
		"error named so":             {[]fields{{plain, zap.NamedError("errorVerbose", errors.New("my own text"))}}, nil, own + `,"exception":"dial failed"`, false},
		"stringer named so":          {[]fields{{plain, zap.Stringer("errorVerbose", stringerOf("my own text"))}}, nil, own + `,"exception":"dial failed"`, false},
		"errors":                     {[]fields{{zap.Errors("error", []error{verboseError{"x"}}), mine}}, nil, `"error":[{"error":"x","errorVerbose":"x\nat main.go:1"}],` + own, false},
		"group":                      {[]fields{{zap.Error(errorGroup{errors.New("a")}), mine}}, nil, `"errorCauses":[{"error":"a"}],` + own + `,"exception":"1 errors"`, false},
		"dictionary":                 {[]fields{{zap.Dict("d", verbose, mine)}}, nil, `"d":{"error":"short","errorVerbose":"short\nat main.go:1",` + own + `}`, false},
		"unlike in the entry":        {nil, fields{odd}, `"exception":"short\n[long]"`, false},
		"unlike in others' With":     {[]fields{{odd}}, nil, `"errorVerbose":"[long]","exception":"short"`, false},
		"unlike in ours":             {[]fields{{odd}}, nil, `"exception":"short\n[long]"`, true},
		"the same text, in ours":     {[]fields{{plain, zap.String("errorVerbose", "dial failed: long")}}, nil, `"errorVerbose":"dial failed: long","exception":"dial failed"`, true},
		"both, in ours":              {[]fields{{verbose, mine}, {plain}, {mine}}, fields{mine}, own + `,` + own + `,` + own + `,"exception":"short\nat main.go:1\ndial failed"`, true},
	} {
		cfg := zapcore.EncoderConfig{StacktraceKey: "exception"}
		var core zapcore.Core = NewCore(NewJSONEncoder(cfg), &Syncer{}, zap.DebugLevel)
		enc := NewJSONEncoder(cfg)
		for _, with := range tt.with {
			core = core.With(with)
			enc = enc.Clone()
			for i := range with {
				with[i].AddTo(enc)
			}
		}
		if tt.core {
			enc = core.(*Core).enc
		}
		for range 2 {
			if got := encode(t, enc, zapcore.Entry{}, tt.fields...); got != "{"+tt.want+"}" {
				t.Errorf("%s:\ngot  %s\nwant {%s}", name, got, tt.want)
			}
		}
	}
}

type stringerOf string

func (s stringerOf) String() string { return string(s) }

// unlike has a detailed text without the short one.
type unlike struct{}

func (unlike) Error() string { return "short" }

func (unlike) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("[long]")) }

// Loggers that share a context do not share what they add to it.
func TestJSONClone(t *testing.T) {
	base := NewJSONEncoder(zapcore.EncoderConfig{StacktraceKey: "x"})
	zap.Error(errors.New("base")).AddTo(base)
	one, two := base.Clone(), base.Clone()
	zap.Error(errors.New("one")).AddTo(one)
	zap.Error(errors.New("two")).AddTo(two)
	zap.Int("a", 1).AddTo(two)
	for _, tt := range []struct {
		enc  zapcore.Encoder
		want string
	}{{base, `{"x":"base"}`}, {one, `{"x":"base\none"}`}, {two, `{"a":1,"x":"base\ntwo"}`}} {
		if got := encode(t, tt.enc, zapcore.Entry{}); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// likeJSON compares with zap's JSON encoder, for entries that both write alike.
func likeJSON(tb testing.TB, cfg zapcore.EncoderConfig, ent zapcore.Entry, with [][]zapcore.Field, fields []zapcore.Field) {
	tb.Helper()
	cfg.TimeKey = "" // zap has the level first
	if cfg.EncodeCaller == nil {
		cfg.EncodeCaller = zapcore.ShortCallerEncoder
	}
	ours, zaps := NewJSONEncoder(cfg), zapcore.NewJSONEncoder(cfg)
	for _, context := range with {
		ours, zaps = ours.Clone(), zaps.Clone()
		for _, f := range context {
			f.AddTo(ours)
			f.AddTo(zaps)
		}
	}
	got, err := ours.EncodeEntry(ent, fields)
	if err != nil {
		tb.Fatal(err)
	}
	want, err := zaps.EncodeEntry(ent, fields)
	if err != nil {
		tb.Fatal(err)
	}
	if got.String() != want.String() {
		tb.Errorf("got  %s\nwant %s", got, want)
	}
	got.Free()
	want.Free()
}

func TestJSONFieldsLikeZap(t *testing.T) {
	ent := benchEntry()
	for name, cfg := range testConfigs() {
		for _, kind := range fieldKinds() {
			t.Run(name+"/"+kind.name, func(t *testing.T) {
				f := kind.fields
				likeJSON(t, cfg, ent, nil, f)
				likeJSON(t, cfg, ent, [][]zapcore.Field{f}, nil)
				likeJSON(t, cfg, zapcore.Entry{Stack: "main.main"}, [][]zapcore.Field{f, f}, f)
				likeJSON(t, cfg, ent, nil, append([]zapcore.Field{zap.Int("first", 1), zap.Namespace("ns")}, append(f, f...)...))
				likeJSON(t, cfg, ent, [][]zapcore.Field{{zap.Int("first", 1), zap.Namespace("ns")}}, append(f, zap.Bool("last", true)))
			})
		}
	}
}

// Without a key for stacks an error is a field like others.
func TestJSONErrorIsField(t *testing.T) {
	cfg := NewEncoderConfig()
	cfg.StacktraceKey = ""
	for _, err := range []error{errors.New("one"), verboseError{"short"}, errorGroup{errors.New("a")}, (*customError)(nil)} {
		f := []zapcore.Field{zap.Error(err)}
		likeJSON(t, cfg, zapcore.Entry{Message: "m", Stack: "s"}, [][]zapcore.Field{f}, f)
	}
}

func TestJSONNamespaces(t *testing.T) {
	var with [][]zapcore.Field
	for i := range 40 {
		with = append(with, []zapcore.Field{zap.Int("n", i), zap.Namespace(fmt.Sprint("ns", i))})
	}
	likeJSON(t, NewEncoderConfig(), zapcore.Entry{Message: "m", Stack: "s"}, with, []zapcore.Field{zap.Int("last", 1)})
}

func TestJSONLongEntries(t *testing.T) {
	for _, n := range []int{900, 1000, 1020, 1024, 1025, 5000, 1 << 20, 10} {
		long := strings.Repeat("x", n)
		likeJSON(t, NewEncoderConfig(), zapcore.Entry{Message: long, Stack: long}, nil, []zapcore.Field{zap.String(long, long), zap.Any("a", long)})
	}
}

// An encoder that writes nothing still leaves a value behind its key.
func TestJSONReflectedNothing(t *testing.T) {
	for _, tt := range []struct {
		write string
		err   error
		want  string
	}{
		{"", nil, `{"k":null}`},
		{"\n", nil, `{"k":null}`},
		{"1\n", nil, `{"k":1}`},
		{`{"half`, errors.New("broken"), `{"kError":"broken"}`},
	} {
		var cfg zapcore.EncoderConfig
		cfg.NewReflectedEncoder = func(w io.Writer) zapcore.ReflectedEncoder {
			return reflectedFunc(func(any) error {
				if _, err := w.Write([]byte(tt.write)); err != nil {
					return err
				}
				return tt.err
			})
		}
		if got := encode(t, NewJSONEncoder(cfg), zapcore.Entry{}, zap.Reflect("k", 1)); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.write, got, tt.want)
		}
	}
}

// FuzzJSONEncoder looks for lines that are not JSON, and for what gets lost.
func FuzzJSONEncoder(f *testing.F) {
	f.Add("hello", "app", "a.b.(*T).M.func1", "stack", []byte("\x00\x03key\x05value\x12\x02ns\x00\x11\x00\x01e"), uint8(1))
	f.Add(`{"a": [1, 2.5e3, "x", {"a": null}]}`, "", "", "", []byte{16, 1, 'k', 1, '{', 14, 1, 'o', 0}, uint8(0))
	f.Add("[1, NaN]", "\xff", "\"", "\x00", []byte("anything may become a field"), uint8(2))
	f.Fuzz(func(t *testing.T, msg, name, function, stack string, data []byte, split uint8) {
		fields := fuzzFields(data)
		n := min(int(split), len(fields))
		ent := zapcore.Entry{Message: msg, LoggerName: name, Stack: stack, Time: time.Unix(int64(len(data)), 0),
			Caller: zapcore.EntryCaller{Defined: name != "", Function: function, File: function, Line: len(msg)}}
		enc := NewJSONEncoder(NewEncoderConfig())
		for _, field := range fields[:n] {
			field.AddTo(enc)
		}
		line := encode(t, enc, ent, fields[n:]...)
		if !json.Valid([]byte(line)) {
			t.Fatalf("%q", line)
		}
		if !utf8.ValidString(line) && !slices.ContainsFunc(fields, rawInvalid) {
			t.Errorf("%q", line)
		}

		// Alone, the message must read as what it was.
		var got struct{ Message json.RawMessage }
		if err := json.Unmarshal([]byte(encode(t, enc.Clone(), zapcore.Entry{Message: msg})), &got); len(fields[:n]) > 0 {
			return // a field may be called message
		} else if err != nil {
			t.Fatal(err)
		}
		if got.Message[0] != '"' {
			if !json.Valid([]byte(msg)) {
				t.Errorf("%q became %s", msg, got.Message)
			}
			return
		}
		var text string
		if err := json.Unmarshal(got.Message, &text); err != nil || text != replaceInvalid(msg) {
			t.Errorf("%q became %q, %v", msg, text, err)
		}
	})
}

// rawInvalid reports whether encoding/json lets bytes of f through as they are.
func rawInvalid(f zapcore.Field) bool {
	raw, ok := f.Interface.(json.RawMessage)
	return ok && !utf8.Valid(raw)
}

// replaceInvalid is strings.ToValidUTF8 with one U+FFFD a byte, not a run.
func replaceInvalid(s string) string { return string([]rune(s)) }

type reflectedFunc func(any) error

func (f reflectedFunc) Encode(v any) error { return f(v) }

// zapJSON is the yardstick: zap's encoder with the same configuration.
func zapJSON() zapcore.Encoder {
	cfg := NewEncoderConfig()
	cfg.EncodeCaller = zapcore.ShortCallerEncoder
	return zapcore.NewJSONEncoder(cfg)
}

func zapConsole() zapcore.Encoder {
	cfg := NewEncoderConfig()
	cfg.EncodeCaller = zapcore.ShortCallerEncoder
	return zapcore.NewConsoleEncoder(cfg)
}

func BenchmarkEncode(b *testing.B) {
	encoders := []struct {
		name string
		enc  zapcore.Encoder
	}{
		{"zapjson", zapJSON()},
		{"zapconsole", zapConsole()},
		{"json", NewJSONEncoder(NewEncoderConfig())},
		{"standard", NewPrefixEncoder("checkout", StandardPrefix, NewEncoderConfig())},
		{"template", NewPrefixEncoder("checkout", mustPrefix(b, "{level}: {func}: {caller}: "), NewEncoderConfig())},
		{"mini", NewPrefixEncoder("checkout", MiniPrefix, NewEncoderConfig())},
		{"func", NewPrefixEncoder("checkout", PrefixFunc(func(zapcore.Level, string, string, string) string {
			return "checkout: "
		}), NewEncoderConfig())},
	}
	for _, n := range []struct {
		name   string
		fields int
	}{{"0", 0}, {"3", 3}, {"10", 10}} {
		for _, e := range encoders {
			b.Run(n.name+"/"+e.name, func(b *testing.B) {
				ent, fields := benchEntry(), benchFields(n.fields)
				b.ReportAllocs()
				for b.Loop() {
					buf, err := e.enc.EncodeEntry(ent, fields)
					if err != nil {
						b.Fatal(err)
					}
					buf.Free()
				}
			})
		}
	}
}

// BenchmarkEncodeMessage is about messages that are JSON, or look like it.
func BenchmarkEncodeMessage(b *testing.B) {
	for _, m := range []struct{ name, msg string }{
		{"text", "the order was accepted by the warehouse"},
		{"bracket", "[INFO] the order was accepted [again]"},
		{"json", `{"order": "A-10045", "items": [1, 2, 3], "total": 129.95, "express": true}`},
		{"latin", "die Bestellung wurde für Müller & Söhne übernommen, Größe geändert"},
	} {
		for _, e := range []struct {
			name string
			enc  zapcore.Encoder
		}{{"zapjson", zapJSON()}, {"json", NewJSONEncoder(NewEncoderConfig())}} {
			b.Run(m.name+"/"+e.name, func(b *testing.B) {
				ent := benchEntry()
				ent.Message = m.msg
				b.ReportAllocs()
				for b.Loop() {
					buf, err := e.enc.EncodeEntry(ent, nil)
					if err != nil {
						b.Fatal(err)
					}
					buf.Free()
				}
			})
		}
	}
}
