package replay

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"hash/maphash"
	"iter"
	"slices"
	"unicode/utf8"

	"example.com/zapcw/internal/remote"
)

// maxText is the longest text of one event.
const maxText = 1<<20 - 26

// A window is the lines that were sent since the stream was read last, as far as a
// proof needs them: 32 bytes an event, and no text.
type window struct {
	seed     maphash.Seed
	want     []expected
	from, to int64     // the earliest and the latest time, in milliseconds
	last     int64     // the time of the last event, also of the window before
	disorder bool      // an event was earlier than the one before
	sent     hash.Hash // SHA-256 of all lines that were sent, also in windows before
	seen     hash.Hash // and of those that were read back
	buf      []byte
}

// An expected is an event that must be in the stream.
type expected struct {
	ms   int64
	sum  uint64
	line int64 // its number in the input, from 1
	ends bool  // a newline follows in the input
}

func newWindow() window {
	return window{seed: maphash.MakeSeed(), sent: sha256.New(), seen: sha256.New()}
}

// add says that text, which is valid UTF-8, was sent with a time. It is one event, or
// several if it is too long for one.
func (w *window) add(ms int64, text string, line int64, ends bool) {
	if len(w.want) == 0 {
		w.from, w.to = ms, ms
	}
	w.from, w.to = min(w.from, ms), max(w.to, ms)
	w.disorder = w.disorder || ms < w.last
	w.last = ms
	w.buf = append(w.buf[:0], text...)
	if ends {
		w.buf = append(w.buf, '\n')
	}
	w.sent.Write(w.buf)
	for {
		n := head(text)
		rest := text[n:]
		w.want = append(w.want, expected{ms, maphash.String(w.seed, text[:n]), line, ends && rest == ""})
		if text = rest; text == "" {
			return
		}
	}
}

// end says that the last line ends in a newline after all.
func (w *window) end() {
	w.want[len(w.want)-1].ends = true
	w.sent.Write([]byte{'\n'})
}

// head is how much of text fits into one event.
func head(text string) int {
	if len(text) <= maxText {
		return len(text)
	}
	n := maxText
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}

// clear begins the next window.
func (w *window) clear() { w.want = w.want[:0] }

// check reads the stream and returns an error unless it has what is expected, in
// its order. Others may write to the stream too: it returns how many events of theirs are
// between, which includes those that were delivered twice. If undelivered events are not
// to be found, any may be missing, and the order is not looked at.
func (w *window) check(ctx context.Context, s remote.Stream, undelivered uint64, seen func(int)) (others int, err error) {
	if len(w.want) == 0 {
		return 0, nil
	}
	// The service sorts by time, and leaves what has the same to arrival.
	slices.SortStableFunc(w.want, func(a, b expected) int { return cmp.Compare(a.ms, b.ms) })
	if undelivered > 0 {
		return w.checkRest(ctx, s, undelivered, seen)
	}
	sum, err := w.seen.(hash.Cloner).Clone()
	if err != nil {
		return 0, err
	}
	n := 0
	for e, err := range w.events(ctx, s) {
		if err != nil {
			return 0, err
		}
		if n == len(w.want) || !w.is(w.want[n], e) {
			others++
			continue
		}
		w.buf = append(w.buf[:0], e.Text...)
		if w.want[n].ends {
			w.buf = append(w.buf, '\n')
		}
		sum.Write(w.buf)
		n++
		seen(n)
	}
	if n < len(w.want) {
		return 0, fmt.Errorf("line %d is not in the stream, or not in its place", w.want[n].line)
	}
	w.seen = sum
	return others, nil
}

// events reads the stream from the first event that is wanted to the last, and if there
// is one for each day, those of the days for which something is wanted.
func (w *window) events(ctx context.Context, s remote.Stream) iter.Seq2[remote.Event, error] {
	if s.Pattern == nil {
		return s.Events(ctx, w.from, w.to)
	}
	return func(yield func(remote.Event, error) bool) {
		for rest := w.want; len(rest) > 0; {
			day := rest[0].ms - rest[0].ms%dayLength
			for e, err := range s.On(day).Events(ctx, max(w.from, day), min(w.to, day+dayLength-1)) {
				if !yield(e, err) {
					return
				}
			}
			n := slices.IndexFunc(rest, func(x expected) bool { return x.ms >= day+dayLength })
			if n < 0 {
				return
			}
			rest = rest[n:]
		}
	}
}

// dayLength is a UTC day, in milliseconds.
const dayLength = 24 * 60 * 60 * 1000

func (w *window) is(x expected, e remote.Event) bool {
	return x.ms == e.Timestamp && x.sum == maphash.String(w.seed, e.Text)
}

// checkRest is check when some events are known to be missing.
func (w *window) checkRest(ctx context.Context, s remote.Stream, undelivered uint64, seen func(int)) (others int, err error) {
	type key struct {
		ms  int64
		sum uint64
	}
	want := make(map[key]int, len(w.want))
	for _, x := range w.want {
		want[key{x.ms, x.sum}]++
	}
	n := 0
	for e, err := range w.events(ctx, s) {
		if err != nil {
			return 0, err
		}
		k := key{e.Timestamp, maphash.String(w.seed, e.Text)}
		if want[k] == 0 {
			others++
			continue
		}
		want[k]--
		n++
		seen(n)
	}
	if missing := len(w.want) - n; missing != int(undelivered) {
		return 0, fmt.Errorf("%d of %d events are missing in the stream, %d were not delivered", missing, len(w.want), undelivered)
	}
	return others, nil
}

// stored returns text as the service stores it: with U+FFFD for every byte that
// is not UTF-8.
func stored(text []byte) (s string, valid bool) {
	if utf8.Valid(text) {
		return string(text), true
	}
	return string([]rune(string(text))), false
}
