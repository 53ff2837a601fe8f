// Package caller finds the bare names of functions in the names that the Go toolchain
// gives them.
package caller

import (
	"strings"

	"go.uber.org/zap/zapcore"
)

// Function returns the bare name of c's function, or "" if the logger does not record
// callers.
func Function(c *zapcore.EntryCaller) string {
	if !c.Defined {
		return ""
	}
	return Name(c.Function)
}

// File returns the part of [zapcore.EntryCaller.TrimmedPath] before the line, or "" if
// the logger does not record callers.
func File(c *zapcore.EntryCaller) string {
	if !c.Defined {
		return ""
	}
	if i := strings.LastIndexByte(c.File, '/'); i >= 0 {
		return c.File[strings.LastIndexByte(c.File[:i], '/')+1:]
	}
	return c.File
}

// Name returns the bare name of a function, given its fully qualified name as in
// [runtime.Frame]: the text after the last dot, without type arguments. Functions that
// the toolchain derives from another one get the name of that one: closures (F.func1,
// F.func1.2), the bodies of loops over functions (F-range1), the wrappers of go and
// defer statements (F.gowrap1, F.deferwrap1), method values (M-fm).
//
// A function that the program itself calls func1 keeps its name, and so does such a
// method with a pointer receiver. A method func1 with a value receiver looks like a
// closure in a function with the name of the type, and is taken for one.
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

// strip is Name for names that are not simple.
func strip(function string) string {
	// The text before floor is the package, which is never stripped. Nor is a
	// receiver in parentheses: a method follows it.
	floor := packageEnd(function)
	seg, dot := last(function)
	for dot > floor && function[dot-1] != ')' && derived(seg) {
		function = function[:dot]
		seg, dot = last(function)
	}
	return seg
}

// letter reports whether c may be part of a Go identifier.
func letter(c byte) bool {
	return c >= 'a' || c-'A' < 26 || c-'0' < 10 || c == '_'
}

// last returns the text after the last dot that is not inside brackets, without type
// arguments and suffixes that begin with a hyphen, and the index of that dot, or -1.
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

// derived reports whether the toolchain made up seg: it is empty or only digits
// (init.0, glob..func1), or one of the toolchain's words with a number.
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

// packageEnd returns the index of the dot after the package path. In the last element
// of the path dots are escaped, so it is the first dot after the last slash.
func packageEnd(function string) int {
	path := function
	if i := strings.IndexAny(path, "[("); i >= 0 {
		path = path[:i] // a type argument may have slashes of its own
	}
	slash := strings.LastIndexByte(path, '/')
	return slash + 1 + strings.IndexByte(function[slash+1:], '.')
}
