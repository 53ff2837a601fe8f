package cwltest

import (
	"cmp"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Fault describes a scripted failure: which calls it strikes, and what becomes of
// them. [Server.Fail] activates it. A field with its zero value changes nothing, so
//
//	Fault{Op: "PutLogEvents", Times: 2, Code: "ThrottlingException"}
//
// throttles the next two puts, and Fault{Break: BlackHole} hangs every call.
// A Fault that says nothing about what becomes of a call only counts.
type Fault struct {
	// Op names the operations that are struck, separated by spaces. Patterns of
	// [path.Match], like "Create*", work too. Empty means every operation.
	Op string

	// Match, when set, reports whether a call is struck. It must be safe for
	// concurrent use, and must not keep or change the request or its events.
	// Because it looks at the body, a fault with Match cannot break the
	// connection before the body was read: ResetBeforeBody and ResetMidBody
	// become ResetAfterBody.
	Match func(*Request) bool

	// Skip is how many matching calls are let through before the first is struck.
	Skip int

	// Times is how many calls are struck before the fault is spent. 0 means
	// no end.
	Times int

	// For is how long the fault lasts, counted from Server.Fail by
	// [time.Now]: inside a testing/synctest bubble that is virtual time. 0
	// means no end.
	For time.Duration

	// PerSecond makes the fault a quota: only calls beyond this rate are struck.
	// Unused calls are saved up, for a second at most. Code then defaults to
	// ThrottlingException, unless the fault has another reply or a Break.
	PerSecond float64

	// Code is the error that is returned, like "ThrottlingException", instead
	// of carrying the call out. Message defaults to the service's own text for
	// it, Status to 503 for ServiceUnavailable..., 500 for Internal... and 400
	// for others. Extra holds further members of the body, like
	// "expectedSequenceToken".
	Code    string
	Message string
	Extra   map[string]any

	// Status and Body, without a Code, are returned as they are, instead of
	// carrying the call out: a load balancer's page, truncated JSON, or, with
	// only a Status of 200, an empty response. Status defaults to 200 when there
	// is a Body; ContentType to that of the service.
	Status      int
	Body        string
	ContentType string

	// Commit carries the call out although the caller learns otherwise: its
	// events are stored, its group or stream is created, and then the reply above
	// or the Break replaces the response.
	Commit bool

	// Reject is reported by a put that is carried out. Each index that is set
	// replaces the server's own, and means what it means in the API. The events
	// that it names are not stored, unless Keep is set.
	Reject *types.RejectedLogEventsInfo
	Keep   bool

	// RejectEntity is reported for the entity of a put that is carried out.
	RejectEntity types.EntityRejectionErrorType

	// Before is the delay between reading a call and carrying it out, After the
	// delay between that and the response. Both end when the client gives up.
	Before, After time.Duration

	// Break says how the connection breaks, if it does.
	Break Break

	tags bool // made by Deny: a CreateLogGroup is struck for its tags alone
}

// Break is a way in which a connection fails.
type Break int8

const (
	_ Break = iota

	// BlackHole reads the request and never answers. It ends when the client
	// gives up or the server is closed.
	BlackHole

	// ResetBeforeBody resets the connection after the head of the request was
	// read, and before its body.
	ResetBeforeBody

	// ResetMidBody resets the connection after half of the body was read.
	ResetMidBody

	// ResetAfterBody resets the connection after the whole request was read.
	ResetAfterBody

	// ResetMidReply breaks the connection in the middle of the answer. The
	// call is carried out unless the fault has a reply of its own.
	ResetMidReply
)

// String returns the name under which [Stats] counts calls with this break.
func (b Break) String() string {
	switch b {
	case 0:
		return "none"
	case BlackHole:
		return "black hole"
	case ResetBeforeBody:
		return "reset before body"
	case ResetMidBody:
		return "reset mid body"
	case ResetAfterBody:
		return "reset after body"
	case ResetMidReply:
		return "reset mid reply"
	}
	return "unknown"
}

// Deny returns a Fault that denies IAM actions, like "logs:CreateLogGroup" or
// "logs:Describe*", with an AccessDeniedException. A CreateLogGroup with tags
// also needs logs:TagResource.
func Deny(actions ...string) Fault {
	ops := make([]string, len(actions))
	for i, action := range actions {
		ops[i] = strings.TrimPrefix(action, "logs:")
	}
	f := Fault{Code: "AccessDeniedException"}
	if named(ops, "TagResource") && !named(ops, "CreateLogGroup") {
		ops = append(ops, "CreateLogGroup")
		f.tags = true
		f.Match = func(r *Request) bool { return r.Op != "CreateLogGroup" || r.tagged }
	}
	f.Op = strings.Join(ops, " ")
	return f
}

// Poison returns a Fault that refuses every put with an event for which bad returns
// true, as a whole, with an InvalidParameterException.
func Poison(bad func(Event) bool) Fault {
	return Fault{
		Op:      "PutLogEvents",
		Match:   func(r *Request) bool { return slices.ContainsFunc(r.Events, bad) },
		Code:    "InvalidParameterException",
		Message: "Log event is not acceptable.",
	}
}

// Fail activates a fault and returns a function that removes it. If several faults
// match a call, only the one that was added first strikes, even if it merely
// delays; a call that it skips, or that stays within its quota, goes on to the
// next. Requests with a refused signature or an unknown operation meet no fault.
func (s *Server) Fail(f Fault) (remove func()) {
	if f.PerSecond > 0 && !f.replies() && f.Break == 0 {
		f.Code = "ThrottlingException"
	}
	installed := &fault{
		Fault: f,
		ops:   strings.Fields(f.Op),
		since: time.Now(),
		quota: bucket{rate: f.PerSecond},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(slices.Clip(s.faults), installed)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(slices.Clone(s.faults), func(f *fault) bool { return f == installed })
	}
}

// Heal removes all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault is a Fault in force.
type fault struct {
	Fault
	ops   []string
	since time.Time

	mu    sync.Mutex // guards what follows
	seen  int        // calls that passed Op, Match and PerSecond
	quota bucket
}

// replies reports whether the fault has an answer of its own.
func (f *Fault) replies() bool { return f.Code != "" || f.Status != 0 || f.Body != "" }

// reply returns the fault's own answer.
func (f *Fault) reply(req *Request) reply {
	if f.Code != "" {
		message := f.Message
		switch {
		case message != "":
		case f.tags && req.Op == "CreateLogGroup":
			message = fmt.Sprintf("User with accountId: %s is not authorized to perform CreateLogGroup with Tags."+
				` An additional permission "logs:TagResource" is required.`, account)
		default:
			message = usualMessage(f.Code, req)
		}
		return (&apiError{status: f.Status, code: f.Code, message: message, extra: f.Extra}).reply()
	}
	r := reply{status: cmp.Or(f.Status, http.StatusOK), contentType: cmp.Or(f.ContentType, contentType), body: []byte(f.Body)}
	if r.status/100 != 2 {
		r.code = fmt.Sprintf("HTTP %d", r.status)
	}
	return r
}

// carries reports whether the call takes effect.
func (f *Fault) carries() bool {
	return f.Commit || !f.replies() && (f.Break == 0 || f.Break == ResetMidReply)
}

// early reports whether the fault can strike before the body was read.
func (f *fault) early() bool {
	return f.Match == nil && (f.Break == ResetBeforeBody || f.Break == ResetMidBody)
}

// concerns reports whether the fault is about an operation, and still in force.
func (f *fault) concerns(op string, now time.Time) bool {
	if f.For > 0 && now.Sub(f.since) >= f.For {
		return false
	}
	return len(f.ops) == 0 || named(f.ops, op)
}

// named reports whether one of patterns stands for an operation.
func named(patterns []string, op string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, op)
		return ok && err == nil
	})
}

// strikes counts a call that the fault concerns and reports whether it is struck.
func (f *fault) strikes(req *Request, now time.Time) bool {
	if f.Match != nil && !f.Match(req) { // not under the mutex: it is the user's
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Times > 0 && f.seen >= f.Skip+f.Times {
		return false
	}
	if f.PerSecond > 0 && f.quota.take(now) {
		return false
	}
	f.seen++
	return f.seen > f.Skip
}

// bucket is a token bucket that holds what a second brings, at least one.
type bucket struct {
	rate   float64 // tokens a second
	tokens float64
	filled time.Time // zero: never, the bucket is full
}

func (b *bucket) take(now time.Time) bool {
	most := max(b.rate, 1)
	if b.filled.IsZero() {
		b.tokens = most
	} else if passed := now.Sub(b.filled); passed > 0 {
		b.tokens = min(most, b.tokens+passed.Seconds()*b.rate)
	}
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
