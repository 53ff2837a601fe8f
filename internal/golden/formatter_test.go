package golden_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/zapcw"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// runFormatter compares lines in JSON by their members in order, and these as
// values.
func (c *testCase) runFormatter(r *report, mended rules) {
	enc := zapcw.NewJSONEncoder(zapcw.NewEncoderConfig())
	for i, call := range c.Calls {
		if i >= len(c.Expect.Outputs) {
			r.errorf("call %d: nothing recorded", i)
			return
		}
		text, err := call.jsonText()
		if errors.Is(err, errNoCounterpart) {
			continue // Q37
		}
		at := c.placeOf(call)
		out := c.Expect.Outputs[i]
		if err != nil {
			text, _ = call.Msg.text()
			if out.Output != nil {
				r.errorf("call %d: recorded without a fault, want one: %v", i, err)
			}
		}
		ent := at.entry(call)
		ent.Message = text
		stamp, err := at.stamp(call, out.Output)
		if err != nil {
			r.errorf("call %d: %v", i, err)
			return
		}
		ent.Time = stamp
		var fields []zapcore.Field
		if exc, ok := call.exception(); ok {
			fields = append(fields, zap.Error(errors.New(exc)))
		}
		buf, err := enc.EncodeEntry(ent, fields)
		if err != nil {
			r.errorf("call %d: %v", i, err)
			return
		}
		got := members(buf.String())
		buf.Free()
		r.equal(fmt.Sprintf("call %d", i), got, call.wantMembers(r, at, stamp, text, out.Output, mended))
	}
}

// wantMembers is the record, as zapcw has it where a quirk is mended. Where the
// original raised, it is what it would have written otherwise.
func (call call) wantMembers(r *report, at place, stamp time.Time, text string, output *string, mended rules) [][2]string {
	message := canonical(quote(text))
	if embeds(text) {
		message = canonical(text)
	}
	want := [][2]string{{"timestamp"}, {"level", call.levelname()}, {"location", quote(at.location())}, {"message", message}}
	if output != nil {
		recorded := members(*output)
		if len(recorded) < 4 {
			r.errorf("recorded is no line: %.300q", *output)
			return want
		}
		want = recorded
		if mended["36a"] && !embeds(text) {
			want[3][1] = message
		}
	}
	want[0][1] = quote(stamp.Format("2006-01-02T15:04:05.000Z0700"))
	if mended["18"] || mended["24a"] || mended["24b"] {
		want[1][1] = quote(call.jsonLevel(mended))
	}
	if mended["36b"] {
		want[2][1] = quote(at.want())
	}
	if exc, ok := call.exception(); ok {
		if last := len(want) - 1; output == nil {
			want = append(want, [2]string{"exception", quote(exc)})
		} else if !strings.Contains(unquote(want[last][1]), exc) {
			r.errorf("recorded without the error's text: %s", want[last][1])
		} else {
			want[last][1] = quote(exc) // without Python's traceback
		}
	}
	return want
}

// jsonText is the message with its arguments, a dictionary in JSON. Without an
// error it is what Go has for a message, too.
func (call call) jsonText() (string, error) {
	if call.Msg.kind() == "dict" {
		return string(call.Msg.inner()), nil
	}
	text, ok := call.Msg.text()
	if !ok {
		return "", errNoCounterpart
	}
	args, _ := call.Args.list()
	if _, isDict := call.Args.dict(); isDict && call.Args.truthy() {
		args = []value{call.Args}
	}
	return formatPercent(text, args)
}

// exception is the text of the one that is being handled.
func (call call) exception() (string, bool) {
	if len(call.Exc) == 0 {
		return "", false
	}
	return exceptionText(call.Exc[0].strOr(""), call.Exc[1:])
}

// levelname is what a LogRecord has, in JSON.
func (call call) levelname() string {
	v := call.Level
	n, isNumber := v.number()
	name, isText := v.str()
	number, known := pythonLevels[name]
	switch {
	case !v.given():
		return `"INFO"`
	case isNumber && n == 0:
		return `"NOTSET"`
	case isNumber && levelNames[n] != "":
		return quote(levelNames[n])
	case isText && known:
		return strconv.FormatFloat(number, 'f', -1, 64) // that map goes both ways
	}
	text, _ := v.text()
	return quote("Level " + text)
}

// jsonLevel is the name of a level in a line, without rules the record's.
func (call call) jsonLevel(r rules) string {
	recorded := call.levelname()
	l, err := levelOf(call.Level, r)
	kind := call.Level.kind()
	switch {
	case err != nil:
		return "INFO"
	case r["24b"] && (kind == "none" || kind == "str"), r["18"] && kind != "none" && kind != "str" && !l.odd:
	default:
		return strings.Trim(recorded, `"`)
	}
	if l.n < 10 {
		return strconv.Itoa(int(l.zap()))
	}
	return ofZap(l.zap()).name()
}

