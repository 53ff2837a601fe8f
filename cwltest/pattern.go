package cwltest

import (
	"strings"
	"unicode"
)

// term is a part of a filter pattern.
type term struct {
	sign byte // '?' any of these, '-' none of these, 0 all of these
	text string
}

// parsePattern returns what a filter pattern matches. Of
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
// it knows the patterns of terms for text. A term matches wherever it occurs,
// case-sensitively.
func parsePattern(pattern string) (func(message string) bool, *apiError) {
	var all, any, none []string
	for rest := strings.TrimSpace(pattern); rest != ""; rest = strings.TrimSpace(rest) {
		t, tail, ok := cutTerm(rest)
		if !ok {
			return nil, unsupported(pattern)
		}
		rest = tail
		switch t.sign {
		case '?':
			any = append(any, t.text)
		case '-':
			none = append(none, t.text)
		default:
			all = append(all, t.text)
		}
	}
	if len(any) > 0 && len(all)+len(none) > 0 {
		return nil, unsupported(pattern)
	}
	return func(message string) bool {
		for _, text := range all {
			if !strings.Contains(message, text) {
				return false
			}
		}
		for _, text := range none {
			if strings.Contains(message, text) {
				return false
			}
		}
		for _, text := range any {
			if strings.Contains(message, text) {
				return true
			}
		}
		return len(any) == 0
	}, nil
}

// cutTerm takes the first term off a pattern that is not empty.
func cutTerm(pattern string) (t term, rest string, ok bool) {
	rest = pattern
	if c := rest[0]; c == '?' || c == '-' {
		t.sign, rest = c, rest[1:]
	}
	if quoted, found := strings.CutPrefix(rest, `"`); found {
		t.text, rest, ok = cutPhrase(quoted)
	} else {
		end := strings.IndexFunc(rest, func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) })
		if end < 0 {
			end = len(rest)
		}
		t.text, rest, ok = rest[:end], rest[end:], end > 0
	}
	// A term ends where the pattern does or at a space.
	ok = ok && t.text != "" && (rest == "" || strings.TrimLeftFunc(rest, unicode.IsSpace) != rest)
	return t, rest, ok
}

// cutPhrase takes a phrase off a pattern, up to its closing quote.
func cutPhrase(quoted string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(quoted); i++ {
		switch c := quoted[i]; {
		case c == '"':
			return b.String(), quoted[i+1:], true
		case c == '\\' && i+1 < len(quoted):
			i++
			b.WriteByte(quoted[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

func unsupported(pattern string) *apiError {
	return invalid("Invalid filter pattern %q: cwltest supports terms of letters, digits and _, \"quoted phrases\", "+
		"-term and -\"phrase\" for what is excluded, or only ?terms and ?\"phrases\" of which any will do.", pattern)
}
