package engine

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/delivery"
	"example.com/zapcw/internal/streamname"
)

// daily is an engine with a stream for each day.
func daily(stream string) (*Engine, *bytes.Buffer) {
	var told bytes.Buffer
	return New(Options{Group: "/g", Stream: stream, Fallback: zapcore.AddSync(&told)}), &told
}

const hour = 60 * 60 * 1000 // in milliseconds

// TestDays: a day has a stream from its first flight to its last; the newest stays.
func TestDays(t *testing.T) {
	e, _ := daily("s-{date}")
	ss := e.streams
	known := func() (names string) {
		for _, d := range ss.pattern.days {
			names += d.Name + " "
		}
		return names
	}
	want := func(when, names string) {
		t.Helper()
		if got := known(); got != names {
			t.Errorf("%s: got %q, want %q", when, got, names)
		}
	}
	first := ss.take(0)
	if again := ss.take(24*hour - 1); again != first {
		t.Error("want one stream for a day")
	}
	second, late := ss.take(24*hour), ss.take(-1)
	want("with flights", "s-1970-01-01 s-1970-01-02 s-1969-12-31 ")
	ss.release(first)
	ss.release(late)
	want("the late one landed", "s-1970-01-01 s-1970-01-02 ")
	ss.release(first)
	ss.release(second)
	want("all landed", "s-1970-01-02 ")
	if ss.take(25*hour) != second {
		t.Error("want the stream of the newest day kept")
	}
	ss.release(second)
	third := ss.take(48 * hour)
	want("a day later", "s-1970-01-03 ")
	ss.release(third)
	ss.release(ss.take(time.Now().UnixMilli() + 48*hour))
	want("after an event of the future", "s-1970-01-03 ")
	if got := e.streams.name(); got != "s-{date}" {
		t.Errorf("all of them are %q, want what was given", got)
	}
}

// TestPlace is about what a gap notice says of where events are missing.
func TestPlace(t *testing.T) {
	e, _ := daily("s-{date}")
	for _, tt := range []struct {
		first, last, notice int64
		want                string
	}{
		{0, hour, 2 * hour, "here"},
		{0, hour, 25 * hour, "stream s-1970-01-01"},
		{0, 24 * hour, 25 * hour, "the streams s-1970-01-01 to s-1970-01-02"},
	} {
		if got := e.streams.place(tt.first, tt.last, tt.notice); got != tt.want {
			t.Errorf("place(%d, %d, %d) = %q, want %q", tt.first, tt.last, tt.notice, got, tt.want)
		}
	}
	e, _ = daily("s")
	if got := e.streams.place(0, 24*hour, 72*hour); got != "here" {
		t.Errorf("place in the one stream = %q, want here", got)
	}
}

// TestMidnight is about how long small puts wait.
func TestMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which begins at midnight
		e, _ := daily("s-{date}")
		e.SetJitter(func(d time.Duration) time.Duration { return d / 2 })
		wait := func(when string, want time.Duration) {
			t.Helper()
			e.mu.Lock()
			defer e.mu.Unlock()
			if got := e.smallPutWaitLocked(time.Now()); got != want {
				t.Errorf("%s small puts wait %s, want %s", when, got, want)
			}
		}
		wait("at midnight", midnightSpread/2)
		time.Sleep(10 * time.Second)
		wait("later", midnightSpread/2-10*time.Second)
		time.Sleep(20 * time.Second)
		wait("in the middle of the minute", 0)
		time.Sleep(24*time.Hour - 30*time.Second)
		wait("a day later", midnightSpread/2)
		e.streams.release(e.streams.take(time.Now().UnixMilli()))
		wait("when the stream was used", 0)
		time.Sleep(24 * time.Hour)
		wait("another day later", midnightSpread/2)
		e.streams.release(e.streams.take(time.Now().Add(48 * time.Hour).UnixMilli()))
		e.streams.release(e.streams.take(time.Now().Add(-time.Hour).UnixMilli()))
		wait("after events of other days", midnightSpread/2)

		one, _ := daily("s-{host}")
		e = one
		wait("without a date", 0)
	})
}

