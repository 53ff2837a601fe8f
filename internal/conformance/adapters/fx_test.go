package adapters_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"
	"go.uber.org/zap"
)

func TestFx(t *testing.T) {
	srv, s := open(t)
	log := zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("api", zapcw.ShortPrefix, zapcw.NewEncoderConfig()), s, zap.InfoLevel))
	withLogger := fx.WithLogger(func() fxevent.Logger { return &fxevent.ZapLogger{Logger: log.Named("fx")} })

	var atStop []string
	app := fx.New(withLogger, fx.Supply(log), fx.Invoke(func(lc fx.Lifecycle, log *zap.Logger) {
		lc.Append(fx.Hook{
			OnStart: func(context.Context) error {
				log.Info("serving")
				return nil
			},
			OnStop: func(ctx context.Context) error {
				err := s.Flush(ctx)
				atStop = srv.Messages("/acme/prod", "orders")
				return err
			},
		})
	}))
	if err := errors.Join(app.Start(t.Context()), app.Stop(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"INFO: api: supplied", "INFO: api: invoking", "INFO: api: serving", "INFO: api: started"} {
		if !slices.ContainsFunc(atStop, func(m string) bool { return strings.HasPrefix(m, want) }) {
			t.Errorf("%q is not there when OnStop has flushed: %q", want, atStop)
		}
	}

	boom := errors.New("boom")
	if err := fx.New(withLogger, fx.Invoke(func() error { return boom })).Err(); !errors.Is(err, boom) {
		t.Errorf("fx: %v, want %v", err, boom)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	got := srv.Messages("/acme/prod", "orders")
	if !slices.ContainsFunc(got, func(m string) bool {
		return strings.HasPrefix(m, "ERROR: api: invoke failed\t") && strings.Contains(m, `"error": "boom"`)
	}) {
		t.Errorf("got %q, want an ERROR with the error", got[len(atStop):])
	}
}

// An application of fx sends what it has logged when it stops, in the time that
// fx has for that, and what fx itself says after that at the end.
func Example_fx() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())
	log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel))

	app := fx.New(
		fx.Supply(log),
		fx.WithLogger(func(log *zap.Logger) fxevent.Logger { return &fxevent.ZapLogger{Logger: log} }),
		fx.Invoke(func(lc fx.Lifecycle) { lc.Append(fx.StopHook(s.Flush)) }),
	)
	_ = app.Start(context.Background())
	log.Info("order placed")
	_ = app.Stop(context.Background())
	_ = s.Close()
	for _, m := range srv.Messages("/acme/prod", "orders") {
		if strings.HasSuffix(m, "order placed") || strings.HasSuffix(m, "started") {
			fmt.Println(m)
		}
	}
	// Output:
	// INFO: checkout: started
	// INFO: checkout: order placed
}
