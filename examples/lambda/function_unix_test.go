//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/zapcw/cwltest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if bin, _ := program(); bin != "" {
			_ = os.RemoveAll(filepath.Dir(bin))
		}
		os.Exit(code)
	}))
}

var steps = []string{"INFO step 1", "INFO step 2", "INFO step 3"}

func with(more ...string) []string { return append(steps[:len(steps):len(steps)], more...) }

func event(do string) string {
	return fmt.Sprintf(`{"order":"A-1","log":3,"debug":2,"ms":5,"do":%q}`, do)
}

func TestOK(t *testing.T) {
	logs := newLogServer(t)
	box := newSandbox(t)
	p := box.start(logs)
	if calls := logs.Stats().Calls; len(calls) > 0 {
		t.Errorf("calls before the first invocation: %v", calls)
	}
	for i := range 3 {
		id := fmt.Sprint("r-", i)
		if a := box.invoke(id, event("ok")); a.kind != "response" || a.body != `{"order":"A-1"}` || a.contentType != "application/json" {
			t.Errorf("answer is %+v", a)
		}
		logs.check(id, steps...)
		for _, e := range logs.entries(id) {
			if e.Order != "A-1" || e.TraceID != "1-5759e988-bd862e3fe1be46a994272793" || e.ColdStart != (i == 0) {
				t.Errorf("fields of %+v", e)
			}
		}
	}
	if status := p.terminate(t); status != 0 || p.stderr.String() != "" {
		t.Errorf("status %d after SIGTERM, want 0\n%s", status, p.stderr.String())
	}
}

func TestLevel(t *testing.T) {
	logs := newLogServer(t)
	box := newSandbox(t)
	box.start(logs, "AWS_LAMBDA_LOG_LEVEL=DEBUG")
	box.invoke("r-1", event("ok"))
	logs.check("r-1", "DEBUG detail 1", "DEBUG detail 2", "INFO step 1", "INFO step 2", "INFO step 3")
}

// What is logged during init is flushed with the first invocation.
func TestInit(t *testing.T) {
	logs := newLogServer(t)
	box := newSandbox(t)
	box.start(logs, "AWS_LAMBDA_LOG_LEVEL=LOUD")
	box.invoke("r-1", event("ok"))
	if all := logs.entries(""); len(all) != 4 || all[0].Level != "WARNING" || !strings.Contains(all[0].Exception, `AWS_LAMBDA_LOG_LEVEL is "LOUD"`) {
		t.Errorf("in the stream are %+v, want a warning of the level first", all)
	}
}

// An init that fails is flushed: here there is no Lambda.
func TestInitFails(t *testing.T) {
	logs := newLogServer(t)
	box := newSandbox(t)
	p := box.command(logs, runtimeEnv+"=", "AWS_LAMBDA_LOG_LEVEL=LOUD")
	if err := p.cmd.Run(); p.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("%v, want status 1\n%s", err, p.stderr.String())
	}
	if all := logs.entries(""); len(all) != 1 || all[0].Message != "log controls" {
		t.Errorf("in the stream are %+v, want what the init logged", all)
	}
}

func TestError(t *testing.T) {
	logs := newLogServer(t)
	box := newSandbox(t)
	box.start(logs)
	// What aws-lambda-go makes of the error if there is no zapcw.
	if a := box.invoke("r-1", event("error")); a.kind != "error" || a.body != `{"errorMessage":"no stock","errorType":"errorString"}` {
		t.Errorf("answer is %+v", a)
	}
	logs.check("r-1", with("ERROR invocation failed")...)
	if e := logs.entries("r-1")[3]; e.Exception != "no stock" || e.ErrorType != "errorString" {
		t.Errorf("entry is %+v", e)
	}
	box.invoke("r-2", event("ok"))
	logs.check("r-2", steps...)
}

func TestPanic(t *testing.T) {
	for _, after := range []string{"", "1"} {
		logs := newLogServer(t)
		box := newSandbox(t)
		p := box.start(logs, "ZAPCW_AFTER_RESPONSE="+after)
		in := invocation{"r-1", event("panic"), time.Now().Add(time.Minute)}
		box.begin(in)
		a := box.answer(in)
		if a.kind != "error" || !strings.Contains(a.body, `"errorMessage":"no stock, and nobody checked","errorType":"string"`) || !strings.Contains(a.body, `"label":"handle"`) || !strings.Contains(a.xray, `"label":"handle"`) {
			t.Errorf("answer is %+v", a)
		}
		// Of the frames above the function Lambda sees none.
		if !strings.Contains(a.body, `"stackTrace":[{"path":"`) || strings.Index(a.body, `"label":"handle"`) != strings.Index(a.body, `"label":`) {
			t.Errorf("the stack is %s, want one that begins with handle", a.body)
		}
		logs.check("r-1", with("ERROR invocation panicked")...)
		if e := logs.entries("r-1")[3]; e.ErrorType != "string" || !strings.HasPrefix(e.Exception, "no stock, and nobody checked\n") || !strings.Contains(e.Exception, "main.handle\n") {
			t.Errorf("entry is %+v", e)
		}
		if status := p.status(); status != 1 {
			t.Errorf("status %d after the panic, want 1", status)
		}
	}
}

