package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"unicode/utf8"
)

const (
	// blockLines is how many lines have one mark: so closely an error is placed.
	blockLines = 1000
	// maxText is the longest text of one event.
	maxText = 1<<20 - 26
)

// A digest is a running sum over lines, each with a newline behind it.
type digest struct {
	hash  hash.Hash
	lines int64 // that are complete
	bytes int64 // of the line that is not
	buf   []byte
}

func newDigest() digest { return digest{hash: sha256.New()} }

func (d *digest) add(text string) {
	d.bytes += int64(len(text))
	d.buf = append(d.buf[:0], text...)
	d.hash.Write(d.buf)
}

func (d *digest) end() {
	d.hash.Write([]byte{'\n'})
	d.lines++
	d.bytes = 0
}

func (d *digest) sum() (s [sha256.Size]byte) {
	d.hash.Sum(s[:0])
	return s
}

// A record says of lines that were sent what a stream that holds them must look
// like. It keeps 40 bytes for a thousand lines, and no text.
type record struct {
	digest
	marks []mark
	// long holds the length of the lines that do not fit into one event.
	long map[int64]int64
}

// A mark is the digest after so many lines.
type mark struct {
	lines int64
	sum   [sha256.Size]byte
}

func newRecord() *record { return &record{digest: newDigest(), long: make(map[int64]int64)} }

// end completes a line.
func (r *record) end() {
	if r.bytes > maxText {
		r.long[r.lines] = r.bytes
	}
	r.digest.end()
	if r.lines%blockLines == 0 {
		r.mark()
	}
}

// mark must be called before the lines so far are compared.
func (r *record) mark() {
	var last int64
	if n := len(r.marks); n > 0 {
		last = r.marks[n-1].lines
	}
	if last < r.lines {
		r.marks = append(r.marks, mark{r.lines, r.sum()})
	}
}

// A check compares a stream with a record, event by event.
type check struct {
	digest
	*record
	next int // of the record's marks
}

func newCheck(r *record) *check { return &check{digest: newDigest(), record: r} }

// clone returns a copy that can be tried.
func (c *check) clone() (*check, error) {
	h, err := c.digest.hash.(hash.Cloner).Clone()
	if err != nil {
		return nil, err
	}
	copied := *c
	copied.digest.hash, copied.digest.buf = h, nil
	return &copied, nil
}

var errMore = errors.New("the stream has more events than were sent")

// event takes the next event of the stream.
func (c *check) event(text string) error {
	if c.next == len(c.marks) {
		return errMore
	}
	c.add(text)
	// A line that fits into one event must be one.
	if size, ok := c.long[c.digest.lines]; ok && c.digest.bytes < size {
		return nil
	}
	c.digest.end()
	m := c.marks[c.next]
	if c.digest.lines < m.lines {
		return nil
	}
	if c.sum() != m.sum {
		first := int64(1)
		if c.next > 0 {
			first = c.marks[c.next-1].lines + 1
		}
		return fmt.Errorf("lines %d to %d of the stream are not those that were sent", first, m.lines)
	}
	c.next++
	return nil
}

// done returns an error unless the stream had all lines.
func (c *check) done() error {
	if c.next < len(c.marks) {
		return fmt.Errorf("the stream has %d of %d lines", c.digest.lines, c.record.lines)
	}
	return nil
}

// stored returns text as the service stores it: with U+FFFD for every byte that
// is not UTF-8.
func stored(text []byte) (s string, valid bool) {
	if utf8.Valid(text) {
		return string(text), true
	}
	return string([]rune(string(text))), false
}
