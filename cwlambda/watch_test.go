package cwlambda

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

func TestTimeout(t *testing.T) {
	for _, test := range []struct {
		name                    string
		opts                    []Option
		limit                   time.Duration
		takes                   time.Duration // a put
		firstDrain, warn, spill time.Duration // before the deadline
	}{
		{"a second", nil, time.Second, 0, 750 * time.Millisecond, 250 * time.Millisecond, 50 * time.Millisecond},
		{"three seconds", nil, 3 * time.Second, 0, 2 * time.Second, 500 * time.Millisecond, 100 * time.Millisecond},
		{"slow", nil, 3 * time.Second, 200 * time.Millisecond, 2 * time.Second, 500 * time.Millisecond, 100 * time.Millisecond},
		{"dark", nil, 3 * time.Second, -1, 2 * time.Second, 500 * time.Millisecond, 100 * time.Millisecond},
		{"15 minutes", nil, 15 * time.Minute, 0, 2 * time.Second, 500 * time.Millisecond, 100 * time.Millisecond},
		{"option", []Option{TimeoutWarning(4 * time.Second)}, time.Minute, 0, 4 * time.Second, 4 * time.Second, 100 * time.Millisecond},
		{"option without effect", []Option{TimeoutWarning(-1)}, time.Minute, 0, 2 * time.Second, 500 * time.Millisecond, 100 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, d := newDouble(test.opts...)
				d.set(test.takes, false)
				core, logs := observer.New(zap.InfoLevel)
				f.logger = zap.New(core)
				ctx, cancel := invocationContext(t, "r-1", test.limit)
				defer cancel()
				deadline, _ := ctx.Deadline()
				killed := make(chan struct{})
				over := make(chan struct{})
				go func() {
					defer close(over)
					_, _ = f.invoke(ctx, func(context.Context) (any, error) {
						<-killed
						return nil, nil
					})
				}()
				time.Sleep(time.Until(deadline)) // when Lambda kills

				drains := d.began()
				if got := deadline.Sub(drains[0]); got != test.firstDrain {
					t.Errorf("first drain %s before the deadline, want %s", got, test.firstDrain)
				}
				all := logs.All()
				if len(all) != 1 || all[0].Level != zapcore.ErrorLevel || all[0].Message != "function is about to time out" || all[0].ContextMap()["requestId"] != "r-1" {
					t.Fatalf("logged is %v, want one entry of the time-out, with the request id", all)
				}
				if n := drains[len(drains)-1]; deadline.Sub(n) > test.spill {
					t.Errorf("last flush %s before the deadline, want %s or less", deadline.Sub(n), test.spill)
				}
				if _, spills := d.counts(); (spills > 0) != (test.takes != 0) {
					t.Errorf("%d spills with a put that takes %s", spills, test.takes)
				}
				close(killed)
				<-over
			})
		})
	}
}

// A function that still logs in the last moment has that flushed, too.
func TestLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		var fallback testkit.Buffer
		logger, s := newStream(srv, &fallback)
		f := newFunction(logger, nil)
		ctx, cancel := invocationContext(t, "r-1", time.Second)
		defer cancel()
		killed, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			_, _ = f.invoke(ctx, func(context.Context) (any, error) {
				for range 97 {
					time.Sleep(10 * time.Millisecond)
					logger.Info("word")
				}
				<-killed
				return nil, nil
			})
		}()
		time.Sleep(time.Second)
		synctest.Wait()
		spilled, _ := fallback.Lines()
		if n := strings.Count(stored(srv), "word"); n+len(spilled) != 97 || n < 80 {
			t.Errorf("%d words in the stream and %d on the fallback, want 97, most of them in the stream", n, len(spilled))
		}
		close(killed)
		<-over
		_ = s.Close()
	})
}

// A body that is read for too long is a time-out.
func TestTimeoutOfBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		logger, _ := newStream(srv, nil)
		f := newFunction(logger, nil)
		ctx, cancel := invocationContext(t, "r-1", time.Second)
		defer cancel()
		out, _ := f.invoke(ctx, func(context.Context) (any, error) { return strings.NewReader("text"), nil })
		time.Sleep(time.Second)
		if in := stored(srv); in != "function is about to time out" {
			t.Errorf("in the stream are %q, want the time-out", in)
		}
		_ = out.(io.Closer).Close()
	})
}

// A function that ends in time owes nothing to its watch.
func TestWatchEnds(t *testing.T) {
	for _, runs := range []time.Duration{0, 100 * time.Millisecond, 1600 * time.Millisecond, 2700 * time.Millisecond, 2960 * time.Millisecond} {
		t.Run(runs.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, d := newDouble()
				d.set(-1, true)
				core, logs := observer.New(zap.InfoLevel)
				f.logger = zap.New(core)
				ctx, cancel := invocationContext(t, "r-1", 3*time.Second)
				defer cancel()
				begin := time.Now()
				_, _ = f.invoke(ctx, func(context.Context) (any, error) {
					time.Sleep(runs)
					return nil, nil
				})
				if took := time.Since(begin); took >= 3*time.Second {
					t.Errorf("took %s: want the response to leave before the deadline", took)
				}
				if warned := logs.Len() > 0; warned != (runs > 2500*time.Millisecond) {
					t.Errorf("warned %t after %s", warned, runs)
				}
				n, _ := d.counts()
				time.Sleep(time.Minute)
				if m, _ := d.counts(); m != n {
					t.Errorf("%d drains after the end", m-n)
				}
			})
		})
	}
}

// Where time-outs are not enforced nothing of the others is spilled.
func TestTimeoutSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newDouble()
		f.sender = &sender{out: f.out, timeout: f.flushTimeout}
		d.set(-1, true)
		ctx, cancel := invocationContext(t, "r-1", time.Second)
		defer cancel()
		_, _ = f.invoke(ctx, func(context.Context) (any, error) {
			time.Sleep(10 * time.Second)
			return nil, nil
		})
		d.set(0, false)
		time.Sleep(time.Minute)
		if _, spills := d.counts(); spills != 0 {
			t.Errorf("%d spills, want none", spills)
		}
	})
}
