package testkit

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"
)

// As reports whether an error is, or wraps, an E.
func As[E error](err error) bool { var e E; return errors.As(err, &e) }

// Is makes a function that recognises target.
func Is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// Says makes a function that recognises errors with this part in their text.
func Says(part string) func(error) bool {
	return func(err error) bool { return strings.Contains(err.Error(), part) }
}

// Coded makes a function that recognises errors of the service with this code.
func Coded(code string) func(error) bool {
	return func(err error) bool { return CodeOf(err) == code }
}

// CodeOf is the service's code of an error, empty if it has none.
func CodeOf(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}
