package terminal

import (
	"os"
	"runtime"
)

// A Style is an escape sequence that sets how text looks.
type Style string

const (
	Plain  Style = ""
	Dim    Style = "\x1b[2m"
	Bold   Style = "\x1b[1m"
	Red    Style = "\x1b[31m"
	Green  Style = "\x1b[32m"
	Yellow Style = "\x1b[33m"
	// Loud is for what must not be missed.
	Loud Style = "\x1b[1;37;41m"

	reset = "\x1b[0m"
)

// Paint returns s in a style.
func (st Style) Paint(s string) string {
	if st == Plain || s == "" {
		return s
	}
	return string(st) + s + reset
}

// levels are the styles of zapcw's names of levels, and of those that others
// write.
var levels = map[string]Style{
	"DEBUG":    Dim,
	"INFO":     Green,
	"WARNING":  Yellow,
	"WARN":     Yellow,
	"ERROR":    Red,
	"CRITICAL": Loud,
	"DPANIC":   Loud,
	"PANIC":    Loud,
	"FATAL":    Loud,
}

// functions are told apart by these; red, yellow and green are those of levels.
var functions = []Style{
	"\x1b[36m", // cyan
	"\x1b[35m", // magenta
	"\x1b[34m", // blue
	"\x1b[96m", // and brighter ones
	"\x1b[95m",
	"\x1b[94m",
}

// WantsColour reports whether what is written to f should be coloured: f is a
// terminal, and NO_COLOR is not set, see https://no-color.org.
func WantsColour(f *os.File) bool { return Is(f) && os.Getenv("NO_COLOR") == "" }

// Is reports whether f is a terminal that understands escape sequences.
func Is(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || info.Mode()&os.ModeDevice == 0 || os.Getenv("TERM") == "dumb" || isNull(info) {
		return false
	}
	// Old consoles print the sequences; those that do not tell by these.
	return runtime.GOOS != "windows" || os.Getenv("WT_SESSION") != "" || os.Getenv("TERM") != ""
}

// isNull reports whether a file is the null device, which is a character device
// too.
func isNull(info os.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(info, null)
}
