package zapcw_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// A Lambda function: pass f to lambda.Start.
func ExampleHandler() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	enc := zapcw.NewPrefixEncoder(os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), zapcw.MiniPrefix, zapcw.NewEncoderConfig())
	log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel))

	f := zapcw.Handler(log, func(ctx context.Context, order int) (string, error) {
		log.Info("shipped", zap.Int("order", order))
		return "ok", nil
	})

	out, err := f(context.Background(), 7)
	fmt.Println(out, err, srv.Messages("/acme/prod", "orders"))
	// Output: ok <nil> [shipped	{"order": 7}]
}

// sqsEvent stands for events.SQSEvent, which is in a module of its own.
type sqsEvent struct{ Records []struct{ MessageID string } }

// A function without a result returns nil, and one without an event takes
// struct{}, or json.RawMessage, which is whatever came.
func ExampleHandler_noResult() {
	log := zap.NewNop()
	consume := zapcw.Handler(log, func(ctx context.Context, e sqsEvent) (any, error) { return nil, nil })
	tick := zapcw.Handler(log, func(context.Context, struct{}) (any, error) { return nil, nil })
	echo := zapcw.Handler(log, func(ctx context.Context, e json.RawMessage) (any, error) { return e, nil })

	fmt.Println(consume(context.Background(), sqsEvent{}))
	fmt.Println(tick(context.Background(), struct{}{}))
	out, err := echo(context.Background(), json.RawMessage(`{"id": 7}`))
	fmt.Printf("%s %v\n", out, err)
	// Output:
	// <nil> <nil>
	// <nil> <nil>
	// {"id": 7} <nil>
}

// The service does not answer. The function returns in time all the same, and
// what it logged is on the Fallback, which Lambda keeps too.
func ExampleHandler_deadline() {
	var srv cwltest.Server
	defer srv.Close()
	srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
	var fallback strings.Builder
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Fallback: zapcore.AddSync(&fallback)}
	log := zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("", zapcw.MiniPrefix, zapcw.NewEncoderConfig()), s, zap.InfoLevel))

	f := zapcw.Handler(log, func(ctx context.Context, order int) (string, error) {
		log.Info("shipped")
		return "ok", nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Second/5) // what Lambda gives
	defer cancel()
	out, err := f(ctx, 7)
	fmt.Println(out, err, ctx.Err(), strings.HasSuffix(fallback.String(), "\nshipped\n"))
	// Output: ok <nil> <nil> true
}
