package golden_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// A percentFormat is a string of Python's under way through its operator %.
type percentFormat struct {
	in   string
	pos  int
	out  strings.Builder
	args []value
	used int
	dict map[string]value // of a single argument that is a mapping
}

var (
	errNoCounterpart = errors.New("an argument has no counterpart")
	errTooFew        = errors.New("not enough arguments for format string")
	errTooMany       = errors.New("not all arguments converted during string formatting")
	errIncomplete    = errors.New("incomplete format")
	errType          = errors.New("an argument of another type is required")
)

// formatPercent gives what Python's logging makes of a message and its arguments;
// without any it leaves percent signs alone. Its error says that the original
// raises, unless it is errNoCounterpart.
func formatPercent(format string, args []value) (string, error) {
	if len(args) == 0 {
		return format, nil
	}
	p := percentFormat{in: format, args: args}
	if len(args) == 1 {
		if dict, ok := args[0].dict(); ok && len(dict) > 0 {
			p.dict = dict
		}
	}
	for p.pos < len(p.in) {
		n := strings.IndexByte(p.in[p.pos:], '%')
		if n < 0 {
			n = len(p.in) - p.pos
		}
		p.out.WriteString(p.in[p.pos : p.pos+n])
		if p.pos += n; p.pos == len(p.in) {
			break
		}
		p.pos++
		if err := p.directive(); err != nil {
			return "", err
		}
	}
	if p.used < len(p.args) && p.dict == nil {
		return "", errTooMany
	}
	return p.out.String(), nil
}

// directive reads what follows a percent sign.
func (p *percentFormat) directive() error {
	if p.peek() == '%' {
		p.pos++
		p.out.WriteByte('%')
		return nil
	}
	if err := p.key(); err != nil {
		return err
	}
	flags := p.span("-+ #0")
	width, err := p.amount()
	if err != nil {
		return err
	}
	if n, ok := strings.CutPrefix(width, "-"); ok {
		flags, width = flags+"-", n
	}
	precision := ""
	if p.peek() == '.' {
		p.pos++
		if precision, err = p.amount(); err != nil {
			return err
		}
		if precision == "" || precision[0] == '-' {
			precision = "0"
		}
		precision = "." + precision
	}
	p.span("hlL")
	if p.pos == len(p.in) {
		return errIncomplete
	}
	verb, size := utf8.DecodeRuneInString(p.in[p.pos:])
	p.pos += size
	v, err := p.next()
	if err != nil {
		return err
	}
	text, err := convert(v, verb, flags, width, precision)
	p.out.WriteString(text)
	return err
}

// key reads the name of a mapping's member, if there is one. The member is then
// what the directive has for arguments.
func (p *percentFormat) key() error {
	if p.peek() != '(' {
		return nil
	}
	if p.dict == nil {
		return errType
	}
	start := p.pos + 1
	for depth := 0; ; {
		switch p.peek() {
		case 0:
			return errIncomplete
		case '(':
			depth++
		case ')':
			depth--
		}
		if p.pos++; depth == 0 {
			break
		}
	}
	v, ok := p.dict[p.in[start:p.pos-1]]
	if !ok {
		return errType
	}
	p.args, p.used = []value{v}, 0
	return nil
}

// amount reads a width or a precision.
func (p *percentFormat) amount() (string, error) {
	if p.peek() != '*' {
		return p.span("0123456789"), nil
	}
	p.pos++
	v, err := p.next()
	if err != nil {
		return "", err
	}
	n, ok := v.number()
	if !ok || v.kind() == "float" || math.Abs(n) > math.MaxInt32 {
		return "", errType
	}
	return strconv.Itoa(int(n)), nil
}

// next takes the next argument. A mapping stands for itself, once.
func (p *percentFormat) next() (value, error) {
	if p.used == len(p.args) {
		return value{}, errTooFew
	}
	p.used++
	return p.args[p.used-1], nil
}

func (p *percentFormat) span(set string) string {
	start := p.pos
	for p.pos < len(p.in) && strings.IndexByte(set, p.in[p.pos]) >= 0 {
		p.pos++
	}
	return p.in[start:p.pos]
}

