package golden_test

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// embeds reports whether a message stands in its line as JSON: it is an object or
// an array, and all readers read it alike.
func embeds(text string) bool {
	trimmed := strings.Trim(text, " \t\r\n")
	if !json.Valid([]byte(text)) || !strings.ContainsAny(trimmed[:1], "{[") || !utf8.ValidString(text) || hasHalfPair(text) {
		return false
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	return readAlike(dec, 0)
}

// readAlike reads a value that has no key twice in an object, no number that one
// reader or another has not, and not more than 500 levels.
func readAlike(dec *json.Decoder, depth int) bool {
	tok, err := dec.Token()
	if err != nil {
		return false
	}
	switch tok := tok.(type) {
	case json.Number:
		return oneNumber(string(tok))
	case json.Delim:
		seen := make(map[any]bool)
		for dec.More() {
			if tok == '{' {
				key, err := dec.Token()
				if err != nil || seen[key] {
					return false
				}
				seen[key] = true
			}
			if !readAlike(dec, depth+1) {
				return false
			}
		}
		_, err := dec.Token()
		return err == nil && depth < 500
	}
	return true
}

// oneNumber reports whether a number is the same in a float64, in 64 bits and
// without a bound.
func oneNumber(text string) bool {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || text == "-0" {
		return false
	}
	whole, isInteger := new(big.Int).SetString(text, 10)
	if !isInteger {
		return true
	}
	read, _ := big.NewFloat(f).Int(nil)
	return read.Cmp(whole) == 0 && (whole.IsInt64() || whole.IsUint64())
}

// hasHalfPair reports whether an escape is half of a surrogate pair. Go's decoder
// reads U+FFFD then, which is not what is written there.
func hasHalfPair(text string) bool {
	var decoded, written int
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "\ufffd"), strings.HasPrefix(strings.ToLower(text[i:min(i+6, len(text))]), `\ufffd`):
			written++
			i++
		case text[i] == '\\':
			i++
		}
	}
	dec := json.NewDecoder(strings.NewReader(text))
	for {
		tok, err := dec.Token()
		if err != nil {
			return decoded != written
		}
		if s, ok := tok.(string); ok {
			decoded += strings.Count(s, "\ufffd")
		}
	}
}
