package systest

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// A treatment is what is to be done about an error.
type treatment int8

const (
	doNothing  treatment = iota // the operation knows no such error
	doRetry                     // kept in memory, tried again with back-off
	doCreate                    // what is missing is created, then put again
	doToken                     // put again with another token
	doHalve                     // bisected until the bad event stands alone
	doTake                      // as good as success
	doRefuse                    // to the fallback at once
	doTolerate                  // a line on the fallback, and no event is lost
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

// wired is a network fault that the server cannot simulate.
func wired(name string, err error, is func(error) bool) fault {
	return fault{name, doRetry, doRetry, doRetry, doTolerate, cwltest.Fault{}, err, false, is}
}

func (f fault) say(message string) fault { f.reply.Message = message; return f }

func (f fault) with(name string) fault { f.name += ", " + name; return f }

func (f fault) carriedOut() fault { f.reply.Commit = true; return f }

func (f fault) putOnly() fault {
	f.stream, f.group, f.retain = doNothing, doNothing, doNothing
	return f
}

func (f fault) ambiguous() fault { f.twice = true; return f }

func (f fault) extra(k string, v any) fault { f.reply.Extra = map[string]any{k: v}; return f }

// answered recognises an answer of which only the status could be read.
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
	service("InvalidParameterException", doHalve, doRefuse, doRefuse, doTolerate, testkit.As[*types.InvalidParameterException]),
	service("InvalidParameterException", doRefuse, doRefuse, doRefuse, doNothing, testkit.As[*types.InvalidParameterException]).with("of a name").
		say("1 validation error detected: Value 's' at 'logStreamName' failed to satisfy constraint, as does 'logGroupName'"),
	service("InvalidSequenceTokenException", doToken, doNothing, doNothing, doNothing, testkit.As[*types.InvalidSequenceTokenException]).
		extra("expectedSequenceToken", "4711"),
	service("DataAlreadyAcceptedException", doTake, doNothing, doNothing, doNothing, testkit.As[*types.DataAlreadyAcceptedException]).carriedOut(),
	service("ResourceNotFoundException", doCreate, doRetry, doRetry, doTolerate, testkit.As[*types.ResourceNotFoundException]),
	service("ServiceUnavailableException", doRetry, doRetry, doRetry, doTolerate, testkit.As[*types.ServiceUnavailableException]),
	service("UnrecognizedClientException", doRefuse, doRefuse, doRefuse, doTolerate, testkit.As[*types.UnrecognizedClientException]),
	service("ResourceAlreadyExistsException", doNothing, doTake, doTake, doNothing, testkit.As[*types.ResourceAlreadyExistsException]).carriedOut(),
	service("LimitExceededException", doRetry, doRetry, doRetry, doTolerate, testkit.As[*types.LimitExceededException]),
	service("OperationAbortedException", doRetry, doRetry, doRetry, doTolerate, testkit.As[*types.OperationAbortedException]),
	service("ThrottlingException", doRetry, doRetry, doRetry, doTolerate, testkit.Coded("ThrottlingException")),
	service("ExpiredTokenException", doRetry, doRetry, doRetry, doTolerate, testkit.Coded("ExpiredTokenException")),
	service("AccessDeniedException", doRefuse, doRefuse, doRefuse, doTolerate, testkit.Coded("AccessDeniedException")),
	service("InvalidSignatureException", doRefuse, doRefuse, doRefuse, doTolerate, testkit.Coded("InvalidSignatureException")),
	service("NobodyKnowsException", doRefuse, doRefuse, doRefuse, doTolerate, testkit.Coded("NobodyKnowsException")),

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

	network("reset before the body", cwltest.Fault{Break: cwltest.ResetBeforeBody}, testkit.Is(syscall.ECONNRESET)),
	network("reset in the body", cwltest.Fault{Break: cwltest.ResetMidBody}, testkit.Is(syscall.ECONNRESET)),
	network("reset after the body", cwltest.Fault{Break: cwltest.ResetAfterBody}, testkit.Is(syscall.ECONNRESET)),
	network("reset in the answer", cwltest.Fault{Break: cwltest.ResetMidReply}, testkit.Is(io.ErrUnexpectedEOF)).ambiguous().putOnly(),
	network("stored, answer lost", cwltest.Fault{Break: cwltest.ResetAfterBody}, testkit.Is(syscall.ECONNRESET)).carriedOut().ambiguous(),
	network("answer after the time-out", cwltest.Fault{After: slowest}, testkit.Is(context.DeadlineExceeded)).ambiguous(),
	network("black hole", cwltest.Fault{Break: cwltest.BlackHole}, testkit.Is(context.DeadlineExceeded)),
	wired("connection refused", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, testkit.Is(syscall.ECONNREFUSED)),
	wired("no such host", &net.DNSError{Err: "no such host", Name: "logs.invalid", IsNotFound: true}, testkit.As[*net.DNSError]),
	wired("unknown authority", x509.UnknownAuthorityError{}, testkit.As[x509.UnknownAuthorityError]),
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

func ofPut(f fault) treatment { return f.put }

func ofStream(f fault) treatment { return f.stream }

func ofGroup(f fault) treatment { return f.group }

func ofRetain(f fault) treatment { return f.retain }

func streamExists(s *cwltest.Server) { s.CreateStream(faultGroup, faultStream) }

func groupExists(s *cwltest.Server) { s.CreateStream(faultGroup, "another") }

func nothingExists(*cwltest.Server) {}

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

func (s span) once() bool { return s.times > 0 }

func (s span) forever() bool { return s.times == 0 && s.lasts == 0 }

// An outcome is how many of a cell's events met which fate.
type outcome struct{ delivered, invalid, refused, late int }

// perCell is how many events are logged while the fault strikes.
const perCell = 4

// waits reports whether the events wait for the end of the fault.
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
		// A Sync waits for ten seconds. What was created although the
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

// TestFaults is the matrix of what may go wrong, when, and for how long.
func TestFaults(t *testing.T) {
	t.Parallel()
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
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { newCell(t, f, m, s).run() })
				})
			}
		}
	}
	t.Logf("%d cells", cells)
}
