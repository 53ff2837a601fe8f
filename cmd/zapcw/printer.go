package main

import (
	"bufio"
	"fmt"
	"io"

	"example.com/zapcw/internal/remote"
	"example.com/zapcw/internal/terminal"
)

// A printer prints events.
type printer struct {
	to      io.Writer
	columns bool // for a person; otherwise for a program
	painter terminal.Painter
}

// print prints events that were read together.
func (p *printer) print(events []remote.Event) error {
	w := bufio.NewWriter(p.to)
	for _, e := range events {
		if p.columns {
			_, _ = w.WriteString(p.painter.Event(e.Time(), e.Text))
		} else {
			fmt.Fprintf(w, "%s %s\n", e.Time().UTC().Format("2006-01-02T15:04:05.000Z"), e.Text)
		}
	}
	return w.Flush() // has the first error of all
}
