//go:build unix

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"example.com/zapcw/cwltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	group  = "/acme/prod"
	stream = "orders"
)

// environ is what Lambda puts into the environment, with the endpoint as the
// SDK reads it.
func environ(t *testing.T, api *runtimeAPI, logs *logServer, more ...string) []string {
	t.Helper()
	// Whatever is asked of the network other than the two servers comes here.
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("unexpected request for %s", r.URL)
	}))
	t.Cleanup(elsewhere.Close)
	return append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + api.address(),
		"AWS_LAMBDA_FUNCTION_NAME=checkout",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/checkout",
		"AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=key",
		"AWS_SECRET_ACCESS_KEY=secret",
		"AWS_SESSION_TOKEN=token",
		"AWS_ENDPOINT_URL=" + logs.url,
		"AWS_EC2_METADATA_SERVICE_ENDPOINT=" + elsewhere.URL,
		"HTTP_PROXY=" + elsewhere.URL,
		"HTTPS_PROXY=" + elsewhere.URL,
	}, more...)
}

func TestFunction(t *testing.T) {
	logs := newLogServer(t)
	api := newRuntimeAPI(t, func() []string { return logs.Messages(group, stream) })
	bin := build(t)
	env := environ(t, api, logs, "LOG_GROUP="+group, "LOG_STREAM="+stream)

	var want []string // in the stream
	check := func(got []string, lines ...string) {
		t.Helper()
		want = append(want, lines...)
		if !slices.Equal(got, want) {
			t.Fatalf("the stream is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}

	p := start(t, bin, api, env...)
	if got := receive(t, p, api.extensions); got != "GoLangEnableSIGTERM" {
		t.Errorf("extension is %q", got)
	}
	if calls := logs.Stats().Calls; len(calls) > 0 {
		t.Errorf("calls before the first invocation: %v", calls)
	}

	a := p.invoke(t, "r-1", `{"id": "A-1001", "items": [1500, 2490], "parcels": 2}`)
	if a.kind != "response" || a.body != `{"order":"A-1001","total":3990,"per_parcel":1995}` {
		t.Errorf("answer is %s %s", a.kind, a.body)
	}
	check(a.logged,
		`INFO: checkout: handle: order received	{"cold_start": true, "request_id": "r-1", "order": "A-1001", "items": 2}`,
		`INFO: checkout: handle: order charged	{"cold_start": true, "request_id": "r-1", "order": "A-1001", "total": 3990}`)

	p.freeze(t, logs)
	p.thaw(t)
	before := logs.connections()
	a = p.invoke(t, "r-2", `{"id": "A-1002"}`)
	// What aws-lambda-go makes of the error if there is no zapcw.
	if a.kind != "error" || a.body != `{"errorMessage":"order A-1002: no items: want one or more","errorType":"noItemsError"}` {
		t.Errorf("answer is %s %s", a.kind, a.body)
	}
	check(a.logged,
		`INFO: checkout: handle: order received	{"cold_start": false, "request_id": "r-2", "order": "A-1002", "items": 0}`,
		`ERROR: checkout: handle: order refused	{"cold_start": false, "request_id": "r-2", "order": "A-1002", "error": "order A-1002: no items: want one or more"}`)
	if logs.connections() == before {
		t.Error("the connections of before the freeze were still good: want them closed")
	}

	p.freeze(t, logs)
	p.thaw(t)
	a = p.invoke(t, "r-3", `{"id": "A-1003", "items": [100]}`)
	checkPanic(t, a)
	check(a.logged,
		`INFO: checkout: handle: order received	{"cold_start": false, "request_id": "r-3", "order": "A-1003", "items": 1}`,
		`ERROR: checkout: handle: panic	{"cold_start": false, "request_id": "r-3", "order": "A-1003", "panic": "runtime error: integer divide by zero"}`)
	if status := p.end(); status != 1 {
		t.Errorf("status %d after the panic, want 1\n%s", status, &p.stderr)
	}

	p = start(t, bin, api, env...)
	receive(t, p, api.extensions)
	a = p.invoke(t, "r-4", `{"id": "A-1004", "items": [100], "parcels": 1}`)
	if a.kind != "response" || a.body != `{"order":"A-1004","total":100,"per_parcel":100}` {
		t.Errorf("answer is %s %s", a.kind, a.body)
	}
	check(a.logged,
		`INFO: checkout: handle: order received	{"cold_start": true, "request_id": "r-4", "order": "A-1004", "items": 1}`,
		`INFO: checkout: handle: order charged	{"cold_start": true, "request_id": "r-4", "order": "A-1004", "total": 100}`)

	p.freeze(t, logs)
	p.signal(t, syscall.SIGTERM)
	p.thaw(t)
	if status := p.end(); status != 0 || p.stderr.Len() > 0 {
		t.Errorf("status %d after SIGTERM, want 0\n%s", status, &p.stderr)
	}
	check(logs.Messages(group, stream), `INFO: checkout: shutdown: shutting down`)
}

// checkPanic checks that Lambda hears of a panic as one: with its stack, which
// errors do not have, and in that the frame where it began.
func checkPanic(t *testing.T, a answer) {
	t.Helper()
	var p struct {
		ErrorMessage string
		StackTrace   []struct{ Label string }
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	if a.kind != "error" || p.ErrorMessage != "runtime error: integer divide by zero" {
		t.Errorf("answer is %s %s", a.kind, a.body)
	}
	if !slices.ContainsFunc(p.StackTrace, func(f struct{ Label string }) bool { return f.Label == "charge" }) {
		t.Errorf("no frame of charge in %s", a.body)
	}
	if !strings.Contains(a.xray, `"charge"`) {
		t.Errorf("no frame of charge in the cause for X-Ray: %s", a.xray)
	}
}

// Without variables of its own the function logs where its role allows it to
// anyway.
func TestDefaults(t *testing.T) {
	logs := newLogServer(t)
	api := newRuntimeAPI(t, func() []string { return logs.Messages("/aws/lambda/checkout", "checkout") })
	p := start(t, build(t), api, environ(t, api, logs)...)
	a := p.invoke(t, "r-1", `{"id": "A-1001", "items": [1], "parcels": 1}`)
	if a.kind != "response" || len(a.logged) != 2 {
		t.Errorf("answer is %s %s, and logged is %q", a.kind, a.body, a.logged)
	}
}

// A service that does not answer costs no line: what settleIn is too short for
// is on the standard error, which Lambda keeps, when the process ends.
func TestShutdownWithoutService(t *testing.T) {
	logs := newLogServer(t)
	logs.Fail(cwltest.Fault{Break: cwltest.BlackHole})
	api := newRuntimeAPI(t, nil)
	p := start(t, build(t), api, environ(t, api, logs)...)
	p.signal(t, syscall.SIGTERM)
	if status := p.end(); status != 0 {
		t.Errorf("status %d, want 0", status)
	}
	if got, want := p.stderr.String(), "INFO: checkout: shutdown: shutting down\n"; !strings.HasPrefix(got, "zapcw: ") || !strings.HasSuffix(got, want) {
		t.Errorf("standard error is %q, want a reason and %q", got, want)
	}
}