// placeOf is where a call was made: what the call does not say, its
// configuration does, or the case.
func (c *testCase) placeOf(call call) place {
	at := place{valueOf(`"app"`), valueOf(`"handler"`), valueOf("42"), valueOf(`"UTC"`)}
	for _, from := range []place{c.place, c.Config.place, call.place} {
		for _, part := range []struct {
			to   *value
			from value
		}{{&at.Logger, from.Logger}, {&at.Func, from.Func}, {&at.Lineno, from.Lineno}, {&at.TZ, from.TZ}} {
			if part.from.given() {
				*part.to = part.from
			}
		}
	}
	return at
}

// location is what the original writes.
func (at place) location() string {
	logger, _ := at.Logger.text()
	function, _ := at.Func.text()
	line, _ := at.Lineno.text()
	return logger + "." + function + ":" + line
}

// want is what zapcw writes. Names are text, whatever Python had.
func (at place) want() string {
	logger, _ := at.Logger.text()
	if logger != "" {
		logger += "."
	}
	return logger + at.bare() + ":" + strconv.Itoa(at.line())
}

// bare is the name of the function without what it is qualified by.
func (at place) bare() string {
	function, _ := at.Func.text()
	if !goName.MatchString(function) {
		return ""
	}
	return function
}

// goName: an identifier, or one of Python's names in brackets.
var goName = regexp.MustCompile(`^(?:[\pL_][\pL\pN_]*|<[a-z]+>|\pN+)$`)

func (at place) line() int {
	n, ok := at.Lineno.number()
	if !ok || at.Lineno.kind() != "int" || math.Abs(n) > math.MaxInt32 && strconv.IntSize == 32 || math.Abs(n) >= 1<<53 {
		return 0
	}
	return int(n)
}

// entry is what a Go program would have logged from there.
func (at place) entry(call call) zapcore.Entry {
	logger, _ := at.Logger.text()
	l, _ := zapLevel(call.Level)
	ent := zapcore.Entry{Level: l, LoggerName: logger, Caller: zapcore.EntryCaller{Defined: true, Line: at.line()}}
	if function := at.bare(); function != "" {
		ent.Caller.Function = "golden." + function
	}
	return ent
}

// stamp is the time of a call, in the zone of the process. The original rounds
// or cuts fractions of milliseconds: the record may have either.
func (at place) stamp(call call, output *string) (time.Time, error) {
	zone, err := zoneOf(at.TZ)
	if err != nil {
		return time.Time{}, err
	}
	created := 1700000000.123
	if call.Created != nil {
		created = *call.Created
	}
	rounded := time.UnixMilli(int64(math.Round(created * 1000))).In(zone)
	if output == nil {
		return rounded, nil
	}
	recorded := members(*output)[0][1]
	for _, t := range []time.Time{rounded, rounded.Add(-time.Millisecond)} {
		if quote(t.Format("2006-01-02 15:04:05,000")) == recorded {
			return t, nil
		}
	}
	return rounded, fmt.Errorf("recorded at %s, want %s", recorded, rounded.Format("2006-01-02 15:04:05,000 MST"))
}

var notJSON = regexp.MustCompile(`([:\[,] ?)(?:-?Infinity|NaN)`)

// members are the keys and values of an object, in order.
func members(object string) (all [][2]string) {
	if !json.Valid([]byte(object)) {
		object = notJSON.ReplaceAllString(object, "${1}null") // Python's own
	}
	dec := json.NewDecoder(strings.NewReader(object))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return [][2]string{{"no object", object}}
	}
	for dec.More() {
		key, _ := dec.Token()
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return append(all, [2]string{fmt.Sprint(key), quote(err.Error())})
		}
		all = append(all, [2]string{fmt.Sprint(key), canonical(string(value))})
	}
	if _, err := dec.Token(); err != nil || strings.TrimSpace(object[dec.InputOffset():]) != "" {
		all = append(all, [2]string{"no end", object})
	}
	return all
}

func quote(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

func unquote(quoted string) (text string) {
	_ = json.Unmarshal([]byte(quoted), &text)
	return text
}

// canonical writes JSON in its order, and numbers by value; of keys that occur
// twice, the last value stands at the place of the first.
func canonical(text string) string {
	switch trimmed := strings.TrimSpace(text); {
	case strings.HasPrefix(trimmed, "["):
		all, _ := valueOf(trimmed).list()
		parts := make([]string, len(all))
		for i, item := range all {
			parts[i] = canonical(string(item.raw))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case strings.HasPrefix(trimmed, "{"):
		keys, values, err := ordered(json.RawMessage(trimmed))
		if err != nil {
			return "!" + err.Error()
		}
		parts := slices.Clone(keys)
		for i, key := range keys {
			parts[i] = quote(key) + ": " + canonical(string(values[key].raw))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return "!" + err.Error()
	}
	out, _ := json.Marshal(v)
	return string(out)
}
