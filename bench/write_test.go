// Package bench measures zapcw beside what it is built on. It is a module of
// its own, so that what it compares with is nobody's dependency.
//
//	go test -bench . -count 6 | tee new.txt && benchstat new.txt
package bench

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
)

// A sink takes every put at once, so that only what is in front of the client
// counts.
type sink struct{ zapcw.Client }

func (sink) PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	return new(cloudwatchlogs.PutLogEventsOutput), nil
}

var ten = []zapcore.Field{
	zap.String("user", "alice"), zap.Int("items", 3), zap.Duration("took", 25*time.Millisecond),
	zap.Bool("first", true), zap.Int64("order", 1_234_567), zap.Float64("total", 59.9), zap.String("city", "Lisbon"),
	zap.Time("due", time.Unix(1_700_000_000, 0)), zap.Uint8("try", 1), zap.String("id", "0c3f2a9e-8d15-4b7c-9a66-2f1e5d7b8c90"),
}

// BenchmarkWrite is the logging call from the entry on: encode and buffer. The
// zapcw rows buffer without sending, up to a few thousand entries, and settle
// outside of the time; what sending costs is BenchmarkSend's.
func BenchmarkWrite(b *testing.B) {
	json := zap.NewProductionEncoderConfig()
	template, err := zapcw.PrefixOf("{level} {logger}> ")
	if err != nil {
		b.Fatal(err)
	}
	cores := []struct {
		name string
		make func() (core zapcore.Core, settle func())
	}{
		{"discard/json", func() (zapcore.Core, func()) {
			return zapcore.NewCore(zapcore.NewJSONEncoder(json), zapcore.AddSync(io.Discard), zap.InfoLevel), nil
		}},
		{"buffered/json", func() (zapcore.Core, func()) {
			w := &zapcore.BufferedWriteSyncer{WS: zapcore.AddSync(io.Discard)}
			b.Cleanup(func() { _ = w.Stop() })
			return zapcore.NewCore(zapcore.NewJSONEncoder(json), w, zap.InfoLevel), nil
		}},
		{"zapcw/json", into(zapcore.NewJSONEncoder(json))},
		{"zapcw/own-json", into(zapcw.NewJSONEncoder(zapcw.NewEncoderConfig()))},
		{"zapcw/prefix", into(zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, json))},
		{"zapcw/template", into(zapcw.NewPrefixEncoder("checkout", template, json))},
	}
	for _, n := range []int{0, 3, 10} {
		for _, goroutines := range []int{1, 2, 8} {
			for _, c := range cores {
				b.Run(fmt.Sprintf("fields=%d/goroutines=%d/%s", n, goroutines, c.name), func(b *testing.B) {
					core, settle := c.make()
					write(b, core, settle, ten[:n], goroutines)
				})
			}
		}
	}
}

func into(enc zapcore.Encoder) func() (zapcore.Core, func()) {
	return func() (zapcore.Core, func()) {
		s := &zapcw.Syncer{Client: sink{}, Group: "/bench", Stream: "s", MaxEvents: 1 << 30, MaxPending: 1 << 30}
		return zapcw.NewCore(enc, s, zap.InfoLevel), func() { _ = s.Sync() }
	}
}

// write shares b.N entries among goroutines, some thousand at a time, since less
// than a put's worth starts no sender.
func write(b *testing.B, core zapcore.Core, settle func(), fields []zapcore.Field, goroutines int) {
	const round = 2400
	ent := zapcore.Entry{Message: "the quick brown fox jumps over the lazy dog", LoggerName: "api", Time: time.Now()}
	b.ReportAllocs()
	for left := b.N; left > 0; left -= round {
		n := min(left, round)
		done := make(chan struct{})
		for g := range goroutines {
			go func() {
				for i := g; i < n; i += goroutines {
					_ = core.Write(ent, fields)
				}
				done <- struct{}{}
			}()
		}
		for range goroutines {
			<-done
		}
		if settle != nil {
			b.StopTimer()
			settle()
			b.StartTimer()
		}
	}
}
