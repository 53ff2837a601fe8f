package cwlambda_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwlambda"
	"example.com/zapcw/cwltest"
)

// The usual function for SQS. In a function main ends with Start, which never
// returns.
func ExampleStart() {
	main := func(logger *zap.Logger) {
		cwlambda.Start(logger, func(ctx context.Context, e events.SQSEvent) error {
			cwlambda.Logger(ctx).Info("received", zap.Int("messages", len(e.Records)))
			return nil
		}, cwlambda.AfterResponse())
	}
	_ = main
}

// In a test aws-lambda-go calls the wrapped handler, as Lambda would.
func ExampleWrap() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	enc := zapcw.NewPrefixEncoder("", zapcw.MiniPrefix, zapcw.NewEncoderConfig())
	logger := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel))

	h := cwlambda.Wrap(logger, func(ctx context.Context, order int) (string, error) {
		cwlambda.Logger(ctx).Info("shipped", zap.Int("order", order))
		return "ok", nil
	})

	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "8f5e2a9c"})
	out, err := lambda.NewHandler(h).Invoke(ctx, []byte("7"))
	fmt.Println(string(out), err, srv.Messages("/acme/prod", "orders"))
	// Output: "ok" <nil> [shipped	{"requestId": "8f5e2a9c", "coldStart": true, "order": 7}]
}

// CloudWatch does not answer. The function still returns in time, and its entries
// stay in memory for the next invocation, until the process ends.
func ExampleWrap_outage() {
	var srv cwltest.Server
	defer srv.Close()
	srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
	var fallback strings.Builder
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Fallback: zapcore.AddSync(&fallback)}
	logger := zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("", zapcw.MiniPrefix, zapcw.NewEncoderConfig()), s, zap.InfoLevel))

	h := cwlambda.Wrap(logger, func(context.Context) { logger.Info("shipped") }, cwlambda.FlushTimeout(50*time.Millisecond))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // what Lambda gives
	defer cancel()
	_, err := lambda.NewHandler(h).Invoke(ctx, nil)
	fmt.Println(err, ctx.Err(), s.Stats().Pending)

	cwlambda.Shutdown(logger)
	fmt.Println(strings.HasSuffix(fallback.String(), "\nshipped\n"))
	// Output:
	// <nil> <nil> 1
	// true
}
