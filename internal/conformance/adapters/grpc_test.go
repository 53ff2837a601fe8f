package adapters_test

import (
	"fmt"
	"testing"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zapgrpc"
	"google.golang.org/grpc/grpclog"
)

var _ grpclog.LoggerV2 = (*zapgrpc.Logger)(nil)

// ends notes what is in the stream when gRPC ends the process.
type ends struct {
	srv  *cwltest.Server
	seen []string
}

func (e *ends) OnWrite(*zapcore.CheckedEntry, []zapcore.Field) {
	e.seen = e.srv.Messages("/acme/prod", "orders")
}

func TestGRPC(t *testing.T) {
	srv, s := open(t)
	end := &ends{srv: srv}
	enc := zapcw.NewPrefixEncoder("api", zapcw.ShortPrefix, zapcw.NewEncoderConfig())
	level := zap.NewAtomicLevelAt(zap.ErrorLevel)
	log := zap.New(zapcw.NewCore(enc, s, level), zap.WithFatalHook(end)).With(zap.String("system", "grpc"))
	grpclog.SetLoggerV2(zapgrpc.NewLogger(log))

	const info, fatal = 0, 3 // as gRPC counts
	if grpclog.V(info) || !grpclog.V(fatal) {
		t.Error("the verbosity is not that of the core")
	}
	grpclog.Warning("not at this level")
	level.SetLevel(zap.InfoLevel)
	grpclog.Info("info ", 1)
	grpclog.Infoln("infoln", 2)
	grpclog.Warningf("warning %d", 3)
	grpclog.Error("error ", 4)
	if n := s.Stats().Attempts; n != 0 {
		t.Errorf("%d puts, and nothing was due", n)
	}
	// Not by grpclog: that ends the process if the logger does not.
	zapgrpc.NewLogger(log).Fatal("fatal ", 5)
	wantEvents(t, srv,
		"INFO: api: info 1\t{\"system\": \"grpc\"}",
		"INFO: api: infoln 2\t{\"system\": \"grpc\"}",
		"WARNING: api: warning 3\t{\"system\": \"grpc\"}",
		"ERROR: api: error 4\t{\"system\": \"grpc\"}",
		"CRITICAL: api: fatal 5\t{\"system\": \"grpc\"}",
	)
	wantEvents(t, srv, end.seen...)
}

// What gRPC has to say of itself.
func Example_grpc() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())
	log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel))

	grpclog.SetLoggerV2(zapgrpc.NewLogger(log.WithOptions(zap.IncreaseLevel(zap.WarnLevel))))
	grpclog.Info("[core] Channel created")
	grpclog.Error("[transport] connection refused")
	_ = log.Sync()
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	// Output: [ERROR: checkout: [transport] connection refused]
}
