package cwltest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// change is a line of the journal: one thing that was created, put, retained
// or deleted.
type change struct {
	Op     string `json:"op"`
	Time   int64  `json:"time,omitempty"` // of creation or ingestion, in milliseconds
	Region string `json:"region,omitempty"`
	Group  string `json:"group,omitempty"`
	Stream string `json:"stream,omitempty"`

	// Of opCreateGroup.
	Class     string            `json:"class,omitempty"`
	KMSKey    string            `json:"kmsKey,omitempty"`
	Protected bool              `json:"protected,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`

	Days    int32   `json:"days,omitempty"`    // of opRetain; 0 is for ever
	First   uint64  `json:"first,omitempty"`   // of opPut: the arrival of its first event; of opHeader: of the next event
	Puts    uint64  `json:"puts,omitempty"`    // of opCreateStream: that came before, and are not here
	Events  []Event `json:"events,omitempty"`  // of opPut
	Version int     `json:"version,omitempty"` // of opHeader
}

const (
	opHeader       = "journal" // the first line
	opCreateGroup  = "create group"
	opCreateStream = "create stream"
	opPut          = "put"
	opRetain       = "retain"
	opDeleteGroup  = "delete group"
	opDeleteStream = "delete stream"
	opVoid         = "void" // the unreadable lines before this one are writes that failed

	journalVersion = 1
	tornMark       = " torn"
)

// journal writes changes to Server.Journal.
type journal struct {
	// mu is held from the check of a change until it is carried out, so that
	// the lines stand in the order of the changes. It comes before Server.mu,
	// which is not held while a line is written: readers need not wait.
	mu    sync.Mutex
	line  bytes.Buffer
	begun bool // the header is written
	torn  bool // the last write broke off in the middle of a line

	replayed int64 // bytes of the lines that Replay has read, but for the header
}

// write appends a change. It was written when the error is nil.
func (j *journal) write(w io.Writer, ch *change) error {
	if j.torn {
		// Only its line break may be missing: without a word behind it the
		// line would be good after all.
		if err := j.append(w, tornMark+"\n", &change{Op: opVoid}); err != nil {
			return err
		}
	}
	if !j.begun {
		if err := j.append(w, "", &change{Op: opHeader, Version: journalVersion}); err != nil {
			return err
		}
		j.begun = true
	}
	return j.append(w, "", ch)
}

