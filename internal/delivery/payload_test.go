package delivery

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

// put is what the service makes of a request.
type put struct {
	LogGroupName, LogStreamName string
	SequenceToken               *string
	Entity                      *struct{ KeyAttributes map[string]string }
	LogEvents                   []struct {
		Timestamp int64
		Message   string
	}
}

func FuzzBody(f *testing.F) {
	f.Add("/g", "s", "hello", "say \"hi\" \\ 'there'")
	f.Add("/g", "\x00\u2028", "\xff\xf0\x9f", "žluťoučký 🐎 \u2028\u2029 <&>\x7f")
	f.Add("", "", " ", "\t\r\n\b\f\x01")
	f.Fuzz(func(t *testing.T, group, stream, a, b string) {
		if len(a) > 1<<16 || len(b) > 1<<16 || a == "" || b == "" {
			return
		}
		evs := chunked(a, b)
		for _, tok := range []*string{nil, &stream} {
			notice := ""
			if tok != nil {
				notice = b + a
			}
			var entity *Entity
			if tok != nil {
				entity = &Entity{a, b}
			}
			text, _ := (&payload{group, stream, tok, notice, evs.First(), evs, entity}).append(nil, nil)
			var got, want put
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("%v in %q", err, text)
			}
			// The same by encoding/json.
			events := []map[string]any{{"Timestamp": evs.First(), "Message": a}, {"Timestamp": evs.Last(), "Message": b}}
			if notice != "" {
				events = slices.Insert(events, 0, map[string]any{"Timestamp": evs.First(), "Message": notice})
			}
			stock := map[string]any{"LogGroupName": group, "LogStreamName": stream, "LogEvents": events}
			if tok != nil {
				stock["SequenceToken"] = *tok
				stock["Entity"] = map[string]any{"KeyAttributes": map[string]string{"Type": "Service", "Name": a, "Environment": b}}
			}
			text, err := json.Marshal(stock)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("got %+v, want %+v", got, want)
			}
		}
	})
}
