package replay

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/internal/remote"
	"example.com/zapcw/internal/terminal"
)

const (
	// windowLines is after how many lines the stream is read back.
	windowLines = 1 << 18
	// grace is how long what is in memory has to be delivered after Ctrl-C.
	grace = 3 * time.Second
	// every is how often a replay is looked at.
	every = 200 * time.Millisecond
)

// A Replay is the lines of an input on their way into a stream and back. Its
// exported fields are set before Run.
type Replay struct {
	In     *Input
	Lines  Lines // what is sent of the input; defaults to all of it
	Stream remote.Stream
	Out    *zapcw.Syncer // of that stream; with WhenFull Block, since a file can wait

	// Proof has the stream read back and compared.
	Proof bool
	// Timed says that lines have times of their own, and may be in any order;
	// Altered that Lines gives other bytes than In.
	Timed, Altered bool
	// Stop, if set, says from time to time whether there is no use in going on.
	Stop func(zapcw.Stats) bool
	// Stalled is how long the service may take nothing; 0 is for ever.
	Stalled time.Duration
	// Linger is how long it reads on after ctx has ended: a program at the other
	// end of a pipe, which heard of the same Ctrl-C, has some last lines.
	Linger time.Duration
	// Leaving, if set, is called before what is in memory is given up.
	Leaving func()
	// Part, if it is not 0, is how many bytes the service may hold; after each
	// part, when that is proven, Forget is called.
	Part   int64
	Forget func()

	Progress *terminal.Progress

	Report // how it went; valid after Run has returned no error

	core   zapcore.Core
	window window
	clock  time.Time // when Run began; it goes on evenly when the system's clock is set back
	at     time.Time // of the line
	held   int64     // of the texts that were logged in this part
	undone uint64    // events that were not delivered in windows before
	bad    bool      // the line so far is not UTF-8

	lines    atomic.Int64 // that are sent
	readBack atomic.Int64 // events of this window; 0 while lines are sent
}

// Run sends the lines, waits until all have their fate, proves that they are there, and
// closes the input. If ctx ends before that does, what is in memory is still sent, for a few
// seconds, and nothing is pending when Run returns ctx's cause. A read that blocks, as
// from a terminal, may outlive Run.
func (r *Replay) Run(ctx context.Context) error {
	outer := ctx
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(outer, func() {
		if r.Linger == 0 {
			cancel(context.Cause(outer))
			return
		}
		time.AfterFunc(r.Linger, func() { cancel(context.Cause(outer)) })
	})()
	if r.Lines == nil {
		r.Lines = r.In
	}
	r.clock = time.Now()
	r.window = newWindow()
	// Debug is the lowest level that lines have: all are sent.
	r.core = zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), r.Out, zapcore.DebugLevel)

	result := make(chan error, 1)
	go func() {
		err := r.run(ctx)
		result <- cmp.Or(err, r.In.Close())
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	defer r.Progress.Clear()
	for {
		select {
		case err := <-result:
			if err != nil {
				r.end(ctx, nil)
			}
			return err
		case <-tick.C:
			r.look(cancel)
		case <-ctx.Done():
			r.end(ctx, result)
			return context.Cause(ctx)
		}
	}
}

// end settles what is in memory: what has hope is delivered. result is nil if run has
// returned.
func (r *Replay) end(ctx context.Context, result <-chan error) {
	if r.Leaving != nil {
		r.Leaving()
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if errors.Is(context.Cause(ctx), errHopeless) {
		cancel()
	}
	_ = r.Out.Flush(last) // the account has what became of it
	if result == nil {
		return
	}
	// A line that waited for room has it now.
	select {
	case <-result:
	case <-time.After(every): // it reads from what gives nothing
	}
	_ = r.Out.Flush(last)
}

func (r *Replay) run(ctx context.Context) error {
	began := time.Now()
	for {
		l, err := r.Lines.Next()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, io.EOF):
			if err := r.settle(ctx, &began); err != nil || !r.Proof {
				return err
			}
			return r.prove()
		case err != nil:
			return err
		}
		r.stamp(l)
		if r.isFull(l) {
			if err := r.settle(ctx, &began); err != nil {
				return err
			}
			r.window.clear()
			if r.Part > 0 && r.held >= r.Part {
				r.Forget()
				r.held = 0
				r.Parts++
			}
		}
		r.log(l)
	}
}

