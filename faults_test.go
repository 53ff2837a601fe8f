package zapcw_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// A treatment is what section 5 of the design wants done about an error.
type treatment int8

const (
	doNothing  treatment = iota // the operation knows no such error
	doRetry                     // kept in memory, tried again with back-off
	doCreate                    // what is missing is created, then put again
	doToken                     // put again with another token
	doHalve                     // bisected until the bad event stands alone
	doTake                      // as good as success
	doRefuse                    // to the fallback at once
	doTolerate                  // a word on the fallback, and no event suffers
)

// A fault is something that goes wrong, and what is to be done about it if a
// put, a creation of the stream or of the group, or the retention meets it.
type fault struct {
	name                       string
	put, stream, group, retain treatment

	reply  cwltest.Fault // the service's
	broken error         // the network's, in place of reply

	// twice says that the put may be carried out, although it fails.
	twice bool
	// is recognises what the caller gets to see.
	is func(error) bool
}

// service is an error of the service, with what the operations do about it.
func service(code string, put, stream, group, retain treatment, is func(error) bool) fault {
	return fault{code, put, stream, group, retain, cwltest.Fault{Code: code}, nil, false, is}
}

// network is a fault that may strike everything and passes.
func network(name string, reply cwltest.Fault, is func(error) bool) fault {
	return fault{name, doRetry, doRetry, doRetry, doTolerate, reply, nil, false, is}
}

// wired is a network fault that the server cannot play.
func wired(name string, err error, is func(error) bool) fault {
	return fault{name, doRetry, doRetry, doRetry, doTolerate, cwltest.Fault{}, err, false, is}
}

func (f fault) say(message string) fault { f.reply.Message = message; return f }
func (f fault) with(name string) fault   { f.name += ", " + name; return f }
func (f fault) carriedOut() fault        { f.reply.Commit = true; return f }
func (f fault) putOnly() fault {
	f.stream, f.group, f.retain = doNothing, doNothing, doNothing
	return f
}
func (f fault) ambiguous() fault            { f.twice = true; return f }
func (f fault) extra(k string, v any) fault { f.reply.Extra = map[string]any{k: v}; return f }
func is[E error](err error) bool            { var e E; return errors.As(err, &e) }
func isA(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}
func said(part string) func(error) bool {
	return func(err error) bool { return strings.Contains(err.Error(), part) }
}
func coded(code string) func(err error) bool {
	return func(err error) bool { return codeOf(err) == code }
}

