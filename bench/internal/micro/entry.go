package micro

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/bench/internal/load"
)

const message = "the quick brown fox jumps over the lazy dog"

var (
	took = 25 * time.Millisecond
	due  = time.Unix(1_700_000_000, 0)
	id   = "0c3f2a9e-8d15-4b7c-9a66-2f1e5d7b8c90"
)

// EntryFields are those of entries, the first 0, 3 or 10 of them.
var EntryFields = []zapcore.Field{
	zap.String("user", "alice"), zap.Int("items", 3), zap.Duration("took", took),
	zap.Bool("first", true), zap.Int64("order", 1_234_567), zap.Float64("total", 59.9), zap.String("city", "Lisbon"),
	zap.Time("due", due), zap.Uint8("try", 1), zap.String("id", id),
}

// Entry is what Core.Write and EncodeEntry get.
func Entry() zapcore.Entry {
	return zapcore.Entry{Message: message, LoggerName: "orders", Time: time.Now()}
}

// caller is what zap.AddCaller adds to an entry.
var caller = zapcore.EntryCaller{
	Defined: true, File: "/src/acme/orders/checkout.go", Line: 42,
	Function: "example.com/acme/orders.(*Handler).Checkout",
}

// The calls below log the same with each library, as its users write it.

func callZap(l *zap.Logger, n int) {
	switch n {
	case 0:
		l.Info(message)
	case 3:
		l.Info(message, zap.String("user", "alice"), zap.Int("items", 3), zap.Duration("took", took))
	default:
		l.Info(message, zap.String("user", "alice"), zap.Int("items", 3), zap.Duration("took", took),
			zap.Bool("first", true), zap.Int64("order", 1_234_567), zap.Float64("total", 59.9), zap.String("city", "Lisbon"),
			zap.Time("due", due), zap.Uint8("try", 1), zap.String("id", id))
	}
}

func callSlog(l *slog.Logger, n int) {
	ctx := context.Background()
	switch n {
	case 0:
		l.LogAttrs(ctx, slog.LevelInfo, message)
	case 3:
		l.LogAttrs(ctx, slog.LevelInfo, message, slog.String("user", "alice"), slog.Int("items", 3), slog.Duration("took", took))
	default:
		l.LogAttrs(ctx, slog.LevelInfo, message, slog.String("user", "alice"), slog.Int("items", 3), slog.Duration("took", took),
			slog.Bool("first", true), slog.Int64("order", 1_234_567), slog.Float64("total", 59.9), slog.String("city", "Lisbon"),
			slog.Time("due", due), slog.Uint64("try", 1), slog.String("id", id))
	}
}

func callZerolog(l zerolog.Logger, n int) {
	e := l.Info()
	if n >= 3 {
		e = e.Str("user", "alice").Int("items", 3).Dur("took", took)
	}
	if n >= 10 {
		e = e.Bool("first", true).Int64("order", 1_234_567).Float64("total", 59.9).Str("city", "Lisbon").
			Time("due", due).Uint8("try", 1).Str("id", id)
	}
	e.Msg(message)
}

// A Body is what a full put consists of.
type Body struct {
	Name   string
	Events int
	Text   string
}

// Bodies are full puts: as many events as the service takes at once.
func Bodies() []Body {
	text := func(n int) string { return strings.Repeat(message+", ", 1+n/45)[:n] }
	return []Body{
		{"10,000 of 78 B", load.MaxEvents, text(78)},
		{"4,096 of 230 B", 4096, text(230)},
		{"998 of 1 KiB", 998, text(1024)},
		{"4,096 of 230 B, zap JSON", 4096, jsonText(230)},
	}
}

// jsonText is an entry as zap's JSON encoder writes it, of n bytes.
func jsonText(n int) string {
	ent := Entry()
	ent.Time = due
	buf, err := load.JSON().EncodeEntry(ent, EntryFields[:4])
	if err != nil {
		panic(err)
	}
	text := strings.TrimSuffix(buf.String(), "}\n") + `,"pad":"`
	return text + strings.Repeat("x", n-len(text)-len(`"}`)) + `"}`
}
