package zapcw_test

import (
	"context"
	"fmt"
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
	out := &zapcw.Syncer{Client: cloudwatchlogs.NewFromConfig(cfg), Group: "/acme/prod", Stream: "orders"}
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig())
	logger := zap.New(zapcw.NewCore(enc, out, zap.InfoLevel), zap.AddCaller())
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

// Flush is for an entry that must not wait for its batch.
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

// CloudWatch refuses the events: they go to the Fallback.
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
	// zapcw: put events to /acme/prod/orders: operation error CloudWatch Logs: PutLogEvents, https response error StatusCode: 400, RequestID: 00000000-0000-4000-8000-000000000001, AccessDeniedException: not authorized to perform: logs:PutLogEvents: not delivered, and written below; allow logs:PutLogEvents
	// important
	// true 1 0 1
}

// Counters of a Syncer.
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

// A Core without a Logger, as an adapter for another logging API uses it.
func ExampleCore() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())
	var core zapcore.Core = zapcw.NewCore(enc, s, zap.InfoLevel)

	core = core.With([]zapcore.Field{zap.Int("order", 7)})
	ent := zapcore.Entry{Level: zap.InfoLevel, Time: time.Now(), Message: "placed"}
	if core.Enabled(ent.Level) {
		fmt.Println(core.Write(ent, []zapcore.Field{zap.Int("items", 3)}))
	}
	fmt.Println(core.Check(zapcore.Entry{Level: zap.DebugLevel}, nil) == nil, core.Sync())
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	// Output:
	// <nil>
	// true <nil>
	// [INFO: checkout: placed	{"order": 7, "items": 3}]
}

// The level is checked each time, so it may change while the program runs.
func ExampleCore_Level() {
	level := zap.NewAtomicLevel()
	core := zapcw.NewCore(zapcw.NewJSONEncoder(zapcw.NewEncoderConfig()), new(zapcw.Syncer), level)
	fmt.Println(core.Level())
	level.SetLevel(zap.DebugLevel)
	fmt.Println(core.Level())
	// Output:
	// info
	// debug
}

// An entry above ErrorLevel, and everything before it, is delivered when the call
// returns, since the process may end right after.
func ExampleCore_Write() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	log := zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("", zapcw.MiniPrefix, zapcw.NewEncoderConfig()), s, zap.InfoLevel))

	log.Error("waits for its batch")
	fmt.Println(len(srv.Messages("/acme/prod", "orders")))
	log.DPanic("does not")
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	// Output:
	// 0
	// [ERROR: waits for its batch CRITICAL: does not]
}
