// Package batch holds log events between the logging call and the request that
// carries them: chunks of memory, a queue that merges them by time, and the
// limits of PutLogEvents, by which the queue is cut into batches.
//
// The limits are those of
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
package batch

import "unicode/utf8"

const (
	// MaxEvents is the largest number of events in one put.
	MaxEvents = 10_000
	// MaxBytes is the largest size of one put, each event counted by Size.
	MaxBytes = 1_048_576
	// Overhead is what the service adds to an event's UTF-8 length.
	Overhead = 26
	// MaxSpan is the longest time between the first and the last event of one
	// put, in milliseconds.
	MaxSpan = 24 * 60 * 60 * 1000
)

// Size is what the service counts for an event with this text, in bytes.
func Size(text []byte) int { return Len(text) + Overhead }

// counted is what the service counts for events that cost so much in chunks, if
// their texts are UTF-8.
func counted(events, cost int) int { return cost + (Overhead-header)*events }

// Fills reports whether events that cost so much in chunks are a full put or more.
func Fills(events, cost int) bool {
	return events >= MaxEvents || counted(events, cost) >= MaxBytes
}

// Len is the length of text as the service counts and stores it: UTF-8, with
// every byte that belongs to no rune replaced by U+FFFD, which takes three.
func Len(text []byte) int {
	if utf8.Valid(text) {
		return len(text)
	}
	n := 0
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if r == utf8.RuneError && size == 1 {
			size = 3
		}
		n += size
	}
	return n
}

// Head is the length in bytes of the longest beginning of text that ends
// between runes and whose Len is at most max, which is at least utf8.UTFMax.
func Head(text []byte, max int) int {
	// Where no byte counts three times, step back from max to the beginning of
	// the rune that does not fit.
	if len(text) > max {
		i := max
		for i > 0 && max-i < utf8.UTFMax && !utf8.RuneStart(text[i]) {
			i--
		}
		_, size := utf8.DecodeRune(text[i:])
		if i+size > max && utf8.Valid(text[:i]) {
			return i
		}
	}
	i := 0
	for n := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		count := size
		if r == utf8.RuneError && size == 1 {
			count = 3
		}
		if n += count; n > max {
			break
		}
		i += size
	}
	return i
}

// Split cuts text into parts that Head may give.
func Split(text []byte, max int) [][]byte {
	var parts [][]byte
	for {
		n := Head(text, max)
		parts = append(parts, text[:n])
		if text = text[n:]; len(text) == 0 {
			return parts
		}
	}
}

// span reports whether events at these times may travel in one put.
func span(first, last int64) bool { return last-first <= MaxSpan }

// Day is the UTC day of a time in milliseconds, in days since 1970.
func Day(ms int64) int64 {
	const day = 24 * 60 * 60 * 1000
	if ms < 0 {
		return (ms+1)/day - 1
	}
	return ms / day
}

// AppendText appends text as the service will store it, with U+FFFD for every
// byte that belongs to no rune.
func AppendText(dst, text []byte) []byte {
	if utf8.Valid(text) {
		return append(dst, text...)
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		dst = utf8.AppendRune(dst, r)
		text = text[size:]
	}
	return dst
}
