// Package terminal is what the programs of this module share about output for
// people: numbers, colours, a line of progress, and log events.
package terminal

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Count returns a number and what it counts: "1 line", "25,000 lines". The plural is
// the noun and an s.
func Count[T ~int | ~int64 | ~uint64](n T, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Number(n) + " " + noun + "s"
}

// Number returns n with a comma before every three digits.
func Number[T ~int | ~int64 | ~uint64](n T) string {
	digits := fmt.Sprint(n)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// Bytes returns a number of bytes with a decimal unit: "1 byte", "1.2 MB".
func Bytes(n int64) string {
	switch {
	case n < 1e3:
		return Count(n, "byte")
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// Duration returns d as a person would say it: milliseconds below a second,
// tenths below ten, and whole seconds above.
func Duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// OneLine joins the lines of an error of several, as errors.Join makes them, and
// takes out control characters.
func OneLine(s string) string {
	return Clean(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; "))
}

// Clean replaces control characters and bytes that are not UTF-8 by U+FFFD, so
// that a log cannot control the terminal that shows it. Newlines and tabs stay.
// Characters that override the direction of text go too: they make a line look
// like another.
func Clean(s string) string {
	clean := true
	for _, r := range s {
		if harmful(r) || r == utf8.RuneError {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		if harmful(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

func harmful(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < ' ', r >= 0x7f && r < 0xa0:
		return true
	}
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}
