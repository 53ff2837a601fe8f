package terminal

import (
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

// A Painter lays out events in columns: time, level, function, and the message with
// its fields. The zero value paints without colour, and lines of any length.
type Painter struct {
	Colour bool
	// Width is that of the terminal in characters: longer lines are wrapped
	// under the message. 60 at least; 0 leaves that to the terminal.
	Width int
	// Zone of the times; nil is the local one.
	Zone *time.Location

	seen map[string]Style // of functions, in the order in which they came
	room int              // for their names
}

const (
	timeForm  = "15:04:05.000"
	levelRoom = len("CRITICAL")
	// Names are given at least, and at most, so much room.
	minName, maxName = 8, 16
)

// Event returns the lines of an event, each with its newline. No control
// character of text is in them.
func (p *Painter) Event(at time.Time, text string) string {
	e := ParseEvent(Clean(text))
	if p.Zone != nil {
		at = at.In(p.Zone)
	} else {
		at = at.Local()
	}
	l := layout{colour: p.Colour, width: p.Width}
	l.column(Dim, at.Format(timeForm), len(timeForm)+2)
	if e.Gap {
		l.indent = l.at
		l.words(Yellow, e.Message)
		return l.end()
	}
	l.column(levels[e.Level], e.Level, levelRoom+1)
	l.column(p.style(e.Function), e.Function, p.name(e.Function)+2)
	l.indent = l.at
	l.words(message(e.Level), e.Message)
	l.words(Dim, e.Fields)
	// Where all is well nobody looks for the place.
	if e.Where != "" && message(e.Level) != Plain && levels[e.Level] != Dim {
		l.words(Dim, "("+path.Base(e.Where)+")")
	}
	for _, more := range e.More {
		l.line(Dim, more)
	}
	return l.end()
}

// message is how the message of an event of a level looks.
func message(level string) Style {
	switch st := levels[level]; st {
	case Loud:
		return Bold
	case Dim, Yellow, Red:
		return st
	}
	return Plain
}

// style gives each function a colour of its own, as long as there are any.
func (p *Painter) style(function string) Style {
	st, ok := p.seen[function]
	if !ok && function != "" {
		if p.seen == nil {
			p.seen = make(map[string]Style)
		}
		st = functions[len(p.seen)%len(functions)]
		p.seen[function] = st
	}
	return st
}

// name returns how much room names have.
func (p *Painter) name(function string) int {
	p.room = max(p.room, minName, min(maxName, utf8.RuneCountInString(function)))
	return p.room
}

// A layout is an event's lines, as far as they are made.
type layout struct {
	colour bool
	width  int // 0 if lines have any length
	indent int // of the lines after the first

	b  strings.Builder
	at int   // characters of this line
	st Style // that is in force
}

// column writes text, and spaces up to a width.
func (l *layout) column(st Style, text string, width int) {
	l.write(st, text)
	l.write(Plain, strings.Repeat(" ", max(width-utf8.RuneCountInString(text), 1)))
}

// words writes text behind a space, and what does not fit under the indent.
func (l *layout) words(st Style, text string) {
	if l.width == 0 {
		if text != "" {
			if l.at > l.indent {
				l.write(Plain, "  ")
			}
			l.write(st, text)
		}
		return
	}
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case l.at == l.indent:
		case l.at+1+n > l.width:
			l.newline()
		case st == l.st:
			l.write(st, " ")
		default:
			l.write(Plain, " ")
		}
		for l.at+n > l.width {
			head := string([]rune(word)[:l.width-l.at])
			l.write(st, head)
			l.newline()
			word = word[len(head):]
			n = utf8.RuneCountInString(word)
		}
		l.write(st, word)
	}
}

// line writes text on a line of its own.
func (l *layout) line(st Style, text string) {
	l.newline()
	if l.width > 0 {
		room := l.width - l.indent
		text = strings.ReplaceAll(text, "\t", "  ")
		for utf8.RuneCountInString(text) > room {
			head := string([]rune(text)[:room])
			l.write(st, head)
			l.newline()
			text = text[len(head):]
		}
	}
	l.write(st, text)
}

func (l *layout) newline() {
	l.write(Plain, "\n")
	l.column(Plain, "", l.indent)
	l.at = l.indent
}

func (l *layout) write(st Style, text string) {
	if l.colour && st != l.st {
		if l.st != Plain {
			l.b.WriteString(reset)
		}
		l.b.WriteString(string(st))
		l.st = st
	}
	l.b.WriteString(text)
	l.at += utf8.RuneCountInString(text)
}

func (l *layout) end() string {
	l.write(Plain, "\n")
	return l.b.String()
}
