package delivery

import (
	"errors"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A class says what to do about an error of the service.
type class int8

const (
	classRetry  class = iota // keep the events and try again later
	classBisect              // some event is bad: halve the batch
	classCreate              // the stream or its group does not exist
	classToken               // put again with the token that the error names
	classDone                // delivered before
	classFatal               // waiting cannot mend it
)

// passing lists error codes of things that pass, besides the throttling that the
// SDK knows: overload, expired credentials that somebody renews, a clock that is
// being set. Whatever comes with status 408, 429 or 5xx passes too.
var passing = map[string]bool{
	"AbortedException":            true,
	"ConflictException":           true,
	"ExpiredToken":                true,
	"ExpiredTokenException":       true,
	"InternalFailure":             true,
	"InternalServerError":         true,
	"OperationAbortedException":   true,
	"RequestExpired":              true,
	"RequestTimeTooSkewed":        true,
	"RequestTimeout":              true,
	"RequestTimeoutException":     true,
	"ServiceUnavailable":          true,
	"ServiceUnavailableException": true,
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
	var creation *creationError // never an event's fault
	if errors.As(err, &creation) {
		if c := classify(creation.error); c == classRetry || c == classCreate {
			return classRetry
		}
		return classFatal
	}
	switch {
	case errors.As(err, &panicked), errors.As(err, &params), errors.As(err, &encoding):
		return classFatal
	case statusOf(err) == http.StatusRequestEntityTooLarge: // whoever says so, a proxy with a page for example
		return classBisect
	case !errors.As(err, &api):
		// The network, the resolver, TLS, a credential source, an answer that
		// is no JSON: nothing that the service said.
		return classRetry
	}
	code, status := api.ErrorCode(), statusOf(err)
	switch {
	case code == "ResourceNotFoundException":
		return classCreate
	case code == "DataAlreadyAcceptedException":
		return classDone
	case code == "InvalidSequenceTokenException":
		return classToken
	case passing[code], throttled(err), skewed(err):
		return classRetry
	case status == http.StatusRequestTimeout, status >= 500,
		status == http.StatusProxyAuthRequired, status >= 300 && status < 400: // not the service
		return classRetry
	case code == "InvalidParameterException":
		if m := api.ErrorMessage(); strings.Contains(m, "logGroupName") || strings.Contains(m, "logStreamName") {
			return classFatal // it is no event's fault
		}
		return classBisect
	}
	return classFatal
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

// throttled tells whether the service wants fewer calls.
func throttled(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) {
		if _, ok := retry.DefaultThrottleErrorCodes[api.ErrorCode()]; ok {
			return true
		}
	}
	return statusOf(err) == http.StatusTooManyRequests
}

// A creationError is an error of a creation, which is never an event's fault.
type creationError struct{ error }

func (e *creationError) Unwrap() error { return e.error }

// An untriedError is that there was no time to try, or to see what comes of it.
type untriedError struct{ error }

func (e *untriedError) Unwrap() error { return e.error }
