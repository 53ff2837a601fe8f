package cwltest

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// putInput is decoded by decodePut.
type putInput struct {
	about
	LogEvents     []Event
	SequenceToken *string
	Entity        *types.Entity
	lack          *apiError // a member of an event that is missing
}

type putOutput struct {
	NextSequenceToken string     `json:"nextSequenceToken"`
	Rejected          *rejection `json:"rejectedLogEventsInfo,omitempty"`

	RejectedEntity *entityRejection `json:"rejectedEntityInfo,omitempty"`
}

func (s *Server) putLogEvents(c *call, in *putInput) (any, *apiError) {
	if err := in.checkNames(); err != nil {
		return nil, err
	}
	if in.LogEvents == nil {
		return nil, missing("logEvents")
	}
	if in.lack != nil {
		return nil, in.lack
	}
	if err := checkEntity(in.Entity); err != nil {
		return nil, err
	}
	now := time.Now()
	if err := checkBatch(in.LogEvents, s.maxEventBytes(), now); err != nil {
		return nil, err
	}

	s.lockChanges()
	defer s.unlockChanges()
	g, st, err := s.stream(c, &in.about)
	if err != nil {
		return nil, err
	}
	if s.SequenceTokens {
		if err := st.tokens.check(value(in.SequenceToken), in.LogEvents); err != nil {
			return nil, err
		}
	}
	from, to, why := sift(in.LogEvents, g.retention, now)
	if c.fault != nil && c.fault.Reject != nil {
		scripted := c.fault.Reject
		why = why.merge(scripted)
		if !c.fault.Keep {
			from, to = narrow(from, to, scripted)
		}
	}
	events := in.LogEvents[from:to]
	if err := s.commit(&change{
		Op: opPut, Time: now.UnixMilli(), Region: c.req.Region, Group: g.name, Stream: st.name,
		First: s.arrival, Events: events,
	}); err != nil {
		return nil, err
	}
	if s.SequenceTokens {
		st.tokens.previous, st.tokens.batch = value(in.SequenceToken), in.LogEvents
	}
	c.req.Stored, c.req.Rejected = len(events), why.public()
	s.ledger.put(events, len(in.LogEvents)-len(events))
	out := putOutput{NextSequenceToken: st.tokens.expected(), Rejected: why}
	if c.req.RejectedEntity = rejectEntity(in.Entity); c.fault != nil && c.fault.RejectEntity != "" {
		c.req.RejectedEntity = c.fault.RejectEntity
	}
	if c.req.RejectedEntity != "" {
		out.RejectedEntity = &entityRejection{c.req.RejectedEntity}
	}
	return out, nil
}

// sizeOf returns the bytes of events as the service counts them.
func sizeOf[E interface{ size() int }](events []E) int64 {
	var size int64
	for _, e := range events {
		size += int64(e.size())
	}
	return size
}

// merge lays what a script reports over what the server has to report.
func (r *rejection) merge(scripted *types.RejectedLogEventsInfo) *rejection {
	var merged rejection
	if r != nil {
		merged = *r
	}
	if scripted.TooOldLogEventEndIndex != nil {
		merged.TooOldEnd = scripted.TooOldLogEventEndIndex
	}
	if scripted.TooNewLogEventStartIndex != nil {
		merged.TooNewStart = scripted.TooNewLogEventStartIndex
	}
	if scripted.ExpiredLogEventEndIndex != nil {
		merged.ExpiredEnd = scripted.ExpiredLogEventEndIndex
	}
	return &merged
}

// public returns r as the SDK has it.
func (r *rejection) public() *types.RejectedLogEventsInfo {
	if r == nil {
		return nil
	}
	return &types.RejectedLogEventsInfo{
		TooOldLogEventEndIndex:   r.TooOldEnd,
		TooNewLogEventStartIndex: r.TooNewStart,
		ExpiredLogEventEndIndex:  r.ExpiredEnd,
	}
}

// narrow leaves out what a script rejects, whose indexes may be anything.
func narrow(from, to int, scripted *types.RejectedLogEventsInfo) (int, int) {
	for _, end := range []*int32{scripted.TooOldLogEventEndIndex, scripted.ExpiredLogEventEndIndex} {
		if end != nil {
			from = min(max(from, int(*end)), to)
		}
	}
	if start := scripted.TooNewLogEventStartIndex; start != nil {
		to = max(min(to, int(*start)), from)
	}
	return from, to
}

// tokens is the sequence of tokens of a stream.
type tokens struct {
	puts     uint64  // so far
	previous string  // the token of the last put
	batch    []Event // of the last put
}

// expected returns the token that the next put is to give; "" before the
// first one.
func (t *tokens) expected() string {
	if t.puts == 0 {
		return ""
	}
	return fmt.Sprintf("%056d", t.puts)
}

func (t *tokens) check(given string, batch []Event) *apiError {
	expected := t.expected()
	if given == expected {
		return nil
	}
	var next any
	if expected != "" {
		next = expected
	}
	extra := map[string]any{"expectedSequenceToken": next}
	if t.puts > 0 && given == t.previous && slices.Equal(batch, t.batch) {
		return &apiError{
			code:    "DataAlreadyAcceptedException",
			message: "The given batch of log events has already been accepted. The next batch can be sent with sequenceToken: " + expected,
			extra:   extra,
		}
	}
	if expected == "" {
		expected = "null"
	}
	return &apiError{
		code:    "InvalidSequenceTokenException",
		message: "The given sequenceToken is invalid. The next expected sequenceToken is: " + expected,
		extra:   extra,
	}
}
