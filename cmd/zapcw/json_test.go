package main

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"
)

// TestJSONKeys finds time and level by each of the keys that the help names.
func TestJSONKeys(t *testing.T) {
	m := regexp.MustCompile(`(?s)The time is\s+in (.*?): .*The level is in (.*?)\n`).FindStringSubmatch(putUsage)
	if m == nil {
		t.Fatal("the help names no keys")
	}
	names := regexp.MustCompile(`,\s+|\s+or\s+`)
	times, levels := names.Split(m[1], -1), names.Split(m[2], -1)
	if len(times) != 4 || len(levels) != 2 {
		t.Errorf("the help names %q and %q", times, levels)
	}
	for _, key := range times {
		if at, _ := parseLine([]byte(`{"` + key + `": "2026-01-02T15:04:05Z"}`)); at.IsZero() {
			t.Errorf("%s is not taken for a time", key)
		}
	}
	for _, key := range levels {
		if _, level := parseLine([]byte(`{"` + key + `": "ERROR"}`)); level != zapcore.ErrorLevel {
			t.Errorf("%s is not taken for a level", key)
		}
	}
}

func TestParseTime(t *testing.T) {
	want := time.Date(2026, 1, 2, 15, 4, 5, 250e6, time.UTC)
	for _, text := range []string{
		`"2026-01-02T15:04:05.250Z"`, `"2026-01-02T16:04:05.250+01:00"`, `"2026-01-02T15:04:05.250+0000"`,
		`"2026-01-02 15:04:05.25Z"`, `"2026-01-02 15:04:05.25 +0000 UTC"`,
		`1767366245.25`, `1767366245250`, `1767366245250000`, `1767366245250000000`, `"1767366245.25"`, `1.76736624525e9`,
	} {
		if got := parseTime(json.RawMessage(text)); !got.Equal(want) {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{
		``, `null`, `""`, `0`, `-5`, `12345`, `1e20`, `1e300`, `"NaN"`, `"Inf"`, `true`, `[1]`, `{"a":1}`,
		`"2026-01-02T15:04:05"`, `"15:04:05"`,
	} {
		if got := parseTime(json.RawMessage(text)); !got.IsZero() {
			t.Errorf("%s is no time, and gives %v", text, got)
		}
	}
}
