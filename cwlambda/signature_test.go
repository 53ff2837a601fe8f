package cwlambda

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type textError struct{}

func (*textError) Error() string { return "no stock" }

type raw struct{}

func (raw) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	return append([]byte("raw "), payload...), nil
}

type rawError struct{}

func (rawError) Invoke(context.Context, []byte) ([]byte, error) { return nil, &textError{} }

// Whatever a handler is, it answers as it does without Wrap, and is flushed once
// if it was called.
func TestSignatures(t *testing.T) {
	type in struct{ N int }
	type out struct {
		N     int
		Label string
	}
	var (
		nilError *textError
		nilFunc  func(in) error
	)
	for _, test := range []struct {
		name, payload string
		handler       any
		called        bool
	}{
		{"func()", `{}`, func() {}, true},
		{"func(TIn)", `{"N":1}`, func(in) {}, true},
		{"func() error", `{}`, func() error { return nil }, true},
		{"func() error, with one", `{}`, func() error { return &textError{} }, true},
		{"func(TIn) error", `{"N":1}`, func(i in) error { return errors.New(strings.Repeat("x", i.N)) }, true},
		{"func() (TOut, error)", `{}`, func() (out, error) { return out{1, "<a>"}, nil }, true},
		{"func(TIn) (TOut, error)", `{"N":2}`, func(i in) (out, error) { return out{i.N, "&"}, nil }, true},
		{"func(context.Context)", `{}`, func(context.Context) {}, true},
		{"func(context.Context) error", `{}`, func(context.Context) error { return nil }, true},
		{"func(context.Context) (TOut, error)", `{}`, func(context.Context) (*out, error) { return &out{N: 3}, nil }, true},
		{"func(context.Context, TIn)", `{"N":1}`, func(context.Context, in) {}, true},
		{"func(context.Context, TIn) error", `{"Records":[{"messageId":"1"}]}`, func(_ context.Context, e events.SQSEvent) error { return errors.New(e.Records[0].MessageId) }, true},
		{"func(context.Context, TIn) (TOut, error)", `{"N":4}`, func(_ context.Context, i *in) (map[string]int, error) { return map[string]int{"N": i.N}, nil }, true},
		{"func(any)", `[1, 2.5, "x"]`, func(v any) (any, error) { return v, nil }, true},
		{"raw JSON", ` {"a": 1} `, func(v json.RawMessage) (json.RawMessage, error) { return v, nil }, true},
		{"nil result", `{}`, func() (any, error) { return nil, nil }, true},
		{"nil pointer", `{}`, func() (*out, error) { return nil, nil }, true},
		{"result beside an error", `{}`, func() (out, error) { return out{N: 1}, &textError{} }, true},
		{"error of a type", `{}`, func() *textError { return &textError{} }, true},
		{"reader", `{}`, func() (io.Reader, error) { return strings.NewReader("text"), nil }, true},
		{"reader that is JSON", `{}`, func() (any, error) {
			return struct {
				io.Reader `json:"-"`
				N         int
			}{strings.NewReader("text"), 5}, nil
		}, true},
		{"lambda.Handler", `not JSON`, raw{}, true},
		{"lambda.Handler that fails", `{}`, rawError{}, true},
		{"lambda.NewHandler", `{"N":6}`, lambda.NewHandler(func(i in) (out, error) { return out{N: i.N}, nil }), true},

		{"event of another type", `{"N":"x"}`, func(in) {}, false},
		{"response that is no JSON", `{}`, func() (any, error) { return func() {}, nil }, true},
		{"nil", `{}`, nil, true},
		{"no function", `{}`, 5, true},
		{"three parameters", `{}`, func(context.Context, in, in) {}, true},
		{"no context before the event", `{}`, func(in, in) {}, true},
		{"another interface", `{}`, func(io.Reader) {}, true},
		{"three results", `{}`, func() (int, int, error) { return 0, 0, nil }, true},
		{"result that is no error", `{}`, func() int { return 0 }, true},
		{"two results, no error", `{}`, func() (int, int) { return 0, 0 }, true},
		{"nil error of a type", `{}`, func() error { return nilError }, true},
		{"nil function", `{"N":1}`, nilFunc, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := func(handler any) (text string, v any, err error) {
				defer func() { v = recover() }()
				text, err = call(t, handler, test.payload)
				return text, nil, err
			}
			for _, decodes := range []bool{false, true} {
				f, d := newDouble()
				f.decodes = decodes
				gotText, gotPanic, gotErr := answer(f.wrap(test.handler))
				wantText, wantPanic, wantErr := answer(test.handler)
				if gotText != wantText {
					t.Errorf("response is %q, want %q", gotText, wantText)
				}
				if text(gotErr) != text(wantErr) || gotErr != nil && typeOf(gotErr) != typeOf(wantErr) {
					t.Errorf("error is %v, want %v", gotErr, wantErr)
				}
				if (gotPanic == nil) != (wantPanic == nil) {
					t.Errorf("panic is %v, want %v", gotPanic, wantPanic)
				}
				want := 0
				if test.called || decodes {
					want = 1
				}
				if n, _ := d.counts(); n < want || n > 2*want {
					t.Errorf("flushed %d times, want %d", n, want)
				}
			}
		})
	}
}

func text(err error) (text string) {
	if err == nil {
		return ""
	}
	defer func() {
		if recover() != nil {
			text = "nil pointer"
		}
	}()
	return err.Error()
}

// The options of aws-lambda-go keep their effect.
func TestLambdaOptions(t *testing.T) {
	type key struct{}
	handler := func(ctx context.Context, v map[string]any) (map[string]any, error) {
		v["<key>"] = ctx.Value(key{})
		return v, nil
	}
	f, _ := newDouble()
	opts := []lambda.Option{lambda.WithUseNumber(true), lambda.WithSetEscapeHTML(true), lambda.WithSetIndent(">", " ")}
	ctx := lambdacontext.NewContext(context.WithValue(context.Background(), key{}, 7), &lambdacontext.LambdaContext{AwsRequestID: "r-1"})
	payload := []byte(`{"n": 12345678901234567890}`)
	got, err := lambda.NewHandlerWithOptions(f.wrap(handler), opts...).Invoke(ctx, payload)
	if err != nil {
		t.Fatal(err)
	}
	want, err := lambda.NewHandlerWithOptions(handler, opts...).Invoke(ctx, payload)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) || !strings.Contains(string(got), "12345678901234567890") || !strings.Contains(string(got), `\u003ckey\u003e": 7`) {
		t.Errorf("response is %s, want %s", got, want)
	}
	strict := lambda.NewHandlerWithOptions(f.wrap(func(struct{}) {}), lambda.WithDisallowUnknownFields(true))
	if _, err := strict.Invoke(ctx, payload); err == nil {
		t.Error("an unknown field is allowed, want an error")
	}
	if o := newOptions([]Option{WithLambda(opts...), WithLambda(opts[0])}); len(o.lambda) != 4 {
		t.Errorf("%d options, want 4", len(o.lambda))
	}
}
