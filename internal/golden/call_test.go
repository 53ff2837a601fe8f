package golden_test

import "math"

// known reports whether the original has the method.
func (call call) known() bool {
	_, named := methodLevels[call.Method]
	return named || call.Method == "log" || call.Method == "put"
}

// level is the argument of log and put; log has no default.
func (call call) level() (v value, given bool) {
	switch {
	case call.Level.given():
		return call.Level, true
	case call.Method == "put" && len(call.ExtraArgs) > 0:
		return call.ExtraArgs[0], true
	}
	return valueOf("20"), call.Method == "put"
}

// flushes reports whether the call asks for it, in one way or another.
func (call call) flushes() bool {
	args := call.ExtraArgs
	if call.Method == "put" && !call.Level.given() && len(args) > 0 {
		args = args[1:]
	}
	return call.Method == "critical" || call.Method == "exception" || call.Purge.truthy() || len(args) > 0 && args[0].isTrue()
}

// caller is the function that a call is made in, by name.
func (call call) caller(r rules) string {
	switch {
	case call.Method == "exception" && !r["15"]:
		return "exception"
	case call.Method == "critical" && len(call.ExtraArgs) > 0 && !r["13"]:
		name, _ := call.ExtraArgs[0].text()
		return name
	case !call.CallFunc.none():
		return call.CallFunc.strOr("")
	case call.Method == "put" && !r["16"]:
		return call.OuterCaller.strOr("?")
	}
	return call.Caller.strOr("handler")
}

// message is the text of a call. The Python logger alone takes arguments for it;
// if they do not fit, the text is the message as it is.
func (call call) message(s settings) (string, error) {
	text, _ := call.Msg.text()
	if s.class.strOr("") != "#standard-logger" {
		return text, nil
	}
	args, _ := call.Args.list()
	formatted, err := formatPercent(text, append(args, call.ExtraArgs...))
	if err != nil {
		return text, err
	}
	return formatted, nil
}

// milliseconds rounds as Python does.
func milliseconds(at float64) int64 { return int64(math.RoundToEven(at)) }
