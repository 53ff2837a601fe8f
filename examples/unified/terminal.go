package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// colours are those of the levels, as zapcw writes their names.
var colours = map[string]string{
	"DEBUG":    "\x1b[2m",
	"INFO":     "\x1b[36m",
	"WARNING":  "\x1b[33m",
	"ERROR":    "\x1b[31m",
	"CRITICAL": "\x1b[1;31m",
}

const plain = "\x1b[0m"

// printEvents prints a line for each event.
func printEvents(out io.Writer, events []event, colour bool) {
	w := bufio.NewWriter(out)
	defer w.Flush()
	for _, e := range events {
		line := e.time.Format("15:04:05.000") + "  " + printable(e.text)
		if c := colours[levelOf(e.text)]; colour && c != "" {
			line = c + line + plain
		}
		fmt.Fprintln(w, line)
	}
}

// levelOf finds the level in the text of an event, which is all that the
// service keeps: whatever the form, it comes before anything like it.
func levelOf(text string) string {
	level, at := "", len(text)
	for name := range colours {
		if i := strings.Index(text, name); i >= 0 && i < at {
			level, at = name, i
		}
	}
	return level
}

// printable keeps control characters in a log from controlling the terminal,
// and sets off the lines of an event that has several.
func printable(s string) string {
	s = strings.ReplaceAll(s, "\n", "\n              ")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, s)
}

// wantsColour tells whether what is written to f should be coloured, see
// https://no-color.org.
func wantsColour(f *os.File) bool { return isTerminal(f) && os.Getenv("NO_COLOR") == "" }

// isTerminal tells whether f is a terminal that understands escape sequences.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("TERM") == "dumb" {
		return false
	}
	// Old consoles print the sequences; those that do not tell by these.
	return runtime.GOOS != "windows" || os.Getenv("WT_SESSION") != "" || os.Getenv("TERM") != ""
}

// A progress is a line that is written over and over on a terminal.
type progress struct {
	f    *os.File // nil if there is nobody to see it
	last time.Time
}

func newProgress(f *os.File) *progress {
	if !isTerminal(f) {
		f = nil
	}
	return &progress{f: f}
}

// show writes what text returns, but not too often.
func (p *progress) show(text func() string) {
	if p.f == nil {
		return
	}
	if now := time.Now(); now.Sub(p.last) >= 100*time.Millisecond {
		p.last = now
		fmt.Fprintf(p.f, "\r%s\x1b[K", text())
	}
}

// clear takes the line away.
func (p *progress) clear() {
	if p.f != nil && !p.last.IsZero() {
		fmt.Fprint(p.f, "\r\x1b[K")
	}
}
