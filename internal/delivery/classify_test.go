package delivery

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func TestClassify(t *testing.T) {
	text := "text"
	for _, tt := range []struct {
		name     string
		err      error
		put      class
		creation class // what the same makes of a creation
		code     string
	}{
		// What PutLogEvents is documented to say.
		{"", sdk(400, &types.ResourceNotFoundException{Message: &text}), classCreate, classRetry, "ResourceNotFoundException"},
		{"", sdk(400, &types.DataAlreadyAcceptedException{}), classDone, classFatal, "DataAlreadyAcceptedException"},
		{"", sdk(400, &types.InvalidSequenceTokenException{}), classToken, classFatal, "InvalidSequenceTokenException"},
		{"", sdk(400, &types.InvalidParameterException{}), classBisect, classFatal, "InvalidParameterException"},
		{"", sdk(503, &types.ServiceUnavailableException{}), classRetry, classRetry, "ServiceUnavailableException"},
		{"", sdk(400, &types.UnrecognizedClientException{}), classFatal, classFatal, "UnrecognizedClientException"},
		// What the creations say.
		{"", sdk(400, &types.LimitExceededException{}), classRetry, classRetry, "LimitExceededException"},
		{"", sdk(400, &types.OperationAbortedException{}), classRetry, classRetry, "OperationAbortedException"},
		{"", sdk(400, &types.ResourceAlreadyExistsException{}), classFatal, classFatal, "ResourceAlreadyExistsException"},
		// An event is not to blame for a name.
		{"name of a group", sdk(400, coded("InvalidParameterException", "1 validation error detected: Value 'a b' at 'logGroupName' failed")), classFatal, classFatal, "InvalidParameterException"},
		{"name of a stream", sdk(400, coded("InvalidParameterException", "Value at 'logStreamName' failed")), classFatal, classFatal, "InvalidParameterException"},
		// What every operation may say.
		{"", sdk(400, coded("ThrottlingException", "Rate exceeded")), classRetry, classRetry, "ThrottlingException"},
		{"", sdk(400, coded("ExpiredTokenException", "")), classRetry, classRetry, "ExpiredTokenException"},
		{"", sdk(403, coded("RequestExpired", "")), classRetry, classRetry, "RequestExpired"},
		{"", sdk(400, coded("AccessDeniedException", "")), classFatal, classFatal, "AccessDeniedException"},
		{"", sdk(403, coded("InvalidSignatureException", "")), classFatal, classFatal, "InvalidSignatureException"},
		{"", sdk(400, coded("SerializationException", "")), classSuspect, classFatal, "SerializationException"},
		{"", sdk(400, coded("NobodyKnows", "")), classFatal, classFatal, "NobodyKnows"},
		// Statuses decide where the code does not.
		{"408", sdk(408, coded("NobodyKnows", "")), classRetry, classRetry, "NobodyKnows"},
		{"413", sdk(413, coded("RequestEntityTooLargeException", "")), classBisect, classFatal, "RequestEntityTooLargeException"},
		{"413 of a proxy", sdk(413, &smithy.DeserializationError{Err: errors.New("invalid character '<'")}), classBisect, classRetry, "HTTP 413"},
		{"429", sdk(429, coded("NobodyKnows", "")), classRetry, classRetry, "NobodyKnows"},
		{"500", sdk(500, coded("InternalFailure", "")), classRetry, classRetry, "InternalFailure"},
		{"502", sdk(502, coded("NobodyKnows", "")), classRetry, classRetry, "NobodyKnows"},
		{"503 with a known code", sdk(503, &types.InvalidParameterException{}), classRetry, classRetry, "InvalidParameterException"},
		{"no status", sdk(0, coded("NobodyKnows", "")), classFatal, classFatal, "NobodyKnows"},
		// Nothing that the service said.
		{"HTML", sdk(502, &smithy.DeserializationError{Err: errors.New("invalid character '<'")}), classRetry, classRetry, "HTTP 502"},
		{"refused", sdk(0, &smithyhttp.RequestSendError{Err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}), classRetry, classRetry, "syscall.Errno"},
		{"reset", sdk(0, syscall.ECONNRESET), classRetry, classRetry, "syscall.Errno"},
		{"broken off", sdk(200, io.ErrUnexpectedEOF), classRetry, classRetry, "*errors.errorString"},
		{"stream of HTTP/2 broke off", sdk(200, errors.New("stream error: stream ID 3; INTERNAL_ERROR; received from peer")), classRetry, classRetry, "*errors.errorString"},
		{"DNS", sdk(0, &net.DNSError{Err: "no such host"}), classRetry, classRetry, "*net.DNSError"},
		{"TLS", sdk(0, x509.UnknownAuthorityError{}), classRetry, classRetry, "x509.UnknownAuthorityError"},
		{"time-out", sdk(0, context.DeadlineExceeded), classRetry, classRetry, "timeout"},
		{"our time-out", fmt.Errorf("%w: %w", timeoutError(5), sdk(0, context.Canceled)), classRetry, classRetry, "timeout"},
		{"plain", errors.New("no credentials"), classRetry, classRetry, "*errors.errorString"},
		// What another service said, which the SDK asked for credentials.
		{"STS denies", sdk(0, identity(sts(403, coded("AccessDenied", "")))), classRetry, classRetry, "credentials"},
		{"STS finds nothing", sdk(0, identity(sts(400, coded("ResourceNotFoundException", "")))), classRetry, classRetry, "credentials"},
		{"STS finds a parameter bad", sdk(0, identity(sts(400, &types.InvalidParameterException{}))), classRetry, classRetry, "credentials"},
		{"STS has done that before", sdk(0, identity(sts(400, &types.DataAlreadyAcceptedException{}))), classRetry, classRetry, "credentials"},
		{"STS knows the group", sdk(0, identity(sts(400, &types.ResourceAlreadyExistsException{}))), classRetry, classRetry, "credentials"},
		{"STS finds it too large", sdk(0, identity(sts(413, coded("X", "")))), classRetry, classRetry, "credentials"},
		{"an agent without a type", sdk(0, identity(coded("", "agent not ready"))), classRetry, classRetry, "credentials"},
		{"a file that is not there", sdk(0, identity(&os.PathError{Op: "open", Path: "token", Err: os.ErrNotExist})), classRetry, classRetry, "credentials"},
		{"STS, asked several times", sdk(0, &retry.MaxAttemptsError{Attempt: 3, Err: identity(sts(403, coded("AccessDenied", "")))}), classRetry, classRetry, "credentials"},
		{"STS, asked by a client of the user's", sts(403, coded("AccessDenied", "")), classRetry, classRetry, "credentials"},
		{"STS does not answer in time", fmt.Errorf("%w: %w", timeoutError(5), sdk(0, identity(sts(0, context.Canceled)))), classRetry, classRetry, "credentials"},
		{"credentials of a wrapper", fmt.Errorf("acme: %w", fmt.Errorf("get identity: %w", errors.New("vault is sealed"))), classRetry, classRetry, "credentials"},
		// Nobody can do what is asked for.
		{"no region", sdk(0, fmt.Errorf("failed to resolve service endpoint, %w", errors.New("endpoint rule error, Invalid Configuration: Missing Region"))), classFatal, classFatal, "configuration"},
		{"bad region", sdk(0, fmt.Errorf("failed to bind endpoint params, %w", errors.New("invalid input region eu west"))), classFatal, classFatal, "configuration"},
		{"resolver of the user's", sdk(0, fmt.Errorf("failed to resolve service endpoint, %w", &net.DNSError{Err: "no such host"})), classRetry, classRetry, "*net.DNSError"},
		{"signature cannot be made", sdk(0, fmt.Errorf("sign request: %w", errors.New("sigv4 signing region is required"))), classFatal, classFatal, "configuration"},
		{"no such profile", fmt.Errorf("put: %w", &configError{errors.New("no such profile")}), classFatal, classFatal, "configuration"},
		{"address without a scheme", sdk(0, &smithyhttp.RequestSendError{Err: &url.Error{Op: "Post", URL: "localhost:///", Err: errors.New(`unsupported protocol scheme "localhost"`)}}), classFatal, classFatal, "configuration"},
		// A signature was right, and got old on its way.
		{"frozen before it was sent", sdk(400, coded("InvalidSignatureException", "Signature expired: 20260102T150405Z is now earlier than 20260102T152905Z (20260102T153405Z - 5 min.)")), classRetry, classRetry, "InvalidSignatureException"},
		// Somebody answered, but not the service.
		{"gateway", sdk(404, coded("UnknownError", "no Route matched with those values")), classRetry, classRetry, "HTTP 404"},
		{"gateway, 403", sdk(403, coded("UnknownError", "UnknownError")), classRetry, classRetry, "HTTP 403"},
		{"gateway, 413", sdk(413, coded("UnknownError", "UnknownError")), classBisect, classRetry, "HTTP 413"},
		{"code of a gateway", sdk(403, coded("NO_ROUTE", "")), classRetry, classRetry, "HTTP 403"},
		{"captive portal", sdk(0, &strangerError{200, "<html>"}), classRetry, classRetry, "HTTP 200"},
		{"the transport knows better", sdk(0, &smithyhttp.RequestSendError{Err: coded("AccessDeniedException", "")}), classRetry, classRetry, "*smithy.GenericAPIError"},
		// What else may mean that an event is bad.
		{"", sdk(400, coded("ValidationException", "")), classSuspect, classFatal, "ValidationException"},
		{"", sdk(400, coded("MalformedHttpRequestException", "")), classSuspect, classFatal, "MalformedHttpRequestException"},
		{"validation of a group's name", sdk(400, coded("ValidationException", "Value at 'logGroupName' failed")), classFatal, classFatal, "ValidationException"},
		// Clients that are not the SDK's.
		{"bare", &types.ResourceNotFoundException{}, classCreate, classRetry, "ResourceNotFoundException"},
		{"bare, denied", coded("AccessDeniedException", ""), classFatal, classFatal, "AccessDeniedException"},
		{"bare, without a code", coded("", ""), classRetry, classRetry, "HTTP 0"},
		// What the SDK finds wrong before it sends anything.
		{"parameters", sdk(0, smithy.InvalidParamsError{Context: "PutLogEventsInput"}), classFatal, classFatal, "smithy.InvalidParamsError"},
		{"serialization", sdk(0, &smithy.SerializationError{Err: errors.New("x")}), classFatal, classFatal, "*errors.errorString"},
		{"panic", sdk(0, &PanicError{"oops"}), classFatal, classFatal, "*delivery.PanicError"},
		{"panic with an error that passes", &PanicError{sdk(503, &types.ServiceUnavailableException{})}, classFatal, classFatal, "ServiceUnavailableException"},
	} {
		name := tt.name
		if name == "" {
			name = tt.code
		}
		if got := classify(tt.err); got != tt.put {
			t.Errorf("%s: classify(%v) = %d, want %d", name, tt.err, got, tt.put)
		}
		if got := classify(fmt.Errorf("x: %w", &creationError{tt.err})); got != tt.creation {
			t.Errorf("%s: classify of a creation's %v = %d, want %d", name, tt.err, got, tt.creation)
		}
		if got := Code(tt.err); got != tt.code {
			t.Errorf("%s: Code(%v) = %q, want %q", name, tt.err, got, tt.code)
		}
	}
	for code := range passing {
		if got := classify(sdk(400, coded(code, ""))); got != classRetry {
			t.Errorf("classify of %s = %d, want %d", code, got, classRetry)
		}
	}
}

// sts wraps an error as the SDK does for STS.
func sts(status int, err error) error {
	var op *smithy.OperationError
	errors.As(sdk(status, err), &op)
	return &smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRoleWithWebIdentity", Err: op.Err}
}

// identity wraps an error of a source of credentials as the SDK does.
func identity(err error) error {
	return fmt.Errorf("get identity: %w", fmt.Errorf("get credentials: %w", fmt.Errorf("failed to refresh cached credentials, %w", err)))
}
