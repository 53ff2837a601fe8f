package cwlambda

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"example.com/zapcw/cwltest"
)

// With the library's own engine and a service that is dark: bounds, memory, and
// the order when it is back.
func TestDarkAndBack(t *testing.T) {
	for _, fault := range []cwltest.Fault{{Break: cwltest.BlackHole}, {Break: cwltest.ResetBeforeBody}, {Status: 503}} {
		t.Run(fmt.Sprint(fault.Break, fault.Status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := cwltest.NewServer(t)
				var fallback strings.Builder
				logger, s := newStream(srv, zapcore.AddSync(&fallback))
				s.Timeout = time.Second // it is not what decides
				f := newFunction(logger, nil)
				n := 0
				invoke := func() time.Duration {
					ctx, cancel := invocationContext(t, "r-1", 25*time.Second)
					defer cancel()
					begin := time.Now()
					_, _ = f.invoke(ctx, func(ctx context.Context) (any, error) {
						Logger(ctx).Info(fmt.Sprint(n))
						n++
						return nil, nil
					})
					return time.Since(begin)
				}
				invoke()
				srv.Fail(fault)
				var extra time.Duration
				for range 100 {
					extra += invoke()
				}
				if extra >= 30*time.Second {
					t.Errorf("100 invocations took %s, want less than 30 s", extra)
				}
				if st := s.Stats(); st.Pending != 100 || st.Spilled != 0 {
					t.Errorf("%d pending and %d spilled, want 100 and none", st.Pending, st.Spilled)
				}
				srv.Heal()
				for range 10 {
					invoke()
					time.Sleep(10 * time.Second)
				}
				var want []string
				for i := range n {
					want = append(want, fmt.Sprint(i))
				}
				if got := strings.Join(want, " "); got != stored(srv) {
					t.Errorf("in the stream are %s, want %s", stored(srv), got)
				}
				for _, line := range strings.Split(fallback.String(), "\n") {
					if strings.HasPrefix(line, "{") {
						t.Errorf("on the fallback is %s, want no event", line)
					}
				}
				_ = s.Close()
			})
		})
	}
}

// What is left at the end goes to the fallback within the time of a SIGTERM.
func TestShutdownInTheDark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
		var fallback strings.Builder
		logger, s := newStream(srv, zapcore.AddSync(&fallback))
		logger.Info("last words")
		begin := time.Now()
		Shutdown(logger)
		if took := time.Since(begin); took > 300*time.Millisecond {
			t.Errorf("took %s, want at most 300 ms", took)
		}
		if !strings.Contains(fallback.String(), "last words") {
			t.Errorf("fallback is %q, want the event", fallback.String())
		}
		_ = s.Close()
		Shutdown(nil)
		Shutdown(zap.NewNop())
	})
}

func TestRefusedCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		srv.Fail(cwltest.Fault{Code: "AccessDeniedException"})
		var fallback strings.Builder
		logger, s := newStream(srv, zapcore.AddSync(&fallback))
		f := newFunction(logger, nil)
		begin := time.Now()
		for i := range 100 {
			_, _ = f.invoke(context.Background(), func(ctx context.Context) (any, error) {
				Logger(ctx).Info(fmt.Sprint("refused ", i))
				return nil, nil
			})
		}
		if took := time.Since(begin); took >= 30*time.Second {
			t.Errorf("100 invocations took %s, want less than 30 s", took)
		}
		_ = s.Close()
		if n := strings.Count(fallback.String(), `"message":"refused `); n != 100 {
			t.Errorf("%d events on the fallback, want 100", n)
		}
	})
}

func TestErrorsAreLogged(t *testing.T) {
	wrapped := fmt.Errorf("charge: %w", &textError{})
	for _, test := range []struct {
		err             error
		errorType, text string
	}{
		{&textError{}, "textError", "no stock"},
		{wrapped, "wrapError", "charge: no stock"},
		{errors.New("no stock"), "errorString", "no stock"},
		{messages.InvokeResponse_Error{Type: "OutOfStock", Message: "no stock"}, "OutOfStock", "no stock"},
		{context.DeadlineExceeded, "deadlineExceededError", "context deadline exceeded"},
	} {
		srv := cwltest.NewServer(t)
		logger, _ := newStream(srv, nil)
		_, err := call(t, Wrap(logger, func() error { return test.err }), `{}`)
		if fmt.Sprintf("%T %v", err, err) != fmt.Sprintf("%T %v", test.err, test.err) {
			t.Errorf("error is %v, want %v", err, test.err)
		}
		in := srv.Messages(group, stream)
		if len(in) != 1 || !strings.Contains(in[0], `"level":"ERROR"`) || !strings.Contains(in[0], `"requestId":"r-1"`) ||
			!strings.Contains(in[0], `"errorType":"`+test.errorType+`"`) || !strings.Contains(in[0], `"exception":"`+test.text+`"`) {
			t.Errorf("in the stream is %q, want %v of type %s", in, test.err, test.errorType)
		}
	}
}