func (j *journal) append(w io.Writer, before string, ch *change) error {
	j.line.Reset()
	j.line.WriteString(before)
	enc := json.NewEncoder(&j.line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(ch); err != nil {
		return err
	}
	n, err := w.Write(j.line.Bytes())
	if n == j.line.Len() {
		j.torn = false
		return nil
	}
	if err == nil {
		err = io.ErrShortWrite
	}
	j.torn = j.torn || n > 0
	return err
}

// lockChanges takes the locks that commit wants held.
func (s *Server) lockChanges() {
	s.journal.mu.Lock()
	s.mu.Lock()
}

func (s *Server) unlockChanges() {
	s.mu.Unlock()
	s.journal.mu.Unlock()
}

// commit writes a change, which was checked, to the journal and carries it out.
// It lets go of s.mu while it writes. The change is still good after that,
// since whoever changes something holds s.journal.mu.
func (s *Server) commit(ch *change) *apiError {
	if s.Journal != nil {
		s.mu.Unlock()
		err := s.journal.write(s.Journal, ch)
		s.mu.Lock()
		if err != nil {
			return &apiError{code: "ServiceUnavailableException", message: "cwltest: journal: " + err.Error()}
		}
	}
	if err := s.apply(ch); err != nil {
		return &apiError{code: "InternalFailure", message: "cwltest: " + err.Error()}
	}
	return nil
}

// apply carries a change out; the locks of lockChanges are held.
func (s *Server) apply(ch *change) error {
	r := s.in(ch.Region)
	g := r.groups[ch.Group]
	if ch.Op == opCreateGroup {
		if g == nil {
			r.addGroup(ch)
		}
		s.wake()
		return nil
	}
	if g == nil {
		return fmt.Errorf("%s: no group %q in %s", ch.Op, ch.Group, ch.Region)
	}
	switch ch.Op {
	case opCreateStream:
		if g.streams[ch.Stream] == nil {
			g.addStream(ch.Stream, ch.Time)
			g.streams[ch.Stream].tokens.puts = ch.Puts
		}
	case opPut:
		st := g.streams[ch.Stream]
		if st == nil {
			return fmt.Errorf("put: no stream %q in group %q", ch.Stream, ch.Group)
		}
		st.add(ch.Events, ch.First, ch.Time, s.Discard)
		st.tokens.puts++
		g.bytes += sizeOf(ch.Events)
		s.arrival = max(s.arrival, ch.First+uint64(len(ch.Events)))
		for t := range s.tails {
			t.offer(ch)
		}
	case opRetain:
		g.retention = ch.Days
	case opDeleteGroup:
		delete(r.groups, ch.Group)
	case opDeleteStream:
		if st := g.streams[ch.Stream]; st != nil {
			g.bytes -= sizeOf(st.events)
		}
		delete(g.streams, ch.Stream)
	default:
		return fmt.Errorf("unknown change %q", ch.Op)
	}
	s.wake()
	return nil
}

// Replay carries out the changes in a journal, see [Server.Journal]. Call it before
// the first request and before Journal is set. Groups, streams, events, their IDs
// and times are then what they were. Stats counts only what comes after.
//
// It returns how many bytes of the journal are complete. A program that was killed
// may leave half a line after them, which was never acknowledged: truncate the
// journal to n bytes before you append to it.
//
// An error names the line. Any unreadable line but the last is an error, and so is a
// file that does not begin like a journal, so that nobody truncates something else
// by mistake.
func (s *Server) Replay(journal io.Reader) (n int64, err error) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	r := bufio.NewReaderSize(journal, 1<<20)
	var unread int64 // bytes of lines that could not be read
	var why error
	for number := 1; ; number++ {
		line, err := r.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return n, fmt.Errorf("cwltest: journal line %d: %w", number, err)
		}
		if number == 1 && !isHeader(line) {
			return 0, errors.New("cwltest: journal line 1: this is not a journal")
		}
		if err == io.EOF {
			s.journal.begun = n > 0
			return n, nil
		}
		var ch change
		if err := json.Unmarshal(line, &ch); err != nil {
			if unread += int64(len(line)); why == nil {
				why = fmt.Errorf("cwltest: journal line %d: %w", number, err)
			}
			continue
		}
		if why != nil && ch.Op != opVoid {
			return n, why
		}
		if err := s.replay(&ch, unread+int64(len(line))); err != nil {
			return n, fmt.Errorf("cwltest: journal line %d: %w", number, err)
		}
		n += unread + int64(len(line))
		unread, why = 0, nil
	}
}

// replay carries out a line of n bytes.
func (s *Server) replay(ch *change, n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ch.Op == opHeader && ch.Version != journalVersion:
		return fmt.Errorf("version %d of journals is unknown: this program knows version %d", ch.Version, journalVersion)
	case ch.Op == opHeader:
		s.arrival = max(s.arrival, ch.First)
	case ch.Op != opVoid:
		if err := s.apply(ch); err != nil {
			return err
		}
	}
	s.replayed(ch, n)
	return nil
}

// isHeader reports whether a journal may begin with the line, which may be torn.
func isHeader(line []byte) bool {
	const start = `{"op":"` + opHeader + `",`
	text := line
	if end := bytes.IndexAny(line, " \n"); end >= 0 { // a header has no spaces
		text = line[:end]
	}
	if len(text) < len(start) {
		return strings.HasPrefix(start, string(text)) && (len(text) > 0 || len(line) == 0)
	}
	return bytes.HasPrefix(text, []byte(start))
}
