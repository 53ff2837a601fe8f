//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A sandbox is Lambda as a function sees it: the Runtime API and the Extensions
// API. An invocation is over when the runtime and all extensions have asked for
// what is next; the process is frozen then. See
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html and
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
type sandbox struct {
	t       *testing.T
	server  *httptest.Server
	refuses bool // to register extensions
	slots   int  // invocations side by side; nothing is frozen if there are several

	mu         sync.Mutex
	changed    sync.Cond
	process    *process
	asked      []chan invocation // by the runtime
	extensions map[string]*extension
	answers    map[string]answer
}

type invocation struct {
	id, event string
	deadline  time.Time
}

type extension struct {
	name   string
	events []string
	asked  chan string // nil if it did not ask for the next event
}

// An answer is what became of an invocation.
type answer struct {
	kind        string // response or error, or nothing if the process was killed
	body        string
	contentType string
	xray        string
}

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	s := &sandbox{t: t, slots: 1, extensions: make(map[string]*extension), answers: make(map[string]answer)}
	s.changed.L = &s.mu
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", s.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", s.serveAnswer)
	mux.HandleFunc("POST /2020-01-01/extension/register", s.serveRegister)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", s.serveEvent)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		t.Errorf("unexpected %s %s: %s", r.Method, r.URL, body)
		w.WriteHeader(http.StatusNotFound)
	})
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

func (s *sandbox) address() string { return strings.TrimPrefix(s.server.URL, "http://") }

func (s *sandbox) serveNext(w http.ResponseWriter, r *http.Request) {
	next := make(chan invocation, 1)
	s.update(func() { s.asked = append(s.asked, next) })
	select {
	case in := <-next:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", in.id)
		h.Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(in.deadline.UnixMilli()))
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:checkout")
		_, _ = io.WriteString(w, in.event)
	case <-r.Context().Done():
		s.update(func() {
			s.asked = slices.DeleteFunc(s.asked, func(c chan invocation) bool { return c == next })
		})
	}
}

func (s *sandbox) serveAnswer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.update(func() {
		s.answers[r.PathValue("id")] = answer{r.PathValue("kind"), string(body), r.Header.Get("Content-Type"), r.Header.Get("Lambda-Runtime-Function-Xray-Error-Cause")}
	})
	w.WriteHeader(http.StatusAccepted)
}

func (s *sandbox) serveRegister(w http.ResponseWriter, r *http.Request) {
	if s.refuses {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"errorType":"Extension.RegistrationClosed"}`)
		return
	}
	e := &extension{name: r.Header.Get("Lambda-Extension-Name")}
	var body struct{ Events []string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		s.t.Errorf("register %s: %v", e.name, err)
	}
	e.events = body.Events
	if slices.ContainsFunc(e.events, func(name string) bool { return name != "INVOKE" }) {
		s.t.Errorf("extension %s wants %s: internal ones are allowed INVOKE only", e.name, e.events)
	}
	id := "id of " + e.name
	s.update(func() { s.extensions[id] = e })
	w.Header().Set("Lambda-Extension-Identifier", id)
	_, _ = io.WriteString(w, `{"functionName":"checkout"}`)
}

func (s *sandbox) serveEvent(w http.ResponseWriter, r *http.Request) {
	next := make(chan string, 1)
	var e *extension
	s.update(func() {
		if e = s.extensions[r.Header.Get("Lambda-Extension-Identifier")]; e != nil {
			e.asked = next
		}
	})
	if e == nil {
		s.t.Errorf("extension %q asks for events without being registered", r.Header.Get("Lambda-Extension-Identifier"))
		w.WriteHeader(http.StatusForbidden)
		return
	}
	select {
	case event := <-next:
		_, _ = io.WriteString(w, event)
	case <-r.Context().Done():
	}
}

func (s *sandbox) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.changed.Broadcast()
}

// await waits until something is the case, and fails when the process ends. With
// a deadline it reports whether it was in time.
func (s *sandbox) await(deadline time.Time, what string, is func() bool) bool {
	s.t.Helper()
	if !deadline.IsZero() {
		timer := time.AfterFunc(time.Until(deadline), s.changed.Broadcast)
		defer timer.Stop()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for !is() {
		if s.process.hasEnded() {
			s.t.Fatalf("%v while waiting for %s\n%s", s.process.cmd.ProcessState, what, s.process.stderr.String())
		}
		if !deadline.IsZero() && !time.Now().Before(deadline) {
			return false
		}
		s.changed.Wait()
	}
	return true
}

// idle is when Lambda freezes. The caller holds mu.
func (s *sandbox) idle() bool {
	for _, e := range s.extensions {
		if e.asked == nil {
			return false
		}
	}
	return len(s.asked) == s.slots
}

// begin hands an event to a runtime that has asked for it.
func (s *sandbox) begin(in invocation) {
	s.t.Helper()
	s.await(time.Time{}, "the runtime to ask", func() bool { return len(s.asked) > 0 && (s.slots > 1 || s.idle()) })
	s.process.thaw(s.t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[0] <- in
	s.asked = s.asked[1:]
	for _, e := range s.extensions {
		if slices.Contains(e.events, "INVOKE") {
			e.asked <- fmt.Sprintf(`{"eventType":"INVOKE","deadlineMs":%d,"requestId":%q}`, in.deadline.UnixMilli(), in.id)
			e.asked = nil
		}
	}
}

// answer waits for the answer to an invocation. At its deadline the process is
// killed, and the answer is empty.
func (s *sandbox) answer(in invocation) (a answer) {
	s.t.Helper()
	inTime := s.await(in.deadline, "the answer to "+in.id, func() bool { a = s.answers[in.id]; return a.kind != "" })
	if !inTime {
		s.process.kill(s.t)
	}
	return a
}

// over waits until an invocation is over and freezes the process.
func (s *sandbox) over(in invocation) {
	s.t.Helper()
	if !s.await(in.deadline, "the end of "+in.id, s.idle) {
		s.t.Errorf("%s: not over at its deadline, after the answer %v", in.id, s.answers[in.id])
		s.process.kill(s.t)
		return
	}
	s.process.freeze(s.t)
}

// invoke is one invocation with plenty of time.
func (s *sandbox) invoke(id, event string) answer {
	s.t.Helper()
	in := invocation{id, event, time.Now().Add(time.Minute)}
	s.begin(in)
	a := s.answer(in)
	s.over(in)
	return a
}

// timeOut is an invocation that is killed at its deadline.
func (s *sandbox) timeOut(id, event string, limit time.Duration) {
	s.t.Helper()
	in := invocation{id, event, time.Now().Add(limit)}
	s.begin(in)
	if a := s.answer(in); a.kind != "" {
		s.t.Errorf("%s: answer is %v, want none before the deadline", id, a)
	}
}
