package delivery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A class says what to do about an error of the service.
type class int8

const (
	again   class = iota // keep the events and try again later
	split                // some event is bad: halve the batch
	missing              // the stream or its group does not exist
	token                // put again with the token that the error names
	taken                // delivered before
	refused              // waiting cannot mend it
)

// passing lists error codes of things that pass: throttling, overload, expired
// credentials that somebody renews, a clock that is being set. Whatever comes
// with status 408, 429 or 5xx passes too.
var passing = map[string]bool{
	"AbortedException":                       true,
	"BandwidthLimitExceeded":                 true,
	"ConflictException":                      true,
	"ExpiredToken":                           true,
	"ExpiredTokenException":                  true,
	"InternalFailure":                        true,
	"InternalServerError":                    true,
	"LimitExceededException":                 true,
	"OperationAbortedException":              true,
	"PriorRequestNotComplete":                true,
	"ProvisionedThroughputExceededException": true,
	"RequestExpired":                         true,
	"RequestLimitExceeded":                   true,
	"RequestThrottled":                       true,
	"RequestThrottledException":              true,
	"RequestTimeTooSkewed":                   true,
	"RequestTimeout":                         true,
	"RequestTimeoutException":                true,
	"ServiceUnavailable":                     true,
	"ServiceUnavailableException":            true,
	"SlowDown":                               true,
	"Throttling":                             true,
	"ThrottledException":                     true,
	"ThrottlingException":                    true,
	"TooManyRequestsException":               true,
}

// classify decides about an error of a put or a creation. SDK errors arrive
// wrapped, so everything is found by errors.As.
func classify(err error) class {
	var (
		api      smithy.APIError
		params   smithy.InvalidParamsError
		encoding *smithy.SerializationError
		panicked *PanicError
	)
	var creation *creationError
	if errors.As(err, &creation) {
		if c := classify(creation.error); c == again || c == missing {
			return again
		}
		return refused
	}
	switch {
	case errors.As(err, &panicked), errors.As(err, &params), errors.As(err, &encoding):
		return refused
	case statusOf(err) == http.StatusRequestEntityTooLarge: // whoever says so, a proxy with a page for example
		return split
	case !errors.As(err, &api):
		// The network, the resolver, TLS, a credential source, an answer that
		// is no JSON: nothing that the service said.
		return again
	}
	code, status := api.ErrorCode(), statusOf(err)
	switch {
	case code == "ResourceNotFoundException":
		return missing
	case code == "DataAlreadyAcceptedException":
		return taken
	case code == "InvalidSequenceTokenException":
		return token
	case passing[code], skewed(err):
		return again
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500,
		status == http.StatusProxyAuthRequired, status >= 300 && status < 400: // not the service
		return again
	case code == "InvalidParameterException":
		if m := api.ErrorMessage(); strings.Contains(m, "logGroupName") || strings.Contains(m, "logStreamName") {
			return refused // it is no event's fault
		}
		return split
	}
	return refused
}

// skewed tells whether the SDK found this machine's clock wrong when a signature
// was refused. It has learned by how much, so the next one will be right.
func skewed(err error) bool {
	var r interface{ RetryableError() bool }
	return statusOf(err) >= 400 && statusOf(err) < 500 && errors.As(err, &r) && r.RetryableError()
}

func statusOf(err error) int {
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) && resp.Response != nil {
		return resp.HTTPStatusCode()
	}
	return 0
}

// exists tells whether a creation came too late, which is as good.
func exists(err error) bool {
	var e *types.ResourceAlreadyExistsException
	return errors.As(err, &e)
}

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
	var before *untried
	switch {
	case errors.As(err, &before):
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
	case strings.Contains(code, "Throttl"), code == "LimitExceededException", code == "TooManyRequestsException":
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

// A PanicError is a panic of the Client, or of one of its callbacks.
type PanicError struct{ Value any }

func (e *PanicError) Error() string { return fmt.Sprintf("client panicked: %v", e.Value) }

// Unwrap gives the panic's value when that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
