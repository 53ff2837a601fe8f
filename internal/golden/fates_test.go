package golden_test

import "slices"

// An outcome is what the record says about the flushes of a case, no matter what
// rules there are.
type outcome struct {
	flushes []flush
	calls   [][]int // that made the events of each, by the model
	blame   string  // the quirk to blame for losses, see blamesDescribe
}

// outcome is worked out once: the model asks for it again and again.
func (c *testCase) outcome() *outcome {
	if c.known == nil {
		c.known = &outcome{c.recorded().flushes, c.simulate(rules{}, nil).sent, c.blamesDescribe()}
	}
	return c.known
}

// fates is what became, by the record, of the events that calls made.
func (c *testCase) fates(r rules) map[int]fate {
	known := c.outcome()
	if len(known.calls) != len(known.flushes) {
		return nil
	}
	fates := make(map[int]fate)
	worst := lost
	for i, f := range known.flushes {
		if f.fate == lost && r[known.blame] {
			f.fate = delivered
		}
		worst = min(worst, f.fate)
		for _, call := range known.calls[i] {
			fates[call] = f.fate
		}
	}
	// What the original did not get to send had no better fate than the rest.
	for i := range c.calls() {
		if _, sent := fates[i]; !sent && len(known.flushes) > 0 {
			fates[i] = worst
		}
	}
	return fates
}

// blamesDescribe says which quirk it is that nothing can go wrong but
// DescribeLogStreams.
func (c *testCase) blamesDescribe() string {
	if c.Endpoint != "" || len(c.Unset) > 0 {
		return ""
	}
	s, _, err := c.config(rules{})
	if err != nil || s.stream.strOr("") == "" || s.group.strOr("") == "" || c.anyFault(func(fault) bool { return true }) {
		return ""
	}
	id := ""
	for _, f := range c.Faults {
		switch {
		case f.Op != "DescribeLogStreams":
		case f.Code == "" && !f.Drop:
			id = "1a"
		default:
			id = "3"
		}
	}
	if id == "" && c.streamExists() {
		id = "1a"
	}
	return id
}

// streamExists reports whether the stream is there before the first call.
func (c *testCase) streamExists() bool {
	s, _, err := c.config(rules{})
	return err == nil && slices.ContainsFunc(c.Setup, func(step step) bool {
		for _, what := range []string{"stream", "seed"} {
			args, _ := value{step[what]}.list()
			if len(args) >= 2 && args[0].strOr("") == s.group.strOr("-") && args[1].strOr("") == s.stream.strOr("-") {
				return true
			}
		}
		return false
	})
}
