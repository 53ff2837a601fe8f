package terminal

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// An Event is what the text of a log event says: all of it is the service's,
// which keeps no level and no fields. What is not found is empty.
type Event struct {
	Level    string
	Function string // the Lambda function or service that speaks
	Message  string // the first line of it, without what stands in the other members
	Fields   string // as key=value, separated by spaces
	Where    string // the place in the source
	More     []string
	Gap      bool // zapcw's own notice of events that are not in the stream
}

// ParseEvent reads what the encoders of zapcw write, and JSON lines of others.
func ParseEvent(text string) Event {
	if strings.HasPrefix(text, "zapcw: ") {
		e := Event{Gap: true}
		e.Message, e.More = lines(text)
		return e
	}
	if strings.HasPrefix(text, "{") {
		if e, ok := parseObject(text); ok {
			return e
		}
	}
	return parsePrefix(text)
}

var (
	levelFirst = regexp.MustCompile(`^(DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL):? +`)
	bracket    = regexp.MustCompile(`^\[([^\s\]:]+)(?: ([^\]]+))?\] `)
	place      = regexp.MustCompile(`^\[([^\s\]]+:\d+)\] `)
	name       = regexp.MustCompile(`^([\pL_][\pL\pN_.-]*): `)
)

// parsePrefix reads the forms of zapcw.NewPrefixEncoder: a level, a function and a
// colon, or these in brackets, the message, a tab and fields.
func parsePrefix(text string) Event {
	var e Event
	text, e.More = lines(text)
	if m := levelFirst.FindStringSubmatch(text); m != nil {
		e.Level, text = m[1], text[len(m[0]):]
	}
	if m := bracket.FindStringSubmatch(text); m != nil {
		e.Function, e.Where, text = m[1], m[2], text[len(m[0]):]
	} else if m := name.FindStringSubmatch(text); m != nil {
		e.Function, text = m[1], text[len(m[0]):]
	}
	if m := place.FindStringSubmatch(text); m != nil {
		e.Where, text = m[1], text[len(m[0]):]
	}
	e.Message = text
	if i := strings.LastIndex(text, "\t{"); i >= 0 {
		if members, ok := object(text[i+1:]); ok {
			e.Message = text[:i]
			e.Fields = fields(members)
		}
	}
	return e
}

// parseObject reads a JSON object with the keys of zapcw.NewEncoderConfig, or
// those of zap's own configurations and of log/slog.
func parseObject(text string) (e Event, ok bool) {
	members, ok := object(text)
	if !ok {
		return e, false
	}
	var rest []member
	for _, m := range members {
		var s string
		if json.Unmarshal(m.value, &s) != nil {
			s = string(m.value)
		}
		switch m.key {
		case "level", "severity":
			e.Level = strings.ToUpper(s)
		case "message", "msg":
			var more []string
			e.Message, more = lines(s)
			e.More = append(e.More, more...)
		case "location", "caller":
			e.Function, e.Where = location(e.Function, s)
		case "logger", "function":
			e.Function = s
		case "exception", "stacktrace", "stack":
			e.More = append(e.More, strings.Split(strings.TrimRight(s, "\n"), "\n")...)
		case "timestamp", "time", "ts": // the event has one
		default:
			rest = append(rest, m)
		}
	}
	e.Fields = fields(rest)
	return e, true
}

// location takes "shipping.ship:188" apart. A file and line, as zap's own encoder has
// them, name no function.
func location(function, s string) (string, string) {
	if before, after, ok := strings.Cut(s, "."); ok && !strings.ContainsAny(before, "/:") && !strings.HasPrefix(after, "go:") {
		return before, after
	}
	return function, s
}

type member struct {
	key   string
	value json.RawMessage
}

// object returns the members of a JSON object in their order.
func object(text string) ([]member, bool) {
	if !json.Valid([]byte(text)) {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	var members []member
	for d.More() {
		var m member
		t, err := d.Token()
		if err != nil {
			return nil, false
		}
		m.key, _ = t.(string)
		if d.Decode(&m.value) != nil {
			return nil, false
		}
		members = append(members, m)
	}
	return members, true
}

// fields are members as key=value. Strings lose their quotes where it stays plain what
// belongs together.
func fields(members []member) string {
	var b bytes.Buffer
	for i, m := range members {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(m.key)
		b.WriteByte('=')
		var s string
		if json.Unmarshal(m.value, &s) == nil && s != "" && !strings.ContainsAny(s, " =\"\n\t") {
			b.WriteString(s)
		} else {
			b.Write(m.value)
		}
	}
	return b.String()
}

func lines(text string) (first string, more []string) {
	first, rest, ok := strings.Cut(text, "\n")
	if ok {
		more = strings.Split(rest, "\n")
	}
	return first, more
}
