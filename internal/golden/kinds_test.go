package golden_test

import (
	"regexp"
	"slices"
	"strings"
)

// What the service says about one operation and not about others.
var codesOf = map[string][]string{
	"DescribeLogStreams": {"ResourceNotFoundException"},
	"CreateLogGroup":     {"ResourceAlreadyExistsException", "LimitExceededException", "OperationAbortedException"},
	"CreateLogStream":    {"ResourceAlreadyExistsException", "ResourceNotFoundException"},
	"PutLogEvents":       {"ResourceNotFoundException", "InvalidSequenceTokenException", "DataAlreadyAcceptedException"},
}

// What it says about the caller, and waiting does not mend.
var refusals = []string{"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException"}

// hasForeignCode: the code says nothing about the operation that it comes from.
func (c *testCase) hasForeignCode() bool {
	return c.anyFault(func(f fault) bool {
		specific := false
		for op, codes := range codesOf {
			if slices.Contains(codes, f.Code) {
				specific = true
			} else if f.Op == op {
				continue
			}
			if slices.Contains(codes, f.Code) && f.Op == op {
				return false
			}
		}
		return specific
	})
}

// anyFault looks for one that can strike zapcw.
func (c *testCase) anyFault(is func(fault) bool) bool {
	creates := c.creates()
	return slices.ContainsFunc(c.Faults, func(f fault) bool {
		return (f.strikes("PutLogEvents") || creates && (f.strikes("CreateLogStream") || f.strikes("CreateLogGroup"))) && is(f)
	})
}

// creates reports whether zapcw has to make the stream at some time.
func (c *testCase) creates() bool {
	return !c.streamExists() || c.anyCall(func(call call) bool {
		return slices.ContainsFunc(call.Before, func(s step) bool { return s["delete_stream"] != nil || s["delete_group"] != nil })
	}) || c.anyPutNotFound()
}

// anyPutNotFound: a put says so, whether it is true or not.
func (c *testCase) anyPutNotFound() bool {
	return slices.ContainsFunc(c.Faults, func(f fault) bool {
		return f.strikes("PutLogEvents") && f.Code == "ResourceNotFoundException"
	})
}

// countsCalls: the calls that the fault lets through or strikes are counted, and
// zapcw makes other ones.
func (c *testCase) countsCalls() bool {
	return c.anyFault(func(f fault) bool {
		counted := f.Skip > 0 || f.times() > 0
		return counted && (f.Op == "*" || f.Op == "CreateLogStream" && !c.streamExists())
	}) || len(c.Faults) > 1 && slices.ContainsFunc(c.Faults, func(f fault) bool { return f.Op == "DescribeLogStreams" })
}

// mayPass: the SDK's retries differ, and the Syncer has its own.
func (c *testCase) mayPass() bool {
	return c.Endpoint != "" || len(c.Unset) > 0 || c.anyFault(func(f fault) bool {
		switch f.Code {
		case "":
			return f.Drop || f.Status >= 500
		case "ResourceNotFoundException", "ResourceAlreadyExistsException", "InvalidSequenceTokenException":
			// Each is answered by another try, not any number of times.
			return f.times() > 1
		case "LimitExceededException":
			return f.times() > 0
		case "InvalidParameterException", "DataAlreadyAcceptedException":
			return false
		}
		return !slices.Contains(refusals, f.Code)
	})
}

// refusesOnce: what comes behind the refusal is refused by nobody.
func (c *testCase) refusesOnce() bool {
	return c.anyFault(func(f fault) bool { return slices.Contains(refusals, f.Code) && f.times() > 0 })
}

// circles: the original used up its hundred steps over a fault that begins or ends.
func (c *testCase) circles() bool {
	return slices.Contains(c.Expect.Stdout, "Failed to post to CloudWatch Logs.") && c.anyFault(func(f fault) bool {
		return f.Skip > 0 || f.times() > 0 || f.Code == "DataAlreadyAcceptedException"
	})
}

// recordsNoFate: zapcw sends something, and the original did not come so far.
func (c *testCase) recordsNoFate() bool {
	all := make(rules)
	for _, q := range quirks {
		all[q.id] = true
	}
	recorded, sent := len(c.outcome().flushes), len(c.outcome().calls)
	return (recorded == 0 || recorded != sent) && c.anyFault(func(fault) bool { return true }) && len(c.simulate(all, nil).flushes) > 0
}

