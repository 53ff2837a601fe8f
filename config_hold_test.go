package zapcw

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// TestReadHold reads what may be in a configuration, over a Hold set in Go.
func TestReadHold(t *testing.T) {
	const unclear = "cloud-watch.hold: want a number of bytes, or a size like 64KiB or 1MiB, not "
	for _, tt := range []struct {
		v    any
		want int // MaxBytes; 0 is no Hold
		err  string
	}{
		{nil, 7, ""},
		{"64KiB", 64 << 10, ""},
		{"20480", 20480, ""},
		{"1MiB", 1 << 20, ""},
		{"2 MiB", 2 << 20, ""},
		{"1GiB", 1 << 30, ""},
		{1000, 1000, ""},
		{int64(1000), 1000, ""},
		{uint64(1000), 1000, ""},
		{65536.0, 65536, ""},
		{"0", 0, ""},
		{0, 0, ""},
		{"0KiB", 0, ""},
		{"64KB", 0, unclear + `"64KB"`},
		{"64kib", 0, unclear + `"64kib"`},
		{"KiB", 0, unclear + `"KiB"`},
		{"1.5MiB", 0, unclear + `"1.5MiB"`},
		{"-1KiB", 0, unclear + `"-1KiB"`},
		{"", 0, unclear + `""`},
		{" 64KiB", 0, unclear + `" 64KiB"`},
		{"99999999999999999999GiB", 0, unclear + `"99999999999999999999GiB"`},
		{-1, 0, unclear + "-1"},
		{1.5, 0, unclear + "1.5"},
		{math.NaN(), 0, unclear + "NaN"},
		{math.Inf(1), 0, "cloud-watch.hold: want 1GiB at most, not +Inf"},
		{true, 0, unclear + "true"},
		{"2GiB", 0, `cloud-watch.hold: want 1GiB at most, not "2GiB"`},
		{"9999999999999999GiB", 0, `cloud-watch.hold: want 1GiB at most, not "9999999999999999GiB"`},
		{1<<30 + 1, 0, "cloud-watch.hold: want 1GiB at most, not 1073741825"},
	} {
		set := Hold{Release: zap.WarnLevel, MaxBytes: 7}
		c := Config{CloudWatch: Destination{Hold: &set}}
		err := c.Decode(map[string]any{"class": "cloud-watch", "cloud-watch": map[string]any{"hold": tt.v}})
		got := c.CloudWatch.Hold
		switch {
		case tt.err != "":
			if err == nil || err.Error() != tt.err || got != &set {
				t.Errorf("%#v: got %v, %v, want %s", tt.v, got, err, tt.err)
			}
		case err != nil:
			t.Errorf("%#v: %v", tt.v, err)
		case tt.want == 0:
			if got != nil {
				t.Errorf("%#v: got %v, want no Hold", tt.v, got)
			}
		case got == nil || got.MaxBytes != tt.want || got.Release != zap.WarnLevel:
			t.Errorf("%#v: got %+v, want %d bytes, and the rest as it was", tt.v, got, tt.want)
		}
		if set.MaxBytes != 7 {
			t.Fatalf("%#v: the Hold that was set is changed", tt.v)
		}
	}
}

// noTime is a clock that stands still.
type noTime struct{ zapcore.Clock }

func (noTime) Now() time.Time { return time.UnixMilli(0) }

// TestConfigBuildHolds builds loggers that hold, and some that have nothing to.
func TestConfigBuildHolds(t *testing.T) {
	const notice = "1 held entry was evicted, from 1970-01-01T00:00:00.000Z to 1970-01-01T00:00:00.000Z: MaxBytes of the Hold is 13"
	for _, tt := range []struct{ text, want, echo string }{
		{`{"level": "info", "cloud-watch": {"hold": "64KiB"}}`, "d, i, e", ""},
		{`{"level": "info", "cloud-watch": {"hold": 13}}`, "i, " + notice + ", e", ""},
		{`{"level": "info", "cloud-watch": {"hold": 0}}`, "i, e", ""},
		{`{"level": "error", "cloud-watch": {"hold": "1MiB"}}`, "d, i, e", ""},
		{`{"level": "debug", "cloud-watch": {"hold": "64KiB"}}`, "d, i, e", "d, i, e"},
	} {
		c := Config{Class: "cloud-watch", CloudWatch: Destination{Group: "g", Stream: "s", Format: func(*buffer.Buffer, string, zapcore.Entry) {}}}
		if err := json.Unmarshal([]byte(tt.text), &c); err != nil {
			t.Error(err)
			continue
		}
		var client collector
		stdout, stderr := printed(t, func() {
			log, err := c.Build(t.Context(), &client, zap.WithClock(noTime{}))
			if err != nil {
				t.Error(err)
				return
			}
			log.Debug("d")
			log.Info("i")
			log.Error("e")
			if err := log.Sync(); err != nil {
				t.Error(err)
			}
		})
		got := strings.ReplaceAll(strings.Join(client.puts, ", "), "g s ", "")
		echo := strings.ReplaceAll(strings.TrimSuffix(stdout, "\n"), "\n", ", ")
		if got != tt.want || echo != tt.echo || stderr != "" {
			t.Errorf("%s: got %q, %q, %q, want %q, %q", tt.text, got, echo, stderr, tt.want, tt.echo)
		}
	}
}
