package cwltest

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
)

const (
	contentType     = "application/x-amz-json-1.1"
	eventStreamType = "application/vnd.amazon.eventstream"
	target          = "Logs_20140328."

	// maxBody bounds a body as sent and as unpacked. The largest good batch
	// is 1 MiB, of which JSON may make six.
	maxBody = 16 << 20
)

// operation is one operation of the API.
type operation struct {
	decode func(body []byte) (input, *apiError)
	serve  func(*Server, *call) (any, *apiError) // c.in is what decode returned
}

// input is the decoded body of a request.
type input interface {
	// names returns the group and the stream that the request is about.
	names() (group, stream string)
}

// answers maps the names of operations to what serves them.
var answers = map[string]operation{
	"CreateLogGroup":        answer((*Server).createLogGroup),
	"CreateLogStream":       answer((*Server).createLogStream),
	"DeleteLogGroup":        answer((*Server).deleteLogGroup),
	"DeleteLogStream":       answer((*Server).deleteLogStream),
	"DeleteRetentionPolicy": answer((*Server).deleteRetentionPolicy),
	"DescribeLogGroups":     answer((*Server).describeLogGroups),
	"DescribeLogStreams":    answer((*Server).describeLogStreams),
	"FilterLogEvents":       answer((*Server).filterLogEvents),
	"GetLogEvents":          answer((*Server).getLogEvents),
	"ListTagsForResource":   answer((*Server).listTagsForResource),
	"PutLogEvents":          answerWith(decodePut, (*Server).putLogEvents),
	"PutRetentionPolicy":    answer((*Server).putRetentionPolicy),
	"StartLiveTail":         answer((*Server).startLiveTail),
}

func answer[T any, P interface {
	*T
	input
}](serve func(*Server, *call, P) (any, *apiError)) operation {
	return answerWith(decode[T], func(s *Server, c *call, in *T) (any, *apiError) { return serve(s, c, P(in)) })
}

func answerWith[T any](decode func([]byte) (*T, *apiError), serve func(*Server, *call, *T) (any, *apiError)) operation {
	return operation{
		decode: func(body []byte) (input, *apiError) {
			in, err := decode(body)
			if err != nil {
				return nil, err
			}
			return any(in).(input), nil
		},
		serve: func(s *Server, c *call) (any, *apiError) { return serve(s, c, c.in.(any).(*T)) },
	}
}

// call is a request on its way through the server.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	req   Request // what is known by now
	rec   *record // what was entered of it
	sig   signature
	op    operation
	in    input
	fault *fault // that strikes, or nil
}

// reply is an answer in the making.
type reply struct {
	status      int
	code        string // as in Request.Code
	errorType   string // the header of that name
	contentType string
	body        []byte
	stream      eventStream // in place of a body, or nil
}

// ServeHTTP answers a request of the API, so that a Server can also stand
// behind a user's own http.Server or middleware. There, a fault that resets
// the connection needs a ResponseWriter that is a [http.Hijacker]; without
// one the handler panics with [http.ErrAbortHandler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, r: r}
	s.arrive(c)
	refused := s.admit(c)
	admitted := refused == nil
	early := admitted && !s.matching(c.req.Op)
	if early && s.strike(c) && c.fault.early() {
		if c.fault.Break == ResetMidBody {
			c.readHalf()
		}
		s.broken(c)
		return
	}
	body, gone := c.read()
	defer release(body)
	if gone != nil {
		s.gone(c)
		return
	}
	c.req.Bytes = body.Len()
	if admitted {
		refused = s.understand(c, body.Bytes())
	}
	if admitted && !early {
		s.strike(c)
	}
	s.conclude(c, refused)
}

// arrive enters the request.
func (s *Server) arrive(c *call) {
	c.req.Op = strings.TrimPrefix(c.r.Header.Get("X-Amz-Target"), target)
	c.req.Encoding = c.r.Header.Get("Content-Encoding")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	c.req.ID = fmt.Sprintf("00000000-0000-4000-8000-%012x", s.serial)
	c.req.Time = time.Now() // under the mutex, so that records are in order of time
	c.rec = s.ledger.open(c.req)
}

// admit judges the request by its head.
func (s *Server) admit(c *call) *apiError {
	unknown := func(status int, format string, args ...any) *apiError {
		return &apiError{status: status, code: "UnknownOperationException", message: fmt.Sprintf(format, args...)}
	}
	if c.r.Method != http.MethodPost || c.r.URL.Path != "/" && c.r.URL.Path != "" {
		return unknown(http.StatusNotFound, "Requests are POST /, not %s %s", c.r.Method, c.r.URL.Path)
	}
	sig, err := parseSignature(c.r.Header)
	if err != nil {
		return err
	}
	c.sig = sig
	c.req.Region, c.req.AccessKey = sig.region, sig.accessKey
	if s.AccessKey != "" && sig.accessKey != s.AccessKey {
		const code = "UnrecognizedClientException"
		return &apiError{code: code, message: usualMessage(code, &c.req)}
	}
	header := c.r.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(header); err != nil || media != contentType {
		return unknown(http.StatusNotFound, "Content-Type is %q, not %s", header, contentType)
	}
	op, ok := answers[c.req.Op]
	if !ok || !strings.HasPrefix(c.r.Header.Get("X-Amz-Target"), target) {
		return unknown(0, "cwltest does not know the operation %q", c.r.Header.Get("X-Amz-Target"))
	}
	c.op = op
	return nil
}