// isFull reports whether the stream is to be read before l is sent. If it can be, no two
// windows share a millisecond: what others have sent then would be mistaken.
func (r *Replay) isFull(l Line) bool {
	n := len(r.window.want)
	if l.Cont || n == 0 || n < windowLines && (r.Part == 0 || r.held < r.Part) {
		return false
	}
	return r.at.UnixMilli() > r.window.to || n > 4*windowLines
}

// stamp sets the time of the event.
func (r *Replay) stamp(l Line) {
	switch {
	case l.Cont:
	case l.Time.IsZero():
		r.at = r.clock.Add(time.Since(r.clock))
	default:
		r.at = l.Time
	}
}

// log sends a line.
func (r *Replay) log(l Line) {
	text, valid := stored(l.Text)
	number := r.Sent + 1
	r.tally(l, text, valid)
	defer func() { r.lines.Store(r.Sent) }()
	switch {
	case text != "":
	case l.Cont: // what ends is sent already
		if l.Ended && r.Proof {
			r.window.end()
		}
		return
	default:
		text = " " // the service takes no empty events, so the library sends this
	}
	if r.Proof {
		r.window.add(r.at.UnixMilli(), text, number, l.Ended)
	}
	if !valid {
		text = string(l.Text) // the library is to make U+FFFD of it
	}
	// Above Error each event would wait until it is delivered.
	level := min(max(l.Level, zapcore.DebugLevel), zapcore.ErrorLevel)
	// Whatever the error, the Syncer's account has the event.
	_ = r.core.Write(zapcore.Entry{Time: r.at, Level: level, Message: text}, nil)
}

// tally counts a line and what is special about it.
func (r *Replay) tally(l Line, text string, valid bool) {
	r.Bytes += int64(len(l.Text))
	r.held += int64(len(l.Text)) + 100 // about what the server needs for an event
	if !l.More {
		r.Sent++
	}
	if !valid && !(l.Cont && r.bad) {
		r.Invalid++
	}
	r.bad = !valid || l.Cont && r.bad
	if l.CRLF {
		r.CRLF++
	}
	if text == "" && !l.Cont {
		r.Empty++
	}
	if !l.Cont && (l.More || len(text) > maxText) {
		r.Long++
	}
}

// settle waits for what is on its way, and proves that it is there.
func (r *Replay) settle(ctx context.Context, began *time.Time) error {
	// Flush is Sync without a time-out: for how long a service takes nothing is
	// looked at by Run. Nor does ctx end it, which would give up what is in memory:
	// end does, after its time of grace.
	err := r.Out.Flush(context.WithoutCancel(ctx))
	st := r.Out.Stats()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case r.Stop != nil && r.Stop(st):
		return AccountOf(st).Check()
	case err != nil && st.Rejected+st.Spilled == 0:
		return err
	}
	r.Sending += time.Since(*began)
	*began = time.Now()
	defer func() { *began = time.Now() }()
	if !r.Proof {
		return nil
	}
	undone := st.Rejected + st.Spilled
	if err := r.verify(ctx, undone-r.undone); err != nil {
		return err
	}
	r.undone = undone
	r.Reading += time.Since(*began)
	return nil
}

// prove compares all that was read back with all that was sent.
func (r *Replay) prove() error {
	w := &r.window
	r.Proven = true
	if w.disorder || r.undone > 0 {
		return nil // each event was found, but not in this order
	}
	r.Sum = w.seen.Sum(nil)
	if !bytes.Equal(r.Sum, w.sent.Sum(nil)) {
		return fmt.Errorf("the SHA-256 of what was read back is %x, of what was sent %x", r.Sum, w.sent.Sum(nil))
	}
	return nil
}

// verify reads back what was not read yet.
func (r *Replay) verify(ctx context.Context, undelivered uint64) error {
	defer r.readBack.Store(0)
	err := r.Stream.Settled(ctx, func() error {
		others, err := r.window.check(ctx, r.Stream, undelivered, func(n int) { r.readBack.Store(int64(n)) })
		if err == nil {
			r.Others += int64(others)
		}
		return err
	})
	if remote.Denied(err) {
		r.Proof = false
		r.Unproven = err
		return nil
	}
	return err
}
