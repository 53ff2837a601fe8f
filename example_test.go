package zapcw_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// The quick start of the README.
func Example() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	s := &zapcw.Syncer{Client: cloudwatchlogs.NewFromConfig(cfg), Group: "/acme/prod", Stream: "orders"}
	logger := zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig()), s, zap.InfoLevel), zap.AddCaller())
	defer logger.Sync()
	logger.Info("order placed", zap.Int("items", 3))
}

// Two functions of one application log into one stream.
func ExampleNewCore() {
	var srv cwltest.Server // in place of the service
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	for _, function := range []string{"checkout", "shipping"} {
		enc := zapcw.NewPrefixEncoder(function, zapcw.ShortPrefix, zapcw.NewEncoderConfig())
		log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel))
		log.Info("done", zap.Int("order", 7))
		log.Debug("not for this stream")
	}
	if err := s.Sync(); err != nil {
		fmt.Println(err)
	}
	for _, m := range srv.Messages("/acme/prod", "orders") {
		fmt.Println(m)
	}
	// Output:
	// INFO: checkout: done	{"order": 7}
	// INFO: shipping: done	{"order": 7}
}

// An entry that must not wait for its batch.
func ExampleFlush() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	log := zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("", zapcw.MiniPrefix, zapcw.NewEncoderConfig()), s, zap.InfoLevel))

	log.Info("waits")
	fmt.Println(len(srv.Messages("/acme/prod", "orders")))
	log.Error("sent, with all before it", zapcw.Flush())
	fmt.Println(len(srv.Messages("/acme/prod", "orders")))
	// Output:
	// 0
	// 2
}

// The service is away: the events go where somebody can find them.
func ExampleSyncer_Flush() {
	var srv cwltest.Server
	defer srv.Close()
	srv.Fail(cwltest.Fault{Code: "AccessDeniedException", Message: "not authorized to perform: logs:PutLogEvents"})
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Fallback: zapcw.Stdout()}
	defer s.Close()
	log := zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("", zapcw.MiniPrefix, zapcw.NewEncoderConfig()), s, zap.InfoLevel))

	log.Info("important")
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.Flush(ctx)
	st := s.Stats()
	fmt.Println(err != nil, st.Accepted, st.Delivered, st.Spilled)
	// Output:
	// zapcw: put 1 event to /acme/prod/orders: operation error CloudWatch Logs: PutLogEvents, https response error StatusCode: 400, RequestID: 00000000-0000-4000-8000-000000000001, AccessDeniedException: not authorized to perform: logs:PutLogEvents: 1 event is below, as are those that follow for the same cause; allow logs:PutLogEvents
	// important
	// true 1 0 1
}

// What a Syncer counts.
func ExampleSyncer_Stats() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	fmt.Fprintln(s, "a line")
	fmt.Fprintln(s, "another")
	_ = s.Close()
	st := s.Stats()
	fmt.Println(st.Accepted, st.Delivered, st.Rejected, st.Spilled, st.Pending, st.Puts)
	// Output: 2 2 0 0 0 1
}

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
