package delivery

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"example.com/zapcw/cwltest"
)

// sdk wraps an error as the SDK does.
func sdk(status int, err error) error {
	if status > 0 {
		err = &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err}
	}
	return fmt.Errorf("put 1 event to /g/s: %w", &smithy.OperationError{ServiceID: "CloudWatch Logs", OperationName: "PutLogEvents", Err: err})
}

// coded is an error that the SDK's model does not know.
func coded(code, message string) error { return &smithy.GenericAPIError{Code: code, Message: message} }

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
		{"", sdk(400, &types.ResourceNotFoundException{Message: &text}), missing, again, "ResourceNotFoundException"},
		{"", sdk(400, &types.DataAlreadyAcceptedException{}), taken, refused, "DataAlreadyAcceptedException"},
		{"", sdk(400, &types.InvalidSequenceTokenException{}), token, refused, "InvalidSequenceTokenException"},
		{"", sdk(400, &types.InvalidParameterException{}), split, refused, "InvalidParameterException"},
		{"", sdk(503, &types.ServiceUnavailableException{}), again, again, "ServiceUnavailableException"},
		{"", sdk(400, &types.UnrecognizedClientException{}), refused, refused, "UnrecognizedClientException"},
		// What the creations say.
		{"", sdk(400, &types.LimitExceededException{}), again, again, "LimitExceededException"},
		{"", sdk(400, &types.OperationAbortedException{}), again, again, "OperationAbortedException"},
		{"", sdk(400, &types.ResourceAlreadyExistsException{}), refused, refused, "ResourceAlreadyExistsException"},
		// An event is not to blame for a name.
		{"name of a group", sdk(400, coded("InvalidParameterException", "1 validation error detected: Value 'a b' at 'logGroupName' failed")), refused, refused, "InvalidParameterException"},
		{"name of a stream", sdk(400, coded("InvalidParameterException", "Value at 'logStreamName' failed")), refused, refused, "InvalidParameterException"},
		// What every operation may say.
		{"", sdk(400, coded("ThrottlingException", "Rate exceeded")), again, again, "ThrottlingException"},
		{"", sdk(400, coded("ExpiredTokenException", "")), again, again, "ExpiredTokenException"},
		{"", sdk(403, coded("RequestExpired", "")), again, again, "RequestExpired"},
		{"", sdk(400, coded("AccessDeniedException", "")), refused, refused, "AccessDeniedException"},
		{"", sdk(403, coded("InvalidSignatureException", "")), refused, refused, "InvalidSignatureException"},
		{"", sdk(400, coded("SerializationException", "")), refused, refused, "SerializationException"},
		{"", sdk(400, coded("NobodyKnows", "")), refused, refused, "NobodyKnows"},
		// Statuses decide where the code does not.
		{"408", sdk(408, coded("NobodyKnows", "")), again, again, "NobodyKnows"},
		{"413", sdk(413, coded("RequestEntityTooLargeException", "")), split, refused, "RequestEntityTooLargeException"},
		{"413 of a proxy", sdk(413, &smithy.DeserializationError{Err: errors.New("invalid character '<'")}), split, refused, "*errors.errorString"},
		{"429", sdk(429, coded("NobodyKnows", "")), again, again, "NobodyKnows"},
		{"500", sdk(500, coded("InternalFailure", "")), again, again, "InternalFailure"},
		{"502", sdk(502, coded("NobodyKnows", "")), again, again, "NobodyKnows"},
		{"503 with a known code", sdk(503, &types.InvalidParameterException{}), again, again, "InvalidParameterException"},
		{"no status", sdk(0, coded("NobodyKnows", "")), refused, refused, "NobodyKnows"},
		// Nothing that the service said.
		{"HTML", sdk(502, &smithy.DeserializationError{Err: errors.New("invalid character '<'")}), again, again, "*errors.errorString"},
		{"refused", sdk(0, &smithyhttp.RequestSendError{Err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}), again, again, "syscall.Errno"},
		{"reset", sdk(0, syscall.ECONNRESET), again, again, "syscall.Errno"},
		{"broken off", sdk(200, io.ErrUnexpectedEOF), again, again, "*errors.errorString"},
		{"DNS", sdk(0, &net.DNSError{Err: "no such host"}), again, again, "*net.DNSError"},
		{"TLS", sdk(0, x509.UnknownAuthorityError{}), again, again, "x509.UnknownAuthorityError"},
		{"time-out", sdk(0, context.DeadlineExceeded), again, again, "timeout"},
		{"our time-out", fmt.Errorf("%w: %w", timeoutError(5), sdk(0, context.Canceled)), again, again, "timeout"},
		{"plain", errors.New("no credentials"), again, again, "*errors.errorString"},
		// What the SDK finds wrong before it sends anything.
		{"parameters", sdk(0, smithy.InvalidParamsError{Context: "PutLogEventsInput"}), refused, refused, "smithy.InvalidParamsError"},
		{"serialization", sdk(0, &smithy.SerializationError{Err: errors.New("x")}), refused, refused, "*errors.errorString"},
		{"panic", sdk(0, &PanicError{"oops"}), refused, refused, "*delivery.PanicError"},
		{"panic with an error that passes", &PanicError{sdk(503, &types.ServiceUnavailableException{})}, refused, refused, "ServiceUnavailableException"},
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
		if got := classify(sdk(400, coded(code, ""))); got != again {
			t.Errorf("classify of %s = %d, want %d", code, got, again)
		}
	}
}

// TestHintDenied reads what the service says about rights.
// TestHintCredentials has a client that finds no credentials.
func TestHintCredentials(t *testing.T) {
	srv := cwltest.NewServer(t)
	c := srv.Client(func(o *cloudwatchlogs.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no EC2 IMDS role found")
		})
	})
	group, stream := "/g", "s"
	_, err := c.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: noEvents}, once)
	if got := Hint(err); got != "check the credentials" {
		t.Errorf("Hint(%v) = %q, want to check the credentials", err, got)
	}
}

func TestHintDenied(t *testing.T) {
	const (
		user     = "User: arn:aws:sts::123456789012:assumed-role/checkout/kms:x is not authorized to perform: "
		resource = " on resource: arn:aws:logs:eu-west-1:123456789012:log-group:/acme/prod:log-stream:orders "
	)
	denied := func(message string) error { return sdk(400, coded("AccessDeniedException", message)) }
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"no message", denied(""), "allow logs:PutLogEvents"},
		{"action", denied(user + "logs:CreateLogStream" + resource + "because no identity-based policy allows the logs:CreateLogStream action"), "allow logs:CreateLogStream"},
		{"key", denied(user + "kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:123456789012:key/4711"), "allow kms:GenerateDataKey"},
		{"tags", denied(`User with accountId: 123456789012 is not authorized to perform CreateLogGroup with Tags. An additional permission "logs:TagResource" is required.`), "allow logs:TagResource"},
		{"explicit deny", denied(user + "logs:PutLogEvents" + resource + "with an explicit deny in a service control policy"), "do not deny logs:PutLogEvents"},
		{"not of the SDK", coded("AccessDenied", "no"), ""},
	} {
		if got := Hint(tt.err); got != tt.want {
			t.Errorf("%s: Hint = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestFates(t *testing.T) {
	for f := range Fate(Fates) {
		if f.String() == "" {
			t.Errorf("fate %d has no text", f)
		}
		kinds := 0
		for _, is := range []bool{f == Delivered, f.Rejected(), f.Spilled()} {
			if is {
				kinds++
			}
		}
		if kinds != 1 {
			t.Errorf("%s: got %d kinds, want one of delivered, rejected, spilled", f, kinds)
		}
	}
}
