package golden_test

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// A want is what is to be seen of a case.
type want struct {
	fails          bool // the constructor has an error
	stdout, stderr []string
	flushes        []flush
	rejected       []string // delivered, and in the fallback
	left           []string // still in the buffer
	refused        int      // calls for whose level there is no name
}

// A flush is what is sent together.
type flush struct {
	events []event
	fate   fate
	cut    bool // in several puts
}

type event struct {
	text string
	t    int64
}

func byTime(a, b event) int { return cmp.Compare(a.t, b.t) }

type fate int

const (
	delivered fate = iota
	accepted       // so the service says, in an error
	lost
)

// recorded reads the record.
func (c *testCase) recorded() want {
	w := want{fails: c.Expect.ConstructRaises != nil, stderr: c.Expect.Stderr}
	if c.Config.Via == "process" {
		for i := range c.Expect.PutBatches {
			w.flushes = append(w.flushes, flush{events: c.batch(i)})
		}
		return w
	}
	puts := 0
	for _, call := range c.Expect.Calls {
		var f flush
		for _, line := range call.Stdout {
			if strings.HasPrefix(line, "[{'timestamp': <t") {
				f = flush{events: pythonEvents(line), fate: lost}
				break // the error's text follows
			}
			w.stdout = append(w.stdout, line)
		}
		for _, op := range call.APICalls {
			if op != "PutLogEvents" || puts >= min(len(c.Expect.PutBatches), len(c.Expect.PutResults)) {
				continue
			}
			switch batch, result := c.batch(puts), c.Expect.PutResults[puts]; {
			case f.fate == lost:
			case result == "DataAlreadyAcceptedException", result == "ResourceAlreadyExistsException":
				f = flush{events: batch, fate: accepted}
			case strings.HasPrefix(result, "ok"):
				f = flush{events: batch}
			}
			puts++
		}
		if f.events != nil {
			w.flushes = append(w.flushes, f)
		}
	}
	for _, text := range c.Expect.BufferLeft {
		w.left = append(w.left, string(text))
	}
	return w
}

// batch is one of the recorded puts.
func (c *testCase) batch(i int) (evs []event) {
	for _, e := range c.Expect.PutBatches[i] {
		evs = append(evs, event{string(e.Message), e.T})
	}
	return evs
}

var pythonEvent = regexp.MustCompile(`\{'timestamp': <t\+?(-?\d+)>, 'message': ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\}`)

// pythonEvents reads the list that the original prints of a lost batch.
func pythonEvents(line string) (evs []event) {
	for _, m := range pythonEvent.FindAllStringSubmatch(line, -1) {
		t, _ := strconv.ParseInt(m[1], 10, 64)
		quoted := strings.NewReplacer(`\\`, `\\`, `\'`, `'`, `\x`, `\u00`, `"`, `\"`).Replace(m[2][1 : len(m[2])-1])
		text, err := strconv.Unquote(`"` + quoted + `"`)
		if err != nil {
			text = m[2]
		}
		evs = append(evs, event{text, t})
	}
	return evs
}
