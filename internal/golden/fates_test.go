package golden_test

import "slices"

// fates is what became, by the record, of the events that calls made.
func (c *testCase) fates(r rules) map[int]fate {
	base, all := c.simulate(rules{}, nil), c.recorded().flushes
	if len(base.sent) != len(all) {
		return nil
	}
	fates := make(map[int]fate)
	blame := c.blamesDescribe()
	worst := lost
	for i, f := range all {
		if f.fate == lost && r[blame] {
			f.fate = delivered
		}
		worst = min(worst, f.fate)
		for _, call := range base.sent[i] {
			fates[call] = f.fate
		}
	}
	// What the original did not get to send had no better fate than the rest.
	for i := range c.calls() {
		if _, sent := fates[i]; !sent && len(all) > 0 {
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

// streamExists tells whether the stream is there before the first call.
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
