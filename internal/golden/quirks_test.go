package golden_test

import "strings"

// A quirk is a point in which zapcw is not the original.
type quirk struct {
	// id is its number in the list of the original's quirks, with a letter if
	// there are several points; 9.5 and 14 are chapters about batches and Python.
	id string
	// shows tells whether a case has to do with it. If nil, it does if the rule
	// makes a difference to what the model expects.
	shows func(*testCase) bool
	// fates says how far the record tells what becomes of events.
	fates certainty
	// instead is what is expected and not the record, see testCase.model.
	instead string
}

// A certainty is how exactly the record tells what becomes of events. Whatever
// it is, every event is delivered or in the fallback, once and in order.
type certainty int

const (
	exact certainty = iota // what is sent together, and its fate
	retry                  // what the original lost may be delivered
	loose                  // and what it delivered may be in the fallback
)

var quirks []quirk

// In a function, because the methods look at the table.
func init() {
	quirks = []quirk{
		{"1a", nil, exact, "no Describe: a stream that is there can be written, also if it is empty"},
		{"1b", (*testCase).countsCalls, loose, "no Describe, and a put first: faults that are counted strike other calls"},
		{"3", nil, exact, "no Describe: neither a right to it nor its answer matters"},
		{"4a", (*testCase).mayPass, retry, "what may pass is tried again until it does or time is up: delivered or in the fallback"},
		{"4b", (*testCase).refusesOnce, loose, "after a refusal the next put has to wait: delivered or in the fallback"},
		{"4c", (*testCase).circles, retry, "creating and putting again is bounded: delivered or in the fallback"},
		{"4d", (*testCase).recordsNoFate, loose, "what the original did not send may meet the fault: delivered or in the fallback"},
		{"5", (*testCase).loses, exact, "events of a batch that is lost are in the fallback, whole"},
		{"6a", nil, exact, "an empty message is a space"},
		{"6b", (*testCase).mayHalve, retry, "an invalid batch is halved until the bad event stands alone: delivered or in the fallback"},
		{"7", nil, exact, "a batch is cut at 1 MiB, and so is a message"},
		{"8", nil, exact, "a batch is sorted by time"},
		{"9", nil, exact, "a batch is cut at 24 hours"},
		{"10", nil, exact, "what the service rejects is in the fallback"},
		{"11", nil, exact, "a timer sends what is a minute old"},
		{"13", nil, exact, "critical takes the field Flush as other calls do, and no caller"},
		{"14", nil, exact, "what is above ERROR is sent at once"},
		{"15", nil, exact, "the caller of an exception is the function that logged it"},
		{"16", nil, exact, "put is an ordinary call, for all classes, in the name of the function that made it"},
		{"17a", nil, exact, "a bad template is an error of the constructor, a prefix that panics is left out"},
		{"17b", (*testCase).formatterRaises, exact, "zap has no formatter that raises: where the original did, the line is written"},
		{"18", nil, exact, "entries have one of the five levels: the named one below"},
		{"19", nil, exact, "an unknown label is an error of the constructor, and so is a stock one in other letters or with space around it"},
		{"20a", nil, exact, "{logger}, {file} and {line} are placeholders too"},
		{"20b", (*testCase).usesFormatLanguage, exact, "Python's format language is an error that names the placeholder"},
		{"23a", nil, exact, `group "" is no group`},
		{"23b", nil, exact, "a group without a stream is an error of Build; a Syncer that cannot send keeps nothing"},
		{"24a", nil, exact, "the unknown name of a level is an error; trace, panic and dpanic are known"},
		{"24b", nil, exact, "a level is a name or a number: anything else is an error, or does not compile"},
		{"26", nil, exact, "#print knows the names of levels"},
		{"27", nil, exact, "#standard-logger writes [LEVEL] message, whatever the format, and syncs"},
		{"28", (*testCase).rewritesRoot, exact, "there is no root logger to rewrite: lines have the form of #standard-logger"},
		{"29", (*testCase).endsWithoutPurge, exact, "Sync or Close at the end: nothing is lost"},
		{"33a", (*testCase).hasForeignCode, loose, "an error code that does not belong to the operation proves nothing: delivered or in the fallback"},
		{"33b", (*testCase).scriptsPut, loose, "a put is delivered if the service says so: an answer that is none proves nothing"},
		{"35", nil, exact, "null is absent, except for the group"},
		{"36a", (*testCase).hasOddJSON, exact, "in a message only JSON objects and arrays are embedded, and only what every reader reads alike"},
		{"36b", (*testCase).hasOddLocation, exact, "the location names what a Go program can have: a nameless logger is left out with its dot, lines are numbers"},
		{"37a", (*testCase).hasObject, exact, "messages are strings: an object of Python's has no counterpart"},
		{"37b", (*testCase).hasPercentFault, exact, "nothing formats a message: where Python's % raises, the text is written as it is"},
		{"39", (*testCase).inBackground, loose, "count and age send in the background: a batch may be under way, delivered or in the fallback"},
		{"42", nil, exact, "an unknown key is an error, a value of the wrong type too"},
		{"44a", nil, exact, "a destination without a class is an error, and nothing at all is the null logger"},
		{"44b", nil, exact, "a configured level above 50 is an error: silence must be asked for"},
		{"9.5", (*testCase).asksCode, exact, "there are no class codes: a class is a name in Config"},
	}
}

// rules holds the ids of the quirks that the model mends.
type rules map[string]bool

// certainty is the least that the rules leave.
func (r rules) certainty() (c certainty) {
	for _, q := range quirks {
		if r[q.id] {
			c = max(c, q.fates)
		}
	}
	return c
}

func (q quirk) String() string {
	if strings.Contains(q.id, ".") {
		return "chapter " + q.id
	}
	return "Q" + strings.TrimRight(q.id, "abcd")
}
