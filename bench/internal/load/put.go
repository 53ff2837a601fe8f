package load

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// The limits of PutLogEvents.
const (
	MaxEvents = 10_000
	MaxBytes  = 1_048_576
	Overhead  = 26 // of an event
)

// A put is what is counted of one.
type put struct {
	events, bytes int64
	times         []moment
}

// A moment is so many events in a row with the same time, in milliseconds since
// 1970.
type moment struct{ ms, events int64 }

var errOrder = errors.New("log events in a single PutLogEvents request must be in chronological order")

// readPut counts a put and says why the service would refuse it. It runs on the
// cores of those that are measured, so it decodes the text only if it must.
func readPut(body []byte) (p put, err error) {
	times, bytes, ok := scan(body)
	if !ok {
		if times, bytes, err = decode(body); err != nil {
			return p, err
		}
	}
	p.events, p.bytes, p.times = times.n, bytes+Overhead*times.n, times.moments
	switch {
	case p.events == 0 || p.events > MaxEvents:
		err = fmt.Errorf("%d events: want 1 to %d", p.events, MaxEvents)
	case p.bytes > MaxBytes:
		err = fmt.Errorf("%d bytes: want %d at most", p.bytes, MaxBytes)
	case times.unsorted:
		err = errOrder
	}
	return p, err
}

// times is what is to be known of the times of events.
type times struct {
	n, last  int64
	unsorted bool
	moments  []moment
}

func (t *times) add(ms int64) {
	t.n++
	t.unsorted = t.unsorted || ms < t.last
	if len(t.moments) == 0 || ms != t.last {
		t.moments = append(t.moments, moment{ms: ms})
		t.last = ms
	}
	t.moments[len(t.moments)-1].events++
}

// scan does without decoding if times have 13 digits and every escape in the
// messages is a backslash and the letter for one byte. The members of an event
// may come in any order.
func scan(body []byte) (t times, length int64, ok bool) {
	const frame = len(`{"timestamp":1700000000000,"message":""},`)
	from, to := bytes.Index(body, []byte(`[{"`)), bytes.LastIndex(body, []byte("}]"))
	if from < 0 || to < from {
		return t, 0, false
	}
	list := body[from+1 : to+1]
	escapes := 0
	for rest, more := list[len(`{"`):], true; more; {
		var event []byte
		// A quote in a message has a backslash before it.
		event, rest, more = bytes.Cut(rest, []byte(`},{"`))
		ms, ok := timeOf(event)
		n := bytes.Count(event, []byte{'\\'})
		// Mostly it is quotes that are escaped, and to count those is cheap.
		if !ok || !simple(event, n-(bytes.Count(event, []byte{'"'})-5)) {
			return t, 0, false
		}
		escapes += n
		t.add(ms)
	}
	return t, int64(len(list)+1-escapes) - t.n*int64(frame), true
}

// simple reports whether every escape stands for one byte; n are not quotes.
func simple(text []byte, n int) bool {
	for n != 0 {
		i := bytes.IndexByte(text, '\\')
		// Of a backslash that is escaped there would be two.
		if i < 0 || i+1 == len(text) || text[i+1] == '\\' || text[i+1] == 'u' {
			return false
		}
		if text[i+1] != '"' {
			n--
		}
		text = text[i+2:]
	}
	return true
}

// timeOf finds the time at the beginning or the end of an event.
func timeOf(event []byte) (ms int64, ok bool) {
	const digits = 13
	text, ok := bytes.CutPrefix(event, []byte(`timestamp":`))
	if !ok {
		i := bytes.LastIndexByte(event, ':')
		if text, ok = event[i+1:], bytes.HasSuffix(event[:i+1], []byte(`,"timestamp":`)); !ok {
			return 0, false
		}
	}
	for n, c := range text {
		if c -= '0'; c > 9 {
			return ms, n == digits
		}
		ms = 10*ms + int64(c)
	}
	return ms, len(text) == digits
}

func decode(body []byte) (t times, length int64, err error) {
	var in struct {
		LogEvents []struct {
			Message   string
			Timestamp int64
		}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return t, 0, err
	}
	for _, e := range in.LogEvents {
		t.add(e.Timestamp)
		length += int64(len(e.Message))
	}
	return t, length, nil
}
