// Package caller reads the names that the Go toolchain gives to functions.
package caller

import (
	"strings"

	"go.uber.org/zap/zapcore"
)

// Function gives the bare name of c's function, or nothing if the logger does
// not record callers.
func Function(c *zapcore.EntryCaller) string {
	if !c.Defined {
		return ""
	}
	return Name(c.Function)
}

// File gives the part of [zapcore.EntryCaller.TrimmedPath] before the line, or
// nothing if the logger does not record callers.
func File(c *zapcore.EntryCaller) string {
	if !c.Defined {
		return ""
	}
	if i := strings.LastIndexByte(c.File, '/'); i >= 0 {
		return c.File[strings.LastIndexByte(c.File[:i], '/')+1:]
	}
	return c.File
}

// Name gives the bare name of the function that a fully qualified one, as
// [runtime.Frame] has it, stands for: the text after the last dot, without
// type arguments. What the toolchain derives from a function goes by the name
// of that function: closures (F.func1, F.func1.2), the bodies of loops over
// functions (F-range1), the wrappers of go and defer statements (F.gowrap1,
// F.deferwrap1), method values (M-fm).
//
// A function that the program itself calls func1 keeps its name, and so does
// such a method of a pointer. A method func1 of a value cannot be told from a
// closure in a function that bears the name of the type, and is taken for one.
//
// Name returns a part of its argument and does not allocate.
func Name(function string) string {
	i := len(function) - 1
	for i >= 0 && letter(function[i]) {
		i--
	}
	if i >= 0 && function[i] == '.' && i+1 < len(function) && function[len(function)-1] > '9' {
		return function[i+1:] // most functions by far
	}
	return strip(function)
}

// strip is Name for the names that have something to be taken off.
func strip(function string) string {
	// What stands before floor is never reached: it is the package. So is a
	// receiver in parentheses: what follows it is a method.
	floor := packageEnd(function)
	seg, dot := last(function)
	for dot > floor && function[dot-1] != ')' && derived(seg) {
		function = function[:dot]
		seg, dot = last(function)
	}
	return seg
}

// letter tells whether c may be part of a Go identifier.
func letter(c byte) bool {
	return c >= 'a' || c-'A' < 26 || c-'0' < 10 || c == '_'
}

// last gives the text after the last dot that is not inside brackets, stripped
// of type arguments and of the suffixes that begin with a hyphen, and the
// place of that dot, -1 if there is none.
func last(s string) (seg string, dot int) {
	end, depth := len(s), 0
	for i := len(s) - 1; i >= 0; i-- {
		switch c := s[i]; {
		case c == ']':
			depth++
		case c == '[':
			depth--
			end = i
		case depth > 0:
		case c == '-':
			end = i
		case c == '.':
			return s[i+1 : end], i
		case c == '/':
			return s[i+1 : end], -1
		}
	}
	return s[:end], -1
}

// derived tells whether seg is a name of the toolchain's making: nothing or
// digits alone (init.0, glob..func1), or one of its words with a number.
func derived(seg string) bool {
	i := len(seg)
	for i > 0 && seg[i-1]-'0' <= 9 {
		i--
	}
	if i == len(seg) {
		return i == 0
	}
	switch seg[:i] {
	case "", "func", "gowrap", "deferwrap":
		return true
	}
	return false
}

// packageEnd gives the place of the dot after the package path. Dots in the
// path's last element are escaped there, those in the others end with a slash.
func packageEnd(function string) int {
	path := function
	if i := strings.IndexAny(path, "[("); i >= 0 {
		path = path[:i] // a type argument may have slashes of its own
	}
	slash := strings.LastIndexByte(path, '/')
	return slash + 1 + strings.IndexByte(function[slash+1:], '.')
}
