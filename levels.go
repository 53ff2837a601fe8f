package zapcw

import (
	"fmt"
	"strconv"
	"strings"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// belowDebug enables everything. It is not Debug itself, because exactly Debug
// starts the echo, see Tee.
const belowDebug = zapcore.DebugLevel - 1

// levels is sorted by name, since the error of ParseLevel lists it in this order.
var levels = [...]struct {
	name  string
	level zapcore.Level
}{
	{"critical", zapcore.DPanicLevel},
	{"debug", zapcore.DebugLevel},
	{"dpanic", zapcore.DPanicLevel},
	{"error", zapcore.ErrorLevel},
	{"fatal", zapcore.DPanicLevel},
	{"info", zapcore.InfoLevel},
	{"notset", belowDebug},
	{"panic", zapcore.PanicLevel},
	{"trace", belowDebug},
	{"warn", zapcore.WarnLevel},
	{"warning", zapcore.WarnLevel},
}

var _ zapcore.LevelEncoder = EncodeLevel

// ParseLevel returns the level with a name, in any letter case: debug, info, warn,
// warning, error, and zap's own dpanic and panic. The empty string is
// [zapcore.InfoLevel].
//
// critical is [zapcore.DPanicLevel], the lowest of the three levels that are
// written CRITICAL. fatal is the same, as in Python's logging. This differs from
// [zapcore.ParseLevel], whose fatal is [zapcore.FatalLevel].
//
// notset and trace are one below [zapcore.DebugLevel]: everything is enabled.
//
// Any other text, including a number or a name with space around it, is an error
// that lists the names; the level returned with it is [zapcore.InfoLevel].
func ParseLevel(text string) (zapcore.Level, error) {
	if text == "" {
		return zapcore.InfoLevel, nil
	}
	lower := strings.ToLower(text)
	for i := range levels {
		if levels[i].name == lower {
			return levels[i].level, nil
		}
	}
	return zapcore.InfoLevel, fmt.Errorf("level %q: unknown: known are %s", text, levelNames())
}

// EncodeLevel is a [zapcore.LevelEncoder] that writes DEBUG, INFO, WARNING, ERROR,
// and CRITICAL for zap's DPanic, Panic and Fatal. A level without a name is written
// as a decimal number.
func EncodeLevel(l zapcore.Level, enc zapcore.PrimitiveArrayEncoder) {
	enc.AppendString(levelName(l))
}

const (
	nameDebug    = "DEBUG"
	nameInfo     = "INFO"
	nameWarn     = "WARNING"
	nameError    = "ERROR"
	nameCritical = "CRITICAL"
)

// levelName allocates for numbers only.
func levelName(l zapcore.Level) string {
	switch l {
	case zapcore.DebugLevel:
		return nameDebug
	case zapcore.InfoLevel:
		return nameInfo
	case zapcore.WarnLevel:
		return nameWarn
	case zapcore.ErrorLevel:
		return nameError
	case zapcore.DPanicLevel, zapcore.PanicLevel, zapcore.FatalLevel:
		return nameCritical
	default:
		return strconv.Itoa(int(l))
	}
}

// appendLevel appends levelName. It repeats the switch because appending a constant
// compiles to a store, and appending any other string to a call.
func appendLevel(buf *buffer.Buffer, l zapcore.Level) {
	switch l {
	case zapcore.DebugLevel:
		buf.AppendString(nameDebug)
	case zapcore.InfoLevel:
		buf.AppendString(nameInfo)
	case zapcore.WarnLevel:
		buf.AppendString(nameWarn)
	case zapcore.ErrorLevel:
		buf.AppendString(nameError)
	case zapcore.DPanicLevel, zapcore.PanicLevel, zapcore.FatalLevel:
		buf.AppendString(nameCritical)
	default:
		buf.AppendInt(int64(l))
	}
}

func levelNames() string {
	names := make([]string, len(levels))
	for i := range levels {
		names[i] = levels[i].name
	}
	return strings.Join(names, " ")
}
