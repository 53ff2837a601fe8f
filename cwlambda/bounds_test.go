package cwlambda

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// invocations has f invoked so many times, one after the other, and returns the
// time that each took beyond the function's own.
func invocations(t *testing.T, f *function, n int, limit time.Duration) (extra []time.Duration) {
	t.Helper()
	const own = 3 * time.Millisecond
	for range n {
		ctx, cancel := invocationContext(t, "r-1", limit)
		begin := time.Now()
		_, err := f.invoke(ctx, func(context.Context) (any, error) {
			time.Sleep(own)
			return nil, nil
		})
		extra = append(extra, time.Since(begin)-own)
		cancel()
		if err != nil {
			t.Errorf("error is %v", err)
		}
	}
	return extra
}

func sum(all []time.Duration) (total time.Duration) {
	for _, d := range all {
		total += d
	}
	return total
}

func TestOutageIsCheap(t *testing.T) {
	for _, limit := range []time.Duration{3 * time.Second, 25 * time.Second, 15 * time.Minute} {
		t.Run(limit.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, d := newDouble()
				d.set(-1, true)
				extra := invocations(t, f, 100, limit)
				if extra[0] > defaultFlushTimeout {
					t.Errorf("the first invocation took %s more, want at most %s", extra[0], defaultFlushTimeout)
				}
				for i, e := range extra[1:] {
					if e > outageWait {
						t.Errorf("invocation %d took %s more, want at most %s", i+1, e, outageWait)
					}
				}
				if total := sum(extra); total >= 30*time.Second {
					t.Errorf("100 invocations took %s more, want less than 30 s", total)
				}
				if _, spills := d.counts(); spills > 0 {
					t.Errorf("%d spills: want all to stay in memory", spills)
				}
			})
		})
	}
}

// After a put that succeeded the whole bound counts again.
func TestOutageEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newDouble()
		d.set(-1, true)
		invocations(t, f, 3, time.Minute)
		d.set(100*time.Millisecond, false)
		invocations(t, f, 1, time.Minute)
		d.set(time.Second, false)
		if extra := invocations(t, f, 1, time.Minute)[0]; extra != time.Second {
			t.Errorf("a put of a second was waited for %s", extra)
		}

		// It may also have succeeded in the background.
		d.set(-1, true)
		invocations(t, f, 2, time.Minute)
		d.mu.Lock()
		d.puts++
		d.mu.Unlock()
		d.set(time.Second, false)
		if extra := invocations(t, f, 1, time.Minute)[0]; extra != time.Second {
			t.Errorf("a put of a second was waited for %s", extra)
		}
	})
}

// A service that is only slow, or refuses, is not out of reach.
func TestSlowIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newDouble()
		d.set(500*time.Millisecond, false)
		for i, e := range invocations(t, f, 5, time.Minute) {
			if e != 500*time.Millisecond {
				t.Errorf("invocation %d took %s more, want 500ms", i, e)
			}
		}
		d.set(0, true) // to the fallback at once
		if total := sum(invocations(t, f, 100, time.Minute)); total != 0 {
			t.Errorf("100 invocations took %s more, want nothing", total)
		}
	})
}

func TestBound(t *testing.T) {
	for _, test := range []struct {
		name        string
		opts        []Option
		limit, want time.Duration
	}{
		{"default", nil, time.Minute, 2 * time.Second},
		{"option", []Option{FlushTimeout(time.Second)}, time.Minute, time.Second},
		{"option without effect", []Option{FlushTimeout(-1), FlushTimeout(0)}, time.Minute, 2 * time.Second},
		{"little left", nil, time.Second, 897300 * time.Microsecond},
		{"next to nothing left", nil, 103 * time.Millisecond, 50 * time.Millisecond},
		{"nothing left", nil, 52 * time.Millisecond, 0},
		{"deadline in the past", nil, -time.Second, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, d := newDouble(test.opts...)
				d.set(-1, true)
				if got := invocations(t, f, 1, test.limit)[0]; got != test.want {
					t.Errorf("took %s more, want %s", got, test.want)
				}
			})
		})
	}
	t.Run("no deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, d := newDouble()
			d.set(-1, true)
			begin := time.Now()
			_, _ = f.invoke(context.Background(), func(context.Context) (any, error) { return nil, nil })
			if took := time.Since(begin); took != defaultFlushTimeout {
				t.Errorf("took %s, want %s", took, defaultFlushTimeout)
			}
		})
	})
}

