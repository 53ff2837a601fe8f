package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// maxPiece is how much of one line is held. A longer line is logged in pieces,
// like one that is too long for an event is split by the library.
const maxPiece = 8 << 20

// An input is the file to be replayed.
type input struct {
	name string
	size int64 // 0 if it is not known
	file io.Reader

	r     *bufio.Reader
	held  []byte // of a line that does not fit into r
	given int    // bytes of held that were returned
	open  bool   // the line that was returned goes on
}

var _ io.Closer = (*input)(nil)

func openInput(name string, stdin io.Reader) (*input, error) {
	if name == "-" {
		return newInput("standard input", 0, stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s: is a directory", name)
	case info.Mode().IsRegular():
		return newInput(name, info.Size(), f), nil
	default: // a pipe
		return newInput(name, 0, f), nil
	}
	_ = f.Close()
	return nil, err
}

func newInput(name string, size int64, file io.Reader) *input {
	return &input{name: name, size: size, file: file, r: bufio.NewReaderSize(file, 1<<20)}
}

// Close closes what openInput has opened.
func (in *input) Close() error {
	if f, ok := in.file.(*os.File); ok && f != os.Stdin {
		return f.Close()
	}
	return nil
}

// A line is a line of the input, or a piece of one. Its text is valid until the
// next.
type line struct {
	text []byte // without the line ending
	cont bool   // it goes on where the last one ended
	more bool   // the next one goes on where this one ends
	crlf bool   // it ended in a carriage return and a newline
}

// next returns the next line, and io.EOF after the last. What stands behind the
// last newline is a line only if there is something.
func (in *input) next() (line, error) {
	in.held = append(in.held[:0], in.held[in.given:]...)
	in.given = 0
	l := line{cont: in.open}
	for {
		part, err := in.r.ReadSlice('\n')
		if len(in.held) > 0 || errors.Is(err, bufio.ErrBufferFull) {
			in.held = append(in.held, part...)
			part = in.held
			in.given = len(part)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			if len(part) < maxPiece {
				continue
			}
			in.given = cut(part)
			l.text, l.more = part[:in.given], true
		case err == nil:
			l.text, l.crlf = bytes.CutSuffix(part[:len(part)-1], []byte("\r"))
		case errors.Is(err, io.EOF) && (len(part) > 0 || in.open):
			l.text = part
		default:
			return l, err
		}
		in.open = l.more
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
