package golden_test

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"example.com/zapcw"
	"go.uber.org/zap/zapcore"
)

// A level is one of Python's: a number, or whatever else was given for one.
type level struct {
	n    float64
	text string // str() of it
	odd  bool   // it cannot be compared with others
}

var (
	pythonLevels = map[string]float64{"NOTSET": 0, "DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40, "CRITICAL": 50, "FATAL": 50}
	levelNames   = map[float64]string{10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
	methodLevels = map[string]float64{"debug": 10, "info": 20, "warning": 30, "error": 40, "exception": 40, "critical": 50}

	// What else the original finds when it looks up a name in the module logging.
	loggingAttributes = map[string]bool{"BASIC_FORMAT": true, "_STYLES": true}

	errLevelName = errors.New("no name of a level")
	errLevelType = errors.New("neither a name nor a number")
)

// levelOf coerces a level as the original does, by the rules for Q24 as zapcw
// does.
func levelOf(v value, r rules) (level, error) {
	name, isText := v.str()
	n, isNumber := v.number()
	switch {
	case v.none(), isText && name == "":
		return numeric(20), nil
	case isText:
		return namedLevel(name, r)
	case r["24b"] && (!isNumber || v.kind() == "bool" || math.IsNaN(n)):
		return numeric(20), errLevelType
	case isNumber:
		text, _ := v.repr()
		return level{n: n, text: text}, nil
	}
	return level{odd: true}, nil
}

func namedLevel(name string, r rules) (level, error) {
	if n, ok := pythonLevels[strings.ToUpper(name)]; ok {
		return numeric(n), nil
	}
	if !r["24a"] {
		return level{n: 20, text: "20", odd: loggingAttributes[strings.ToUpper(name)]}, nil
	}
	l, err := zapcw.ParseLevel(name)
	if err != nil {
		return numeric(20), errLevelName
	}
	return numeric(max(10*float64(l)+20, 0)), nil // panic is above critical
}

func numeric(n float64) level { return level{n: n, text: strconv.FormatFloat(n, 'f', -1, 64)} }

// name is what a prefix has.
func (l level) name() string {
	if name, ok := levelNames[l.n]; ok {
		return name
	}
	return l.text
}

// passes reports whether an event of this level is accepted.
func (l level) passes(threshold level) bool { return !l.odd && !threshold.odd && threshold.n <= l.n }

// zap gives the level that an entry has instead. Between two names it is the
// lower one.
func (l level) zap() zapcore.Level {
	return zapcore.Level(min(max(math.Floor(l.n/10)-2, -2), 3))
}

// ofZap gives the number of a level of zap's.
func ofZap(l zapcore.Level) level { return numeric(min(max(10*float64(l)+20, 0), 50)) }

// A threshold is a level of Python's, a number as it is.
type threshold float64

func newThreshold(v value) (zapcore.LevelEnabler, error) {
	n, isNumber := v.number()
	switch {
	case v.none():
		return zapcore.InfoLevel, nil
	case isNumber && v.kind() != "bool" && !math.IsNaN(n):
		return threshold(n), nil
	case v.kind() != "str":
		return nil, errLevelType // which does not compile
	}
	return zapcw.ParseLevel(v.strOr(""))
}

func (n threshold) Enabled(l zapcore.Level) bool { return ofZap(l).n >= float64(n) }

func (n threshold) Level() zapcore.Level {
	if n < 10 {
		return zapcore.DebugLevel - 1
	}
	return zapcore.Level(min(math.Ceil(float64(n)/10)-2, float64(zapcore.InvalidLevel)))
}
