package zapcw_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
)

// An entry without fields is just its prefix and message.
func ExampleNewPrefixEncoder() {
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())
	log := zap.New(zapcore.NewCore(enc, zapcw.Stdout(), zap.InfoLevel))
	log.Info("order placed")
	log.Info("order placed", zap.Int("items", 3), zap.Strings("names", []string{"tea", "cup"}))
	log.With(zap.String("user", "alice")).Error("order declined", zap.Error(fmt.Errorf("no money")))
	// Output:
	// INFO: checkout: order placed
	// INFO: checkout: order placed	{"items": 3, "names": ["tea", "cup"]}
	// ERROR: checkout: order declined	{"user": "alice", "error": "no money"}
}

// place is a function that logs.
func place(log *zap.Logger) { log.Info("done") }

// The four prefixes with a label.
func ExampleStandardPrefix() {
	for _, p := range []zapcw.Prefix{zapcw.StandardPrefix, zapcw.ShortPrefix, zapcw.SimplePrefix, zapcw.MiniPrefix} {
		enc := zapcw.NewPrefixEncoder("checkout", p, zapcw.NewEncoderConfig())
		place(zap.New(zapcore.NewCore(enc, zapcw.Stdout(), zap.InfoLevel), zap.AddCaller()))
	}
	// Output:
	// INFO: checkout: place: done
	// INFO: checkout: done
	// checkout: done
	// checkout: done
}

// The level is shown only when it matters.
func ExampleMiniPrefix() {
	enc := zapcw.NewPrefixEncoder("", zapcw.MiniPrefix, zapcw.NewEncoderConfig())
	log := zap.New(zapcore.NewCore(enc, zapcw.Stdout(), zap.InfoLevel))
	log.Info("disk is nearly full")
	log.Warn("disk is full")
	// Output:
	// disk is nearly full
	// WARNING: disk is full
}

// A template can also show the logger's name and the place in the source.
func ExampleParsePrefix() {
	p, err := zapcw.ParsePrefix("{level} {{{logger}}} {func} {file}> ")
	if err != nil {
		fmt.Println(err)
		return
	}
	enc := zapcw.NewPrefixEncoder("checkout", p, zapcw.NewEncoderConfig())
	log := zap.New(zapcore.NewCore(enc, zapcw.Stdout(), zap.InfoLevel)).Named("api")
	log.Warn("slow")
	// Output: WARNING {api} checkout > slow
}

// An invalid template is an error when it is parsed, not when it is used.
func ExampleParsePrefix_errors() {
	for _, text := range []string{"{levl}: ", "{level: ", "#minimal"} {
		_, err := zapcw.ParsePrefix(text)
		fmt.Println(err)
	}
	// Output:
	// prefix "{levl}: ": unknown placeholder {levl} at byte 0: known are {caller} {file} {func} {level} {line} {logger}
	// prefix "{level: ": { at byte 0 is never closed: write {{ for a literal brace
	// prefix "#minimal": unknown label: known are #mini #short #simple #standard
}

// A prefix that depends on the message.
func ExamplePrefixFunc() {
	p := zapcw.PrefixFunc(func(level zapcore.Level, function, caller, msg string) string {
		if strings.HasPrefix(msg, "http: ") {
			return "[net] "
		}
		return "[" + function + "] "
	})
	enc := zapcw.NewPrefixEncoder("checkout", p, zapcw.NewEncoderConfig())
	log := zap.New(zapcore.NewCore(enc, zapcw.Stdout(), zap.InfoLevel))
	log.Info("http: TLS handshake error")
	log.Info("order placed")
	// Output:
	// [net] http: TLS handshake error
	// [checkout] order placed
}

// A Prefix of your own need not allocate: it appends to the entry's buffer.
func ExamplePrefix() {
	p := zapcw.Prefix(func(buf *buffer.Buffer, function string, ent zapcore.Entry) {
		buf.AppendString(ent.Level.CapitalString())
		buf.AppendByte('|')
	})
	enc := zapcw.NewPrefixEncoder("", p, zapcw.NewEncoderConfig())
	zap.New(zapcore.NewCore(enc, zapcw.Stdout(), zap.InfoLevel)).Warn("slow")
	// Output: WARN|slow
}

// A Prefix can be read from JSON, YAML or a flag.
func ExamplePrefix_UnmarshalText() {
	var cfg struct{ Prefix zapcw.Prefix }
	if err := json.Unmarshal([]byte(`{"Prefix": "{level}> "}`), &cfg); err != nil {
		fmt.Println(err)
		return
	}
	enc := zapcw.NewPrefixEncoder("", cfg.Prefix, zapcw.NewEncoderConfig())
	zap.New(zapcore.NewCore(enc, zapcw.Stdout(), zap.InfoLevel)).Info("ready")
	// Output: INFO> ready
}

// Names of the lowest level, as people write them.
func ExampleParseLevel() {
	for _, text := range []string{"", "WARN", "fatal", "notset", "loud"} {
		level, err := zapcw.ParseLevel(text)
		fmt.Println(level, err)
	}
	// Output:
	// info <nil>
	// warn <nil>
	// dpanic <nil>
	// Level(-2) <nil>
	// info level "loud": unknown: known are critical debug dpanic error fatal info notset panic trace warn warning
}

// The level names of this package in one of zap's encoders.
func ExampleEncodeLevel() {
	enc := zapcore.NewConsoleEncoder(zapcore.EncoderConfig{LevelKey: "level", MessageKey: "message", EncodeLevel: zapcw.EncodeLevel})
	log := zap.New(zapcore.NewCore(enc, zapcw.Stdout(), zap.InfoLevel))
	log.Warn("slow")
	log.DPanic("gone")
	// Output:
	// WARNING	slow
	// CRITICAL	gone
}
