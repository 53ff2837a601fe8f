package zapcw

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
)

func TestParseLevel(t *testing.T) {
	for text, want := range map[string]zapcore.Level{
		"":         zapcore.InfoLevel,
		"debug":    zapcore.DebugLevel,
		"info":     zapcore.InfoLevel,
		"warn":     zapcore.WarnLevel,
		"warning":  zapcore.WarnLevel,
		"error":    zapcore.ErrorLevel,
		"critical": zapcore.DPanicLevel,
		"fatal":    zapcore.DPanicLevel,
		"dpanic":   zapcore.DPanicLevel,
		"panic":    zapcore.PanicLevel,
		"notset":   zapcore.DebugLevel - 1,
		"trace":    zapcore.DebugLevel - 1,
	} {
		for _, s := range []string{text, strings.ToUpper(text), strings.ToUpper(text[:min(1, len(text))]) + text[min(1, len(text)):]} {
			if got, err := ParseLevel(s); got != want || err != nil {
				t.Errorf("ParseLevel(%q) = %d, %v, want %d", s, got, err, want)
			}
		}
	}
}

func TestParseLevelUnknown(t *testing.T) {
	for _, s := range []string{"bogus", "10", " debug ", "debug\n", "basic_format", "off", "ınfo", "\xff"} {
		got, err := ParseLevel(s)
		if err == nil {
			t.Errorf("ParseLevel(%q) = %d, want an error", s, got)
			continue
		}
		if got != zapcore.InfoLevel {
			t.Errorf("ParseLevel(%q) = %d beside its error, want Info", s, got)
		}
		if msg := err.Error(); !strings.Contains(msg, fmt.Sprintf("%q", s)) {
			t.Errorf("%q does not name %q", msg, s)
		}
		for i := range levels {
			if !strings.Contains(err.Error(), levels[i].name) {
				t.Errorf("%q does not list %s", err, levels[i].name)
			}
		}
	}
}

func TestLevelsSorted(t *testing.T) {
	if names := strings.Fields(levelNames()); !slices.IsSorted(names) {
		t.Errorf("names are not sorted: %q", names)
	}
}

// A threshold that is notset lets everything pass, and is not the one that
// turns the echo on.
func TestNotsetThreshold(t *testing.T) {
	level, err := ParseLevel("notset")
	if err != nil {
		t.Fatal(err)
	}
	if !level.Enabled(zapcore.DebugLevel) || level == zapcore.DebugLevel {
		t.Errorf("notset is %d", level)
	}
}

func TestLevelNames(t *testing.T) {
	for l := -128; l <= 127; l++ {
		want := fmt.Sprint(l)
		switch level := zapcore.Level(l); level {
		case zapcore.DebugLevel, zapcore.InfoLevel, zapcore.ErrorLevel:
			want = level.CapitalString()
		case zapcore.WarnLevel:
			want = "WARNING"
		case zapcore.DPanicLevel, zapcore.PanicLevel, zapcore.FatalLevel:
			want = "CRITICAL"
		}
		enc := zapcore.NewMapObjectEncoder()
		_ = enc.AddArray("level", zapcore.ArrayMarshalerFunc(func(arr zapcore.ArrayEncoder) error {
			EncodeLevel(zapcore.Level(l), arr)
			return nil
		}))
		if got := enc.Fields["level"].([]any); len(got) != 1 || got[0] != want {
			t.Errorf("EncodeLevel(%d) gives %v, want one %q", l, got, want)
		}
		buf := buffers.Get()
		appendLevel(buf, zapcore.Level(l))
		if buf.String() != want {
			t.Errorf("appendLevel(%d) gives %q, want %q", l, buf, want)
		}
		buf.Free()
	}
}

func TestLevelNameAllocs(t *testing.T) {
	checkAllocs(t, 0, func() {
		for l := zapcore.DebugLevel; l <= zapcore.FatalLevel; l++ {
			if levelName(l) == "" {
				t.Error("no name")
			}
		}
	})
}

func FuzzParseLevel(f *testing.F) {
	for _, s := range []string{"", "info", "WARN", "Fatal", "notset", " debug ", "10", "ſ", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		level, err := ParseLevel(s)
		known := s == "" || slices.ContainsFunc(strings.Fields(levelNames()), func(name string) bool {
			return strings.EqualFold(name, s) && len(name) == len(s)
		})
		if known != (err == nil) {
			t.Errorf("ParseLevel(%q) = %d, %v", s, level, err)
		}
		if err != nil && level != zapcore.InfoLevel {
			t.Errorf("ParseLevel(%q) = %d beside its error", s, level)
		}
	})
}
