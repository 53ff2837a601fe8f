package zapcw

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

func TestParsePrefix(t *testing.T) {
	const debug, info, warn, crit = zapcore.DebugLevel, zapcore.InfoLevel, zapcore.WarnLevel, zapcore.DPanicLevel
	for _, tt := range []struct {
		prefix, function string
		level            zapcore.Level
		msg, want        string
	}{
		{"#standard", "Cool", debug, "the message", "DEBUG: Cool: handler: the message"},
		{"#standard", "Cool", crit, "the message", "CRITICAL: Cool: handler: the message"},
		{"#standard", "", warn, "the message", "WARNING: : handler: the message"},
		{"#short", "Cool", warn, "the message", "WARNING: Cool: the message"},
		{"#short", "", info, "m", "INFO: : m"},
		{"#short", "f{level}{x}", info, "m", "INFO: f{level}{x}: m"},
		{"#short", "Fn", info, "{level} {nope} {} }{ %s %(x)s", "INFO: Fn: {level} {nope} {} }{ %s %(x)s"},
		{"#short", "Fn", 35, "m", "35: Fn: m"},
		{"#short", "Fn", -2, "m", "-2: Fn: m"},
		{"#short", "Fn", info, "", "INFO: Fn: "},
		{"#short", "Fn", info, "a\u2028b\nc\r\n", "INFO: Fn: a\u2028b\nc\r\n"},
		{"#simple", "Cool", zapcore.ErrorLevel, "the message", "Cool: the message"},
		{"#simple", "", warn, "the message", ": the message"},
		{"#mini", "Cool", debug, "the message", "Cool: the message"},
		{"#mini", "Cool", info, "the message", "Cool: the message"},
		{"#mini", "Cool", warn, "the message", "WARNING: Cool: the message"},
		{"#mini", "Cool", zapcore.FatalLevel, "the message", "CRITICAL: Cool: the message"},
		{"#mini", "", debug, "the message", "the message"},
		{"#mini", "", crit, "the message", "CRITICAL: the message"},
		{"#mini", "", 60, "m", "60: m"},
		{"", "Fn", info, "m", "m"},
		{"", "Fn", info, "", ""},
		{"{caller} | {level} !! {func}: ", "Fn", info, "m", "handler | INFO !! Fn: m"},
		{"static> ", "Fn", info, "m", "static> m"},
		{"{level}", "Fn", info, "m", "INFOm"},
		{"{{literal}} {level} ", "Fn", info, "m", "{literal} INFO m"},
		{"{level}{level}/{caller}{caller} ", "Fn", info, "m", "INFOINFO/handlerhandler m"},
		{"→ {level} ✓ ", "Fn", info, "m", "→ INFO ✓ m"},
		{"{level}\n", "Fn", info, "m", "INFO\nm"},
		{"%(level)s %s ", "Fn", info, "m", "%(level)s %s m"},
		{"{{}}", "Fn", info, "m", "{}m"},
		{"{file}:{line} {logger}> ", "Fn", info, "m", "orders/checkout.go:42 orders> m"},
		{"# {level} ", "Fn", info, "m", "# INFO m"},
		{"#{level} ", "Fn", info, "m", "#INFO m"},
		{"#prod ", "Fn", info, "m", "#prod m"},
		{"#", "Fn", info, "m", "#m"},
		{"## ", "Fn", info, "m", "## m"},
		{"#prod: ", "Fn", info, "m", "#prod: m"},
		{" #mini", "Fn", info, "m", " #minim"},
	} {
		p, err := ParsePrefix(tt.prefix)
		if err != nil {
			t.Errorf("ParsePrefix(%q): %v", tt.prefix, err)
			continue
		}
		ent := zapcore.Entry{Level: tt.level, Message: tt.msg, Caller: callerOf("(*T).handler"), LoggerName: "orders", Time: time.Now()}
		if got := encode(t, NewPrefixEncoder(tt.function, p, NewEncoderConfig()), ent); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.prefix, got, tt.want)
		}
	}
}

