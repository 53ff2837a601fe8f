package cwlambda

import (
	"io"

	"go.uber.org/zap"
)

// A body is a streaming response, whose end is the end of the invocation:
// aws-lambda-go reads it after the function has returned.
type body struct {
	inv *invocation
	r   io.Reader
	eof bool // r has ended, and its last bytes were given
}

var (
	_ io.ReadCloser = (*body)(nil)
	_ io.WriterTo   = (*body)(nil)
)

// body gives what aws-lambda-go reads.
func (i *invocation) body(r io.Reader) io.Reader {
	b := &body{inv: i, r: r}
	if t, ok := r.(contentTyper); ok {
		return typedBody{b, t}
	}
	return b
}

func (b *body) Read(p []byte) (n int, err error) {
	if b.eof {
		b.inv.done()
		return 0, io.EOF
	}
	defer b.passPanic()
	n, err = b.r.Read(p)
	if n > 0 && err == io.EOF {
		// The caller has the last bytes before the flush.
		b.eof = true
		return n, nil
	}
	b.end(err)
	return n, err
}

// WriteTo uses that of the response if it has one.
func (b *body) WriteTo(w io.Writer) (n int64, err error) {
	defer b.passPanic()
	n, err = io.Copy(w, b.r)
	if err == nil {
		b.inv.done()
	} // Otherwise it may be the writer's, and Close ends.
	return n, err
}

// Close ends also what was not read to the end. The response may log in it.
func (b *body) Close() (err error) {
	defer b.passPanic()
	if c, ok := b.r.(io.Closer); ok {
		err = c.Close()
	}
	if !b.inv.done() {
		b.inv.drain()
	}
	return err
}

// MarshalJSON has aws-lambda-go take it for a stream.
func (*body) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

// end ends the invocation with the body. aws-lambda-go tells io.EOF from errors
// as it does here.
func (b *body) end(err error) {
	switch err {
	case nil:
	case io.EOF:
		b.inv.done()
	default:
		b.inv.failed(err)
	}
}

// passPanic is deferred around calls of the response: a panic ends the process,
// since aws-lambda-go reads in another goroutine.
func (b *body) passPanic() {
	if v := recover(); v != nil {
		b.inv.panicked(v, zap.StackSkip("", 1).String)
		panic(v)
	}
}

type contentTyper interface{ ContentType() string }

// typedBody has a content type, which aws-lambda-go looks for.
type typedBody struct {
	*body
	contentTyper
}
