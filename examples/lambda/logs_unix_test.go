//go:build unix

package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"example.com/zapcw/cwltest"
)

// logServer is CloudWatch Logs behind connections that do not last.
type logServer struct {
	*cwltest.Server
	url string

	mu     sync.Mutex
	closed sync.Cond
	open   int // connections
	total  int // connections ever
}

func newLogServer(t *testing.T) *logServer {
	t.Helper()
	s := &logServer{Server: cwltest.NewServer(t)}
	s.closed.L = &s.mu
	web := httptest.NewUnstartedServer(s.Server)
	web.Config.IdleTimeout = 50 * time.Millisecond
	web.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch state {
		case http.StateNew:
			s.open++
			s.total++
		case http.StateClosed:
			s.open--
			s.closed.Broadcast()
		}
	}
	web.Start()
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

// awaitIdle returns when all connections are closed.
func (s *logServer) awaitIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.open > 0 {
		s.closed.Wait()
	}
}

func (s *logServer) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}
