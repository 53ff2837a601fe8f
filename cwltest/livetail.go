package cwltest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go/eventstream"
)

// Limits of live tails.
const (
	maxTailGroups  = 10
	maxTailStreams = 10
	maxTailEvents  = 500 // in an update
	tailEvery      = time.Second
	maxTailTime    = 3 * time.Hour
	maxTailPending = 100_000 // events that wait for the client to read
)

// liveTail is a session of StartLiveTail. Its updates come once a second.
type liveTail struct {
	server  *Server
	in      *liveTailInput
	id      string
	region  string
	groups  []string // names
	matches func(message string) bool

	// Guarded by the server's mutex.
	pending []tailedEvent
	sampled bool // events were left out of pending
}

var _ eventStream = (*liveTail)(nil)

// eventStream is an answer that goes on.
type eventStream interface {
	// run sends messages until the client goes or the stream ends.
	run(c *call)
}

type liveTailInput struct {
	Groups   []string `json:"logGroupIdentifiers"`
	Streams  []string `json:"logStreamNames,omitempty"`
	Prefixes []string `json:"logStreamNamePrefixes,omitempty"`
	Pattern  string   `json:"logEventFilterPattern,omitempty"`
}

func (in *liveTailInput) names() (group, stream string) {
	if len(in.Groups) > 0 {
		group = groupOf(in.Groups[0])
	}
	return group, ""
}

type tailStart struct {
	RequestID string `json:"requestId"`
	SessionID string `json:"sessionId"`
	*liveTailInput
}

type tailUpdate struct {
	Metadata struct {
		Sampled bool `json:"sampled"`
	} `json:"sessionMetadata"`
	Results []tailedEvent `json:"sessionResults"`
}

type tailedEvent struct {
	Group     string `json:"logGroupIdentifier"`
	Stream    string `json:"logStreamName"`
	Ingested  int64  `json:"ingestionTime"`
	Message   string `json:"message"`
	Timestamp int64  `json:"timestamp"`
}

func (s *Server) startLiveTail(c *call, in *liveTailInput) (any, *apiError) {
	if err := in.check(); err != nil {
		return nil, err
	}
	matches, err := parseFilter(in.Pattern, "logEventFilterPattern")
	if err != nil {
		return nil, err
	}
	t := &liveTail{server: s, in: in, id: c.req.ID, region: c.req.Region, matches: matches}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, arn := range in.Groups {
		g := s.in(c.req.Region).groups[groupOf(arn)]
		if g == nil || g.arn != arn {
			return nil, notFound("log group")
		}
		t.groups = append(t.groups, g.name)
	}
	return t, nil
}

func (in *liveTailInput) check() *apiError {
	switch {
	case in.Groups == nil:
		return missing("logGroupIdentifiers")
	case len(in.Groups) == 0 || len(in.Groups) > maxTailGroups:
		return invalid("A live tail has 1 to %d log groups, not %d.", maxTailGroups, len(in.Groups))
	case len(in.Streams) > maxTailStreams || len(in.Prefixes) > maxTailStreams:
		return invalid("A live tail has at most %d names or prefixes of log streams.", maxTailStreams)
	case len(in.Streams) > 0 && len(in.Prefixes) > 0:
		return invalid("logStreamNames and logStreamNamePrefixes are mutually exclusive.")
	case len(in.Streams)+len(in.Prefixes) > 0 && len(in.Groups) > 1:
		return invalid("logStreamNames and logStreamNamePrefixes can be given for one log group only.")
	}
	for _, arn := range in.Groups {
		if !strings.HasPrefix(arn, "arn:") || strings.HasSuffix(arn, "*") {
			return violation(arn, "logGroupIdentifiers", "Member must be the ARN of a log group, without :* at its end")
		}
	}
	return nil
}

// offer takes what a put has stored; the server's mutex is held.
func (t *liveTail) offer(ch *change) {
	if ch.Region != t.region || !slices.Contains(t.groups, ch.Group) || !t.in.wants(ch.Stream) {
		return
	}
	for _, e := range ch.Events {
		if len(t.pending) == maxTailPending {
			t.sampled = true
			return
		}
		t.pending = append(t.pending, tailedEvent{account + ":" + ch.Group, ch.Stream, ch.Time, e.Message, e.Timestamp})
	}
}

func (in *liveTailInput) wants(stream string) bool {
	return len(in.Streams)+len(in.Prefixes) == 0 || slices.Contains(in.Streams, stream) ||
		slices.ContainsFunc(in.Prefixes, func(prefix string) bool { return strings.HasPrefix(stream, prefix) })
}

// run implements eventStream.
func (t *liveTail) run(c *call) {
	t.server.setTail(t, true)
	defer t.server.setTail(t, false)
	out := messageWriter{http.NewResponseController(c.w), c.w}
	end := time.NewTimer(maxTailTime)
	defer end.Stop()
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	err := out.event("initial-response", struct{}{})
	if err == nil {
		err = out.event("sessionStart", tailStart{c.req.ID, t.id, t.in})
	}
	for err == nil {
		select {
		case <-tick.C:
			err = out.event("sessionUpdate", t.update())
		case <-end.C:
			_ = out.exception("SessionTimeoutException", "Your Live Tail session has timed out. Start a new one.")
			return
		case <-c.r.Context().Done():
			c.abort()
			return
		}
	}
}

// setTail lets a session take part in what is put, or no longer.
func (s *Server) setTail(t *liveTail, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !on {
		delete(s.tails, t)
		return
	}
	if s.tails == nil {
		s.tails = make(map[*liveTail]struct{})
	}
	s.tails[t] = struct{}{}
}

// update returns what was put since the last one, or a sample of it.
func (t *liveTail) update() tailUpdate {
	var u tailUpdate
	t.server.mu.Lock()
	found := t.pending
	u.Metadata.Sampled = t.sampled
	t.pending, t.sampled = nil, false
	t.server.mu.Unlock()
	found = slices.DeleteFunc(found, func(e tailedEvent) bool { return !t.matches(e.Message) })
	u.Results = make([]tailedEvent, 0, min(len(found), maxTailEvents))
	for i := range min(len(found), maxTailEvents) {
		u.Results = append(u.Results, found[i*len(found)/cap(u.Results)])
	}
	u.Metadata.Sampled = u.Metadata.Sampled || len(found) > maxTailEvents
	return u
}

// messageWriter writes the messages of an event stream, see
// https://smithy.io/2.0/aws/amazon-eventstream.html
type messageWriter struct {
	*http.ResponseController
	w http.ResponseWriter
}

func (m messageWriter) event(name string, v any) error {
	return m.message(v, map[string]string{":message-type": "event", ":event-type": name})
}

func (m messageWriter) exception(code, message string) error {
	return m.message(map[string]string{"message": message}, map[string]string{":message-type": "exception", ":exception-type": code})
}

func (m messageWriter) message(v any, headers map[string]string) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return err
	}
	msg := eventstream.Message{Payload: payload}
	headers[":content-type"] = "application/json"
	for _, name := range sortedNames(headers) {
		msg.Headers.Set(name, eventstream.StringValue(headers[name]))
	}
	if err := eventstream.NewEncoder().Encode(m.w, msg); err != nil {
		return err
	}
	return m.Flush()
}
