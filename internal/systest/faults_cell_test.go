package systest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// A wire is the transport to the server: it notes every request, and fails where
// the server cannot, before it is reached.
type wire struct {
	next http.RoundTripper

	mu         sync.Mutex
	times      []time.Time
	op         string
	err        error
	skip, left int
	until      time.Time
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if err := w.note(op); err != nil {
		return nil, err
	}
	return w.next.RoundTrip(r)
}

func (w *wire) note(op string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.times = append(w.times, now)
	if w.err == nil || op != w.op || !w.until.IsZero() && !now.Before(w.until) {
		return nil
	}
	if w.skip > 0 {
		w.skip--
		return nil
	}
	if w.left > 0 {
		if w.left--; w.left == 0 {
			defer func() { w.err = nil }()
		}
	}
	return w.err
}

// peak is the largest number of requests in any minute.
func (w *wire) peak() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	most, from := 0, 0
	for to, t := range w.times {
		for t.Sub(w.times[from]) >= time.Minute {
			from++
		}
		most = max(most, to-from+1)
	}
	return most
}

// A cell is one run of the matrix.
type cell struct {
	*testing.T
	fault
	moment
	span

	server *cwltest.Server
	wire   *wire
	spill  testkit.Buffer
	syncer *zapcw.Syncer
	core   zapcore.Core
	logged []string
}

func newCell(t *testing.T, f fault, m moment, s span) *cell {
	c := &cell{T: t, fault: f, moment: m, span: s, server: cwltest.NewServer(t)}
	c.wire = &wire{next: c.server.Transport()}
	c.syncer = &zapcw.Syncer{
		Client: c.server.Client(func(o *cloudwatchlogs.Options) { o.HTTPClient = &http.Client{Transport: c.wire} }),
		Group:  faultGroup, Stream: faultStream, Fallback: &c.spill, Retention: 7, MaxEvents: perCell,
	}
	if m.settle != nil {
		c.syncer.MaxEvents = 1000
	}
	c.core = zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), c.syncer, zap.DebugLevel)
	m.server(c.server)
	return c
}

func (c *cell) run() {
	if c.before {
		c.log("before")
		c.mustSettle(c.syncer.Sync(), nil, "Sync before the fault")
	}
	c.strike()
	begin := time.Now()
	for i := range perCell {
		if c.settle == nil || i < perCell-1 {
			c.log(fmt.Sprintf("event %d", i))
		}
	}
	want := c.want(c.fault, c.span)
	if c.settle != nil {
		if c.moment.name == "Fatal" {
			c.logged = append(c.logged, "event 3")
		} else {
			c.log("event 3")
		}
		at := time.Now()
		err := c.settle(c.syncer, c.core)
		if took := time.Since(at); took > testkit.Timeout+testkit.Grace {
			c.Errorf("%s took %s, want at most %s", c.moment.name, took, testkit.Timeout+testkit.Grace)
		}
		c.mustSettle(err, c.problem(want), c.moment.name)
		c.outcome(want, "when "+c.moment.name+" returned")
	}
	// Long after the fault, or long into it.
	time.Sleep(time.Until(begin.Add(c.lasts + 2*time.Minute)))
	c.balance()
	if c.settle == nil {
		if !c.forever() {
			c.outcome(want, "after the fault")
		}
		at := time.Now()
		err := c.syncer.Sync()
		if took := time.Since(at); took > testkit.Timeout+testkit.Grace {
			c.Errorf("Sync took %s, want at most %s", took, testkit.Timeout+testkit.Grace)
		}
		c.mustSettle(err, c.problem(want), "Sync")
	}
	c.outcome(want, "in the end")
	c.places(want)
	c.words(want)
	if got, most := c.wire.peak(), c.mostRequests(c.fault); got > most {
		c.Errorf("%d requests in a minute, want at most %d", got, most)
	}
	c.goesOn(want)
	_ = c.syncer.Close()
	c.balance()
	c.server.Heal()
	c.server.Close()
}

