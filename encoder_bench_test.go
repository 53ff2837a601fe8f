package zapcw

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// benchEntry is what a handler of a service logs, with its caller.
func benchEntry() zapcore.Entry {
	return zapcore.Entry{
		Level:      zapcore.InfoLevel,
		Time:       time.Date(2023, 11, 14, 22, 13, 20, 123e6, time.UTC),
		LoggerName: "orders",
		Message:    "the order was accepted by the warehouse",
		Caller: zapcore.EntryCaller{
			Defined:  true,
			File:     "/src/acme/orders/checkout.go",
			Line:     42,
			Function: "example.com/acme/orders.(*Handler).Checkout",
		},
	}
}

func benchFields(n int) []zapcore.Field {
	return []zapcore.Field{
		zap.String("order", "A-10045"),
		zap.Int("items", 3),
		zap.Bool("express", true),
		zap.Float64("total", 129.95),
		zap.Duration("took", 17*time.Millisecond),
		zap.Time("due", time.Date(2023, 11, 16, 8, 0, 0, 0, time.UTC)),
		zap.Error(errors.New("nothing in stock")),
		zap.Uint64("id", 1<<40),
		zap.ByteString("tag", []byte("blue")),
		zap.String("customer", "Müller & Söhne"),
	}[:n]
}

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

func mustPrefix(tb testing.TB, s string) Prefix {
	tb.Helper()
	p, err := PrefixOf(s)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}
