package delivery

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go/logging"
)

// once goes with every request: tried once by the SDK, because the pace decides
// when to try again, and logged nowhere, because the SDK's logger may well end
// in this very core.
func once(o *cloudwatchlogs.Options) {
	o.Retryer = aws.NopRetryer{}
	o.Logger = logging.Nop{}
	o.ClientLogMode = 0
}

// quiet gives a client that logs nothing. An option of a request does not reach
// the signer, which was made with the client; so a client with that log switched
// on is made anew. A signer of the user's own would be lost by that, and only
// then.
func quiet(c Client) Client {
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

// grace is what a client has to come back after its context is done. One that
// does not is left behind: Sync has promised to be back.
const grace = 100 * time.Millisecond

// maxAway is how many calls may be left behind: each has a goroutine, and a batch.
const maxAway = 8

// errAway is why there is no further call.
var errAway = fmt.Errorf("%d calls of the client did not come back", maxAway)

// call makes one request with a time-out, in a goroutine of its own, because a
// user's client may panic or may not care for its context. The ones left behind
// are counted in away.
func call[Out any](ctx context.Context, away *atomic.Int32, timeout time.Duration, f func(context.Context) (Out, error)) (Out, error) {
	out, _, err := callWithin(ctx, away, limit{timeout, timeout}, f)
	return out, err
}

// A limit is the time-out of a request, and of one that got a connection which
// lay idle for longer than idleLong.
type limit struct{ whole, stale time.Duration }

const idleLong = time.Second

// errStale is a time-out on such a connection, which says nothing of the service.
var errStale = errors.New("connection was idle")

// callWithin also tells whether the call was left behind, and may go on.
func callWithin[Out any](ctx context.Context, away *atomic.Int32, l limit, f func(context.Context) (Out, error)) (out Out, left bool, err error) {
	if away.Load() >= maxAway {
		return out, false, errAway
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var stale atomic.Bool
	timer := time.AfterFunc(l.whole, func() {
		if stale.Load() {
			cancel(fmt.Errorf("%w: %w", timeoutError(l.stale), errStale))
			return
		}
		cancel(timeoutError(l.whole))
	})
	defer timer.Stop()
	if l.stale < l.whole {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
			old := c.WasIdle && c.IdleTime >= idleLong
			if old && timer.Reset(l.stale) || !old && stale.Load() && timer.Reset(l.whole) {
				stale.Store(old)
			}
		}})
	}
	type answer struct {
		out Out
		err error
	}
	done := make(chan answer, 1)
	var over atomic.Bool // the call came back, or was left behind
	go func() {
		a := answer{err: &PanicError{"its goroutine ended"}} // by runtime.Goexit, as in t.Fatal
		defer func() {
			if v := recover(); v != nil {
				a.err = &PanicError{v}
			}
			done <- a
			if !over.CompareAndSwap(false, true) {
				away.Add(-1)
			}
		}()
		out, err := f(ctx)
		if err != nil {
			// An error may panic too, when it is a typed nil: let it do so here.
			_, _, _ = classify(err), Code(err), err.Error()
		}
		a = answer{out, err}
	}()
	var a answer
	select {
	case a = <-done:
	case <-ctx.Done():
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case a = <-done:
		case <-t.C:
			if over.CompareAndSwap(false, true) {
				away.Add(1)
				left = true
				a.err = context.Cause(ctx)
			} else {
				a = <-done
			}
		}
	}
	if a.err != nil && ctx.Err() != nil {
		// The SDK's text would only say that a deadline was exceeded.
		return a.out, left, fmt.Errorf("%w: %w", context.Cause(ctx), a.err)
	}
	return a.out, left, a.err
}

// A timeoutError is a request that was not answered in time.
type timeoutError time.Duration

func (e timeoutError) Error() string        { return fmt.Sprintf("no answer in %s", time.Duration(e)) }
func (e timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }
