package cwltest

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of filter patterns.
const (
	maxPattern         = 1024 // characters
	maxPatternRegexes  = 2    // in a pattern for JSON or for fields between spaces
	maxPatternWildcard = 3    // selectors with a wildcard in a pattern for JSON
)

// parseFilter is parsePattern for a member of a request, which has a limit.
func parseFilter(pattern, member string) (func(message string) bool, *apiError) {
	if utf8.RuneCountInString(pattern) > maxPattern {
		return nil, violation(pattern, member, fmt.Sprintf("Member must have length less than or equal to %d", maxPattern))
	}
	return parsePattern(pattern)
}

// parsePattern returns what a filter pattern matches, see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
// There are patterns for JSON in braces, for fields between spaces in brackets,
// and of terms. All tell upper from lower case.
func parsePattern(pattern string) (func(message string) bool, *apiError) {
	p := &patternParser{text: strings.TrimSpace(pattern)}
	var matches func(string) bool
	var err error
	switch {
	case strings.HasPrefix(p.text, "{"):
		matches, err = p.json()
	case strings.HasPrefix(p.text, "["):
		matches, err = p.fields()
	default:
		matches, err = p.terms()
	}
	if err != nil {
		return nil, invalid("Invalid filter pattern %q: %v", pattern, err)
	}
	return matches, nil
}

// patternParser reads a pattern from left to right.
type patternParser struct {
	text      string
	i         int // of the next byte
	regexes   int // so far
	wildcards int // selectors with one, so far
}

// peek returns the next byte that is not white space, 0 at the end.
func (p *patternParser) peek() byte {
	rest := strings.TrimLeftFunc(p.text[p.i:], unicode.IsSpace)
	p.i = len(p.text) - len(rest)
	if rest == "" {
		return 0
	}
	return rest[0]
}

// more reports whether anything but white space is left.
func (p *patternParser) more() bool {
	p.peek()
	return p.i < len(p.text)
}

// take consumes a token, if it is next.
func (p *patternParser) take(token string) bool {
	p.peek()
	if !strings.HasPrefix(p.text[p.i:], token) {
		return false
	}
	p.i += len(token)
	return true
}

// word consumes the letters, digits and further characters that are next.
func (p *patternParser) word(further string) string {
	start := p.i
	for i, c := range p.text[start:] {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune(further, c) {
			p.i = start + i
			return p.text[start:p.i]
		}
	}
	p.i = len(p.text)
	return p.text[start:]
}

// keyword consumes a word if it is the one that is wanted.
func (p *patternParser) keyword(want string) bool {
	p.peek()
	start := p.i
	if strings.EqualFold(p.word("_"), want) {
		return true
	}
	p.i = start
	return false
}

// want says what should have been next.
func (p *patternParser) want(what string) error {
	p.peek()
	if p.i == len(p.text) {
		return fmt.Errorf("%s is missing at the end", what)
	}
	return fmt.Errorf("%s is wanted before %q", what, p.text[p.i:])
}

// phrase consumes text in double quotes, in which a backslash takes the
// meaning of what follows.
func (p *patternParser) phrase() (string, error) {
	var b strings.Builder
	for i := p.i + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.i = i + 1
			return b.String(), nil
		case c == '\\' && i+1 < len(p.text):
			i++
			b.WriteByte(p.text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf(`the quote " of %q is not closed`, p.text[p.i:])
}

// The characters that a regular expression may have besides letters and digits,
// and what may stand behind a backslash.
const (
	regexSymbols = ":_#=@/;,- " + `^$?[]{}|\*+.`
	regexEscapes = `dDsSwWxtn^$?[]{}|\*+.:_#=@/;,-`
)

var (
	regexNoMinimum = regexp.MustCompile(`\{\s*,`)
	regexSpaces    = regexp.MustCompile(`\{\s*(\d+)\s*(,?)\s*(\d*)\s*\}`)
)

// regex consumes a regular expression in percent signs: the part of the syntax
// that the service has.
func (p *patternParser) regex() (*regexp.Regexp, error) {
	text, _, closed := strings.Cut(p.text[p.i+1:], "%")
	if !closed {
		return nil, fmt.Errorf("the regular expression %q is not closed", p.text[p.i:])
	}
	p.i += len(text) + 2
	p.regexes++
	if text == "" {
		return nil, fmt.Errorf("a regular expression is empty")
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alphanumeric && strings.IndexByte(regexSymbols, c) < 0 {
			return nil, fmt.Errorf("the regular expression %q has a character %q, which is not supported", text, []rune(text[i:])[0])
		}
		if c == '\\' {
			if i++; i == len(text) || strings.IndexByte(regexEscapes, text[i]) < 0 {
				return nil, fmt.Errorf("the regular expression %q has a backslash before something that is not supported", text)
			}
		}
	}
	expression := regexSpaces.ReplaceAllString(regexNoMinimum.ReplaceAllString(text, "{0,"), "{$1$2$3}")
	re, err := regexp.Compile("(?s)" + expression)
	if err != nil {
		return nil, fmt.Errorf("the regular expression %q is malformed: %w", text, err)
	}
	return re, nil
}

// terms consumes a pattern of terms: all that stand there, none with a minus,
// and any of those with a question mark, which mean nothing beside others.
func (p *patternParser) terms() (func(string) bool, error) {
	var all, any, none []func(string) bool
	for p.more() {
		list := &all
		switch p.text[p.i] {
		case '?':
			list = &any
			p.i++
		case '-':
			list = &none
			p.i++
		}
		matches, err := p.term()
		if err != nil {
			return nil, err
		}
		*list = append(*list, matches)
	}
	if len(all)+len(none) > 0 {
		any = nil
	}
	return func(message string) bool {
		for _, matches := range all {
			if !matches(message) {
				return false
			}
		}
		for _, matches := range none {
			if matches(message) {
				return false
			}
		}
		for _, matches := range any {
			if matches(message) {
				return true
			}
		}
		return len(any) == 0
	}, nil
}

// term consumes a word, a phrase or a regular expression, which ends where the
// pattern does or at a space.
func (p *patternParser) term() (func(string) bool, error) {
	if p.i == len(p.text) {
		return nil, p.want("a term")
	}
	var text string
	var re *regexp.Regexp
	var err error
	switch p.text[p.i] {
	case '"':
		text, err = p.phrase()
	case '%':
		re, err = p.regex()
	default:
		if text = p.word("_"); text == "" {
			err = fmt.Errorf("a term with other characters than letters, digits and _ has to stand in double quotes: %q", p.text[p.i:])
		}
	}
	if err != nil {
		return nil, err
	}
	if p.i < len(p.text) && !unicode.IsSpace([]rune(p.text[p.i:])[0]) {
		return nil, fmt.Errorf("a space, or double quotes around the term, are wanted before %q", p.text[p.i:])
	}
	if re != nil {
		return re.MatchString, nil
	}
	if strings.TrimSpace(text) == "" { // the documented way to match everything
		text = ""
	}
	return func(message string) bool { return strings.Contains(message, text) }, nil
}
