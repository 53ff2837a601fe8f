//go:build unix

package main

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

const hold = "ZAPCW_HOLD=1"

var details = []string{"DEBUG detail 1", "DEBUG detail 2"}

// checkAll checks what a request has in the stream, in any order: what is held and
// what is not may be of one millisecond.
func (s *logServer) checkAll(requestID string, want ...string) {
	s.t.Helper()
	got := slices.Sorted(slices.Values(texts(s.entries(requestID))))
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: in the stream are %q, want %q", requestID, got, want)
	}
}

// Debug is there for an invocation that fails, and for no other.
func TestHold(t *testing.T) {
	t.Parallel()
	logs := newLogServer(t)
	box := newSandbox(t)
	box.start(logs, hold)
	box.invoke("r-1", event("ok"))
	logs.check("r-1", steps...)
	box.invoke("r-2", event("error"))
	logs.checkAll("r-2", append(with("ERROR invocation failed"), details...)...)
	box.invoke("r-3", event("ok"))
	logs.check("r-3", steps...)
	box.timeOut("r-4", event("hang"), 2*time.Second)
	logs.checkAll("r-4", append(with("ERROR function is about to time out"), details...)...)
	logs.check("r-1", steps...)

	box.start(logs, hold)
	in := invocation{"r-5", event("panic"), time.Now().Add(time.Minute)}
	box.begin(in)
	box.answer(in)
	logs.checkAll("r-5", append(with("ERROR invocation panicked"), details...)...)
}

func TestHoldAtDebug(t *testing.T) {
	logs := newLogServer(t)
	box := newSandbox(t)
	box.start(logs, hold, "AWS_LAMBDA_LOG_LEVEL=DEBUG")
	box.invoke("r-1", event("ok"))
	logs.check("r-1", append(slices.Clone(details), steps...)...)
}

// With invocations side by side none releases another's.
func TestHoldSideBySide(t *testing.T) {
	logs := newLogServer(t)
	box := newSandbox(t)
	box.slots = 8
	p := box.start(logs, hold, "AWS_LAMBDA_MAX_CONCURRENCY=8")
	var all sync.WaitGroup
	for i := range 32 {
		in := invocation{fmt.Sprint("r-", i), event([]string{"ok", "error"}[i%2]), time.Now().Add(time.Minute)}
		box.begin(in)
		all.Go(func() { box.answer(in) })
	}
	all.Wait()
	p.terminate(t)
	for i := range 32 {
		want := slices.Clone(steps)
		if i%2 == 1 {
			want = append(with("ERROR invocation failed"), details...)
		}
		logs.checkAll(fmt.Sprint("r-", i), want...)
	}
}
