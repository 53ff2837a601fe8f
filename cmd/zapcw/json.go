package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/internal/replay"
)

// A jsonLines gives lines the time and the level that stand in them. A line without a
// time, as the trace of a panic between JSON lines, has that of the line before.
type jsonLines struct {
	from replay.Lines
	last time.Time
}

var _ replay.Lines = (*jsonLines)(nil)

// Next returns the next line that is not zapcw's own.
func (j *jsonLines) Next() (replay.Line, error) {
	for {
		l, err := j.from.Next()
		if err != nil || l.Cont {
			return l, err
		}
		if bytes.HasPrefix(l.Text, ownLine) {
			continue
		}
		at, level := parseLine(l.Text)
		if !at.IsZero() {
			j.last = at
		}
		l.Time, l.Level = j.last, level
		return l, nil
	}
}

// parseLine finds time and level in a line as zapcw, zap's own configurations, log/slog
// and most others write it. The time is zero if there is none.
func parseLine(line []byte) (at time.Time, level zapcore.Level) {
	var o struct {
		Timestamp json.RawMessage `json:"timestamp"`
		At        json.RawMessage `json:"@timestamp"`
		TS        json.RawMessage `json:"ts"`
		Time      json.RawMessage `json:"time"`
		Level     json.RawMessage `json:"level"`
		Severity  json.RawMessage `json:"severity"`
	}
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &o) != nil {
		return at, level
	}
	for _, raw := range []json.RawMessage{o.Timestamp, o.At, o.TS, o.Time} {
		if at = parseTime(raw); !at.IsZero() {
			break
		}
	}
	for _, raw := range []json.RawMessage{o.Level, o.Severity} {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			continue
		}
		if l, err := zapcw.ParseLevel(s); err == nil {
			return at, l
		}
	}
	return at, level
}

// timeForms are those of zap's encoders, of time.Time and of others; a zone is needed.
var timeForms = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 -0700 MST", // time.Time.String
}

// parseTime reads a text, or a number since 1970 in seconds, or in the milli-, micro- or
// nanoseconds that its size tells.
func parseTime(raw json.RawMessage) time.Time {
	if len(raw) == 0 {
		return time.Time{}
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = string(raw)
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil {
			return t
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	// Before 1973, or after 5138 in nanoseconds, it is no time. Nor is NaN, which nothing equals.
	if err != nil || !(f >= 1e8 && f < 1e20) {
		return time.Time{}
	}
	for f >= 1e11 { // the year 5138
		f /= 1e3
	}
	whole, part := math.Modf(f)
	return time.Unix(int64(whole), int64(math.Round(part*1e6))*1e3).UTC()
}
