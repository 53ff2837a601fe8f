package cwltest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// errClosed is why requests are let go when the server closes.
var errClosed = errors.New("cwltest: server closed")

// web is the server on a socket.
type web struct {
	url    string
	srv    *http.Server
	cancel context.CancelCauseFunc
	served chan struct{}  // closed when the listener's goroutine ends
	conns  sync.WaitGroup // open connections and running handlers
}

// URL returns the address of the server, "http://127.0.0.1:" and a port, and
// starts to listen there unless it already does. Use it for the environment
// variable AWS_ENDPOINT_URL_CLOUDWATCH_LOGS or the option --endpoint-url of the
// aws command. The URL of a closed server refuses connections.
//
// Virtual time stands still while a goroutine waits for a socket: inside a
// testing/synctest bubble use Client or Transport.
func (s *Server) URL() string {
	s.mu.Lock()
	web, closed := s.web, s.closed
	s.mu.Unlock()
	switch {
	case web != nil:
		return web.url
	case closed:
		return "http://127.0.0.1:0"
	}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		s.errorf("%v", err)
	}
	return s.URL()
}

// Listen starts to serve on a TCP address; port 0 picks a free one. It is an
// error to listen after Close; a server that already listens keeps its address.
//
// Anybody who can reach the address can read and write everything, so use a
// loopback address unless you have a good reason.
func (s *Server) Listen(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	if s.web != nil {
		return nil
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("cwltest: %w", err)
	}
	host, _, _ := net.SplitHostPort(addr) // which net.Listen has parsed
	s.web = newWeb(ln, newPage(s, guard{host: host}))
	return nil
}

func newWeb(ln net.Listener, h http.Handler) *web {
	ctx, cancel := context.WithCancelCause(context.Background())
	w := &web{
		url:    "http://" + ln.Addr().String(),
		cancel: cancel,
		served: make(chan struct{}),
	}
	w.srv = &http.Server{
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.conns.Add(1) // a hijacked connection is off the server's books
			defer w.conns.Done()
			h.ServeHTTP(rw, r)
		}),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				w.conns.Add(1)
			case http.StateClosed, http.StateHijacked:
				w.conns.Done()
			}
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() {
		defer close(w.served)
		_ = w.srv.Serve(ln)
	}()
	return w
}

// close may be called twice.
func (w *web) close() error {
	err := w.srv.Close()
	w.cancel(errClosed)
	<-w.served
	w.conns.Wait()
	return err
}