// TestSetUp: a host is looked for once, with the first flight, and what no name
// holds is told.
func TestSetUp(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	e, told := daily("{{s}}-{host}")
	if e.streams.one.Name != "{{s}}-{host}" {
		t.Errorf("got stream %q before the first flight", e.streams.one.Name)
	}
	p, _ := streamname.Parse("{{s}}-{host}", false)
	p.Set(streamname.Host, host)
	for range 2 {
		if got, want := e.streams.take(0).Name, p.Name(time.Time{}); got != want {
			t.Errorf("got stream %q, want %q", got, want)
		}
	}
	told.Reset()
	e.TellFunction(nil)
	e.TellFunction(p.Set(streamname.Host, "x")) // it is set
	if told.Len() > 0 {
		t.Errorf("got %q, want nothing", told)
	}
	p, _ = streamname.Parse("{host}", false)
	e.tellName(streamname.Host, p.Set(streamname.Host, "a:b"))
	e.TellFunction(p.Set(streamname.Host, "a"))
	const line = "zapcw: stream /g/{{s}}-{host}: {host} is \"a:b\": no name of a stream holds that: it is \"a-b\" there: no events were lost\n"
	if got := told.String(); got != line {
		t.Errorf("got %q, want %q", got, line)
	}
}

// TestDrainNamesAll: what is still pending may be of several streams.
func TestDrainNamesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Options{Client: silence{}, Group: "/g", Stream: "s-{date}", Fallback: zapcore.AddSync(discard{})})
		for _, at := range []time.Time{time.Now(), time.Now().Add(-time.Hour)} {
			_ = e.Add(at, zapcore.InfoLevel, []byte("x"))
		}
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errors.New("out of patience"))
		defer cancel()
		const want = "drain /g/s-{date}: 2 events are still pending: put events to /g/s-{date}: out of patience"
		if err := e.Drain(ctx); err == nil || err.Error() != want {
			t.Errorf("Drain = %v, want %s", err, want)
		}
		ctx, cancel = context.WithTimeoutCause(context.Background(), time.Second, errors.New("out of patience"))
		defer cancel()
		err := e.Flush(ctx)
		if err == nil || !strings.HasPrefix(err.Error(), "sync /g/s-{date}: 2 events are on the fallback: put events to /g/s-1999-12-31: ") {
			t.Errorf("Flush = %v, want the pattern and the stream of the first", err)
		}
		synctest.Wait()
		if days := e.streams.pattern.days; len(days) != 1 || days[0].Name != "s-2000-01-01" || days[0].flights != 0 {
			t.Errorf("got %d streams when all is spilled, want that of today, without flights", len(days))
		}
	})
}

// silence is a client that never answers.
type silence struct{ delivery.Client }

func (silence) PutLogEvents(ctx context.Context, _ *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// TestLiteral: a name without placeholders costs nothing more than any engine.
func TestLiteral(t *testing.T) {
	e, _ := daily("s")
	if e.streams.pattern != nil {
		t.Error("got a pattern")
	}
	if n := testing.AllocsPerRun(100, func() {
		e.streams.release(e.streams.take(0))
		e.mu.Lock()
		defer e.mu.Unlock()
		e.streams.waitLocked(time.Now())
	}); n > 0 {
		t.Errorf("got %g allocations for a flight, want none", n)
	}
	for _, invalid := range []string{"{", "{nope}"} {
		e := New(Options{Group: "/g", Stream: invalid, Invalid: os.ErrInvalid, Fallback: zapcore.AddSync(new(strings.Builder))})
		if err := e.Add(time.Now(), zapcore.InfoLevel, []byte("x")); err != nil {
			t.Errorf("Add = %v, want nil", err)
		}
	}
}
