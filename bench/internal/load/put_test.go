package load

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestReadPut(t *testing.T) {
	const first = 1_700_000_000_000
	type event struct {
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	type turned struct {
		Message   string `json:"message"`
		Timestamp int64  `json:"timestamp"`
	}
	many := make([]event, MaxEvents+1)
	for i := range many {
		many[i] = event{first, "x"}
	}
	for _, tt := range []struct {
		name   string
		events []event
		err    string
	}{
		{"text", []event{{first, "hello"}, {first, "world"}}, ""},
		{"JSON", []event{{first, `{"a":"b"}`}, {first + 1, `{"timestamp":1}`}}, ""},
		{"escapes", []event{{first, "tab\t, line\n"}, {first, `C:\temp`}, {first, `\"`}, {first, "bell\a ü"}}, ""},
		{"short times", []event{{1, "x"}, {2, "y"}}, ""},
		{"out of order", []event{{first + 1, "x"}, {first, "y"}}, "chronological order"},
		{"too many", many, "10001 events: want 1 to 10000"},
		{"too long", []event{{first, strings.Repeat("x", MaxBytes-Overhead)}, {first, "y"}}, "1048603 bytes: want 1048576 at most"},
		{"none", nil, "0 events"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var bytes int64
			for _, e := range tt.events {
				bytes += int64(len(e.Message)) + Overhead
			}
			other := make([]turned, len(tt.events))
			for i, e := range tt.events {
				other[i] = turned{e.Message, e.Timestamp}
			}
			for _, order := range []string{`{"logEvents":%[1]s,"logGroupName":"/g","logStreamName":"s"}`, `{"logGroupName":"/g","logStreamName":"s","logEvents":%[1]s}`} {
				for _, events := range []any{tt.events, other} {
					list, err := json.Marshal(events)
					if err != nil {
						t.Fatal(err)
					}
					p, err := readPut(fmt.Appendf(nil, order, list))
					if p.events != int64(len(tt.events)) || p.bytes != bytes {
						t.Errorf("%d events, %d bytes, want %d, %d", p.events, p.bytes, len(tt.events), bytes)
					}
					var i int64
					for _, m := range p.times {
						for range m.events {
							if i < p.events && tt.events[i].Timestamp != m.ms {
								t.Errorf("event %d at %d, want %d", i, m.ms, tt.events[i].Timestamp)
							}
							i++
						}
					}
					if i != p.events {
						t.Errorf("%d events have a time, want %d", i, p.events)
					}
					if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
						t.Errorf("error %v, want %q", err, tt.err)
					}
				}
			}
		})
	}
}

func BenchmarkReadPut(b *testing.B) {
	for _, m := range []struct{ name, text string }{
		{"text", strings.Repeat("a word ", 30)},
		{"json", "{" + strings.Repeat(`"key":"word",`, 18) + "}"},
		{"tab", "done\t{" + strings.Repeat(`"key":"word",`, 18) + "}"},
		{"unicode", "done\a{" + strings.Repeat(`"key":"word",`, 18) + "}"},
	} {
		b.Run(m.name, func(b *testing.B) {
			list, err := json.Marshal(m.text)
			if err != nil {
				b.Fatal(err)
			}
			event := fmt.Sprintf(`{"timestamp":1700000000000,"message":%s},`, list)
			body := []byte(`{"logEvents":[` + strings.TrimSuffix(strings.Repeat(event, MaxBytes/(len(m.text)+Overhead)), ",") + "]}")
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := readPut(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