func TestExit(t *testing.T) {
	logs := newLogServer(t)
	box := newSandbox(t)
	p := box.start(logs)
	box.begin(invocation{"r-1", event("exit"), time.Now().Add(time.Minute)})
	if status := p.status(); status != 3 {
		t.Errorf("status %d, want 3", status)
	}
	logs.check("r-1", steps...)
}

// In an outage what was logged is on the standard error long before the deadline.
func TestExitInTheDark(t *testing.T) {
	t.Parallel()
	logs := newLogServer(t)
	logs.dark()
	box := newSandbox(t)
	p := box.start(logs)
	box.begin(invocation{"r-1", event("exit"), time.Now().Add(8 * time.Second)})
	if status := p.status(); status != 3 {
		t.Errorf("status %d, want 3", status)
	}
	// If it had waited for its deadline, an entry would say so.
	if got := texts(parse(t, strings.Split(p.stderr.String(), "\n"), "r-1")); strings.Join(got, "\n") != strings.Join(steps, "\n") {
		t.Errorf("on the standard error are %q, want %q", got, steps)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		slow  time.Duration
		limit time.Duration
		env   string
	}{
		{"well", 0, 3 * time.Second, ""},
		{"slow", 200 * time.Millisecond, 4 * time.Second, ""},
		{"after the response", 0, 3 * time.Second, "ZAPCW_AFTER_RESPONSE=1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			logs := newLogServer(t)
			logs.Fail(cwltest.Fault{Before: test.slow})
			box := newSandbox(t)
			box.start(logs, test.env)
			box.invoke("r-1", event("ok"))
			box.timeOut("r-2", event("hang"), test.limit)
			logs.check("r-2", with("ERROR function is about to time out")...)

			box.start(logs)
			box.invoke("r-3", event("ok"))
			logs.check("r-3", steps...)
		})
	}
}

// What is not delivered before a time-out is on the standard error, which Lambda
// keeps.
func TestTimeoutInTheDark(t *testing.T) {
	t.Parallel()
	logs := newLogServer(t)
	logs.dark()
	box := newSandbox(t)
	p := box.start(logs)
	box.timeOut("r-1", event("hang"), 3*time.Second)
	got := texts(parse(t, strings.Split(p.stderr.String(), "\n"), "r-1"))
	if want := with("ERROR function is about to time out"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("on the standard error are %q, want %q\n%s", got, want, p.stderr.String())
	}
}

func TestStream(t *testing.T) {
	for _, after := range []string{"", "1"} {
		logs := newLogServer(t)
		box := newSandbox(t)
		box.start(logs, "ZAPCW_AFTER_RESPONSE="+after)
		a := box.invoke("r-1", event("stream"))
		if a.kind != "response" || !strings.HasPrefix(a.body, `{"statusCode":200,`) || !strings.HasSuffix(a.body, "\x00chunk 1\nchunk 2\nchunk 3\n") || a.contentType != "application/vnd.awslambda.http-integration-response" {
			t.Errorf("answer is %+v", a)
		}
		logs.check("r-1", with("INFO chunk 1", "INFO chunk 2", "INFO chunk 3")...)
	}
}

// Eight invocations at a time do not get into each other's way, and what none
// of them waited for is in the stream after SIGTERM.
func TestSideBySide(t *testing.T) {
	for _, slow := range []time.Duration{0, 200 * time.Millisecond} {
		logs := newLogServer(t)
		logs.Fail(cwltest.Fault{Op: "Put*", Before: slow})
		box := newSandbox(t)
		box.slots = 8
		p := box.start(logs, "AWS_LAMBDA_MAX_CONCURRENCY=8")
		var all sync.WaitGroup
		for i := range 40 {
			in := invocation{fmt.Sprint("r-", i), event([]string{"ok", "error", "stream"}[i%3]), time.Now().Add(time.Minute)}
			box.begin(in)
			all.Go(func() {
				if a := box.answer(in); a.kind == "" {
					t.Errorf("no answer to %s", in.id)
				}
			})
		}
		all.Wait()
		// A put that takes 200 ms leaves SIGTERM little room: what came last is
		// in the stream or on the standard error.
		if status := p.terminate(t); status != 0 {
			t.Errorf("status %d, want 0", status)
		}
		lost := parse(t, strings.Split(p.stderr.String(), "\n"), "")
		cold := 0
		for i := range 40 {
			id := fmt.Sprint("r-", i)
			want := with([][]string{nil, {"ERROR invocation failed"}, {"INFO chunk 1", "INFO chunk 2", "INFO chunk 3"}}[i%3]...)
			got := logs.entries(id)
			for _, e := range lost {
				if e.RequestID == id {
					got = append(got, e)
				}
			}
			// What is in two places has no order.
			slices.Sort(want)
			if have := slices.Sorted(slices.Values(texts(got))); !slices.Equal(have, want) {
				t.Errorf("%s has %q, want %q\n%s", id, have, want, p.stderr.String())
			}
			if len(got) > 0 && got[0].ColdStart {
				cold++
			}
		}
		if cold != 1 {
			t.Errorf("%d cold starts, want one", cold)
		}
	}
}
