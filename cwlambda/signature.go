package cwlambda

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"reflect"
)

var (
	anyType     = reflect.TypeFor[any]()
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// withContext makes of a handler one that takes a context, so that there is one,
// and whose response may be something else, a body that is watched. Everything
// around the call stays aws-lambda-go's: how events are decoded and responses
// are encoded. It reports false for what lambda.Start does not take.
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
	for i := range t.NumIn() {
		if i > 0 || !takesContext {
			in = append(in, t.In(i))
		}
	}
	var out []reflect.Type
	for i := range t.NumOut() {
		out = append(out, t.Out(i))
	}
	if len(out) == 2 {
		out[0] = anyType
	}
	return reflect.MakeFunc(reflect.FuncOf(in, out, false), func(args []reflect.Value) []reflect.Value {
		var results []reflect.Value
		response, _ := f.invoke(args[0].Interface().(context.Context), func(ctx context.Context) (any, error) {
			args[0] = reflect.ValueOf(ctx)
			if !takesContext {
				args = args[1:]
			}
			results = h.Call(args)
			return split(results)
		})
		if len(results) == 2 {
			results[0] = reflect.New(anyType).Elem()
			if response != nil {
				results[0].Set(reflect.ValueOf(response))
			}
		}
		return results
	}).Interface(), true
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

// takesContext tells whether the first parameter is a context. It is not ok if
// the parameters are none that lambda.Start takes.
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

// returnsError tells whether the results are some that lambda.Start takes.
func returnsError(t reflect.Type) bool {
	n := t.NumOut()
	return n == 0 || n <= 2 && t.Out(n-1).Implements(errorType)
}

// streamed tells whether aws-lambda-go streams a response: it reads what is not
// JSON, or only an empty object.
func streamed(response any) (io.Reader, bool) {
	r, ok := response.(io.Reader)
	if !ok {
		return nil, false
	}
	text, err := json.Marshal(response)
	return r, err != nil || bytes.HasPrefix(text, []byte("{}"))
}
