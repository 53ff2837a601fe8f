package cwlambda

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-lambda-go/events"
	"go.uber.org/zap"

	"example.com/zapcw/cwltest"
)

// A talker logs while it is read and closed.
type talker struct {
	r      io.Reader
	logger *zap.Logger
}

func (r talker) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if n > 0 {
		r.logger.Info("read")
	}
	return n, err
}

func (r talker) Close() error {
	r.logger.Info("close")
	return errors.New("of Close")
}

func TestStreamedBody(t *testing.T) {
	for _, test := range []struct {
		name string
		body func() io.Reader
		want string
		err  string
		logs string // in the stream when it was read
	}{
		{"text", func() io.Reader { return strings.NewReader("text") }, "text", "", "begin read"},
		{"with its last bytes", func() io.Reader { return iotest.DataErrReader(strings.NewReader("text")) }, "text", "", "begin read"},
		{"empty", func() io.Reader { return strings.NewReader("") }, "", "", "begin"},
		{"an error", func() io.Reader { return io.MultiReader(strings.NewReader("text"), iotest.ErrReader(&textError{})) }, "text", "no stock", "begin read invocation failed"},
	} {
		for _, response := range []func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r },
			func(r io.Reader) io.Reader { return &events.LambdaFunctionURLStreamingResponse{Body: r} },
			func(r io.Reader) io.Reader { return &events.APIGatewayProxyStreamingResponse{Body: r} },
		} {
			t.Run(test.name, func(t *testing.T) {
				srv := cwltest.NewServer(t)
				logger, _ := newStream(srv, nil)
				wrapped := Wrap(logger, func(ctx context.Context) (any, error) {
					logger.Info("begin")
					return response(talker{test.body(), logger}), nil
				}).(func(context.Context) (any, error))
				ctx, cancel := invocationContext(t, "r-1", 1<<40)
				defer cancel()
				out, err := wrapped(ctx)
				if err != nil {
					t.Fatal(err)
				}
				body := out.(io.ReadCloser)
				got, err := io.ReadAll(struct{ io.Reader }{body})
				if text(err) != test.err || !strings.HasSuffix(string(got), test.want) {
					t.Errorf("body is %q, %v, want %q, %q", got, err, test.want, test.err)
				}
				in := stored(srv)
				if in != test.logs {
					t.Errorf("in the stream are %s, want %s", in, test.logs)
				}
				if err := body.Close(); text(err) != "of Close" {
					t.Errorf("error of Close is %v, want its own", err)
				}
				if in := stored(srv); !strings.HasSuffix(in, "close") {
					t.Errorf("in the stream are %s, want what Close logs too", in)
				}
			})
		}
	}
}

// stored are the messages in the stream, in a row.
func stored(srv *cwltest.Server) string {
	var all []string
	for _, line := range srv.Messages(group, stream) {
		_, rest, _ := strings.Cut(line, `"message":"`)
		message, _, _ := strings.Cut(rest, `"`)
		all = append(all, message)
	}
	return strings.Join(all, " ")
}

// A body that is closed early ends its invocation too.
func TestBodyIsClosedEarly(t *testing.T) {
	srv := cwltest.NewServer(t)
	logger, _ := newStream(srv, nil)
	f := newFunction(logger, nil)
	ctx, cancel := invocationContext(t, "r-1", 1<<40)
	defer cancel()
	out, _ := f.invoke(ctx, func(context.Context) (any, error) {
		logger.Info("begin")
		return strings.NewReader("text"), nil
	})
	if n := f.running.Load(); n != 1 || stored(srv) != "" {
		t.Errorf("%d invocations run and %q is in the stream before the body is read, want one and nothing", n, stored(srv))
	}
	_ = out.(io.Closer).Close()
	if n := f.running.Load(); n != 0 || stored(srv) != "begin" {
		t.Errorf("%d invocations run and %q is in the stream after Close, want none and all", n, stored(srv))
	}
}

type writerTo struct {
	r    io.Reader
	used *bool
}

func (w writerTo) Read(p []byte) (int, error) { return w.r.Read(p) }

func (w writerTo) WriteTo(to io.Writer) (int64, error) {
	*w.used = true
	return io.Copy(to, w.r)
}

func TestBodyIsWritten(t *testing.T) {
	srv := cwltest.NewServer(t)
	logger, _ := newStream(srv, nil)
	f := newFunction(logger, nil)
	used := false
	out, _ := f.invoke(context.Background(), func(context.Context) (any, error) {
		logger.Info("begin")
		return writerTo{strings.NewReader("text"), &used}, nil
	})
	var b bytes.Buffer
	if _, err := io.Copy(&b, out.(io.Reader)); err != nil || b.String() != "text" || !used {
		t.Errorf("written is %q, %v, by its own WriteTo: %t", b.String(), err, used)
	}
	if stored(srv) != "begin" {
		t.Errorf("%q is in the stream, want all", stored(srv))
	}
}

func TestBodyPanics(t *testing.T) {
	srv := cwltest.NewServer(t)
	logger, _ := newStream(srv, nil)
	f := newFunction(logger, nil)
	ctx, cancel := invocationContext(t, "r-1", 1<<40)
	defer cancel()
	out, _ := f.invoke(ctx, func(context.Context) (any, error) {
		return talker{nil, logger}, nil
	})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic, want the one of the body")
			}
		}()
		_, _ = out.(io.Reader).Read(make([]byte, 10))
	}()
	if in := srv.Messages(group, stream); len(in) != 1 || !strings.Contains(in[0], "invocation panicked") || !strings.Contains(in[0], `"requestId":"r-1"`) || !strings.Contains(in[0], "talker") {
		t.Errorf("in the stream is %q, want the panic with its stack", in)
	}
}

func TestContentType(t *testing.T) {
	for _, test := range []struct {
		response any
		want     bool
	}{
		{&events.LambdaFunctionURLStreamingResponse{Body: strings.NewReader("")}, true},
		{strings.NewReader(""), false},
	} {
		f, _ := newDouble()
		out, _ := f.invoke(context.Background(), func(context.Context) (any, error) { return test.response, nil })
		typed, ok := out.(interface{ ContentType() string })
		if ok != test.want || ok && typed.ContentType() != "application/vnd.awslambda.http-integration-response" {
			t.Errorf("%T has a content type: %t, want %t", test.response, ok, test.want)
		}
		_ = out.(io.Closer).Close()
	}
}

// Wrapped twice it streams all the same, and is flushed once.
func TestWrappedTwice(t *testing.T) {
	srv := cwltest.NewServer(t)
	logger, s := newStream(srv, nil)
	handler := Wrap(logger, Wrap(logger.Named("inner"), func(ctx context.Context, do string) (any, error) {
		Logger(ctx).Info("inside")
		if do == "error" {
			return nil, &textError{}
		}
		return strings.NewReader("text"), nil
	}))
	if out, err := call(t, handler, `"ok"`); out != "text" || err != nil {
		t.Errorf("response is %q, %v", out, err)
	}
	if n := s.Stats().Puts; n != 1 {
		t.Errorf("%d puts, want 1", n)
	}
	_, _ = call(t, handler, `"error"`)
	if in := stored(srv); in != "inside inside invocation failed" {
		t.Errorf("in the stream are %s, want one error", in)
	}

	// With another stream inside both are flushed.
	other := cwltest.NewServer(t)
	inner, _ := newStream(other, nil)
	_, _ = call(t, Wrap(logger, Wrap(inner, func() { inner.Info("other") })), `{}`)
	if in := stored(other); in != "other" {
		t.Errorf("in the other stream are %q", in)
	}
}
