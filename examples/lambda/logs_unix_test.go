//go:build unix

package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/zapcw/cwltest"
)

const (
	group  = "/acme/prod"
	stream = "orders"
)

// logServer is CloudWatch Logs behind an address that may be dark, and behind a
// gate that may be closed. Connections do not survive a freeze.
type logServer struct {
	*cwltest.Server
	t    *testing.T
	addr string
	web  *httptest.Server // nil while it is dark

	mu   sync.Mutex
	gate chan struct{} // requests wait until it is closed
}

func newLogServer(t *testing.T) *logServer {
	t.Helper()
	s := &logServer{Server: cwltest.NewServer(t), t: t, addr: "127.0.0.1:0"}
	s.light()
	t.Cleanup(s.dark)
	return s
}

// url is where it is, dark or not.
func (s *logServer) url() string { return "http://" + s.addr }

// light opens the port.
func (s *logServer) light() {
	s.t.Helper()
	ln, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	s.web = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	_ = s.web.Listener.Close()
	s.web.Listener = ln
	s.web.Config.IdleTimeout = 50 * time.Millisecond
	s.web.Start()
}

// dark closes the port.
func (s *logServer) dark() {
	if s.web != nil {
		s.web.CloseClientConnections()
		s.web.Close()
		s.web = nil
	}
}

func (s *logServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	s.Server.ServeHTTP(w, r)
}

// shut closes the gate. What it returns opens it.
func (s *logServer) shut() (open func()) {
	gate := make(chan struct{})
	s.mu.Lock()
	s.gate = gate
	s.mu.Unlock()
	return sync.OnceFunc(func() {
		s.mu.Lock()
		s.gate = nil
		s.mu.Unlock()
		close(gate)
	})
}

// An entry is what the function logs.
type entry struct {
	Level     string
	Message   string
	Exception string
	RequestID string `json:"requestId"`
	TraceID   string `json:"traceId"`
	Order     string
	ErrorType string `json:"errorType"`
	ColdStart bool   `json:"coldStart"`
}

// entries are those of one request in the stream, of all if it is "".
func (s *logServer) entries(requestID string) []entry {
	s.t.Helper()
	return parse(s.t, s.Messages(group, stream), requestID)
}

func parse(t *testing.T, lines []string, requestID string) (all []entry) {
	t.Helper()
	for _, line := range lines {
		var e entry
		if !strings.HasPrefix(line, "{") {
			continue // a notice of zapcw's own
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if requestID == "" || e.RequestID == requestID {
			all = append(all, e)
		}
	}
	return all
}

// texts are the levels and messages of entries.
func texts(all []entry) (texts []string) {
	for _, e := range all {
		texts = append(texts, e.Level+" "+e.Message)
	}
	return texts
}

// check checks what a request has in the stream.
func (s *logServer) check(requestID string, want ...string) {
	s.t.Helper()
	if got := texts(s.entries(requestID)); !slices.Equal(got, want) {
		s.t.Errorf("%s: in the stream are\n\t%s\nwant\n\t%s", requestID, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
