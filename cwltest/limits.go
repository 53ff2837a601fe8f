package cwltest

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of PutLogEvents, see
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
const (
	maxBatchEvents = 10_000
	maxBatchBytes  = 1_048_576
	maxEventBytes  = 1_048_576
	eventOverhead  = 26 // bytes that each event counts on top of its message
	maxSpan        = 24 * time.Hour
	maxAge         = 14 * 24 * time.Hour
	maxAhead       = 2 * time.Hour
)

// Limits of other operations.
const (
	maxName      = 512
	maxTags      = 50
	maxDescribed = 50     // groups or streams in an answer
	maxRead      = 10_000 // events in an answer
	maxReadBytes = 1_048_576
)

// retentions are the days that PutRetentionPolicy takes.
var retentions = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
	1096, 1827, 2192, 2557, 2922, 3288, 3653}

// rejection is what rejectedLogEventsInfo says. An index that is nil has
// nothing to say.
type rejection struct {
	TooOldEnd   *int32 `json:"tooOldLogEventEndIndex,omitempty"`   // exclusive
	TooNewStart *int32 `json:"tooNewLogEventStartIndex,omitempty"` // inclusive
	ExpiredEnd  *int32 `json:"expiredLogEventEndIndex,omitempty"`  // exclusive
}

// checkBatch applies the limits for which a put is refused as a whole, in the
// order in which they cost least to a reader who fixes one after the other.
func checkBatch(events []Event, maxEvent int, now time.Time) *apiError {
	if n := len(events); n == 0 {
		return violation("[]", "logEvents", "Member must have length greater than or equal to 1")
	} else if n > maxBatchEvents {
		return violation(fmt.Sprintf("[%d events]", n), "logEvents",
			fmt.Sprintf("Member must have length less than or equal to %d", maxBatchEvents))
	}
	for i := range events {
		if events[i].Timestamp < 0 {
			return violation(fmt.Sprint(events[i].Timestamp), member(i, "timestamp"), "Member must have value greater than or equal to 0")
		}
		if events[i].Message == "" {
			return violation("", member(i, "message"), "Member must have length greater than or equal to 1")
		}
	}
	total := 0
	for i := range events {
		size := len(events[i].Message) + eventOverhead
		if size > maxEvent {
			return invalid("Log event too large: %d bytes exceeds limit of %d", size, maxEvent)
		}
		total += size
	}
	if total > maxBatchBytes {
		return invalid("Upload too large: %d bytes exceeds limit of %d", total, maxBatchBytes)
	}
	for i := range events[1:] {
		if events[i+1].Timestamp < events[i].Timestamp {
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	// The span is that of the events that are neither too old nor too new.
	from, to := window(events, now)
	if from < to && events[to-1].Timestamp-events[from].Timestamp > maxSpan.Milliseconds() {
		return invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

// window returns the range of events, which are in order, that is neither
// too old nor too new.
func window(events []Event, now time.Time) (from, to int) {
	oldest, newest := now.Add(-maxAge).UnixMilli(), now.Add(maxAhead).UnixMilli()
	for from < len(events) && events[from].Timestamp < oldest {
		from++
	}
	to = len(events)
	for to > from && events[to-1].Timestamp > newest {
		to--
	}
	return from, to
}

// sift says which of events, which are in order, are stored, and what the
// answer says of the others; nil when all are. Retention is in days.
//
// An event that is past both the 14 days and the retention is reported as too
// old; the expired index tells of events that only the retention shuts out.
func sift(events []Event, retention int32, now time.Time) (from, to int, why *rejection) {
	from, to = window(events, now)
	var r rejection
	if from > 0 {
		r.TooOldEnd = index(from)
	}
	if to < len(events) {
		r.TooNewStart = index(to)
	}
	if retention > 0 {
		oldest := now.Add(-time.Duration(retention) * 24 * time.Hour).UnixMilli()
		tooOld := from
		for from < to && events[from].Timestamp < oldest {
			from++
		}
		if from > tooOld {
			r.ExpiredEnd = index(from)
		}
	}
	if r == (rejection{}) {
		return from, to, nil
	}
	return from, to, &r
}

func index(i int) *int32 {
	n := int32(i)
	return &n
}

// member names a member of an event; the service counts from one.
func member(i int, name string) string {
	return fmt.Sprintf("logEvents.%d.member.%s", i+1, name)
}

func checkGroupName(name *string) *apiError {
	const field = "logGroupName"
	if err := checkLength(name, field); err != nil {
		return err
	}
	for _, c := range []byte(*name) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(".-_/#", c) >= 0) {
			return violation(*name, field, `Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`)
		}
	}
	return nil
}

func checkStreamName(name *string) *apiError {
	const field = "logStreamName"
	if err := checkLength(name, field); err != nil {
		return err
	}
	if strings.ContainsAny(*name, ":*") {
		return violation(*name, field, "Member must satisfy regular expression pattern: [^:*]*")
	}
	return nil
}

// checkLength counts characters, as the service does.
func checkLength(name *string, field string) *apiError {
	switch {
	case name == nil:
		return missing(field)
	case *name == "":
		return violation("", field, "Member must have length greater than or equal to 1")
	case utf8.RuneCountInString(*name) > maxName:
		return violation(*name, field, fmt.Sprintf("Member must have length less than or equal to %d", maxName))
	}
	return nil
}

// checkLimit returns how many items an answer may hold.
func checkLimit(limit *int64, most int) (int, *apiError) {
	switch {
	case limit == nil:
		return most, nil
	case *limit < 1:
		return 0, violation(fmt.Sprint(*limit), "limit", "Member must have value greater than or equal to 1")
	case *limit > int64(most):
		return 0, violation(fmt.Sprint(*limit), "limit", fmt.Sprintf("Member must have value less than or equal to %d", most))
	}
	return int(*limit), nil
}

func checkTime(ms *int64, field string) *apiError {
	if ms != nil && *ms < 0 {
		return violation(fmt.Sprint(*ms), field, "Member must have value greater than or equal to 0")
	}
	return nil
}