// acceptsUnseen: the service says that it has what it never saw.
func (c *testCase) acceptsUnseen() bool {
	return slices.ContainsFunc(c.Faults, func(f fault) bool {
		return f.strikes("PutLogEvents") && f.Code == "DataAlreadyAcceptedException"
	})
}

func (c *testCase) mayHalve() bool {
	return c.anyFault(func(f fault) bool { return f.Code == "InvalidParameterException" && f.times() > 0 })
}

// scriptsPut: a put is answered without being carried out.
func (c *testCase) scriptsPut() bool {
	return c.anyFault(func(f fault) bool { return f.Op != "CreateLogGroup" && f.Op != "CreateLogStream" && f.Body != nil })
}

// inBackground: a batch that is tried again goes on with what has gathered, after
// a refusal the next is not tried at once, and puts of a timer draw faults upon
// themselves that were another's.
func (c *testCase) inBackground() bool {
	return c.simulate(rules{"11": true}, nil).background && c.anyFault(func(f fault) bool { return f.Merge.Rejected == nil })
}

func (c *testCase) loses() bool {
	return slices.ContainsFunc(c.outcome().flushes, func(f flush) bool { return f.fate == lost })
}

func (c *testCase) rewritesRoot() bool { return c.Config.Via == "setup_canonical" }

func (c *testCase) asksCode() bool { return c.Config.Via == "object" }

func (c *testCase) endsWithoutPurge() bool {
	return c.Config.Via == "process" && c.Config.Where != "purged" || c.tagged("python") && slices.ContainsFunc(c.Calls, func(call call) bool { return call.Method == "gc" })
}

var formatLanguage = regexp.MustCompile(`\{(?:level|func|caller)[!:.\[]`)

func (c *testCase) usesFormatLanguage() bool {
	return formatLanguage.MatchString(c.Config.Format.strOr(""))
}

func (c *testCase) hasObject() bool {
	return c.anyCall(func(call call) bool {
		_, err := call.jsonText()
		_, ok := call.Msg.text()
		return err == errNoCounterpart || !ok && call.Msg.given()
	})
}

func (c *testCase) anyCall(is func(call) bool) bool { return slices.ContainsFunc(c.Calls, is) }

// hasPercentFault: the arguments do not fit the message.
func (c *testCase) hasPercentFault() bool {
	s, _, _ := c.config(rules{"27": true})
	return c.anyCall(func(call call) bool {
		_, err := call.message(s)
		if c.isJSON() {
			_, err = call.jsonText()
		}
		return err != nil && err != errNoCounterpart
	})
}

// formatterRaises: with a text that zap could have had, and no fault of its own.
func (c *testCase) formatterRaises() bool {
	if !c.isJSON() {
		return false
	}
	for i, out := range c.Expect.Outputs {
		if i < len(c.Calls) && out.Output == nil {
			if _, err := c.Calls[i].jsonText(); err == nil {
				return true
			}
		}
	}
	return false
}

// hasOddLocation: the three parts are not a name, a name and a number, or the
// names are not such as Go has them.
func (c *testCase) hasOddLocation() bool {
	return c.isJSON() && c.anyCall(func(call call) bool {
		at := c.placeOf(call)
		return at.location() != at.want()
	})
}

// hasOddJSON: the message of the record is neither the text nor JSON to embed.
func (c *testCase) hasOddJSON() bool {
	if !c.isJSON() {
		return false
	}
	for i, call := range c.Calls {
		text, err := call.jsonText()
		if err != nil || i >= len(c.Expect.Outputs) || c.Expect.Outputs[i].Output == nil {
			continue
		}
		if out := members(*c.Expect.Outputs[i].Output); !embeds(text) && len(out) > 3 && out[3][1] != canonical(quote(text)) {
			return true
		}
	}
	return false
}

// aboutPython is what a case is about that is tagged python and shows no quirk.
func (c *testCase) aboutPython() string {
	switch {
	case c.anyCall(func(call call) bool { return call.Shallow.truthy() || strings.HasPrefix(call.Caller.strOr(""), "<") }):
		return "chapter 14"
	case c.anyCall(func(call call) bool { return call.Level.kind() == "float" }):
		return "Q24"
	case c.anyCall(func(call call) bool { return call.InExcept.truthy() }):
		return "Q15"
	}
	return "Q37"
}

func (c *testCase) isJSON() bool { return c.Config.Via == "json_formatter" }
