package remote

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Reason takes off what the SDK wraps around an error: for a reader the service's own
// words say it, or the network's. What it returns unwraps to err.
func Reason(err error) error {
	var (
		api     smithy.APIError
		network *url.Error
		answer  *smithyhttp.ResponseError
	)
	switch {
	case errors.As(err, &api) && api.ErrorCode() != "UnknownError": // that is the SDK's, for an answer without a code
		return &reason{fmt.Sprintf("%s: %s", api.ErrorCode(), api.ErrorMessage()), err}
	case errors.As(err, &network):
		return &reason{network.Err.Error(), err}
	case errors.As(err, &answer):
		return &reason{fmt.Sprintf("HTTP status %d, and not in the form of CloudWatch Logs", answer.HTTPStatusCode()), err}
	}
	return err
}

// A reason is an error in words of its own.
type reason struct {
	text string
	err  error
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.err }

// Denied reports whether err is about a right that is missing.
func Denied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "AccessDeniedException"
}

// Passing reports whether err may pass by itself: it came of the network, or of a
// server that has trouble.
func Passing(err error) bool {
	var (
		network *url.Error
		answer  *smithyhttp.ResponseError
	)
	switch {
	case errors.Is(err, errSilent), errors.As(err, &network):
		return true
	case errors.As(err, &answer):
		return answer.HTTPStatusCode() >= 500 || answer.HTTPStatusCode() == 429
	}
	return false
}