func TestPanicsAreLogged(t *testing.T) {
	for _, test := range []struct {
		v         any
		errorType string
	}{
		{"no stock", "string"},
		{&textError{}, "textError"},
		{5, "int"},
		{[]int{5}, "[]int"},
		{nil, "PanicNilError"},
	} {
		srv := cwltest.NewServer(t)
		logger, _ := newStream(srv, nil)
		func() {
			defer func() {
				if v := recover(); test.v != nil && fmt.Sprintf("%#v", v) != fmt.Sprintf("%#v", test.v) {
					t.Errorf("panic is %#v, want %#v", v, test.v)
				}
			}()
			_, _ = call(t, Wrap(logger, func() { panicWith(test.v) }), `{}`)
			t.Error("no panic")
		}()
		in := srv.Messages(group, stream)
		if len(in) != 1 || !strings.Contains(in[0], `"requestId":"r-1"`) || !strings.Contains(in[0], `"errorType":"`+test.errorType+`"`) || !strings.Contains(in[0], "cwlambda.panicWith") {
			t.Errorf("in the stream is %q, want the panic of type %s with its stack", in, test.errorType)
		}
	}
}

func panicWith(v any) { panic(v) }

// TestPanicsAreReported has Lambda told of a panic what it is told without this package,
// but that the stack begins with the function: also of one that passed a panic on itself,
// and that is wrapped twice.
func TestPanicsAreReported(t *testing.T) {
	var nobody *textError
	again := func() {
		defer func() { panic(recover()) }()
		panicWith("again")
	}
	own := messages.InvokeResponse_Error{Message: "own", Type: "Own"}
	for _, test := range []struct {
		name  string
		panic func()
		want  string // type, text, the first frames that are not of the runtime
	}{
		{"text", func() { panicWith("no stock") }, "string, no stock: cwlambda/function_test.go panicWith"},
		{"error", func() { panicWith(&textError{}) }, "textError, no stock: cwlambda/function_test.go panicWith"},
		{"list", func() { panicWith([]int{5}) }, ", [5]: cwlambda/function_test.go panicWith"},
		{"nil pointer", func() { *nobody = textError{} }, "errorString, runtime error: invalid memory address or nil pointer dereference: cwlambda/function_test.go TestPanicsAreReported"},
		{"passed on", again, "string, again: cwlambda/function_test.go TestPanicsAreReported"},
		{"Lambda's own", func() { panicWith(own) }, "Own, own: "},
	} {
		for _, twice := range []bool{false, true} {
			srv := cwltest.NewServer(t)
			logger, _ := newStream(srv, nil)
			f := newFunction(logger, nil)
			f.started = true
			handler := any(func() { test.panic() })
			if twice {
				other, _ := newStream(cwltest.NewServer(t), nil)
				handler = Wrap(other, handler)
			}
			var got messages.InvokeResponse_Error
			func() {
				defer func() { got, _ = recover().(messages.InvokeResponse_Error) }()
				_, _ = call(t, f.wrap(handler), `{}`)
			}()
			first := ""
			for _, frame := range got.StackTrace {
				if !strings.HasPrefix(frame.Path, "runtime/") {
					dir, file := path.Split(frame.Path)
					first = path.Base(dir) + "/" + file + " " + frame.Label
					break
				}
			}
			if text := fmt.Sprintf("%s, %s: %s", got.Type, got.Message, first); !strings.HasPrefix(text, test.want) || got.ShouldExit != (test.name != "Lambda's own") {
				t.Errorf("%s, twice %t: got %q and to exit %t, want %q", test.name, twice, text, got.ShouldExit, test.want)
			}
			if n := len(got.StackTrace); n > maxFrames || n < 5 && test.name != "Lambda's own" {
				t.Errorf("%s: got %d frames", test.name, n)
			}
		}
	}
}

// A function that ends its goroutine is flushed, and its goroutine ends.
func TestGoexit(t *testing.T) {
	srv := cwltest.NewServer(t)
	logger, _ := newStream(srv, nil)
	var over sync.WaitGroup
	over.Go(func() {
		_, _ = call(t, Wrap(logger, func() {
			logger.Info("last words")
			runtime.Goexit()
		}), `{}`)
		t.Error("it returned")
	})
	over.Wait()
	if in := stored(srv); in != "last words" {
		t.Errorf("in the stream are %q", in)
	}
}

func TestLogger(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	type key struct{}
	handler := Wrap(zap.New(core), func(ctx context.Context) {
		Logger(ctx).Info("inside")
	}, Fields(func(ctx context.Context) []zap.Field {
		return []zap.Field{zap.String("shop", fmt.Sprint(ctx.Value(key{})))}
	}))
	for range 2 {
		_, _ = call(t, handler, `{}`)
	}
	for i, e := range logs.All() {
		want := map[string]any{"requestId": "r-1", "traceId": "1-5759e988-bd862e3fe1be46a994272793", "shop": "<nil>"}
		if i == 0 {
			want["coldStart"] = true
		}
		if got := e.ContextMap(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("fields are %v, want %v", got, want)
		}
	}

	// Nothing in the context but what the caller gave.
	if _, err := newFunction(zap.New(core), nil).invoke(context.Background(), func(ctx context.Context) (any, error) {
		Logger(ctx).Info("bare")
		return nil, nil
	}); err != nil {
		t.Error(err)
	}
	if got := logs.FilterMessage("bare").All()[0].ContextMap(); fmt.Sprint(got) != "map[coldStart:true]" {
		t.Errorf("fields are %v, want coldStart alone", got)
	}
	if Logger(context.Background()) != zap.L() {
		t.Error("outside of an invocation: want zap.L()")
	}
	var none context.Context
	if Logger(none) != zap.L() {
		t.Error("without a context: want zap.L()")
	}
}