func TestParsePrefixErrors(t *testing.T) {
	const labels = ": unknown label: known are #mini #short #simple #standard"
	const names = ": known are {caller} {file} {func} {level} {line} {logger}"
	for in, want := range map[string]string{
		"#unknown":      `"#unknown"` + labels,
		"#STANDARD":     `"#STANDARD"` + labels,
		"#mini ":        `"#mini "` + labels,
		"# mini":        `"# mini"` + labels,
		"#Short\n":      `"#Short\n"` + labels,
		"#größe-2_x":    `"#größe-2_x"` + labels,
		"{unknown} ":    `"{unknown} ": unknown placeholder {unknown} at byte 0` + names,
		"{level}{LINE}": `"{level}{LINE}": unknown placeholder {LINE} at byte 7` + names,
		"mini":          `"mini": a label without its #: want #mini`,
		"Standard":      `"Standard": a label without its #: want #standard`,
		"{level":        `"{level": { at byte 0 is never closed: write {{ for a literal brace`,
		"x} ":           `"x} ": } at byte 1 closes nothing: write }} for a literal brace`,
	} {
		p, err := ParsePrefix(in)
		if err == nil || err.Error() != "prefix "+want || p != nil {
			t.Errorf("ParsePrefix(%q): %v, want %s", in, err, want)
		}
	}
}

// Without a caller the values that come from it are empty.
func TestPrefixWithoutCaller(t *testing.T) {
	ent := zapcore.Entry{Message: "m", Caller: zapcore.EntryCaller{Function: "f", File: "f", Line: 1}}
	for prefix, want := range map[string]string{
		"#standard":               "INFO: Fn: : m",
		"{caller}|{file}|{line}|": "|||m",
	} {
		if got := encode(t, NewPrefixEncoder("Fn", mustPrefix(t, prefix), NewEncoderConfig()), ent); got != want {
			t.Errorf("%q: %q, want %q", prefix, got, want)
		}
	}
}

func TestPrefixFunc(t *testing.T) {
	dump := PrefixFunc(func(level zapcore.Level, function, caller, msg string) string {
		return fmt.Sprintf("<%d|%s|%s|%s> ", level, function, caller, msg)
	})
	ent := zapcore.Entry{Level: zapcore.ErrorLevel, Message: "n", Caller: callerOf("worker.func1")}
	if got, want := encode(t, NewPrefixEncoder("Fn", dump, NewEncoderConfig()), ent, zap.Int("a", 1)), "<2|Fn|worker|n> n\t{\"a\": 1}"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := encode(t, NewPrefixEncoder("Fn", PrefixFunc(nil), NewEncoderConfig()), ent); got != "n" {
		t.Errorf("nil func: %q", got)
	}
}

// A prefix that panics leaves the message, and the next entry has its prefix.
func TestPrefixPanics(t *testing.T) {
	blow := true
	for name, p := range map[string]Prefix{
		"func": PrefixFunc(func(zapcore.Level, string, string, string) string {
			if blow {
				panic("no prefix")
			}
			return "p: "
		}),
		"raw": func(buf *buffer.Buffer, _ string, _ zapcore.Entry) {
			buf.AppendString("p: ")
			if blow {
				var none *Syncer
				buf.AppendString(none.Group)
			}
		},
		"nil panic": func(buf *buffer.Buffer, _ string, _ zapcore.Entry) {
			buf.AppendString("p: ")
			if blow {
				panic(nil) //nolint:govet // what a user may do
			}
		},
		"wrapper": func(buf *buffer.Buffer, function string, ent zapcore.Entry) {
			SimplePrefix(buf, "p", ent)
			if blow {
				panic(errors.New("late"))
			}
		},
	} {
		enc := NewPrefixEncoder("Fn", p, NewEncoderConfig())
		blow = true
		if got := encode(t, enc, zapcore.Entry{Message: "m"}, zap.Int("a", 1)); got != "m\t{\"a\": 1}" {
			t.Errorf("%s: %q", name, got)
		}
		blow = false
		if got := encode(t, enc, zapcore.Entry{Message: "m"}); got != "p: m" {
			t.Errorf("%s: then %q", name, got)
		}
	}
}

