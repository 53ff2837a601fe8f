package cwlambda

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// newHold makes a logger that sends Info and holds Debug.
func newHold(srv *cwltest.Server) (*zap.Logger, *zapcw.Syncer) {
	s := &zapcw.Syncer{Client: srv.Client(), Group: group, Stream: stream}
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey = ""
	hold := zapcw.Hold{Release: zap.DPanicLevel} // so that it is not the level that releases
	return zap.New(hold.Wrap(zapcw.NewCore(zapcw.NewJSONEncoder(cfg), s, zap.InfoLevel))), s
}

// An invocation is a scope: it is released when the invocation fails, and gone
// when it ends well.
func TestScope(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(context.Context) (any, error)
		want string
	}{
		{"well", func(context.Context) (any, error) { return nil, nil }, "info"},
		{"error", func(context.Context) (any, error) { return nil, &textError{} }, "debug info invocation failed"},
		{"panic", func(context.Context) (any, error) { panic("no stock") }, "debug info invocation panicked"},
		{"time-out", func(context.Context) (any, error) {
			time.Sleep(990 * time.Millisecond)
			return nil, nil
		}, "debug info function is about to time out"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := cwltest.NewServer(t)
				logger, s := newHold(srv)
				f := newFunction(logger, nil)
				invoke := func(do func(context.Context) (any, error)) {
					ctx, cancel := invocationContext(t, "r-1", time.Second)
					defer cancel()
					defer func() { _ = recover() }()
					_, _ = f.invoke(ctx, func(ctx context.Context) (any, error) {
						Logger(ctx).Debug("debug")
						time.Sleep(time.Millisecond)
						Logger(ctx).Info("info")
						time.Sleep(time.Millisecond)
						return do(ctx)
					})
				}
				invoke(test.do)
				if in := stored(srv); in != test.want {
					t.Errorf("in the stream are %q, want %q", in, test.want)
				}
				// The next one has nothing of it.
				invoke(func(context.Context) (any, error) { return nil, nil })
				if in := stored(srv); in != test.want+" info" {
					t.Errorf("in the stream are %q, want %q", in, test.want+" info")
				}
				_ = s.Close()
			})
		})
	}
}
