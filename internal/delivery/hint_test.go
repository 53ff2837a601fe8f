package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"example.com/zapcw/cwltest"
)

// TestHintCredentials has a client that finds no credentials.
func TestHintCredentials(t *testing.T) {
	srv := cwltest.NewServer(t)
	c := srv.Client(func(o *cloudwatchlogs.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no EC2 IMDS role found")
		})
	})
	group, stream := "/g", "s"
	_, err := c.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: noEvents}, noRetryNoLog)
	if got := Hint(err); got != "check the credentials" {
		t.Errorf("Hint(%v) = %q, want to check the credentials", err, got)
	}
}

// TestHintDenied reads what the service says about rights.
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
		{"no message", denied(""), "check the permissions for logs:PutLogEvents"},
		{"action", denied(user + "logs:CreateLogStream" + resource + "because no identity-based policy allows the logs:CreateLogStream action"), "allow logs:CreateLogStream"},
		{"key", denied(user + "kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:123456789012:key/4711"), "allow kms:GenerateDataKey"},
		{"tags", denied(`User with accountId: 123456789012 is not authorized to perform CreateLogGroup with Tags. An additional permission "logs:TagResource" is required.`), "allow logs:TagResource"},
		{"explicit deny", denied(user + "logs:PutLogEvents" + resource + "with an explicit deny in a service control policy"), "do not deny logs:PutLogEvents"},
		{"boundary", denied(user + "logs:PutLogEvents" + resource + "because no permissions boundary allows the logs:PutLogEvents action"), "allow logs:PutLogEvents"},
		{"action without a prefix", denied("User: x is not authorized to perform PutLogEvents on log-group:Prod"), "allow logs:PutLogEvents"},
		{"key of a group", denied("The specified KMS key does not exist or is not allowed to be used with LogGroup 'arn:aws:logs:eu-west-1:123456789012:log-group:/acme/prod'"), "check the policy of the KMS key"},
		{"key, as the service sees it", denied("logs.eu-west-1.amazonaws.com is not authorized to perform: kms:Encrypt on resource: arn:aws:kms:eu-west-1:123456789012:key/4711"), "check the policy of the KMS key"},
		{"key as a bad parameter", sdk(400, coded("InvalidParameterException", "The specified KMS Key Id could not be found")), "check the policy of the KMS key"},
		{"key, by its code", sdk(400, coded("KMSAccessDeniedException", "The ciphertext refers to a customer master key that does not exist")), "check the policy of the KMS key"},
		{"organization", denied("Access denied by the organization"), "check the permissions for logs:PutLogEvents"},
		{"role", sdk(0, identity(sts(403, coded("AccessDenied", "User: x is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/y")))), "check the credentials: allow sts:AssumeRole"},
		{"role, no reason", sdk(0, identity(sts(403, coded("AccessDenied", "Access denied")))), "check the credentials: they come from sts:AssumeRoleWithWebIdentity"},
		{"not of the SDK", coded("AccessDenied", "no"), "check the permissions"},
	} {
		if got := Hint(tt.err); got != tt.want {
			t.Errorf("%s: Hint = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestHintWay has something wrong on the way to the service: it says where, and
// all of it passes.
func TestHintWay(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "check the certificates: AWS_CA_BUNDLE names those that are trusted"},
		{errors.New("Proxy Authentication Required"), "check the proxy: HTTPS_PROXY and NO_PROXY"},
		{errors.New("proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused"), "check the proxy: HTTPS_PROXY and NO_PROXY"},
		{errors.New("dial tcp 127.0.0.1:1: connect: connection refused"), "check region, endpoint and network"},
	} {
		err := sdk(0, &smithyhttp.RequestSendError{Err: &url.Error{Op: "Post", URL: "https://127.0.0.1/", Err: tt.err}})
		if got := Hint(err); got != tt.want || classify(err) != classRetry {
			t.Errorf("Hint(%v) = %q and class %d, want %q and another attempt", err, got, classify(err), tt.want)
		}
	}
}

// TestHintEntity tells a group that takes no entities from a bad one.
func TestHintEntity(t *testing.T) {
	for why, want := range map[types.EntityRejectionErrorType]string{
		types.EntityRejectionErrorTypeUnsupportedLogGroupType: "leave Entity out: this group takes none",
		types.EntityRejectionErrorTypeInvalidTypeValue:        "check Entity",
		"": "check Entity",
	} {
		if got := Hint(&putError{1, "/g", "s", &entityError{Entity{"orders", "prod"}, why}}); got != want {
			t.Errorf("Hint of %s = %q, want %q", why, got, want)
		}
	}
}