// Our own prefixes run unguarded, and they alone.
func TestIsOurs(t *testing.T) {
	for _, p := range []Prefix{nil, StandardPrefix, ShortPrefix, SimplePrefix, MiniPrefix,
		mustPrefix(t, ""), mustPrefix(t, "x"), mustPrefix(t, "{level}{caller}"), mustPrefix(t, "#mini")} {
		if !isOurs(p) {
			t.Errorf("%p is taken for a user's", p)
		}
	}
	for _, p := range []Prefix{
		func(*buffer.Buffer, string, zapcore.Entry) {},
		PrefixFunc(func(zapcore.Level, string, string, string) string { return "" }),
		func(buf *buffer.Buffer, f string, ent zapcore.Entry) { StandardPrefix(buf, f, ent) },
	} {
		if isOurs(p) {
			t.Errorf("%p is taken for ours", p)
		}
	}
}

func TestPrefixUnmarshalText(t *testing.T) {
	var cfg struct{ A, B, C Prefix }
	if err := json.Unmarshal([]byte(`{"A": "#mini", "B": "{func}> ", "C": null}`), &cfg); err != nil {
		t.Fatal(err)
	}
	ent := zapcore.Entry{Level: zapcore.WarnLevel, Message: "m"}
	for _, tt := range []struct {
		p    Prefix
		want string
	}{{cfg.A, "WARNING: Fn: m"}, {cfg.B, "Fn> m"}, {cfg.C, "m"}} {
		if got := encode(t, NewPrefixEncoder("Fn", tt.p, NewEncoderConfig()), ent); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	if err := cfg.B.UnmarshalText([]byte("{")); err == nil {
		t.Error("no error for a lone brace")
	}
	if got := encode(t, NewPrefixEncoder("Fn", cfg.B, NewEncoderConfig()), ent); got != "Fn> m" {
		t.Errorf("after an error %q", got)
	}
	if err := json.Unmarshal([]byte(`{"A": "#none"}`), &cfg); err == nil || !strings.Contains(err.Error(), "#standard") {
		t.Errorf("got %v", err)
	}
	if err := (*Prefix)(nil).UnmarshalText([]byte("#mini")); err == nil {
		t.Error("no error for a nil *Prefix")
	}
}

func TestPrefixLineEnding(t *testing.T) {
	for _, tt := range []struct {
		cfg  zapcore.EncoderConfig
		want string
	}{
		{zapcore.EncoderConfig{}, "m\n"},
		{zapcore.EncoderConfig{LineEnding: "\r\n"}, "m\r\n"},
		{zapcore.EncoderConfig{SkipLineEnding: true}, "m"},
		{zapcore.EncoderConfig{SkipLineEnding: true, LineEnding: "\r\n"}, "m"},
	} {
		for _, enc := range []zapcore.Encoder{NewPrefixEncoder("", nil, tt.cfg), NewPrefixEncoder("", nil, tt.cfg).Clone()} {
			buf, _ := enc.EncodeEntry(zapcore.Entry{Message: "m"}, nil)
			if got := buf.String(); got != tt.want {
				t.Errorf("%+v: %q, want %q", tt.cfg, got, tt.want)
			}
			if got := enc.(interface{ lineEnding() string }).lineEnding(); "m"+got != tt.want {
				t.Errorf("%+v: lineEnding %q", tt.cfg, got)
			}
		}
	}
}

// likeConsole compares with zap's console encoder, to which the prefix is a
// part of the message.
func likeConsole(tb testing.TB, cfg zapcore.EncoderConfig, ent zapcore.Entry, with [][]zapcore.Field, fields []zapcore.Field) {
	tb.Helper()
	cfg.MessageKey = "msg"
	cfg.TimeKey, cfg.LevelKey, cfg.NameKey, cfg.CallerKey, cfg.FunctionKey = "", "", "", "", ""
	for _, prefix := range []Prefix{nil, ShortPrefix} {
		ours, zaps := NewPrefixEncoder("Fn", prefix, cfg), zapcore.NewConsoleEncoder(cfg)
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
		ref := ent
		if prefix != nil {
			buf := buffers.Get()
			prefix(buf, "Fn", ent)
			ref.Message = buf.String() + ent.Message
			buf.Free()
		}
		want, err := zaps.EncodeEntry(ref, fields)
		if err != nil {
			tb.Fatal(err)
		}
		if got.String() != want.String() {
			tb.Errorf("got  %q\nwant %q", got, want)
		}
		got.Free()
		want.Free()
	}
}

func TestPrefixFieldsLikeConsole(t *testing.T) {
	ent := zapcore.Entry{Message: "m", Stack: "main.main\n\tmain.go:1"}
	for name, cfg := range testConfigs() {
		for _, kind := range fieldKinds() {
			t.Run(name+"/"+kind.name, func(t *testing.T) {
				f := kind.fields
				likeConsole(t, cfg, ent, nil, f)
				likeConsole(t, cfg, ent, [][]zapcore.Field{f}, nil)
				likeConsole(t, cfg, ent, [][]zapcore.Field{f, f}, f)
				likeConsole(t, cfg, zapcore.Entry{}, nil, f)
				likeConsole(t, cfg, ent, nil, append([]zapcore.Field{zap.Int("first", 1), zap.Namespace("ns")}, append(f, f...)...))
				likeConsole(t, cfg, ent, [][]zapcore.Field{{zap.Int("first", 1), zap.Namespace("ns")}}, append(f, zap.Bool("last", true)))
			})
		}
	}
}

func TestPrefixNamespaces(t *testing.T) {
	var with [][]zapcore.Field
	for i := range 40 {
		with = append(with, []zapcore.Field{zap.Int("n", i), zap.Namespace(fmt.Sprint("ns", i))})
	}
	likeConsole(t, NewEncoderConfig(), zapcore.Entry{Message: "m"}, with, nil)
	likeConsole(t, NewEncoderConfig(), zapcore.Entry{Message: "m"}, with, []zapcore.Field{zap.Int("last", 1)})
	likeConsole(t, NewEncoderConfig(), zapcore.Entry{Message: "m"}, with, []zapcore.Field{zap.Namespace("x"), zap.Stringer("y", time.Second)})
}

// An entry that outgrows its buffer, and then one that reuses it.
func TestPrefixLongEntries(t *testing.T) {
	for _, n := range []int{900, 1000, 1020, 1024, 1025, 5000, 1 << 20, 10} {
		long := strings.Repeat("x", n)
		likeConsole(t, NewEncoderConfig(), zapcore.Entry{Message: long, Stack: long}, nil, []zapcore.Field{zap.String(long, long), zap.Any("a", long)})
		likeConsole(t, NewEncoderConfig(), zapcore.Entry{Message: "m"}, [][]zapcore.Field{{zap.String("a", long)}}, nil)
	}
}

// Adding to a clone, or to the original, shows nowhere else.
func TestPrefixClone(t *testing.T) {
	base := NewPrefixEncoder("", nil, NewEncoderConfig())
	base.AddString("a", "1")
	one, two := base.Clone(), base.Clone()
	one.AddString("b", "one")
	two.AddString("c", "two")
	base.OpenNamespace("n")
	ent := zapcore.Entry{Message: "m"}
	for _, tt := range []struct {
		enc  zapcore.Encoder
		want string
	}{
		{base, `m	{"a": "1", "n": {}}`},
		{one, `m	{"a": "1", "b": "one"}`},
		{two, `m	{"a": "1", "c": "two"}`},
		{two.Clone(), `m	{"a": "1", "c": "two"}`},
	} {
		for range 2 {
			if got := encode(t, tt.enc, ent); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		}
	}
}

// A field's own code may log, through the same encoder.
func TestEncodeReentrant(t *testing.T) {
	for _, enc := range []zapcore.Encoder{NewPrefixEncoder("", nil, NewEncoderConfig()), NewJSONEncoder(NewEncoderConfig())} {
		inner := zap.Stringer("inner", stringerFunc(func() string { return encode(t, enc, zapcore.Entry{Message: "inside"}, zap.Any("x", []int{1})) }))
		got := encode(t, enc, zapcore.Entry{Message: "m"}, zap.Int("a", 1), inner, zap.Int("b", 2))
		if !strings.Contains(got, "inside") || !strings.HasSuffix(strings.ReplaceAll(got, " ", ""), `"b":2}`) {
			t.Errorf("got %q", got)
		}
	}
}

func TestEncodeConcurrently(t *testing.T) {
	for _, enc := range []zapcore.Encoder{NewPrefixEncoder("f", StandardPrefix, NewEncoderConfig()), NewJSONEncoder(NewEncoderConfig())} {
		enc.AddString("who", "all")
		_ = enc.AddReflected("r", map[string]int{"a": 1})
		ent, fields := benchEntry(), append(benchFields(10), zap.Any("reflected", []int{1}))
		want := encode(t, enc, ent, fields...)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 200 {
					clone := enc.Clone()
					if got := encode(t, clone, ent, fields...); got != want {
						t.Errorf("got %q, want %q", got, want)
					}
					clone.AddInt("own", 1)
				}
			})
		}
		wg.Wait()
	}
}

