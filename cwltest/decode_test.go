package cwltest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// What decodePut makes of a body is what package json makes of it, but for
// the letter case of names.
func FuzzDecodePut(f *testing.F) {
	for _, body := range []string{
		`{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":"m"}]}`,
		` {"logEvents" :[ ] , "x":[{},{"a":"]}\""},null,-1.5e+3,true] , "sequenceToken":null}`,
		`{"logEvents":[{"message":"\u00e9\ud83d\ude00\ud83d\ud83dx\udc00\n\b\f\r\t\/\\\"","timestamp":-7,"message":"n"},{}]}`,
		"{\"logEvents\":[{\"message\":\"\xff\xc3\xa9\xc3\"}],\"logEvents\":[{\"timestamp\":2}]}",
		`{"log\u0045vents":[{"timestamp":0}]}`,
		`{}`, `[]`, `null`, `"`, ``,
	} {
		f.Add([]byte(body))
	}
	type event struct {
		Timestamp *int64  `json:"timestamp"`
		Message   *string `json:"message"`
	}
	type input struct {
		Group  *string `json:"logGroupName"`
		Stream *string `json:"logStreamName"`
		Token  *string `json:"sequenceToken"`
		Events []event `json:"logEvents"`
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decodePut(body)
		if err != nil {
			return
		}
		for _, word := range []string{"logGroupName", "logStreamName", "sequenceToken", "logEvents", "timestamp", "message"} {
			if n := strings.Count(string(body), word); n != strings.Count(strings.ToLower(string(body)), strings.ToLower(word)) || n > 1 {
				return // package json would take another letter case, and merges what stands twice
			}
		}
		if strings.Contains(string(body), `\u`) || strings.Contains(strings.ToLower(string(body)), "ſ") || strings.Contains(string(body), "K") {
			return // nor do we look into names that are written in such ways
		}
		var want input
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatalf("decoded what package json does not: %v", err)
		}
		if value(got.LogGroupName) != value(want.Group) || value(got.LogStreamName) != value(want.Stream) ||
			value(got.SequenceToken) != value(want.Token) || len(got.LogEvents) != len(want.Events) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		var events []Event
		lacking := false
		for _, e := range want.Events {
			var o Event
			if e.Timestamp != nil {
				o.Timestamp = *e.Timestamp
			}
			o.Message = value(e.Message)
			lacking = lacking || e.Timestamp == nil || e.Message == nil
			events = append(events, o)
		}
		if !slices.Equal(got.LogEvents, events) || (got.lack != nil) != lacking {
			t.Fatalf("got %+v, want %+v", got, events)
		}
	})
}

func FuzzString(f *testing.F) {
	for _, s := range []string{``, `a`, `\u00e9\ud83d\ude00`, `\ud83d`, `\ud83d\n`, `\udc00\ud83d\ude00`, `\ud83d\u0041`, "\xff\xfe", `\"\\\/\b\f\n\r\t`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		body := `"` + s + `"`
		var want string
		if json.Unmarshal([]byte(body), &want) != nil {
			return
		}
		r := reader{data: body}
		if got := r.string(); got != want || r.i != len(body) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestRecordsAreBounded(t *testing.T) {
	var l ledger
	events := make([]Event, 10)
	for i := range 5 * maxRecords / 2 {
		rec := l.open(Request{Op: "PutLogEvents", Bytes: i})
		l.update(rec, Request{Op: "PutLogEvents", Bytes: i, Events: events}, 55)
		l.update(rec, Request{Op: "PutLogEvents", Bytes: i, Events: events, Status: 200}, 55)
		if l.held > 55 || len(l.records) > 2*maxRecords {
			t.Fatalf("%d events held, %d records", l.held, len(l.records))
		}
	}
	requests := l.requests()
	if len(requests) != maxRecords || requests[maxRecords-1].Bytes != 5*maxRecords/2-1 || l.Calls["PutLogEvents"] != 5*maxRecords/2 {
		t.Errorf("%d records, the last is %+v", len(requests), requests[maxRecords-1])
	}
	for i, r := range requests {
		if held := r.Events != nil; held != (i >= maxRecords-5) || r.Status != 200 {
			t.Fatalf("record %d holds %d events", i, len(r.Events))
		}
	}
	rec := l.open(Request{})
	l.update(rec, Request{Events: events}, -1)
	l.update(rec, Request{Events: events}, -1)
	if l.held != 0 || rec.Events != nil {
		t.Errorf("%d events held", l.held)
	}
}
