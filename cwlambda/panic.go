package cwlambda

import (
	"fmt"
	"path"
	"reflect"
	"runtime"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// maxFrames is how many frames aws-lambda-go reports.
const maxFrames = 32

// reported is what aws-lambda-go reports of a panic, but that the stack begins with
// what panicked, and not with the frames of this package that passed the panic on. It
// is to be called by what is deferred.
func reported(v any) any {
	if _, ok := v.(messages.InvokeResponse_Error); ok {
		return v
	}
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return messages.InvokeResponse_Error{
		Message:    fmt.Sprint(v),
		Type:       t.Name(),
		StackTrace: stackOfPanic(),
		ShouldExit: true,
	}
}

// stackOfPanic is the stack below the panic and what passed it on.
func stackOfPanic() (stack []*messages.InvokeResponse_Error_StackFrame) {
	// What passes on takes two frames each time, and some may stand in each other.
	pcs := make([]uintptr, 2*maxFrames)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for more := true; more && len(stack) < maxFrames; {
		var f runtime.Frame
		f, more = frames.Next()
		if len(stack) > 0 || !passesOn(f.Function) {
			stack = append(stack, stackFrame(f))
		}
	}
	return stack
}

// passesOn reports whether a function is one of those that pass a panic on.
func passesOn(name string) bool {
	return name == "runtime.gopanic" || strings.HasPrefix(name, invokeName)
}

// invokeName begins the names of invoke and of what is deferred there.
var invokeName = reflect.TypeFor[function]().PkgPath() + ".(*function).invoke"

// stackFrame is a frame as Lambda shows it: the file below GOPATH or the module, and
// the function without its package.
func stackFrame(f runtime.Frame) *messages.InvokeResponse_Error_StackFrame {
	dirs := strings.Split(f.File, "/")
	depth := strings.Count(f.Function, "/") + 2
	_, label, _ := strings.Cut(path.Base(f.Function), ".")
	return &messages.InvokeResponse_Error_StackFrame{
		Path:  strings.Join(dirs[max(len(dirs)-depth, 0):], "/"),
		Line:  int32(f.Line),
		Label: label,
	}
}
