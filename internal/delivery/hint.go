package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/smithy-go"
)

// Code returns a key by which errors are compared: the service's code where there is
// one. Texts cannot be compared, since they have a request id.
func Code(err error) string {
	var api smithy.APIError
	switch o := originOf(err); {
	case errors.Is(err, errNoGzip):
		return "gzip" // not the server's own code, which may have been reported before
	case o == fromCredentials:
		return "credentials"
	case o == fromConfig:
		return "configuration"
	case o == fromGateway:
		return "HTTP " + strconv.Itoa(statusOf(err))
	case o != fromNetwork && errors.As(err, &api):
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

// Hint returns what a reader of the error can do about it, or "".
func Hint(err error) string {
	switch {
	case errors.As(err, new(*untriedError)):
		return "" // nothing is wrong
	case errors.As(err, new(*filteredError)):
		return "check the firewall or proxy on the way: it refuses what these events hold"
	case errors.Is(err, errNoGzip):
		return "set Compress to false for this server"
	case hintEntity(err) != "":
		return hintEntity(err)
	}
	switch originOf(err) {
	case fromService:
		return hintAnswer(err)
	case fromGateway:
		return "check the endpoint and any proxy: the answer is not from CloudWatch Logs"
	case fromCredentials:
		return hintCredentials(err)
	case fromConfig:
		return hintConfig(err)
	case fromNetwork:
		if errors.As(err, new(*tls.CertificateVerificationError)) {
			return "check the certificates: AWS_CA_BUNDLE names those that are trusted"
		}
		if text := err.Error(); strings.Contains(text, "proxyconnect ") || strings.HasSuffix(text, ": Proxy Authentication Required") {
			return "check the proxy: HTTPS_PROXY and NO_PROXY"
		}
		return "check region, endpoint and network"
	}
	return ""
}

// hintAnswer is Hint for an error response of the service.
func hintAnswer(err error) string {
	switch code := Code(err); {
	case strings.HasPrefix(code, "AccessDenied"), code == "UnauthorizedOperation", code == "NotAuthorized":
		return hintDenied(err)
	case code == "RequestExpired", code == "RequestTimeTooSkewed", skewed(err):
		return "check this machine's clock"
	case strings.HasPrefix(code, "ExpiredToken"), code == "UnrecognizedClientException", code == "InvalidClientTokenId",
		code == "InvalidSignatureException", code == "SignatureDoesNotMatch", strings.HasPrefix(code, "MissingAuthenticationToken"),
		strings.HasPrefix(code, "IncompleteSignature"):
		return "check the credentials"
	case throttled(err):
		return "ask for a higher quota if this persists"
	case aboutKey(err):
		return hintKey
	}
	return ""
}

const hintKey = "check the policy of the KMS key"

// aboutKey reports whether an error is about the key that encrypts the group.
func aboutKey(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && (strings.Contains(strings.ToLower(api.ErrorMessage()), "kms key") ||
		strings.HasPrefix(strings.ToUpper(api.ErrorCode()), "KMS"))
}

var (
	// actions finds an IAM action. It need not be the operation that failed: tags and
	// keys need permissions of their own.
	actions = regexp.MustCompile(`\b(logs|kms|sts|sso|iam):[A-Z]\w*`)
	// denied finds the words that say that the caller lacks a permission.
	denied = regexp.MustCompile(`(?i)\bnot authorized to perform\b|\badditional permission\b|\bno [\w -]+ (policy|boundary) allows\b|\bexplicit deny\b`)
)

// hintDenied is Hint for missing permissions. It names an action only if the service
// says that the caller lacks it; the cause may also be a key or an organization, and
// then no permission of the caller would help.
func hintDenied(err error) string {
	var (
		api smithy.APIError
		op  *smithy.OperationError
	)
	if !errors.As(err, &api) {
		return ""
	}
	text := api.ErrorMessage()
	i := denied.FindStringIndex(text)
	if i == nil || strings.Contains(text[:i[0]], ".amazonaws.com") { // that is a service, not the caller
		switch {
		case aboutKey(err), strings.Contains(text, "kms:"):
			return hintKey
		case errors.As(err, &op):
			return "check the permissions for logs:" + op.Operation()
		}
		return "check the permissions"
	}
	action := actions.FindString(text[i[0]:])
	switch {
	case action == "" && errors.As(err, &op):
		action = "logs:" + op.Operation()
	case action == "":
		return "check the permissions"
	}
	if strings.Contains(text, "explicit deny") {
		return "do not deny " + action // an explicit deny overrides any allow
	}
	return "allow " + action
}

// sources are credential sources for which the SDK reports no operation, by the texts
// of their errors.
var sources = []struct{ text, source string }{
	{"load credentials", "the container's agent"},
	{"process provider error", "credential_process"},
	{"SSO", "SSO: log in again"},
}

// hintCredentials names the credential source that failed, if the error shows it.
func hintCredentials(err error) string {
	const from = "check the credentials: they come from "
	op := innermost(err)
	if op == nil || ours(op) {
		for _, s := range sources {
			if strings.Contains(err.Error(), s.text) {
				return from + s.source
			}
		}
		return "check the credentials"
	}
	var api smithy.APIError
	switch {
	case op.Service() == "ec2imds": // the last source that the SDK tries
		return "check the credentials: none in the environment or in its files, none from the instance"
	case op.Service() != "STS":
		return from + op.Service()
	case errors.As(op, &api) && denied.MatchString(api.ErrorMessage()) && actions.MatchString(api.ErrorMessage()):
		return "check the credentials: allow " + actions.FindString(api.ErrorMessage())
	}
	return from + "sts:" + op.Operation()
}

// innermost is the operation that failed first.
func innermost(err error) *smithy.OperationError {
	var op, last *smithy.OperationError
	for errors.As(err, &op) {
		last, err = op, op.Err
	}
	return last
}

var variable = regexp.MustCompile(`\bAWS_[A-Z0-9_]+`)

// hintConfig says what is missing in the configuration of the client.
func hintConfig(err error) string {
	text := err.Error()
	var file *fs.PathError
	switch {
	case errors.Is(err, errNoRegion), strings.Contains(text, "Missing Region"), strings.Contains(text, "signing region is required"):
		return "set AWS_REGION"
	case strings.Contains(text, "invalid input region"):
		return "check AWS_REGION"
	case variable.MatchString(text):
		return "check " + variable.FindString(text)
	case badAddress.MatchString(text):
		return "check AWS_ENDPOINT_URL and the proxy: want http:// or https://, a host, and a port up to 65535"
	case strings.Contains(text, "shared config profile"):
		return "check AWS_PROFILE"
	case errors.As(err, &file):
		return "check the file " + strconv.Quote(file.Path)
	}
	return "check the AWS configuration"
}
