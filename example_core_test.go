package zapcw_test

import (
	"fmt"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// A Core without a Logger, as an adapter of another logging API uses it.
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

// The level is asked each time, so it may change while the program runs.
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

// Above ErrorLevel an entry is delivered, with all before it, when the call
// returns: the process may end right after.
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