// strike installs the fault.
func (c *cell) strike() {
	skip := 0
	if c.poison {
		skip = 1
	}
	if c.broken != nil {
		c.wire.op, c.wire.err, c.wire.skip, c.wire.left = c.op, c.broken, skip, c.times
		if c.lasts > 0 {
			c.wire.until = time.Now().Add(c.lasts)
		}
	} else {
		f := c.reply
		f.Op, f.Skip, f.Times, f.For = c.op, skip, c.times, c.lasts
		c.server.Fail(f)
	}
	if c.poison {
		c.server.Fail(cwltest.Poison(func(e cwltest.Event) bool { return e.Message == "event 2" }))
	}
}

// log logs an event, which must not take any time.
func (c *cell) log(text string) {
	c.Helper()
	time.Sleep(time.Millisecond)
	c.logged = append(c.logged, text)
	at := time.Now()
	if err := c.core.Write(zapcore.Entry{Time: at, Message: text}, nil); err != nil {
		c.Errorf("Write(%q) = %v, want nil", text, err)
	}
	if took := time.Since(at); took > 0 {
		c.Errorf("Write(%q) took %s, want no time", text, took)
	}
}

// problem is what an error must satisfy, nil if there must be none.
func (c *cell) problem(want outcome) func(error) bool {
	switch {
	case want.delivered == perCell:
		return nil
	case want.delivered > 0: // the bad event alone
		return testkit.As[*types.InvalidParameterException]
	case want.late > 0:
		return func(err error) bool { return errors.Is(err, context.DeadlineExceeded) && c.is(err) }
	}
	return c.is
}

func (c *cell) mustSettle(err error, problem func(error) bool, what string) {
	c.Helper()
	switch {
	case problem == nil:
		if err != nil {
			c.Errorf("%s = %v, want nil", what, err)
		}
	case err == nil:
		c.Errorf("%s = nil, want what %s is about", what, c.fault.name)
	case !problem(err):
		c.Errorf("%s = %v, which is not about %s", what, err, c.fault.name)
	case !strings.Contains(err.Error(), faultGroup+"/"+faultStream):
		c.Errorf("%s = %v, want the stream's name in it", what, err)
	}
}

// outcome checks the counts.
func (c *cell) outcome(want outcome, when string) {
	c.Helper()
	st := c.syncer.Stats()
	others := len(c.logged) - perCell
	got := outcome{int(st.Delivered) - others, int(st.Rejected), int(st.SpilledAs.Refused), int(st.SpilledAs.Late)}
	if got != want {
		c.Errorf("%s: got %+v, want %+v", when, got, want)
	}
	if st.Rejected != st.RejectedAs.Invalid || st.Spilled != st.SpilledAs.Refused+st.SpilledAs.Late {
		c.Errorf("%s: other reasons than expected: %+v %+v", when, st.RejectedAs, st.SpilledAs)
	}
	if st.Pending != 0 || st.PendingBytes != 0 {
		c.Errorf("%s: got %d events, %d bytes pending, want none", when, st.Pending, st.PendingBytes)
	}
	c.balance()
}

func (c *cell) balance() {
	c.Helper()
	st := c.syncer.Stats()
	if st.Accepted != st.Delivered+st.Rejected+st.Spilled+st.Pending || st.Accepted != uint64(len(c.logged)) {
		c.Errorf("logged %d, got %d accepted, %d delivered, %d rejected, %d spilled, %d pending",
			len(c.logged), st.Accepted, st.Delivered, st.Rejected, st.Spilled, st.Pending)
	}
}

