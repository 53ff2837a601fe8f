package cwltest

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// bodies holds buffers for the bodies of requests.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func release(b *bytes.Buffer) {
	if b.Cap() > 2*maxBatchBytes {
		return
	}
	b.Reset()
	bodies.Put(b)
}

// read reads the body. The error is that the client did not send all of it;
// a body over maxBody is read up to there and one byte more.
func (c *call) read() (*bytes.Buffer, error) {
	b := bodies.Get().(*bytes.Buffer)
	if n := c.r.ContentLength; n > 0 && n <= maxBody {
		b.Grow(int(n) + bytes.MinRead)
	}
	if c.r.Body == nil {
		return b, nil
	}
	_, err := b.ReadFrom(io.LimitReader(c.r.Body, maxBody+1))
	return b, err
}

// readHalf reads half of the body, or a little where its length is not known.
func (c *call) readHalf() {
	n := c.r.ContentLength / 2
	if n <= 0 {
		n = 1
	}
	if c.r.Body != nil {
		_, _ = io.CopyN(io.Discard, c.r.Body, n)
	}
}

// wait reports whether the client waited too.
func (c *call) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.r.Context().Done():
		return false
	}
}

// send answers.
func (c *call) send(rep reply) {
	c.head(rep)
	if rep.stream != nil {
		rep.stream.run(c)
		return
	}
	_, _ = c.w.Write(rep.body) // a client that is gone is none of our business
}

// sendHalf breaks off in the middle of the answer.
func (c *call) sendHalf(rep reply) {
	if len(rep.body) < 2 {
		rep.stream = nil
		rep.body = []byte("{}")
	}
	c.head(rep)
	_, _ = c.w.Write(rep.body[:len(rep.body)/2])
	_ = http.NewResponseController(c.w).Flush()
	c.abort()
}

func (c *call) head(rep reply) {
	h := c.w.Header()
	h.Set("Content-Type", rep.contentType)
	if rep.stream == nil {
		h.Set("Content-Length", strconv.Itoa(len(rep.body)))
	}
	h.Set("X-Amzn-Requestid", c.req.ID)
	if rep.errorType != "" {
		h.Set("X-Amzn-Errortype", rep.errorType)
	}
	c.w.WriteHeader(rep.status)
}

// abort closes the connection in the middle of the answer.
func (c *call) abort() {
	if f, ok := c.w.(*flight); ok {
		f.abort()
		return
	}
	panic(http.ErrAbortHandler)
}

// reset closes the connection so that the client's kernel learns of a reset.
func (c *call) reset() {
	if f, ok := c.w.(*flight); ok {
		f.reset()
		return
	}
	conn, _, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// gunzip unpacks a body, up to maxBody.
func gunzip(body []byte) ([]byte, *apiError) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, malformed("The body of the request is not gzip: %v", err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(z, maxBody+1)); err != nil {
		return nil, malformed("The body of the request is not gzip: %v", err)
	}
	if b.Len() > maxBody {
		return nil, tooLarge()
	}
	return b.Bytes(), nil
}
