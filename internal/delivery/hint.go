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

// Code names an error for telling errors apart: the service's code where there is
// one. The text will not do, it holds a request id.
func Code(err error) string {
	var api smithy.APIError
	switch o := originOf(err); {
	case errors.Is(err, errNoGzip):
		return "gzip" // what the server said may have been told before, for itself
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

// Hint is what a reader of the error can do about it, or nothing.
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

// hintAnswer is Hint for what the service said.
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
	// actions finds what IAM calls an action. It need not be the operation that
	// failed: tags and keys take rights of their own.
	actions = regexp.MustCompile(`\b(logs|kms|sts|sso|iam):[A-Z]\w*`)
	// denied finds the words that say that it is the caller who lacks a right.
	denied = regexp.MustCompile(`(?i)\bnot authorized to perform\b|\badditional permission\b|\bno [\w -]+ (policy|boundary) allows\b|\bexplicit deny\b`)
)

// hintDenied is Hint for rights that are missing. It names an action only where
// the service says that the caller may not do that; a key or an organization may
// be in the way as well, and no right of the caller's would help.
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
		return "do not deny " + action // allowing it as well would be of no use
	}
	return "allow " + action
}

// sources are what the SDK gives no operation for, by what its texts say.
var sources = []struct{ text, source string }{
	{"load credentials", "the container's agent"},
	{"process provider error", "credential_process"},
	{"SSO", "SSO: log in again"},
}

// hintCredentials names the source that failed, as far as the error tells.
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
	case op.Service() == "ec2imds": // the last that the SDK asks
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

// hintConfig says what the configuration of the client lacks.
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
