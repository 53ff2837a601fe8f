package delivery

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A class says what to do about an error of a put or a creation.
type class int8

const (
	classRetry   class = iota // keep the events and try again later
	classBisect               // some event is bad: halve the batch
	classSuspect              // some event may be bad: once more, then halve the batch
	classCreate               // the stream or its group does not exist
	classToken                // put again with the token that the error names
	classDone                 // delivered before
	classFatal                // waiting cannot mend it
)

// classify decides about an error. Only what CloudWatch Logs itself said decides
// about events, streams and rights. What nobody said, or somebody else, passes:
// the network, a source of credentials, a gateway with a page of its own.
func classify(err error) class {
	var creation *creationError // never an event's fault
	if errors.As(err, &creation) {
		c := classify(creation.error)
		if c == classRetry || c == classCreate || originOf(err) == fromGateway {
			return classRetry
		}
		return classFatal
	}
	switch originOf(err) {
	case fromService:
		return classifyAnswer(err)
	case fromConfig, fromClient:
		return classFatal
	case fromGateway:
		if statusOf(err) == http.StatusRequestEntityTooLarge {
			return classBisect
		}
	}
	return classRetry
}

// passing lists codes of things that pass, besides the throttling that the SDK
// knows: overload, expired credentials that somebody renews, a clock that is being
// set. Whatever comes with status 408, 429 or 5xx passes too.
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

// badInput lists codes of a put that the service could not read, or would not.
// Most likely an event is to blame, and else the batch was damaged on its way.
var badInput = map[string]bool{
	"InvalidInputException":          true,
	"InvalidParameterValue":          true,
	"InvalidParameterValueException": true,
	"InvalidRequestException":        true,
	"MalformedHttpRequestException":  true,
	"SerializationException":         true,
	"ValidationError":                true,
	"ValidationException":            true,
}

// classifyAnswer decides about an error of CloudWatch Logs.
func classifyAnswer(err error) class {
	var api smithy.APIError
	_ = errors.As(err, &api)
	code, status := api.ErrorCode(), statusOf(err)
	bad := badInput[code] || code == "InvalidParameterException"
	switch {
	case status == http.StatusRequestEntityTooLarge:
		return classBisect
	case code == "ResourceNotFoundException":
		return classCreate
	case code == "DataAlreadyAcceptedException":
		return classDone
	case code == "InvalidSequenceTokenException":
		return classToken
	case passing[code], throttled(err), skewed(err):
		return classRetry
	case status == http.StatusRequestTimeout, status >= 500, status == http.StatusProxyAuthRequired, status >= 300 && status < 400: // not the service
		return classRetry
	case bad && namesStream(api.ErrorMessage()):
		return classFatal
	case badInput[code]:
		return classSuspect
	case bad:
		return classBisect
	}
	return classFatal
}

// namesStream reports whether a text is about the name of a group or a stream, which
// is no event's fault.
func namesStream(text string) bool {
	return strings.Contains(text, "logGroupName") || strings.Contains(text, "logStreamName")
}

// skewed reports whether a signature was refused for its time: the clock is wrong,
// and the SDK has learned by how much, or the process was frozen between signing
// and sending. The next signature will be right.
func skewed(err error) bool {
	if statusOf(err) < 400 || statusOf(err) > 499 {
		return false
	}
	var r interface{ RetryableError() bool }
	if errors.As(err, &r) && r.RetryableError() {
		return true
	}
	var api smithy.APIError
	return errors.As(err, &api) && signatureTime.MatchString(api.ErrorMessage())
}

var signatureTime = regexp.MustCompile(`(?i)^signature (expired|not yet current)`)

// throttled reports whether whoever answered wants fewer calls.
func throttled(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && throttleCode(api.ErrorCode()) || statusOf(err) == http.StatusTooManyRequests
}

// putThrottled reports whether it was a put that came too often: creations have a
// quota of their own.
func putThrottled(err error) bool {
	return throttled(err) && !errors.As(err, new(*creationError))
}

func throttleCode(code string) bool {
	_, ok := retry.DefaultThrottleErrorCodes[code]
	return ok
}

// statusOf is the HTTP status of the answer to a call of ours, 0 if there is none.
func statusOf(err error) int {
	if o := originOf(err); o != fromService && o != fromGateway {
		return 0
	}
	var (
		resp     *smithyhttp.ResponseError
		stranger *strangerError
	)
	switch {
	case errors.As(err, &resp) && answered(resp):
		return resp.HTTPStatusCode()
	case errors.As(err, &stranger):
		return stranger.status
	}
	return 0
}

// isReset reports whether the other side ended a connection that was there.
func isReset(err error) bool {
	if originOf(err) != fromNetwork || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var (
		op   *net.OpError
		resp *smithyhttp.ResponseError
	)
	if errors.As(err, &resp) && answered(resp) {
		return false // it was the answer that broke off
	}
	return errors.As(err, &op) && (op.Op == "read" || op.Op == "write") && !op.Timeout() ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.Contains(err.Error(), "stream error: ") // of HTTP/2, which has no type outside net/http
}

// isTimeout reports whether a put was sent and not answered in time.
func isTimeout(err error) bool {
	return errors.As(err, new(timeoutError)) && originOf(err) == fromNetwork
}

// exists reports whether what was to be created exists already, which counts as
// success.
func exists(err error) bool {
	return originOf(err) == fromService && errors.As(err, new(*types.ResourceAlreadyExistsException))
}

// A creationError is an error of a creation.
type creationError struct{ error }

func (e *creationError) Unwrap() error { return e.error }

// An untriedError is that there was no time to try, or to see what comes of it.
type untriedError struct{ error }

func (e *untriedError) Unwrap() error { return e.error }
