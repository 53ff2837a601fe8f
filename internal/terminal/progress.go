package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"
)

// width is that of a terminal of which nothing is known.
const width = 80

// A Progress is a line that is written over and over on a terminal. What else
// is written there goes through its Write, which keeps the two apart. Its
// methods may be called by many goroutines.
type Progress struct {
	mu    sync.Mutex
	out   io.Writer
	shows bool // out is a terminal
	shown bool // the line is there
}

var _ io.Writer = (*Progress)(nil)

// NewProgress returns a Progress on f. If f is no terminal nothing is shown.
func NewProgress(f *os.File) *Progress { return &Progress{out: f, shows: Is(f)} }

// ProgressOn returns a Progress on w, which is a terminal.
func ProgressOn(w io.Writer) *Progress { return &Progress{out: w, shows: true} }

// Shows reports whether there is anybody to see it.
func (p *Progress) Shows() bool { return p.shows }

// Show writes text in place of what stands there, cut to 79 characters: a line
// that wraps cannot be written over.
func (p *Progress) Show(text string) {
	if !p.shows {
		return
	}
	if utf8.RuneCountInString(text) >= width {
		text = string([]rune(text)[:width-2]) + "…"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "\r%s\x1b[K", strings.ReplaceAll(Clean(text), "\n", " "))
	p.shown = true
}

// Clear takes the line away.
func (p *Progress) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

// Write takes the line away and writes b. On a terminal control characters are
// taken out of it.
func (p *Progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	if !p.shows {
		return p.out.Write(b)
	}
	if _, err := io.WriteString(p.out, Clean(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// clear is called with the mutex held.
func (p *Progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}