// peek gives 0 at the end.
func (p *percentFormat) peek() byte {
	if p.pos == len(p.in) {
		return 0
	}
	return p.in[p.pos]
}

// convert writes one value.
func convert(v value, verb rune, flags, width, precision string) (string, error) {
	spec := func(verb string) string { return "%" + flags + width + precision + verb }
	switch verb {
	case 's', 'r', 'a':
		text, ok := v.text()
		if verb != 's' {
			text, ok = v.repr()
		}
		if !ok {
			return "", errNoCounterpart
		}
		if verb == 'a' {
			text = ascii(text)
		}
		flags = strings.Trim(strings.ReplaceAll(flags, "0", ""), "+ #")
		return fmt.Sprintf(spec("s"), text), nil
	case 'c':
		return convertChar(v, strings.ReplaceAll(flags, "0", ""), width)
	case 'd', 'i', 'u', 'x', 'X', 'o':
		if strings.Contains(flags, "0") || precision == ".0" {
			precision = "" // Go has nothing for zero then, and no zeros
		}
		return convertInt(v, verb, spec)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		n, ok := v.number()
		if !ok {
			return "", errType
		}
		if math.IsNaN(n) || math.IsInf(n, 0) {
			precision = ""
			return fmt.Sprintf(spec("s"), floatRepr(n)), nil
		}
		precision = cmp.Or(precision, ".6")
		return fmt.Sprintf(spec(string(verb)), n), nil
	}
	return "", fmt.Errorf("unsupported format character %q", verb)
}

func convertInt(v value, verb rune, spec func(string) string) (string, error) {
	n, ok := v.number()
	i, exact := new(big.Int).SetString(string(v.inner()), 10)
	switch {
	case !ok:
		return "", errType
	case exact:
	case v.kind() == "float" && (strings.ContainsRune("xXo", verb) || math.IsNaN(n) || math.IsInf(n, 0)):
		return "", errType
	default:
		i, _ = big.NewFloat(math.Trunc(n)).Int(nil)
	}
	switch verb {
	case 'o':
		if format := spec("O"); strings.Contains(format, "#") { // which has another zero in Go
			return fmt.Sprintf(strings.ReplaceAll(format, "#", ""), i), nil
		}
		return fmt.Sprintf(spec("o"), i), nil
	case 'x', 'X':
		return fmt.Sprintf(spec(string(verb)), i), nil
	}
	return fmt.Sprintf(strings.ReplaceAll(spec("d"), "#", ""), i), nil
}

func convertChar(v value, flags, width string) (string, error) {
	text, ok := v.str()
	if n, isNumber := v.number(); isNumber && v.kind() != "float" {
		if n < 0 || n > utf8.MaxRune {
			return "", errors.New("%c arg not in range(0x110000)")
		}
		text, ok = string(rune(n)), true
	}
	if !ok || utf8.RuneCountInString(text) != 1 {
		return "", errType
	}
	return fmt.Sprintf("%"+flags+width+"s", text), nil
}

// ascii escapes what is not.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

func TestPercent(t *testing.T) {
	for _, tt := range []struct{ format, args, want string }{
		{"plain", `[]`, "plain"},
		{"%s %r", `["a", "it's"]`, `a "it's"`},
		{"%5d|%-5d|%05d", `[42, 42, 42]`, "   42|42   |00042"},
		{"%s", `[1e16]`, "1e+16"},
		{"%o %#o %#x", `[8, 8, 255]`, "10 0o10 0xff"},
		{"%(a)s", `[{"a": null}]`, "None"},
		{"%d", `["x"]`, "raises"},
		{"%s", `[]`, "%s"},
		{"%s %s", `[1]`, "raises"},
		{"%s", `[1, 2]`, "raises"},
		{"%", `[1]`, "raises"},
	} {
		args, _ := valueOf(tt.args).list()
		got, err := formatPercent(tt.format, args)
		if err != nil {
			got = "raises"
		}
		if got != tt.want {
			t.Errorf("%q %% %s: %q, %v, want %q", tt.format, tt.args, got, err, tt.want)
		}
	}
}