func TestEncodeAllocs(t *testing.T) {
	ent := benchEntry()
	encoders := map[string]zapcore.Encoder{
		"json": NewJSONEncoder(NewEncoderConfig()), "standard": NewPrefixEncoder("f", StandardPrefix, NewEncoderConfig()),
		"mini": NewPrefixEncoder("f", MiniPrefix, NewEncoderConfig()), "none": NewPrefixEncoder("f", nil, NewEncoderConfig()),
		"template": NewPrefixEncoder("f", mustPrefix(t, "{level} {func} {caller} {file}:{line} {logger} "), NewEncoderConfig()),
	}
	for name, enc := range encoders {
		for _, n := range []int{0, 3, 10} {
			for _, context := range []int{0, 3} {
				t.Run(fmt.Sprintf("%s/%d fields/%d in context", name, n, context), func(t *testing.T) {
					enc, fields := enc.Clone(), benchFields(n)
					for _, f := range benchFields(context) {
						f.AddTo(enc)
					}
					checkAllocs(t, 0, func() {
						buf, _ := enc.EncodeEntry(ent, fields)
						buf.Free()
					})
				})
			}
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"", "#mini", "#none", "# {level}", "{level}: {func}: {caller}: ", "{{{file}}}:{line} {logger}", "{", "}", "{x}", "\xff{level}", "#mini "} {
		f.Add(s, "Fn{level}", "msg {x}")
	}
	f.Fuzz(func(t *testing.T, template, function, msg string) {
		var p Prefix
		if err := p.UnmarshalText([]byte(template)); err != nil {
			if !strings.HasPrefix(err.Error(), fmt.Sprintf("prefix %q: ", template)) || p != nil {
				t.Errorf("%q: %v", template, err)
			}
			return
		}
		ent := zapcore.Entry{Level: zapcore.ErrorLevel, Message: msg, Caller: callerOf("worker"), LoggerName: "log"}
		want := strings.NewReplacer("{{", "{", "}}", "}", "{level}", "ERROR", "{func}", function, "{caller}", "worker",
			"{file}", "orders/checkout.go", "{line}", "42", "{logger}", "log").Replace(template)
		switch template {
		case "#standard":
			want = "ERROR: " + function + ": worker: "
		case "#short":
			want = "ERROR: " + function + ": "
		case "#simple":
			want = function + ": "
		case "#mini":
			want = "ERROR: "
			if function != "" {
				want += function + ": "
			}
		}
		if got := encode(t, NewPrefixEncoder(function, p, NewEncoderConfig()), ent); got != want+msg {
			t.Errorf("%q: %q, want %q", template, got, want+msg)
		}
	})
}

// FuzzPrefixFields compares with zap's console encoder.
func FuzzPrefixFields(f *testing.F) {
	f.Add("m", []byte("\x00\x03key\x05value\x09\x01\x02ns\x04"), uint8(0))
	f.Add("", []byte("some bytes that become fields, whatever they are"), uint8(3))
	f.Add("x", []byte{18, 1, 'n', 0, 1, 'a', 2, 'b', 'c', 17, 1, 'e', 3, 'o', 'h', '!'}, uint8(1))
	f.Fuzz(func(t *testing.T, msg string, data []byte, split uint8) {
		fields := fuzzFields(data)
		n := min(int(split), len(fields))
		likeConsole(t, NewEncoderConfig(), zapcore.Entry{Message: msg}, [][]zapcore.Field{fields[:n/2], fields[n/2 : n]}, fields[n:])
	})
}