func codeOf(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

// answered recognises a status with which nothing came that could be read.
func answered(status int) func(error) bool {
	return func(err error) bool {
		var e *smithyhttp.ResponseError
		return errors.As(err, &e) && e.HTTPStatusCode() == status
	}
}

// slowest is longer than any time-out of a request.
const slowest = 40 * time.Second

// faults is the table: on each line the name, then what is done about it in
// PutLogEvents, CreateLogStream, CreateLogGroup and PutRetentionPolicy.
var faults = []fault{
	service("InvalidParameterException", doHalve, doRefuse, doRefuse, doTolerate, is[*types.InvalidParameterException]),
	service("InvalidParameterException", doRefuse, doRefuse, doRefuse, doNothing, is[*types.InvalidParameterException]).with("of a name").
		say("1 validation error detected: Value 's' at 'logStreamName' failed to satisfy constraint, as does 'logGroupName'"),
	service("InvalidSequenceTokenException", doToken, doNothing, doNothing, doNothing, is[*types.InvalidSequenceTokenException]).
		extra("expectedSequenceToken", "4711"),
	service("DataAlreadyAcceptedException", doTake, doNothing, doNothing, doNothing, is[*types.DataAlreadyAcceptedException]).carriedOut(),
	service("ResourceNotFoundException", doCreate, doRetry, doRetry, doTolerate, is[*types.ResourceNotFoundException]),
	service("ServiceUnavailableException", doRetry, doRetry, doRetry, doTolerate, is[*types.ServiceUnavailableException]),
	service("UnrecognizedClientException", doRefuse, doRefuse, doRefuse, doTolerate, is[*types.UnrecognizedClientException]),
	service("ResourceAlreadyExistsException", doNothing, doTake, doTake, doNothing, is[*types.ResourceAlreadyExistsException]).carriedOut(),
	service("LimitExceededException", doRetry, doRetry, doRetry, doTolerate, is[*types.LimitExceededException]),
	service("OperationAbortedException", doRetry, doRetry, doRetry, doTolerate, is[*types.OperationAbortedException]),
	service("ThrottlingException", doRetry, doRetry, doRetry, doTolerate, coded("ThrottlingException")),
	service("ExpiredTokenException", doRetry, doRetry, doRetry, doTolerate, coded("ExpiredTokenException")),
	service("AccessDeniedException", doRefuse, doRefuse, doRefuse, doTolerate, coded("AccessDeniedException")),
	service("InvalidSignatureException", doRefuse, doRefuse, doRefuse, doTolerate, coded("InvalidSignatureException")),
	service("NobodyKnowsException", doRefuse, doRefuse, doRefuse, doTolerate, coded("NobodyKnowsException")),

	network("status 500", cwltest.Fault{Status: 500}, answered(500)),
	network("status 502", cwltest.Fault{Status: 502}, answered(502)),
	network("status 503", cwltest.Fault{Status: 503}, answered(503)),
	network("status 504", cwltest.Fault{Status: 504}, answered(504)),
	network("HTML with 502", cwltest.Fault{Status: 502, Body: "<html>Bad Gateway</html>", ContentType: "text/html"}, answered(502)),
	// Where an answer says nothing, the SDK does not read it: any will do.
	network("HTML with 200", cwltest.Fault{Body: "<html>Please log in to the WLAN</html>", ContentType: "text/html"}, answered(200)).putOnly(),
	network("truncated error", cwltest.Fault{Status: 400, Body: `{"__type":"Thrott`}, answered(400)),
	network("truncated answer", cwltest.Fault{Body: `{"nextSeq`}, answered(200)).carriedOut().ambiguous().putOnly(),
	// Nobody can tell an empty answer from one that says that all is well.
	{"empty answer", doTake, doTake, doTake, doTake, cwltest.Fault{Status: 200, Commit: true}, nil, false, nil},

	network("reset before the body", cwltest.Fault{Break: cwltest.ResetBeforeBody}, isA(syscall.ECONNRESET)),
	network("reset in the body", cwltest.Fault{Break: cwltest.ResetMidBody}, isA(syscall.ECONNRESET)),
	network("reset after the body", cwltest.Fault{Break: cwltest.ResetAfterBody}, isA(syscall.ECONNRESET)),
	network("reset in the answer", cwltest.Fault{Break: cwltest.ResetMidReply}, isA(io.ErrUnexpectedEOF)).ambiguous().putOnly(),
	network("stored, answer lost", cwltest.Fault{Break: cwltest.ResetAfterBody}, isA(syscall.ECONNRESET)).carriedOut().ambiguous(),
	network("answer after the time-out", cwltest.Fault{After: slowest}, isA(context.DeadlineExceeded)).ambiguous(),
	network("black hole", cwltest.Fault{Break: cwltest.BlackHole}, isA(context.DeadlineExceeded)),
	wired("connection refused", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, isA(syscall.ECONNREFUSED)),
	wired("no such host", &net.DNSError{Err: "no such host", Name: "logs.invalid", IsNotFound: true}, is[*net.DNSError]),
	wired("unknown authority", x509.UnknownAuthorityError{}, is[x509.UnknownAuthorityError]),
}

// A moment is when a fault strikes.
type moment struct {
	name   string
	op     string // which is struck
	class  func(fault) treatment
	server func(*cwltest.Server) // what is there already
	before bool                  // a put went well
	poison bool                  // the third event is bad, and the fault strikes the second put
	// settle is the call that is in progress, nil if the buffer just fills.
	settle func(*zapcw.Syncer, zapcore.Core) error
	closes bool
	// brief leaves out the hour of attempts that other moments have already.
	brief bool
	// round is the largest number of requests in one attempt: with
	// ResourceNotFound or a wrong token a put takes four detours.
	round int
}

func ofPut(f fault) treatment    { return f.put }
func ofStream(f fault) treatment { return f.stream }
func ofGroup(f fault) treatment  { return f.group }
func ofRetain(f fault) treatment { return f.retain }

func streamExists(s *cwltest.Server) { s.CreateStream(faultGroup, faultStream) }
func groupExists(s *cwltest.Server)  { s.CreateStream(faultGroup, "another") }
func nothingExists(*cwltest.Server)  {}

const faultGroup, faultStream = "/fault", "orders"

var moments = []moment{
	{name: "first put", op: "PutLogEvents", class: ofPut, server: streamExists, round: 9},
	{name: "later put", op: "PutLogEvents", class: ofPut, server: streamExists, before: true, round: 9, brief: true},
	{name: "create stream", op: "CreateLogStream", class: ofStream, server: groupExists, round: 4, brief: true},
	{name: "create group", op: "CreateLogGroup", class: ofGroup, server: nothingExists, round: 4},
	{name: "retention", op: "PutRetentionPolicy", class: ofRetain, server: nothingExists, round: 7},
	{name: "bisect", op: "PutLogEvents", class: ofPut, server: streamExists, poison: true, round: 9, brief: true},
	{name: "Sync", op: "PutLogEvents", class: ofPut, server: streamExists, round: 9,
		settle: func(s *zapcw.Syncer, _ zapcore.Core) error { return s.Sync() }},
	{name: "Close", op: "PutLogEvents", class: ofPut, server: streamExists, round: 9, closes: true,
		settle: func(s *zapcw.Syncer, _ zapcore.Core) error { return s.Close() }},
	{name: "Fatal", op: "PutLogEvents", class: ofPut, server: streamExists, round: 9,
		settle: func(_ *zapcw.Syncer, c zapcore.Core) error {
			return c.Write(zapcore.Entry{Level: zapcore.FatalLevel, Time: time.Now(), Message: "event 3"}, nil)
		}},
}

// A span is how long a fault lasts.
type span struct {
	name  string
	times int           // calls that are struck; 0 means any number
	lasts time.Duration // 0 means for ever
}

var spans = []span{
	{"once", 1, 0},
	{"20 s", 0, 20 * time.Second},
	{"1 h", 0, time.Hour},
	{"for ever", 0, 0},
}

func (s span) once() bool    { return s.times > 0 }
func (s span) forever() bool { return s.times == 0 && s.lasts == 0 }

// An outcome is how many of a cell's events met which fate.
type outcome struct{ delivered, invalid, refused, late int }

// perCell is how many events are logged while the fault strikes.
const perCell = 4

// waits tells whether the events wait for the end of the fault.
func (m moment) waits(f fault) bool {
	c := m.class(f)
	return c == doRetry || c == doCreate || c == doToken
}

// want derives the outcome from the table.
func (m moment) want(f fault, s span) outcome {
	healed := outcome{delivered: perCell}
	if m.poison {
		healed = outcome{delivered: perCell - 1, invalid: 1}
	}
	switch m.class(f) {
	case doRetry, doCreate, doToken:
		// Who waits waits for ten seconds. What was created although the
		// answer says otherwise is there for the next put.
		if !(f.twice && m.op != "PutLogEvents") && (s.forever() || m.settle != nil && !s.once()) {
			return outcome{late: perCell}
		}
	case doHalve:
		if !s.once() {
			return outcome{invalid: perCell}
		}
	case doRefuse:
		return outcome{refused: perCell}
	case doTake:
		if !s.once() { // and the bad event with the others
			return outcome{delivered: perCell}
		}
	}
	return healed
}

// The bound on requests. Between attempts lie at least a tenth of 100 ms, 200 ms
// and so on to 30 s, together 2.55 s for the first eight and then 3 s each, so
// a minute sees at most 1+8+20 attempts; 12 s (the expected pause is 55 %) and
// then 16.5 s each is what is usual. An attempt is one request, or m.round with
// the detours for what is missing. Bisecting four events takes 7 puts, and a
// creation and the events before and after the fault take some more.
func (m moment) mostRequests(f fault) int {
	const attempts, others = 29, 16
	switch m.class(f) {
	case doCreate, doToken:
		return attempts*m.round + others
	case doRetry:
		if m.op != "PutLogEvents" {
			return attempts*m.round + others
		}
		return attempts + others
	}
	return others
}

// A wire is the way to the server: it notes every request, and breaks where the
// server would have to be reached first.
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

// TestFaults is the matrix of what may go wrong, when, and for how long.
func TestFaults(t *testing.T) {
	cells := 0
	for _, f := range faults {
		for _, m := range moments {
			if m.class(f) == doNothing {
				continue
			}
			for _, s := range spans {
				if m.brief && s.lasts == time.Hour && m.waits(f) {
					continue
				}
				cells++
				t.Run(f.name+"/"+m.name+"/"+s.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { newCell(t, f, m, s).run() })
				})
			}
		}
	}
	t.Logf("%d cells", cells)
}