// A function that answers right before its deadline may be killed before Lambda
// has the answer, so nothing stays in memory.
func TestSpillsNearTheDeadline(t *testing.T) {
	for _, test := range []struct {
		takes time.Duration
		fails bool
		want  int // spills
	}{{-1, true, 1}, {10 * time.Millisecond, false, 0}} {
		synctest.Test(t, func(t *testing.T) {
			f, d := newDouble()
			ctx, cancel := invocationContext(t, "r-1", time.Second)
			defer cancel()
			_, _ = f.invoke(ctx, func(context.Context) (any, error) {
				time.Sleep(920 * time.Millisecond)
				d.set(test.takes, test.fails)
				return nil, nil
			})
			deadline, _ := ctx.Deadline()
			if left := time.Until(deadline); left < minMargin {
				t.Errorf("%s are left for the response, want %s", left, minMargin)
			}
			if _, spills := d.counts(); spills != test.want {
				t.Errorf("%d spills with a put that takes %s, want %d", spills, test.takes, test.want)
			}
		})
	}
}

// Two streams are drained side by side, and only the one that is dark is waited
// for less.
func TestTwoStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, dark := newDouble()
		well := new(double)
		f.out.streams = append(f.out.streams, &output{drainer: well})
		dark.set(-1, true)
		well.set(time.Second, false)
		extra := invocations(t, f, 3, time.Minute)
		if extra[0] != defaultFlushTimeout || extra[1] != time.Second || extra[2] != time.Second {
			t.Errorf("took %s more, want 2s, 1s, 1s", extra)
		}
		if n, _ := dark.counts(); n != 3 {
			t.Errorf("%d drains of the dark one, want 3", n)
		}
	})
}

func TestPanicSpills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newDouble()
		d.set(-1, true)
		ctx, cancel := invocationContext(t, "r-1", time.Minute)
		defer cancel()
		begin := time.Now()
		func() {
			defer func() {
				if v := recover(); v != errDark {
					t.Errorf("panic is %v, want what the function panicked with", v)
				}
			}()
			_, _ = f.invoke(ctx, func(context.Context) (any, error) { panic(errDark) })
		}()
		if _, spills := d.counts(); spills != 1 {
			t.Errorf("%d spills, want 1: the process ends", spills)
		}
		if took := time.Since(begin); took != defaultFlushTimeout {
			t.Errorf("took %s, want %s", took, defaultFlushTimeout)
		}
	})
}

func TestErrorStaysInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newDouble()
		d.set(-1, true)
		ctx, cancel := invocationContext(t, "r-1", time.Minute)
		defer cancel()
		if _, err := f.invoke(ctx, func(context.Context) (any, error) { return 1, errDark }); !errors.Is(err, errDark) {
			t.Errorf("error is %v, want %v", err, errDark)
		}
		if drains, spills := d.counts(); drains != 1 || spills != 0 {
			t.Errorf("%d drains, %d spills, want 1 and 0", drains, spills)
		}
	})
}

func TestTermination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newDouble()
		d.set(-1, true)
		begin := time.Now()
		if !f.terminate(shutdownTime) {
			t.Error("something runs, want nothing to")
		}
		if took := time.Since(begin); took > 300*time.Millisecond {
			t.Errorf("took %s, want at most 300 ms", took)
		}
		if _, spills := d.counts(); spills != 1 {
			t.Errorf("%d spills, want 1", spills)
		}

		// One that runs on is not cut off.
		d.set(0, false)
		ctx, cancel := invocationContext(t, "r-1", time.Minute)
		defer cancel()
		_, _ = f.invoke(ctx, func(context.Context) (any, error) {
			if f.terminate(shutdownTime) {
				t.Error("nothing runs, want the invocation to")
			}
			return nil, nil
		})
	})
}
