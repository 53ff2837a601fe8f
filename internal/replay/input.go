// Package replay carries the lines of files into a log stream and proves that they
// are there. Programs of this module share it; it is no part of the library.
package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"go.uber.org/zap/zapcore"
)

// maxPiece is how much of one line is held. A longer line is logged in pieces,
// like one that is too long for an event is split by the library.
const maxPiece = 8 << 20

// A Line is a line of the input, or a piece of one that is very long. Its text
// is valid until the next.
type Line struct {
	Text  []byte // without the line ending
	Cont  bool   // it goes on where the last one ended
	More  bool   // the next one goes on where this one ends
	CRLF  bool   // it ended in a carriage return and a newline
	Ended bool   // it had a line ending

	// Time is that of the event. Zero is the time at which the line is sent.
	// Pieces have that of the first.
	Time  time.Time
	Level zapcore.Level
}

// Lines is where lines come from. Next returns io.EOF after the last.
type Lines interface {
	Next() (Line, error)
}

// An Input is files, one after the other, as lines.
type Input struct {
	Name string // for people
	Size int64  // of all files; 0 if it is not known

	open  []func() (io.ReadCloser, error) // files that are still to be read
	file  io.ReadCloser
	count atomic.Int64

	piece int // how much of one line is held
	r     *bufio.Reader
	held  []byte // of a line that does not fit into r
	given int    // bytes of held that were returned
	cont  bool   // the line that was returned goes on
}

var (
	_ Lines     = (*Input)(nil)
	_ io.Closer = (*Input)(nil)
)

// Open returns the files of these names as an Input. The name - is standard input, as
// are no names at all. A file that cannot be opened is an error now, not later.
func Open(names []string, stdin io.Reader) (*Input, error) {
	in := &Input{Name: strings.Join(names, " "), piece: maxPiece, r: bufio.NewReaderSize(nil, 1<<20)}
	if len(names) == 0 {
		names = []string{"-"}
	}
	if len(names) == 1 && names[0] == "-" {
		in.Name = "standard input"
	}
	known := true
	for _, name := range names {
		if name == "-" {
			known = false
			in.open = append(in.open, func() (io.ReadCloser, error) { return io.NopCloser(stdin), nil })
			continue
		}
		size, err := look(name)
		if err != nil {
			return nil, err
		}
		known = known && size >= 0
		in.Size += size
		in.open = append(in.open, func() (io.ReadCloser, error) { return os.Open(name) })
	}
	if !known {
		in.Size = 0
	}
	return in, nil
}

// look returns the size of a file that can be opened, -1 for pipes and the like. It
// does not open these: what writes to a pipe would think it is read.
func look(name string) (int64, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return 0, err
	case info.IsDir():
		return 0, fmt.Errorf("%s: is a directory", name)
	case !info.Mode().IsRegular():
		return -1, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), f.Close()
}

// Read is how many bytes of the input were read. It may be called while another goroutine
// is in Next.
func (in *Input) Read() int64 { return in.count.Load() }

// Within reports whether the line that Next returned last goes on.
func (in *Input) Within() bool { return in.cont }

// Close closes the file that is open.
func (in *Input) Close() error {
	in.open = nil
	if in.file == nil {
		return nil
	}
	err := in.file.Close()
	in.file = nil
	return err
}

// Next returns the next line, and io.EOF after the last. What stands behind the
// last newline of a file is a line only if there is something.
func (in *Input) Next() (Line, error) {
	for {
		if in.file == nil {
			if len(in.open) == 0 {
				return Line{}, io.EOF
			}
			f, err := in.open[0]()
			if err != nil {
				return Line{}, err
			}
			in.open = in.open[1:]
			in.file = f
			in.r.Reset(f)
		}
		l, err := in.next()
		if !errors.Is(err, io.EOF) {
			return l, err
		}
		err = in.file.Close()
		in.file = nil
		if err != nil {
			return l, err
		}
	}
}

// next returns the next line of the file.
func (in *Input) next() (Line, error) {
	in.held = append(in.held[:0], in.held[in.given:]...)
	in.given = 0
	l := Line{Cont: in.cont}
	for {
		part, err := in.r.ReadSlice('\n')
		in.count.Add(int64(len(part)))
		if len(in.held) > 0 || errors.Is(err, bufio.ErrBufferFull) {
			in.held = append(in.held, part...)
			part = in.held
			in.given = len(part)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			if len(part) < in.piece {
				continue
			}
			in.given = cut(part)
			l.Text, l.More = part[:in.given], true
		case err == nil:
			l.Ended = true
			l.Text, l.CRLF = bytes.CutSuffix(part[:len(part)-1], []byte("\r"))
		case errors.Is(err, io.EOF) && (len(part) > 0 || in.cont):
			l.Text = part
		default:
			return l, err
		}
		in.cont = l.More
		return l, nil
	}
}

// cut returns where text that goes on can be cut: not within a character, nor
// within what may become a line ending.
func cut(text []byte) int {
	n := len(text)
	if text[n-1] == '\r' {
		return n - 1
	}
	for i := n - 1; i >= 0 && i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRune(text[i:]) {
				return i
			}
			break
		}
	}
	return n
}