// places checks where the events are.
func (c *cell) places(want outcome) {
	c.Helper()
	there, here := make(map[string]int), make(map[string]int)
	for _, m := range c.server.Messages(faultGroup, faultStream) {
		there[m]++
	}
	events, _ := c.spill.Lines()
	for _, m := range events {
		here[m]++
	}
	twice := c.twice && c.op == "PutLogEvents"
	for _, m := range c.logged {
		switch n := there[m] + here[m]; {
		case n == 0:
			c.Errorf("%q is lost", m)
		case n > 1 && !twice:
			c.Errorf("%q: got it %d times in the stream and %d times on the fallback, want it once", m, there[m], here[m])
		case here[m] > 1:
			c.Errorf("%q is on the fallback %d times, want it once at most", m, here[m])
		}
	}
	if n := want.invalid + want.refused + want.late; len(events) != n {
		c.Errorf("got %d events on the fallback, want %d: %q", len(events), n, events)
	}
}

// words checks the lines that zapcw wrote to the fallback on its own account, and
// that they do not fill the disk.
func (c *cell) words(want outcome) {
	c.Helper()
	_, words := c.spill.Lines()
	class := c.moment.class(c.fault)
	quiet := class == doTake && (!c.poison || !c.once()) || class == doTolerate && c.outlasted() ||
		!c.poison && c.once() && (class == doHalve || class == doToken || class == doCreate || c.missesGroup()) ||
		c.once() && class == doRetry && want.invalid+want.refused+want.late == 0
	// One failed attempt is not reported yet, and a creation that was carried out
	// is found by the next attempt.
	open := c.twice && strings.HasPrefix(c.op, "Create")
	switch {
	case quiet && len(words) > 0:
		c.Errorf("got %q on the fallback, want no word", words)
	case !quiet && !open && len(words) == 0:
		c.Error("got no word on the fallback, want the cause")
	case class == doTolerate && !quiet && !strings.Contains(words[0], faultGroup):
		c.Errorf("got %q, want the group's name in it", words[0])
	}
	// One line a cause and minute, and there are never more than three causes.
	if most := 3 * (3 + int(c.lasts/time.Minute)); len(words) > most {
		c.Errorf("got %d lines of words on the fallback, want at most %d", len(words), most)
	}
	// Where creations are tried again, a put before each finds nothing.
	last, other := c.syncer.Stats().LastError, want.delivered > 0 || class == doRetry && c.op != "PutLogEvents"
	if !other && (last == nil || !c.is(last)) {
		c.Errorf("LastError is %v, which is not about %s", last, c.fault.name)
	}
}

// outlasted reports whether three tries of PutRetentionPolicy get over the fault:
// they follow one another closely, and all of them have three seconds.
func (c *cell) outlasted() bool {
	slow := c.reply.Break == cwltest.BlackHole || c.reply.After > 0
	return c.put == doRetry && c.once() && !slow
}

// missesGroup reports whether the fault is just what creates the group.
func (c *cell) missesGroup() bool { return c.put == doCreate && c.op == "CreateLogStream" }

// goesOn checks that the next event finds its way once the fault is over.
func (c *cell) goesOn(want outcome) {
	c.Helper()
	if c.closes {
		c.logged = append(c.logged, "later")
		if err := c.core.Write(zapcore.Entry{Message: "later"}, nil); !errors.Is(err, os.ErrClosed) {
			c.Errorf("Write after Close = %v, want os.ErrClosed", err)
		}
		if events, _ := c.spill.Lines(); !slices.Contains(events, "later") {
			c.Errorf("got %q on the fallback, want the event that was logged after Close too", events)
		}
		return
	}
	if c.forever() {
		return
	}
	c.log("later")
	c.mustSettle(c.syncer.Sync(), nil, "the next Sync")
	c.outcome(want, "with one event more")
	got := c.server.Messages(faultGroup, faultStream)
	if !slices.Contains(got, "later") {
		c.Errorf("got %q in the stream, want the later event too", got)
	}
	holes := 0
	for _, m := range got {
		if strings.HasPrefix(m, "zapcw: ") {
			holes++
			if n := fmt.Sprintf(" %d events went to the", want.late+want.refused); !strings.Contains(m, n) {
				c.Errorf("got %q, want %q in it", m, n)
			}
		}
	}
	if wantHoles := min(1, want.late+want.refused); holes != wantHoles {
		c.Errorf("got %d events that tell of a gap, want %d", holes, wantHoles)
	}
}
