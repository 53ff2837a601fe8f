package golden_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// A testCase is what the Python logger was seen to do. The conventions in
// golden.json say what its members mean.
type testCase struct {
	Name     string
	Tags     []string
	Config   config
	Calls    []call
	Setup    []step
	Faults   []fault
	Endpoint string
	Base     float64  `json:"clock_base_s"`
	Unset    []string `json:"unset_env"`
	Expect   expectation
	place    // of all calls

	broken  error    // it cannot be read
	unknown error    // it has a member that is not known here
	known   *outcome // see there
}

type config struct {
	Via           string
	Class, Format value

	Group, Stream, Function, Level value

	Object, Where string
	place         // of all calls; Logger is also the one that setup_canonical gets

	// Of json_formatter and setup_canonical. What they change has no counterpart.
	Fmt               value
	FormatterCls      value `json:"formatter_cls"`
	JSONDefault       value `json:"json_default"`
	PreinstallHandler value `json:"preinstall_handler"`
	BadLogger         value `json:"bad_logger"`
}

// A place is where a JSON line says that it comes from: the logger, the function
// and the line of the call, and the time zone of the process.
type place struct {
	Logger, Func, Lineno, TZ value
}

type call struct {
	Method string
	Msg    value
	Level  value
	Purge  value

	Caller      value
	OuterCaller value    `json:"outer_caller"`
	CallFunc    value    `json:"call_func"`
	ExtraArgs   []value  `json:"extra_args"`
	AtMS        *float64 `json:"at_ms"`
	Before      []step
	InExcept    value `json:"in_except"`
	Shallow     value

	// Of json_formatter.
	place
	Created *float64
	Args    value
	Exc     []value
}

// A step is one of "group", "stream", "seed", "delete_stream" and "delete_group"
// with its arguments.
type step map[string]json.RawMessage

type fault struct {
	Op            string
	Skip          int
	Times         *int
	Code, Message string
	Status        int
	Extra         map[string]any
	Body          json.RawMessage
	Drop          bool
	Merge         struct {
		Rejected *types.RejectedLogEventsInfo `json:"rejectedLogEventsInfo"`
	}
}

// An expectation is what was recorded.
type expectation struct {
	ConstructRaises *string `json:"construct_raises"`
	Stdout, Stderr  []string
	PutBatches      [][]struct {
		Message longText
		T       int64 // milliseconds after the start of the case
	} `json:"put_batches"`
	PutResults []string   `json:"put_results"`
	APICalls   []string   `json:"api_calls"`
	APIResults []string   `json:"api_results"`
	BufferLeft []longText `json:"buffer_left"`
	Stored     map[string][]longText
	Calls      []struct {
		Stdout, Stderr []string
		APICalls       []string `json:"api_calls"`
		Raises         *string
		BufferLen      int `json:"buffer_len"`
	}
	Outputs []struct{ Output, Raises *string }

	ClassCode                               value `json:"class_code"`
	Purgeable, Levels, Handlers, ReturnCode value
}

// longText is a string, or {"$repeat": ["x", 307200]}.
type longText string

func (l *longText) UnmarshalJSON(text []byte) error {
	var long struct {
		Repeat []json.RawMessage `json:"$repeat"`
	}
	if json.Unmarshal(text, &long) != nil || len(long.Repeat) != 2 {
		return json.Unmarshal(text, (*string)(l))
	}
	var part string
	var n int
	err := errors.Join(json.Unmarshal(long.Repeat[0], &part), json.Unmarshal(long.Repeat[1], &n))
	*l = longText(strings.Repeat(part, n))
	return err
}

func (c *testCase) tagged(tag string) bool { return slices.Contains(c.Tags, tag) }

// calls are those of the case. A process of its own makes one.
func (c *testCase) calls() []call {
	if c.Config.Via == "process" {
		return []call{{Method: "info", Msg: valueOf(`"last words"`)}, {Method: "release"}}
	}
	return c.Calls
}

// times is how often the fault strikes, 0 means for ever.
func (f fault) times() int {
	switch {
	case f.Times == nil:
		return 1
	case *f.Times < 0:
		return 0
	}
	return *f.Times
}

// strikes reports whether op may be answered by the fault.
func (f fault) strikes(op string) bool { return f.Op == op || f.Op == "*" }

// readCases reads a file of recorded cases.
func readCases(t *testing.T, name string) []testCase {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []json.RawMessage }
	if err := json.Unmarshal(standard(text), &file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(file.Cases) == 0 {
		t.Fatalf("%s: no cases", name)
	}
	cases := make([]testCase, len(file.Cases))
	for i, text := range file.Cases {
		c := &cases[i]
		// What Python takes for an argument may not fit into the types here.
		if c.broken = json.Unmarshal(text, c); c.broken != nil {
			continue
		}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		c.unknown = dec.Decode(new(testCase))
	}
	return cases
}

// standard writes the numbers that Python's json writes and no standard knows,
// NaN, Infinity and -Infinity, as the values that they are.
func standard(text []byte) []byte {
	if json.Valid(text) {
		return text
	}
	var out []byte
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := i + 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			out, i = append(out, text[i:end]...), end
			continue
		case c == '-' || c == 'N' || c == 'I':
			word := text[i:min(i+len("-Infinity"), len(text))]
			for _, name := range []string{"NaN", "Infinity", "-Infinity"} {
				if bytes.HasPrefix(word, []byte(name)) {
					out = append(out, `{"py": "float", "value": "`+name+`"}`...)
					i += len(name)
					c = 0
					break
				}
			}
			if c == 0 {
				continue
			}
		}
		out, i = append(out, text[i]), i+1
	}
	return out
}
