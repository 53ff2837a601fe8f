//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// runtimeAPI is Lambda as a function sees it: the Runtime API and that part of
// the Extensions API that stands behind WithEnableSIGTERM. See
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type runtimeAPI struct {
	*httptest.Server
	stream func() []string // what was logged by now

	asked      chan struct{} // the function waits for an invocation
	next       chan invocation
	answers    chan answer
	extensions chan string // that were registered
}

type invocation struct{ id, event string }

// An answer is what the function posts about an invocation.
type answer struct {
	invocation string
	kind       string // response or error
	body       string
	xray       string
	logged     []string // in the stream when the post arrived
}

func newRuntimeAPI(t *testing.T, stream func() []string) *runtimeAPI {
	t.Helper()
	a := &runtimeAPI{
		stream:     stream,
		asked:      make(chan struct{}),
		next:       make(chan invocation),
		answers:    make(chan answer),
		extensions: make(chan string, 1),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", a.serveAnswer)
	mux.HandleFunc("POST /2020-01-01/extension/register", a.serveRegister)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done() // nothing ever happens to it
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		// The error of an init would come here too.
		body, _ := io.ReadAll(r.Body)
		t.Errorf("unexpected %s %s: %s", r.Method, r.URL, body)
		w.WriteHeader(http.StatusNotFound)
	})
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

func (a *runtimeAPI) address() string { return strings.TrimPrefix(a.URL, "http://") }

func (a *runtimeAPI) serveNext(w http.ResponseWriter, r *http.Request) {
	select {
	case a.asked <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	select {
	case in := <-a.next:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", in.id)
		h.Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:checkout")
		_, _ = io.WriteString(w, in.event)
	case <-r.Context().Done():
	}
}

func (a *runtimeAPI) serveAnswer(w http.ResponseWriter, r *http.Request) {
	logged := a.stream()
	body, _ := io.ReadAll(r.Body)
	select {
	case a.answers <- answer{r.PathValue("id"), r.PathValue("kind"), string(body), r.Header.Get("Lambda-Runtime-Function-Xray-Error-Cause"), logged}:
		w.WriteHeader(http.StatusAccepted)
	case <-r.Context().Done():
	}
}

func (a *runtimeAPI) serveRegister(w http.ResponseWriter, r *http.Request) {
	a.extensions <- r.Header.Get("Lambda-Extension-Name")
	w.Header().Set("Lambda-Extension-Identifier", "7a3b")
}
