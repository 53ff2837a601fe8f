package cwlambda

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"reflect"
)

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
	payloadType = reflect.TypeFor[payload]()
	resultTypes = []reflect.Type{reflect.TypeFor[any](), errorType}
)

// withContext makes of a handler a func(context.Context, TIn) (any, error), or one
// without TIn, so that there is a context, and a body that is watched can take the
// place of a response. It reports false for what lambda.Start does not take.
//
// aws-lambda-go decodes the event and encodes the response, as its options say.
// It keeps to itself what it cannot decode, so without options that is done here.
func (f *function) withContext(handler any) (any, bool) {
	h := reflect.ValueOf(handler)
	if h.Kind() != reflect.Func {
		return nil, false
	}
	t := h.Type()
	takesContext, ok := takesContext(t)
	if !ok || !returnsError(t) {
		return nil, false
	}
	in := []reflect.Type{contextType}
	var event reflect.Type // to be decoded here
	for i := range t.NumIn() {
		switch {
		case i == 0 && takesContext:
		case f.decodes:
			event = t.In(i)
			in = append(in, payloadType)
		default:
			in = append(in, t.In(i))
		}
	}
	return reflect.MakeFunc(reflect.FuncOf(in, resultTypes, false), func(args []reflect.Value) []reflect.Value {
		response, err := f.invoke(args[0].Interface().(context.Context), func(ctx context.Context) (any, error) {
			args[0] = reflect.ValueOf(ctx)
			if event != nil {
				v := reflect.New(event)
				if err := json.NewDecoder(bytes.NewReader(args[1].Bytes())).Decode(v.Interface()); err != nil {
					return nil, err
				}
				args[1] = v.Elem()
			}
			if !takesContext {
				args = args[1:]
			}
			return split(h.Call(args))
		})
		results := []reflect.Value{reflect.New(resultTypes[0]).Elem(), reflect.New(errorType).Elem()}
		if response != nil {
			results[0].Set(reflect.ValueOf(response))
		}
		if err != nil {
			results[1].Set(reflect.ValueOf(err))
		}
		return results
	}).Interface(), true
}

// payload is an event as it came.
type payload []byte

// UnmarshalJSON implements json.Unmarshaler.
func (p *payload) UnmarshalJSON(text []byte) error {
	*p = bytes.Clone(text)
	return nil
}

// split gives the response and the error among the results, as aws-lambda-go
// takes them.
func split(results []reflect.Value) (response any, err error) {
	if n := len(results); n > 0 {
		err, _ = results[n-1].Interface().(error)
		if n > 1 {
			response = results[0].Interface()
		}
	}
	return response, err
}

// takesContext reports whether the first parameter is a context. ok is false if
// lambda.Start does not take such parameters.
func takesContext(t reflect.Type) (takes, ok bool) {
	n := t.NumIn()
	if n == 0 {
		return false, true
	}
	first := t.In(0)
	if n == 1 && (first.Kind() != reflect.Interface || first.NumMethod() == 0) {
		return false, true // the event
	}
	isContext := first.Kind() == reflect.Interface && contextType.Implements(first) && first.Implements(contextType)
	return isContext, isContext && n <= 2
}

// returnsError reports whether lambda.Start takes such results.
func returnsError(t reflect.Type) bool {
	n := t.NumOut()
	return n == 0 || n <= 2 && t.Out(n-1).Implements(errorType)
}

// streamed reports whether aws-lambda-go streams a response: it reads what is not
// JSON, or only an empty object.
func streamed(response any) (io.Reader, bool) {
	r, ok := response.(io.Reader)
	if !ok {
		return nil, false
	}
	text, err := json.Marshal(response)
	return r, err != nil || bytes.HasPrefix(text, []byte("{}"))
}
