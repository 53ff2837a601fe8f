package cwltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"
)

// transport is the way to a server through memory.
type transport struct{ s *Server }

var _ http.RoundTripper = transport{}

// Transport returns an [http.RoundTripper] that hands requests to the server
// without a socket, whatever host they are for. Each runs in a goroutine that
// ends with it and waits only for its request's context and timers, so the virtual
// time of a testing/synctest bubble keeps going. A Server may be made outside of the
// bubble, but must not be closed from there while requests run inside.
//
// Errors are those of [http.Transport]: a reset is a [*net.OpError] with
// ECONNRESET, a response that breaks off ends in [io.ErrUnexpectedEOF], a
// closed server refuses the connection, a request whose context ends returns
// at once with the context's cause, and a body with another length than
// ContentLength is an error. A body whose Read blocks keeps its goroutine
// until Read returns; a streaming response, like that of StartLiveTail, keeps it
// until its own body is closed.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	f := &flight{
		body:   &sentBody{req: req, ctx: ctx},
		cancel: cancel,
		done:   make(chan struct{}),
		begun:  make(chan struct{}),
		header: make(http.Header),
	}
	if err := t.depart(f); err != nil {
		cancel(nil)
		_ = f.body.Close()
		return nil, err
	}
	in := req.WithContext(ctx)
	in.Header = req.Header.Clone() // the caller may change its own after a time-out
	in.Body = f.body
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	go func() {
		defer close(f.done)
		defer t.land(f)
		t.s.ServeHTTP(f, in)
		_ = f.body.Close()
	}()
	select {
	case <-f.done:
		return f.response(req)
	case <-f.begun:
		return f.beginning(req), nil
	case <-req.Context().Done():
		// The handler ends too, but need not be waited for: as with
		// http.Transport the body may still be read until it is closed.
		return nil, context.Cause(req.Context())
	}
}

// depart enters a flight, unless there is a reason not to.
func (t transport) depart(f *flight) error {
	if f.body.req.URL == nil {
		return errors.New("http: nil Request.URL")
	}
	if err := context.Cause(f.body.ctx); err != nil {
		return err
	}
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return netError("dial", "connect", syscall.ECONNREFUSED)
	}
	if s.flying == nil {
		s.flying = make(map[*flight]struct{})
	}
	s.flying[f] = struct{}{}
	return nil
}

func (t transport) land(f *flight) {
	f.closeRest()
	f.cancel(nil)
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	delete(t.s.flying, f)
}

// flight is a request through memory and the writer of its response.
type flight struct {
	body   *sentBody
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when the handler has ended
	header http.Header
	status int
	out    bytes.Buffer
	err    error // in place of a response
	broken bool  // the response breaks off

	// A response whose handler flushes it begins before the handler ends.
	begun chan struct{}  // closed at the first Flush
	rest  *io.PipeWriter // what follows out from then on, or nil
	tail  *io.PipeReader
}

var (
	_ http.ResponseWriter = (*flight)(nil)
	_ http.Flusher        = (*flight)(nil)
)

func (f *flight) Header() http.Header { return f.header }

func (f *flight) WriteHeader(status int) { f.status = status }

func (f *flight) Write(p []byte) (int, error) {
	if f.rest != nil {
		return f.rest.Write(p)
	}
	return f.out.Write(p)
}

// Flush begins the response. What is written from now on waits for the client
// to read it.
func (f *flight) Flush() {
	if f.rest != nil {
		return
	}
	f.tail, f.rest = io.Pipe()
	context.AfterFunc(f.body.ctx, func() { _ = f.rest.CloseWithError(context.Cause(f.body.ctx)) })
	close(f.begun)
}

func (f *flight) closeRest() {
	switch {
	case f.rest == nil:
	case f.broken:
		_ = f.rest.CloseWithError(io.ErrUnexpectedEOF)
	default:
		_ = f.rest.Close()
	}
}

// abort breaks the response off, which begins with it if it has not.
func (f *flight) abort() {
	f.Flush()
	f.broken = true
}

func (f *flight) reset() { f.err = netError("read", "read", syscall.ECONNRESET) }

// response is called when the handler has ended.
func (f *flight) response(req *http.Request) (*http.Response, error) {
	if f.rest != nil {
		return f.beginning(req), nil
	}
	if f.body.wrong != nil { // which is why f.err is a reset
		return nil, f.body.wrong
	}
	if f.err != nil {
		return nil, f.err
	}
	return f.answer(req, io.NopCloser(&f.out)), nil
}

// beginning is called when the response was flushed. The client ends the
// handler when it closes the body.
func (f *flight) beginning(req *http.Request) *http.Response {
	return f.answer(req, &flushedBody{io.MultiReader(&f.out, f.tail), f})
}

func (f *flight) answer(req *http.Request, body io.ReadCloser) *http.Response {
	header := maps.Clone(f.header)
	length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	if err != nil {
		length = -1
	}
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", f.status, http.StatusText(f.status)),
		StatusCode:    f.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Body:          body,
		ContentLength: length,
		Request:       req,
	}
}

// flushedBody is the body of a response that has begun.
type flushedBody struct {
	io.Reader
	f *flight
}

// Read tells a client that has given up so.
func (b *flushedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if ctx := b.f.body.req.Context(); err != nil && err != io.EOF && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return n, err
}

// Close ends the handler and waits for it.
func (b *flushedBody) Close() error {
	b.f.cancel(context.Canceled)
	<-b.f.done
	return nil
}

// sentBody is the body of a request on its way to the handler, whose goroutine
// alone reads and closes it: once it is closed the client may use its memory
// anew.
type sentBody struct {
	req *http.Request
	ctx context.Context

	n     int64 // bytes read
	wrong error
}

// Read fails once the request has ended, so that the handler ends too.
func (b *sentBody) Read(p []byte) (int, error) {
	if b.req.Body == nil || b.req.Body == http.NoBody {
		return 0, io.EOF
	}
	if b.ctx.Err() != nil {
		return 0, context.Cause(b.ctx)
	}
	n, err := b.req.Body.Read(p)
	b.n += int64(n)
	switch want := b.req.ContentLength; {
	case want <= 0:
	case b.n > want:
		n -= int(b.n - want)
		err = b.mismatch()
	case err == io.EOF && b.n < want:
		err = b.mismatch()
	}
	if err != nil && err != io.EOF && b.wrong == nil {
		b.wrong = err
	}
	return n, err
}

// Close closes the client's body.
func (b *sentBody) Close() error {
	if b.req.Body == nil {
		return nil
	}
	return b.req.Body.Close()
}

func (b *sentBody) mismatch() error {
	return fmt.Errorf("http: ContentLength=%d with Body length %d", b.req.ContentLength, b.n)
}

// netError returns an error as package net makes them.
func netError(op, call string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: memoryAddr{}, Err: os.NewSyscallError(call, errno)}
}

// memoryAddr is where the server is that has no address.
type memoryAddr struct{}

func (memoryAddr) Network() string { return "tcp" }
func (memoryAddr) String() string  { return "cwltest" }
