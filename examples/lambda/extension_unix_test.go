//go:build unix

package main

import (
	"strings"
	"testing"
	"time"
)

const afterResponse = "ZAPCW_AFTER_RESPONSE=1"

// The caller has its answer while the service has not got its put, and the
// sandbox stays awake until it has.
func TestAfterResponse(t *testing.T) {
	logs := newLogServer(t)
	box := newSandbox(t)
	box.start(logs, afterResponse)
	for _, id := range []string{"r-1", "r-2", "r-2"} { // one is tried again
		n := len(logs.entries(id))
		in := invocation{id, event("ok"), time.Now().Add(time.Minute)}
		open := logs.shut()
		box.update(func() { delete(box.answers, id) })
		box.begin(in)
		if a := box.answer(in); a.kind != "response" || a.body != `{"order":"A-1"}` {
			t.Errorf("answer is %+v", a)
		}
		if len(logs.entries(id)) > n {
			t.Errorf("%s is in the stream, although nothing was let in", id)
		}
		open()
		box.over(in)
		if got := logs.entries(id)[n:]; strings.Join(texts(got), "\n") != strings.Join(steps, "\n") {
			t.Errorf("%s has %q, want %q", id, texts(got), steps)
		}
	}
}

// Errors are flushed before they are reported.
func TestErrorAfterResponse(t *testing.T) {
	logs := newLogServer(t)
	box := newSandbox(t)
	box.start(logs, afterResponse)
	in := invocation{"r-1", event("error"), time.Now().Add(time.Minute)}
	box.begin(in)
	if a := box.answer(in); a.kind != "error" {
		t.Errorf("answer is %+v", a)
	}
	logs.check("r-1", with("ERROR invocation failed")...)
	box.over(in)
}

// Where Lambda refuses the extension it is as without the option, told once.
func TestRefusedRegistration(t *testing.T) {
	logs := newLogServer(t)
	box := newSandbox(t)
	box.refuses = true
	box.start(logs, afterResponse)
	for _, id := range []string{"r-1", "r-2"} {
		in := invocation{id, event("ok"), time.Now().Add(time.Minute)}
		box.begin(in)
		if a := box.answer(in); a.kind != "response" {
			t.Errorf("answer is %+v", a)
		}
		logs.check(id, steps...)
		box.over(in)
	}
	all := logs.entries("")
	if len(all) != 7 || all[0].Level != "WARNING" || !strings.Contains(all[0].Exception, "Extension.RegistrationClosed") {
		t.Errorf("in the stream are %+v, want one warning", all)
	}
}

// An event that cannot be decoded is an error of its invocation.
func TestUndecodableEvent(t *testing.T) {
	for _, after := range []string{"", afterResponse} {
		logs := newLogServer(t)
		box := newSandbox(t)
		box.start(logs, after)
		// What aws-lambda-go makes of it if there is no zapcw.
		if a := box.invoke("r-1", `{"order":5}`); a.kind != "error" || a.body != `{"errorMessage":"json: cannot unmarshal number into Go struct field order.order of type string","errorType":"UnmarshalTypeError"}` {
			t.Errorf("answer is %+v", a)
		}
		logs.check("r-1", "ERROR invocation failed")
		box.invoke("r-2", event("ok"))
		logs.check("r-2", steps...)
	}
}

// One that is no JSON does not reach the function; the sandbox is not kept awake
// until the time-out for that.
func TestBrokenEvent(t *testing.T) {
	logs := newLogServer(t)
	box := newSandbox(t)
	box.start(logs, afterResponse)
	if a := box.invoke("r-1", `{"order":`); a.kind != "error" {
		t.Errorf("answer is %+v", a)
	}
	logs.check("r-1", "WARNING event did not reach the function; what Lambda reports says why")
	box.invoke("r-2", event("ok"))
	logs.check("r-2", steps...)
}
