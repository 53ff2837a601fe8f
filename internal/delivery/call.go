package delivery

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go/logging"
)

// A caller makes calls in goroutines of their own, because a user's client may
// panic or may not care for its context.
type caller struct{ abandoned atomic.Int32 }

const (
	// grace is what a client has to come back after its context is done. A call
	// that does not return by then is abandoned, so that Sync keeps its deadline.
	grace = 100 * time.Millisecond
	// maxAbandoned bounds the calls that were abandoned and have not come back:
	// each has a goroutine, and a batch.
	maxAbandoned = 8
)

// errAbandoned is why there is no further call.
var errAbandoned = fmt.Errorf("%d client calls have not returned", maxAbandoned)

// errGoexit is a client that ended its goroutine, as t.Fatal does.
var errGoexit = &PanicError{"called runtime.Goexit"}

// A PanicError is a panic of the Client, or of one of its callbacks.
type PanicError struct{ Value any }

func (e *PanicError) Error() string { return printable(fmt.Sprintf("client panicked: %v", e.Value)) }

// Unwrap gives the panic's value when that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// call makes one call within a limit. It reports whether the call was abandoned, and
// may go on.
func call[Out any](ctx context.Context, c *caller, l limit, f func(context.Context) (Out, error)) (out Out, abandoned bool, err error) {
	if c.abandoned.Load() >= maxAbandoned {
		return out, false, errAbandoned
	}
	ctx, w := l.start(ctx)
	defer w.stop()
	type answer struct {
		out Out
		err error
	}
	done := make(chan answer, 1)
	var over atomic.Bool // the call came back, or was abandoned
	go func() {
		growStack(0)
		a := answer{err: errGoexit}
		defer func() {
			if v := recover(); v != nil {
				a.err = &PanicError{v}
			}
			done <- a
			if !over.CompareAndSwap(false, true) {
				c.abandoned.Add(-1)
			}
		}()
		out, err := f(ctx)
		if err != nil {
			// An error may panic too, when it is a typed nil: let it do so here.
			_, _, err = classify(err), Code(err), explain(err)
			_ = err.Error()
		}
		a = answer{out, err}
	}()
	a, came := receive(ctx, done)
	if !came {
		if over.CompareAndSwap(false, true) {
			c.abandoned.Add(1)
			w.leaveConn(true)
			return out, true, fmt.Errorf("%w, and the client did not return", context.Cause(ctx))
		}
		a = <-done
	}
	if a.err != nil {
		w.leaveConn(ctx.Err() != nil)
	}
	if a.err != nil && ctx.Err() != nil {
		// The SDK's text would only say that a deadline was exceeded.
		return a.out, false, fmt.Errorf("%w: %w", context.Cause(ctx), a.err)
	}
	return a.out, false, a.err
}

// growStack makes room for the SDK's deep calls at once, which end in the signer
// with more than 16 KiB. The runtime would double the stack of a goroutine again
// and again, and each time walk and copy what is on it.
//
//go:noinline
func growStack(i int) byte {
	var room [20 << 10]byte
	return room[i]
}

// receive waits until grace after ctx is done, and reports whether something came.
func receive[T any](ctx context.Context, from <-chan T) (v T, came bool) {
	select {
	case v = <-from:
		return v, true
	case <-ctx.Done():
	}
	select {
	case v = <-from:
		return v, true
	case <-time.After(grace):
		return v, false
	}
}

// noRetryNoLog goes with every call: tried once by the SDK, because the pace
// decides when to try again, and logged nowhere, because the SDK's logger may
// well end in this very core.
func noRetryNoLog(o *cloudwatchlogs.Options) {
	o.Retryer = aws.NopRetryer{}
	o.Logger = logging.Nop{}
	o.ClientLogMode = 0
}

// withoutSignerLog gives a client that logs nothing. An option of a call does not
// reach the signer, which was made with the client; so a client with that log
// switched on is made anew. A signer of the user's own would be lost by that, and
// only then.
func withoutSignerLog(c Client) Client {
	sdk, ok := c.(*cloudwatchlogs.Client)
	if !ok || sdk == nil {
		return c
	}
	o := sdk.Options()
	if !o.ClientLogMode.IsSigning() {
		return c
	}
	protocol := o.Protocol
	o.Logger, o.ClientLogMode = logging.Nop{}, 0
	o.HTTPSignerV4, o.AuthSchemes = nil, nil
	return cloudwatchlogs.New(o, func(o *cloudwatchlogs.Options) { o.Protocol = protocol })
}
