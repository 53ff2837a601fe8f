package delivery

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

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
		{"not of the SDK", coded("AccessDenied", "no"), "check the permissions"},
	} {
		if got := Hint(tt.err); got != tt.want {
			t.Errorf("%s: Hint = %q, want %q", tt.name, got, tt.want)
		}
	}
}
