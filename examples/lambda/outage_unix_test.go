//go:build unix

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/zapcw/cwltest"
)

func TestSlow(t *testing.T) {
	t.Parallel()
	logs := newLogServer(t)
	logs.Fail(cwltest.Fault{Before: 200 * time.Millisecond})
	box := newSandbox(t)
	box.start(logs)
	for i := range 3 {
		id := fmt.Sprint("r-", i)
		box.invoke(id, event("ok"))
		logs.check(id, steps...)
	}
}

// In an outage the function answers, what it logs stays in memory, and is in the
// stream when the service is back.
func TestDarkAndBack(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		dark, back func(*logServer)
	}{
		{"closed port", (*logServer).dark, (*logServer).light},
		{"black hole",
			func(s *logServer) { s.Fail(cwltest.Fault{Break: cwltest.BlackHole}) },
			func(s *logServer) { s.Heal() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			logs := newLogServer(t)
			box := newSandbox(t)
			p := box.start(logs)
			box.invoke("r-0", event("ok"))
			test.dark(logs)
			for i := 1; i < 6; i++ {
				if a := box.invoke(fmt.Sprint("r-", i), event("ok")); a.kind != "response" {
					t.Errorf("answer is %+v", a)
				}
			}
			test.back(logs)
			for i := 6; len(logs.entries("r-5")) == 0 && i < 60; i++ {
				box.invoke(fmt.Sprint("r-", i), event("ok"))
			}
			for i := range 6 {
				logs.check(fmt.Sprint("r-", i), steps...)
			}
			if status := p.terminate(t); status != 0 {
				t.Errorf("status %d after SIGTERM, want 0", status)
			}
			if got := parse(t, strings.Split(p.stderr.String(), "\n"), ""); len(got) > 0 {
				t.Errorf("on the standard error are %q, want no events", texts(got))
			}
		})
	}
}

// In an outage the sandbox is not kept awake for long either.
func TestDarkAfterResponse(t *testing.T) {
	t.Parallel()
	logs := newLogServer(t)
	logs.dark()
	box := newSandbox(t)
	p := box.start(logs, afterResponse)
	for i := range 4 {
		if a := box.invoke(fmt.Sprint("r-", i), event("ok")); a.kind != "response" {
			t.Errorf("answer is %+v", a)
		}
	}
	logs.light()
	for i := 4; len(logs.entries("r-3")) == 0 && i < 60; i++ {
		box.invoke(fmt.Sprint("r-", i), event("ok"))
	}
	for i := range 4 {
		logs.check(fmt.Sprint("r-", i), steps...)
	}
	if status := p.terminate(t); status != 0 {
		t.Errorf("status %d after SIGTERM, want 0", status)
	}
}

// What the service refuses, and what a dark one does not get before SIGTERM, is
// on the standard error, which Lambda keeps.
func TestRefusedOrTerminated(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		fault cwltest.Fault
		hint  string
	}{
		{"refused", cwltest.Fault{Code: "AccessDeniedException"}, "AccessDenied"},
		{"terminated", cwltest.Fault{Break: cwltest.BlackHole}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			logs := newLogServer(t)
			logs.Fail(test.fault)
			box := newSandbox(t)
			p := box.start(logs)
			for i := range 3 {
				if a := box.invoke(fmt.Sprint("r-", i), event("ok")); a.kind != "response" {
					t.Errorf("answer is %+v", a)
				}
			}
			if status := p.terminate(t); status != 0 {
				t.Errorf("status %d after SIGTERM, want 0", status)
			}
			text := p.stderr.String()
			for i := range 3 {
				if got := texts(parse(t, strings.Split(text, "\n"), fmt.Sprint("r-", i))); strings.Join(got, "\n") != strings.Join(steps, "\n") {
					t.Errorf("on the standard error are %q, want %q", got, steps)
				}
			}
			if !strings.Contains(text, "zapcw: ") || !strings.Contains(text, test.hint) {
				t.Errorf("standard error is\n%s\nwant the reason %s", text, test.hint)
			}
		})
	}
}