// A panic of the application's own fields is one of the function.
func TestFieldsPanic(t *testing.T) {
	srv := cwltest.NewServer(t)
	logger, _ := newStream(srv, nil)
	defer func() {
		if recover() == nil || !strings.Contains(stored(srv), "invocation panicked") {
			t.Errorf("in the stream are %q, want the panic", stored(srv))
		}
	}()
	_, _ = call(t, Wrap(logger, func() {}, Fields(func(context.Context) []zap.Field { panic("fields") })), `{}`)
}

func TestTenant(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	ctx, cancel := invocationContext(t, "r-1", time.Minute)
	defer cancel()
	lc, _ := lambdacontext.FromContext(ctx)
	lc.TenantID = "t-1"
	_, _ = newFunction(zap.New(core), nil).invoke(ctx, func(ctx context.Context) (any, error) {
		Logger(ctx).Info("inside")
		return nil, nil
	})
	if got := logs.All()[0].ContextMap()["tenantId"]; got != "t-1" {
		t.Errorf("tenantId is %v, want t-1", got)
	}
}

func TestTraceID(t *testing.T) {
	for header, want := range map[any]string{
		"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1": "1-5759e988-bd862e3fe1be46a994272793",
		"Parent=1;Root=2": "2",
		"Parent=1":        "",
		"":                "",
		nil:               "",
		5:                 "",
	} {
		ctx := context.WithValue(context.Background(), traceKey, header)
		if got := traceID(ctx); got != want {
			t.Errorf("of %v it is %q, want %q", header, got, want)
		}
	}
}

// A nil logger and one that writes nowhere work too.
func TestNoLogger(t *testing.T) {
	for _, logger := range []*zap.Logger{nil, zap.NewNop()} {
		if out, err := call(t, Wrap(logger, func(ctx context.Context) (string, error) {
			Logger(ctx).Info("nowhere")
			return "ok", nil
		}), `{}`); out != `"ok"` || err != nil {
			t.Errorf("response is %s, %v", out, err)
		}
	}
}

// Entries of this package have the fields of the invocation, but no place in the source.
func TestNoPlaceInTheSource(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	logger := zap.New(core, zap.AddCaller(), zap.AddStacktrace(zap.ErrorLevel))
	_, _ = call(t, Wrap(logger, func() error { return errors.New("no stock") }), `{}`)
	func() {
		defer func() { _ = recover() }()
		_, _ = call(t, Wrap(logger, func() { panicWith("no stock") }), `{}`)
	}()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := invocationContext(t, "r-1", 3*time.Second)
		defer cancel()
		_, _ = newFunction(logger, nil).invoke(ctx, func(context.Context) (any, error) {
			time.Sleep(3 * time.Second)
			return nil, nil
		})
	})
	var got []string
	for _, e := range logs.All() {
		got = append(got, e.Message)
		if e.Caller.Defined || e.ContextMap()["requestId"] != "r-1" {
			t.Errorf("%s: caller %v, fields %v", e.Message, e.Caller, e.ContextMap())
		}
		if panics := e.Message == "invocation panicked"; panics != (e.Stack != "") {
			t.Errorf("%s has the stack %q", e.Message, e.Stack)
		}
	}
	if want := []string{"invocation failed", "invocation panicked", "function is about to time out"}; !slices.Equal(got, want) {
		t.Errorf("logged are %q, want %q", got, want)
	}
	_, _ = call(t, Wrap(logger, func(ctx context.Context) { Logger(ctx).Info("of the function") }), `{}`)
	if last := logs.All()[len(got)]; !strings.HasSuffix(last.Caller.File, "function_test.go") {
		t.Errorf("the function's own entry has the caller %v", last.Caller)
	}
}

// What was logged before the first invocation is flushed with it.
func TestInitIsFlushed(t *testing.T) {
	srv := cwltest.NewServer(t)
	logger, _ := newStream(srv, nil)
	handler := Wrap(logger, func() {})
	logger.Info("init")
	_, _ = call(t, handler, `{}`)
	if in := stored(srv); in != "init" {
		t.Errorf("in the stream are %q", in)
	}
}

// A context that the function cancels, or that was cancelled, stops no flush.
func TestCancelledContext(t *testing.T) {
	srv := cwltest.NewServer(t)
	logger, _ := newStream(srv, nil)
	ctx, cancel := invocationContext(t, "r-1", time.Minute)
	_, _ = newFunction(logger, nil).invoke(ctx, func(context.Context) (any, error) {
		logger.Info("before")
		cancel()
		return nil, nil
	})
	if in := stored(srv); in != "before" {
		t.Errorf("in the stream are %q", in)
	}
}