// A cell is one run of the matrix.
type cell struct {
	*testing.T
	fault
	moment
	span

	server *cwltest.Server
	wire   *wire
	spill  safeBuffer
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
		if took := time.Since(at); took > timeout+grace {
			c.Errorf("%s took %s, want at most %s", c.moment.name, took, timeout+grace)
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
		if took := time.Since(at); took > timeout+grace {
			c.Errorf("Sync took %s, want at most %s", took, timeout+grace)
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

const (
	timeout = 10 * time.Second
	grace   = 200 * time.Millisecond
)

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
		return is[*types.InvalidParameterException]
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
	events, _ := c.spill.lines()
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

// words checks what was said, and that it does not fill the disk.
func (c *cell) words(want outcome) {
	c.Helper()
	_, words := c.spill.lines()
	class := c.moment.class(c.fault)
	quiet := class == doTake && (!c.poison || !c.once()) || class == doTolerate && c.outlasted() ||
		!c.poison && c.once() && (class == doHalve || class == doToken || class == doCreate || c.missesGroup()) ||
		c.once() && class == doRetry && want.invalid+want.refused+want.late == 0
	// One failed attempt is not yet told, and a creation that was carried out
	// is found out by the next.
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

// outlasted tells whether three tries of PutRetentionPolicy get over the fault:
// they follow one another closely, and all of them have three seconds.
func (c *cell) outlasted() bool {
	slow := c.reply.Break == cwltest.BlackHole || c.reply.After > 0
	return c.put == doRetry && c.once() && !slow
}

// missesGroup tells whether the fault is just what creates the group.
func (c *cell) missesGroup() bool { return c.put == doCreate && c.op == "CreateLogStream" }

// goesOn checks that the next event finds its way once the fault is over.
func (c *cell) goesOn(want outcome) {
	c.Helper()
	if c.closes {
		c.logged = append(c.logged, "later")
		if err := c.core.Write(zapcore.Entry{Message: "later"}, nil); !errors.Is(err, os.ErrClosed) {
			c.Errorf("Write after Close = %v, want os.ErrClosed", err)
		}
		if events, _ := c.spill.lines(); !slices.Contains(events, "later") {
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

// TestPoison checks what bad events cost: 2·log2(n)+2 puts more than none for
// one, and so much for each of several at the worst, never a neighbour.
func TestPoison(t *testing.T) {
	for _, tt := range []struct {
		name string
		n    int
		bad  func(i int) bool
		k    int
		// most puts: for one bad event 2·log2(n) more than one. k bad ones
		// spread cost k·2·log2(n/k) and the 2k that lead to k parts; side by
		// side they cost 2k and the two edges.
		most int
		// a minute sees at most so many puts
		peak int
	}{
		{"one in the middle", 10_000, func(i int) bool { return i == 6789 }, 1, 1 + 2*14, 29},
		{"the first", 10_000, func(i int) bool { return i == 0 }, 1, 1 + 2*14, 29},
		{"the last", 10_000, func(i int) bool { return i == 9999 }, 1, 1 + 2*14, 29},
		{"one alone", 1, func(i int) bool { return true }, 1, 1, 1},
		{"one of two", 2, func(i int) bool { return i == 1 }, 1, 3, 3},
		{"8 spread", 4096, func(i int) bool { return i%512 == 100 }, 8, 8*2*9 + 2*8 + 2, 162},
		{"8 side by side", 4096, func(i int) bool { return i >= 2044 && i < 2052 }, 8, 2*8 + 2*2*12, 64},
		// The service finds fault with everything: 64 puts at once, then one a second.
		{"all", 256, func(i int) bool { return true }, 256, 2*256 - 1, 64 + 61},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := cwltest.NewServer(t)
				srv.CreateStream(faultGroup, faultStream)
				srv.Fail(cwltest.Poison(func(e cwltest.Event) bool { return strings.HasPrefix(e.Message, "bad") }))
				var spill safeBuffer
				s := &zapcw.Syncer{Client: srv.Client(), Group: faultGroup, Stream: faultStream, Fallback: &spill, MaxEvents: 1 << 20}
				var good, bad []string
				for i := range tt.n {
					text := fmt.Sprintf("good %d", i)
					if tt.bad(i) {
						text = fmt.Sprintf("bad %d", i)
						bad = append(bad, text)
					} else {
						good = append(good, text)
					}
					if _, err := s.Write([]byte(text)); err != nil {
						t.Fatalf("Write = %v, want nil", err)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if err := s.Flush(ctx); !is[*types.InvalidParameterException](err) {
					t.Errorf("Flush = %v, want an InvalidParameterException", err)
				}
				if got := srv.Messages(faultGroup, faultStream); !slices.Equal(got, good) {
					t.Errorf("got %d events in the stream, want the %d good ones in their order", len(got), len(good))
				}
				events, words := spill.lines()
				if !slices.Equal(events, bad) {
					t.Errorf("got %d events on the fallback, want the %d bad ones in their order", len(events), len(bad))
				}
				if len(words) == 0 || !strings.Contains(words[0], "Log event is not acceptable.") {
					t.Errorf("got %q on the fallback, want what the service says about the event", words)
				}
				st := srv.Stats()
				if got := st.Calls["PutLogEvents"]; got > tt.most {
					t.Errorf("got %d puts for %d bad of %d events, want at most %d", got, len(bad), tt.n, tt.most)
				} else {
					t.Logf("%d puts, at most %d", got, tt.most)
				}
				if got := st.Peak("PutLogEvents", time.Minute); got > tt.peak {
					t.Errorf("got %d puts in a minute, want at most %d", got, tt.peak)
				}
				if got := s.Stats(); got.RejectedAs.Invalid != uint64(tt.k) || got.Delivered != uint64(tt.n-tt.k) || got.Pending != 0 {
					t.Errorf("got %+v, want %d rejected as invalid and the rest delivered", got, tt.k)
				}
			})
		})
	}
}
