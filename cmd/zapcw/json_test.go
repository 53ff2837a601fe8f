package main

import (
	"encoding/json"
	"testing"
	"time"
)

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