// understand judges the request by its body, and decodes it.
func (s *Server) understand(c *call, body []byte) *apiError {
	if len(body) > maxBody {
		return tooLarge()
	}
	if err := checkHash(c.r.Header, body); err != nil {
		return err
	}
	if s.SecretKey != "" {
		if err := c.sig.verify(c.r, body, s.SecretKey); err != nil {
			return err
		}
	}
	switch encoding := c.r.Header.Get("Content-Encoding"); {
	case encoding == "" || encoding == "identity":
	case encoding == "gzip" && !s.RefuseGzip:
		var err *apiError
		if body, err = gunzip(body); err != nil {
			return err
		}
	default:
		return malformed("Content-Encoding %q is not supported", encoding)
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	in, err := c.op.decode(body)
	if err != nil {
		return err
	}
	c.in = in
	group, stream := in.names()
	// What was decoded shares the memory of the body, and the record outlives it.
	c.req.Group, c.req.Stream = strings.Clone(group), strings.Clone(stream)
	switch in := in.(type) {
	case *putInput:
		c.req.Events, c.req.N, c.req.Entity = in.LogEvents, len(in.LogEvents), in.Entity
	case *createGroupInput:
		c.req.tagged = len(in.Tags) > 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.update(c)
	return nil
}

// matching reports whether a fault in force wants to see the body.
func (s *Server) matching(op string) bool {
	s.mu.Lock()
	faults := s.faults
	s.mu.Unlock()
	now := time.Now()
	for _, f := range faults {
		if f.Match != nil && f.concerns(op, now) {
			return true
		}
	}
	return false
}

// strike sets the fault that the call meets, and reports whether there is one.
func (s *Server) strike(c *call) bool {
	s.mu.Lock()
	faults := s.faults
	s.mu.Unlock()
	now := time.Now()
	for _, f := range faults {
		if f.concerns(c.req.Op, now) && f.strikes(&c.req, now) {
			c.fault, c.req.Fault = f, true
			return true
		}
	}
	return false
}

// conclude carries the call out, or not, and answers, or not.
func (s *Server) conclude(c *call, refused *apiError) {
	var f Fault
	if c.fault != nil {
		f = c.fault.Fault
	}
	if !c.wait(f.Before) {
		s.gone(c)
		return
	}
	var rep reply
	switch {
	case refused != nil:
		rep = refused.reply()
	case f.carries():
		rep = s.serve(c)
	}
	if f.replies() {
		rep = f.reply(&c.req)
	}
	if !c.wait(f.After) {
		s.gone(c)
		return
	}
	switch f.Break {
	case 0:
		s.enter(c, rep.status, rep.code)
		c.send(rep)
	case BlackHole:
		s.enter(c, 0, f.Break.String())
		<-c.r.Context().Done()
		c.reset()
	case ResetMidReply:
		s.enter(c, 0, f.Break.String())
		c.sendHalf(rep)
	default:
		s.broken(c)
	}
}

// serve carries the call out.
func (s *Server) serve(c *call) reply {
	out, fail := c.op.serve(s, c)
	if fail != nil {
		return fail.reply()
	}
	rep := reply{status: http.StatusOK, contentType: contentType}
	if stream, ok := out.(eventStream); ok {
		rep.contentType, rep.stream = eventStreamType, stream
	} else if out != nil {
		body, err := json.Marshal(out)
		if err != nil {
			return (&apiError{code: "InternalFailure", message: err.Error()}).reply()
		}
		rep.body = body
	}
	return rep
}

// broken resets the connection on behalf of a fault.
func (s *Server) broken(c *call) {
	s.enter(c, 0, c.fault.Break.String())
	c.reset()
}

// gone closes the books on a client that did not wait.
func (s *Server) gone(c *call) {
	s.enter(c, 0, "gone")
	c.reset()
}

// enter puts the outcome on record before the client can learn of it.
func (s *Server) enter(c *call, status int, code string) {
	c.req.Status, c.req.Code = status, code
	s.mu.Lock()
	defer s.mu.Unlock()
	if code != "" {
		s.ledger.Errors[code]++
	}
	s.update(c)
}

// update brings the record up to date; s.mu is held.
func (s *Server) update(c *call) {
	keep := s.KeepEvents
	if keep == 0 {
		keep = 100_000
	}
	s.ledger.update(c.rec, c.req, keep)
}
