package engine

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
)

// A fallback writes what cannot be delivered, and says why, for people: one
// line a cause, then the events, each as it would have been sent but for the
// marks of AppendMarked. The same cause within a minute is counted instead of
// told again.
type fallback struct {
	w zapcore.WriteSyncer

	mu   sync.Mutex
	told map[string]*cause
}

// A cause was told at a time, and came again so many times since.
type cause struct {
	at    time.Time
	again int
}

const (
	// tellEvery is how often one cause is told.
	tellEvery = time.Minute
	// maxCauses bounds what is remembered; it is more than there are kinds.
	maxCauses = 64
	// flushAt is how much is gathered before it is written.
	flushAt = 32 << 10
)

// tell says what is wrong where no event is lost by it.
func (f *fallback) tell(err error) { f.tellAs("trouble "+delivery.Code(err), err, delivery.Hint(err)) }

// tellOfSpool is tell for what a spool has to say, which says itself what that
// means for events.
func (f *fallback) tellOfSpool(err error) { f.say(err.Error(), err.Error(), "") }

// tellAs is tell for a cause with a key and a hint of its own.
func (f *fallback) tellAs(key string, err error, hint string) {
	f.say(key, fmt.Sprintf("%v: no events were lost", err), hint)
}

// say writes the line about a cause, if it is to be told now.
func (f *fallback) say(key, text, hint string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	// There is nowhere left to report that this failed, too.
	_ = f.write(f.line(nil, key, text, hint))
}

// events writes events and why they come here. The error is of the first write that
// failed, here and below.
func (f *fallback) events(evs batch.List, fate delivery.Fate, why error) error {
	if evs.Len() == 0 {
		return nil
	}
	return f.texts(func(yield func([]byte) bool) {
		for e := range evs.All() {
			if !yield(e.Text()) {
				return
			}
		}
	}, fate, why)
}

// parts writes the parts of one entry that was not accepted.
func (f *fallback) parts(parts [][]byte, fate delivery.Fate, why error) error {
	return f.texts(slices.Values(parts), fate, why)
}

// texts writes the line about a cause, if it is to be told now, and the events.
func (f *fallback) texts(texts iter.Seq[[]byte], fate delivery.Fate, why error) (first error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	write := func(b []byte) {
		// One failed write is no reason not to try the next.
		if err := f.write(b); err != nil && first == nil {
			first = err
		}
	}
	b := f.line(nil, fate.String()+delivery.Code(why), below(why), hint(fate, why))
	for text := range texts {
		b = append(AppendMarked(b, text), '\n')
		if len(b) >= flushAt {
			write(b)
			b = b[:0]
		}
	}
	write(b)
	return first
}

// hint is what the reader can do.
func hint(fate delivery.Fate, why error) string {
	switch fate {
	case delivery.TooOld, delivery.TooNew:
		return "check this machine's clock"
	case delivery.Full:
		return "raise MaxPending, or log less"
	case delivery.AfterClose:
		return "close the Syncer last"
	case delivery.Refused, delivery.Late:
		return delivery.Hint(why)
	}
	return ""
}

// line appends the line about a cause, and what to do, if it is to be told now.
func (f *fallback) line(b []byte, key, text, hint string) []byte {
	now := time.Now()
	c := f.told[key]
	if c != nil && now.Sub(c.at) < tellEvery {
		c.again++
		return b
	}
	if hint != "" {
		text += "; " + hint
	}
	b = append(append(b, ours...), oneLine(text)...)
	if c != nil && c.again > 0 {
		b = fmt.Appendf(b, " (and %s more since %s)", times(c.again), c.at.UTC().Format(time.RFC3339))
	}
	if c == nil {
		if f.told == nil || len(f.told) == maxCauses {
			f.told = make(map[string]*cause)
		}
		c = new(cause)
		f.told[key] = c
	}
	*c = cause{at: now}
	return append(b, '\n')
}

// write survives a writer that panics, or ends its goroutine as t.Fatal does: a
// logging call may stand behind it, or the sender. So it gets a goroutine of its
// own to end.
func (f *fallback) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	done := make(chan error, 1)
	go func() {
		err := errors.New("fallback called runtime.Goexit")
		defer func() { done <- err }()
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("fallback panicked: %v", v)
			}
		}()
		var n int
		switch n, err = f.w.Write(b); {
		case err != nil:
			err = fmt.Errorf("write to fallback: %w", err)
		case n < len(b):
			err = fmt.Errorf("write to fallback: %w", io.ErrShortWrite)
		}
	}()
	return <-done
}

// below says that events follow, but not how many: those of later batches with
// the same cause have no line of their own.
func below(why error) string {
	return fmt.Sprintf("%v: not delivered, and written below", delivery.Uncounted(why))
}

// times is "once", "2 times".
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// are is "1 event is", "2 events are".
func are(n int) string {
	if n == 1 {
		return "1 event is"
	}
	return delivery.Events(n) + " are"
}
