package delivery

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// An origin says where an error comes from. A call to CloudWatch Logs may fail before
// it is made, and then the error may come from another AWS service.
type origin int8

const (
	fromNetwork     origin = iota // no response, or an unknown origin
	fromService                   // CloudWatch Logs responded
	fromGateway                   // something other than CloudWatch Logs responded
	fromCredentials               // there are no credentials to sign with
	fromConfig                    // the client cannot work as it is configured
	fromClient                    // the client panicked, or found its input wrong
)

// A configError says that the client could not be made.
type configError struct{ error }

func (e *configError) Unwrap() error { return e.error }

// originOf walks down from the outermost error to the first one that says where
// it comes from.
func originOf(err error) origin {
	for err != nil {
		switch e := err.(type) {
		case *PanicError, smithy.InvalidParamsError, *smithy.InvalidParamsError, *smithy.SerializationError:
			return fromClient
		case *configError:
			return fromConfig
		case *strangerError:
			return fromGateway
		case *smithyhttp.RequestSendError:
			if badAddress.MatchString(e.Error()) {
				return fromConfig
			}
			return fromNetwork
		case *smithy.OperationError:
			if !ours(e) {
				return fromCredentials
			}
		case *awshttp.ResponseError:
			if answered(e.ResponseError) {
				return answerer(err)
			}
		case *smithyhttp.ResponseError:
			if answered(e) {
				return answerer(err)
			}
		case smithy.APIError: // from a client that is not the SDK's
			return answerer(err)
		case interface{ Unwrap() []error }:
			for _, err := range e.Unwrap() {
				if o := originOf(err); o != fromNetwork {
					return o
				}
			}
			return fromNetwork
		default:
			if o := stepOf(err.Error()); o != fromNetwork {
				return o
			}
		}
		err = errors.Unwrap(err)
	}
	return fromNetwork
}

// answered reports whether a ResponseError has a response: the SDK also wraps errors
// from before the response in one.
func answered(e *smithyhttp.ResponseError) bool {
	return e != nil && e.Response != nil && e.Response.Response != nil && e.Response.StatusCode > 0
}

// ours reports whether an operation is one that a Stream calls.
func ours(e *smithy.OperationError) bool {
	switch e.Operation() {
	case "PutLogEvents", "CreateLogStream", "CreateLogGroup", "PutRetentionPolicy":
		return true
	}
	return e.Service() == cloudwatchlogs.ServiceID
}

// Texts of the SDK for the steps before a request is sent, for which it has no error
// types. Waiting cannot fix any of them but the first.
const identityStep = "get identity: "

// One ^ for all: with one for each a text is searched from every byte of it,
// which takes a tenth of a millisecond, several times for each error.
var configSteps = regexp.MustCompile(`^(?:(resolve auth scheme|bind auth scheme params|sign request): ` +
	`|(could not select an auth scheme|no resolved auth scheme|no identity|no signer)` +
	`|failed to (bind endpoint params|parse endpoint URL|resolve service endpoint).*` +
	`(endpoint rule error|invalid input region|[Ff]ailed to parse|parse "|parameters are not valid))`)

// brokeOff finds the texts of net/http for an incomplete HTTP/2 response: the stream was
// reset, or the connection was closed or lost.
var brokeOff = regexp.MustCompile(`stream error: stream ID |http2: (client connection|server sent GOAWAY)`)

// badAddress finds the texts of net/http for an address to which nothing can be sent,
// such as localhost:4566 without a scheme.
var badAddress = regexp.MustCompile(`: (unsupported protocol scheme "|http: no Host in request URL|dial tcp: address \S+ invalid port$|invalid proxy address)`)

func stepOf(text string) origin {
	switch {
	case strings.HasPrefix(text, identityStep):
		return fromCredentials
	case configSteps.MatchString(text):
		return fromConfig
	}
	return fromNetwork
}

// codeForm is the form of AWS error codes. The SDK calls an error UnknownError if the
// response has no code.
var codeForm = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{2,63}$`)

// answerer returns fromService if CloudWatch Logs sent the response. A gateway, a proxy
// or another service at the same address may send a code too, but not one that the SDK
// or these lists know, and no request id.
func answerer(err error) origin {
	var (
		api  smithy.APIError
		resp *awshttp.ResponseError
	)
	switch {
	case errors.As(err, &api):
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled), errors.As(err, new(net.Error)), brokeOff.MatchString(err.Error()):
		return fromNetwork // it broke off
	default:
		return fromGateway
	}
	code := api.ErrorCode()
	switch {
	case code == "UnknownError", !codeForm.MatchString(code):
		return fromGateway
	case commonCodes[code], passing[code], badInput[code], throttleCode(code), !errors.As(err, new(*smithy.GenericAPIError)):
		return fromService
	case errors.As(err, &resp) && resp.RequestID == "":
		return fromGateway
	}
	return fromService
}

// commonCodes are the codes that any AWS service may return and for which the SDK has
// no types, except for transient ones and those about a bad input.
//
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html
var commonCodes = map[string]bool{
	"AccessDenied": true, "AuthFailure": true, "IncompleteSignature": true, "InvalidAction": true, "InvalidClientTokenId": true,
	"MissingAuthenticationToken": true, "NotAuthorized": true, "OptInRequired": true, "SignatureDoesNotMatch": true,
	"UnauthorizedOperation": true, "UnknownOperation": true, "ValidationError": true,
	"IncompleteSignatureException": true, "InvalidSignatureException": true, "MissingAuthenticationTokenException": true,
	"RequestEntityTooLargeException": true, "SubscriptionRequiredException": true, "UnknownOperationException": true,
}
