package delivery

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/smithy-go"
)

// Code names an error for people and for telling errors apart: the service's
// code where there is one. The text will not do, it holds a request id.
func Code(err error) string {
	var api smithy.APIError
	switch {
	case errors.Is(err, errNoGzip):
		return "gzip" // what the server said may have been told before, for itself
	case errors.As(err, &api):
		return api.ErrorCode()
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return fmt.Sprintf("%T", err)
		}
		err = next
	}
}

// Hint is what a reader of the error can do about it, or nothing.
func Hint(err error) string {
	code := Code(err)
	var untried *untriedError
	switch {
	case errors.As(err, &untried):
		return "" // nothing is wrong
	case errors.Is(err, errNoGzip):
		return "do not Compress for this server"
	case strings.HasPrefix(code, "AccessDenied"), code == "UnauthorizedOperation":
		return hintDenied(err)
	case code == "RequestExpired", code == "RequestTimeTooSkewed", skewed(err):
		return "check this machine's clock"
	case strings.HasPrefix(code, "ExpiredToken"), code == "UnrecognizedClientException", code == "InvalidSignatureException",
		code == "SignatureDoesNotMatch", code == "MissingAuthenticationTokenException", code == "IncompleteSignatureException":
		return "check the credentials"
	case throttled(err):
		return "ask for a higher quota if this lasts"
	}
	var (
		api      smithy.APIError
		params   smithy.InvalidParamsError
		panicked *PanicError
	)
	switch {
	case errors.As(err, &api), errors.As(err, &params), errors.As(err, &panicked):
	case strings.Contains(err.Error(), " get identity: "): // its type says nothing
		return "check the credentials"
	default:
		return "check region, endpoint and network"
	}
	return ""
}

// actions finds what IAM calls an action. It need not be the operation that
// failed: tags and keys take rights of their own.
var actions = regexp.MustCompile(`\b(logs|kms):[A-Z]\w*`)

// hintDenied is Hint for rights that are missing.
func hintDenied(err error) string {
	var (
		api    smithy.APIError
		op     *smithy.OperationError
		action string
	)
	if errors.As(err, &api) {
		action = actions.FindString(api.ErrorMessage())
	}
	switch {
	case action == "" && errors.As(err, &op):
		action = "logs:" + op.Operation()
	case action == "":
		return ""
	case strings.Contains(api.ErrorMessage(), "explicit deny"):
		return "do not deny " + action // allowing it as well would be of no use
	}
	return "allow " + action
}
