package delivery

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.com/zapcw/internal/batch"
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

// TestPayloadTimes has events of many times and of one, of the widest number and of
// one digit.
func TestPayloadTimes(t *testing.T) {
	times := []int64{math.MinInt64, -1, 0, 0, 7, 7, 7, 1700000000000, 1700000000000, 1700000000001, math.MaxInt64, math.MaxInt64}
	for first := range times {
		c := batch.NewChunk(1, 1<<10)
		for i, ms := range times[first:] {
			c.Append(ms, uint32(i), 0, []byte(strings.Repeat("x", i)))
		}
		var (
			q   batch.Queue
			got []int64
		)
		for q.Add(c); !q.Empty(); {
			var in put
			evs := q.Cut(0, false).List // a day at most
			text, _ := (&payload{"/g", "s", nil, "", 0, evs, nil}).append(nil, nil, nil)
			if err := json.Unmarshal(text, &in); err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			for _, e := range in.LogEvents {
				if e.Message != strings.Repeat("x", len(got)) {
					t.Errorf("event %d is %q", len(got), e.Message)
				}
				got = append(got, e.Timestamp)
			}
		}
		if !slices.Equal(got, times[first:]) {
			t.Errorf("got %d, want %d", got, times[first:])
		}
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
			text, _ := (&payload{group, stream, tok, notice, evs.First(), evs, entity}).append(nil, nil, nil)
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
