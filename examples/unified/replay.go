package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
)

const (
	// defaultPart is how much the embedded server holds of a file. A larger one
	// is proven part by part, and the stream begun anew after each.
	defaultPart = 512 << 20
	// defaultStalled is how long a service may take nothing.
	defaultStalled = 30 * time.Second
)

// replay logs the lines of a file and proves that the stream has them.
func (c *command) replay(ctx context.Context, to *service, in *input) error {
	r := newReplay(c, to, in)
	defer r.out.Close()
	err := r.run(ctx)
	r.progress.clear()
	if err != nil {
		return err
	}
	r.report(c.stdout)
	return nil
}

// A replay is a file on its way into a stream and back.
type replay struct {
	in       *input
	stream   stream
	out      *zapcw.Syncer
	logger   *zap.Logger
	progress *progress

	part    int64         // what the embedded server may hold
	stalled time.Duration // how long a service may take nothing

	sent *record
	seen *check

	bytes, held        int64 // of the texts that were logged: in all, in this part
	parts              int
	invalid            bool  // the line so far is not UTF-8
	empty, crlf, bad   int64 // lines with something special
	writing, verifying time.Duration
}

func newReplay(c *command, to *service, in *input) *replay {
	now := steadyClock{time.Now()}
	r := &replay{
		in:     in,
		stream: stream{service: to, group: c.group, name: c.stream, since: now.began},
		out: &zapcw.Syncer{
			Client: to.client,
			Group:  c.group,
			Stream: c.stream,
			// A file can wait.
			WhenFull: zapcw.Block,
			// The file has the lines. Elsewhere leave this alone: what cannot
			// be delivered is then on standard error.
			Fallback: zapcore.AddSync(io.Discard),
		},
		progress: newProgress(c.stderr),
		part:     defaultPart,
		stalled:  defaultStalled,
		sent:     newRecord(),
	}
	r.seen = newCheck(r.sent)
	enc := zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig())
	r.logger = zap.New(zapcw.NewCore(enc, r.out, zap.InfoLevel), zap.WithClock(now))
	return r
}

// A steadyClock goes on evenly when the system's clock is set back. The service
// sorts by time: lines would change places.
type steadyClock struct{ began time.Time }

var _ zapcore.Clock = steadyClock{}

func (c steadyClock) Now() time.Time                         { return c.began.Add(time.Since(c.began)) }
func (c steadyClock) NewTicker(d time.Duration) *time.Ticker { return time.NewTicker(d) }

func (r *replay) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		r.watch(ctx, cancel)
	}()
	defer func() {
		cancel(nil)
		<-watched
		// If something went wrong, a line that waited for room may be there.
		// There is nothing to wait for.
		_ = r.out.Flush(ctx)
	}()

	for last := false; !last; {
		began := time.Now()
		var err error
		if last, err = r.write(ctx); err != nil {
			return err
		}
		// What was logged is on its way; Flush waits for it. It is Sync without
		// a time-out: that is the watch's affair.
		err = r.out.Flush(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return cmp.Or(accountOf(r.out.Stats()).check(), err)
		}
		r.writing += time.Since(began)
		began = time.Now()
		if err := r.verify(ctx); err != nil {
			return err
		}
		r.verifying += time.Since(began)
		r.parts++
		if !last {
			r.stream.embedded.DeleteStream(r.stream.group, r.stream.name)
			r.held = 0
		}
	}
	return nil
}

// write logs lines until the file ends or a part is full.
func (r *replay) write(ctx context.Context) (last bool, err error) {
	for r.stream.embedded == nil || r.held < r.part || r.in.open {
		l, err := r.in.next()
		switch {
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, err
		}
		r.log(l)
		r.progress.show(r.status)
	}
	return false, nil
}

func (r *replay) log(l line) {
	text, valid := stored(l.text)
	if !valid && !(l.cont && r.invalid) {
		r.bad++
	}
	r.invalid = !valid || l.cont && r.invalid
	if l.crlf {
		r.crlf++
	}
	if text == "" && !l.cont {
		r.empty++
		r.sent.add(" ") // the service takes no empty events, so the library sends this
	} else {
		r.sent.add(text)
	}
	if text != "" || !l.cont {
		msg := text
		if !valid {
			msg = string(l.text) // the library is to make U+FFFD of it
		}
		r.logger.Info(msg)
	}
	r.bytes += int64(len(l.text))
	r.held += int64(len(l.text)) + 100 // about what the server needs for an event
	if !l.more {
		r.sent.end()
	}
}

// verify reads back what was not read yet.
func (r *replay) verify(ctx context.Context) error {
	r.sent.mark()
	return r.stream.settled(ctx, func() error {
		seen, err := r.seen.clone()
		if err != nil {
			return err
		}
		for e, err := range r.stream.events(ctx) {
			if err != nil {
				return err
			}
			if err := seen.event(e.text); err != nil {
				return err
			}
			r.progress.show(func() string {
				return fmt.Sprintf("read back %d of %d lines", seen.digest.lines, r.sent.lines)
			})
		}
		if err := seen.done(); err != nil {
			return err
		}
		r.seen = seen
		return nil
	})
}

// watch ends a replay that cannot come to a good end: for Block makes the
// logger wait for as long as it takes.
func (r *replay) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	began := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		st := r.out.Stats()
		last := began
		if st.LastDelivery.After(last) {
			last = st.LastDelivery
		}
		switch {
		case st.Rejected+st.Spilled > 0:
			a := accountOf(st)
			a.Pending = 0 // these are not lost yet, but they do not help
			cancel(a.check())
		case st.LastErrorTime.After(last) && time.Since(last) > r.stalled:
			cancel(fmt.Errorf("%s takes nothing for %s: %w", r.stream.service.name, r.stalled, reason(st.LastError)))
		}
	}
	// Nothing is left to wait for: this makes room for a line that waits.
	_ = r.out.Flush(ctx)
}

func (r *replay) status() string {
	if r.in.size == 0 {
		return fmt.Sprintf("sent %d lines, %s", r.sent.lines, size(r.bytes))
	}
	return fmt.Sprintf("sent %d lines, %d%% of %s", r.sent.lines, min(100, 100*r.bytes/r.in.size), size(r.in.size))
}

// report says what is proven.
func (r *replay) report(w io.Writer) {
	fmt.Fprintf(w, "%s: %d lines, %s, sent in %s to %s of %s at %s, read back in %s\n",
		r.in.name, r.sent.lines, size(r.bytes), r.writing.Round(time.Millisecond),
		r.stream.name, r.stream.group, r.stream.service.name, r.verifying.Round(time.Millisecond))
	fmt.Fprintf(w, "of these lines %d were empty (sent as a space), %d ended in CRLF (sent without), %d were longer than an event (split), %d were not UTF-8 (sent with U+FFFD)\n",
		r.empty, r.crlf, len(r.sent.long), r.bad)
	if r.parts > 1 {
		fmt.Fprintf(w, "the server in memory held one part of it at a time; all %d parts are proven\n", r.parts)
	}
	fmt.Fprintln(w, accountOf(r.out.Stats()))
	fmt.Fprintf(w, "proven: the stream has all %d lines, in order; their SHA-256 is %x\n", r.sent.lines, r.sent.sum())
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
