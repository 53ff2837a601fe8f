package cwlambda

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"
)

func TestLogControls(t *testing.T) {
	for _, test := range []struct {
		level, format string
		want          zapcore.Level
		json          bool
		err           string
	}{
		{"", "", zapcore.InfoLevel, true, ""},
		{"TRACE", "JSON", zapcore.DebugLevel - 1, true, ""},
		{"DEBUG", "Text", zapcore.DebugLevel, false, ""},
		{"info", "TEXT", zapcore.InfoLevel, false, ""},
		{"WARN", "json", zapcore.WarnLevel, true, ""},
		{"ERROR", "", zapcore.ErrorLevel, true, ""},
		{"FATAL", "", zapcore.DPanicLevel, true, ""},
		{"LOUD", "", zapcore.InfoLevel, true, `AWS_LAMBDA_LOG_LEVEL is "LOUD": want TRACE, DEBUG, INFO, WARN, ERROR or FATAL; INFO counts`},
		{"DEBUG", "XML", zapcore.DebugLevel, true, `AWS_LAMBDA_LOG_FORMAT is "XML": want JSON or Text; JSON counts`},
		{"-1", "0", zapcore.InfoLevel, true, "AWS_LAMBDA_LOG_FORMAT is \"0\": want JSON or Text; JSON counts\nAWS_LAMBDA_LOG_LEVEL is \"-1\": want TRACE, DEBUG, INFO, WARN, ERROR or FATAL; INFO counts"},
	} {
		t.Run(test.level+" "+test.format, func(t *testing.T) {
			t.Setenv("AWS_LAMBDA_LOG_LEVEL", test.level)
			t.Setenv("AWS_LAMBDA_LOG_FORMAT", test.format)
			enc, level, err := LogControls()
			if level != test.want || text(err) != test.err {
				t.Errorf("level is %d, error %v, want %d, %q", level, err, test.want, test.err)
			}
			buf, err := enc.EncodeEntry(zapcore.Entry{Level: zapcore.WarnLevel, Time: time.Now(), Message: "low stock"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := buf.String(); strings.HasPrefix(got, "{") != test.json || !strings.Contains(got, "low stock") {
				t.Errorf("encoded is %q, want JSON: %t", got, test.json)
			}
		})
	}
}
