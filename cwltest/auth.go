package cwltest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	dateFormat = "20060102T150405Z"
)

// signature is what the Authorization header of a request says, see
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
type signature struct {
	accessKey string
	date      time.Time
	region    string
	headers   []string // those that are signed, in lower case
	value     string
}

// parseSignature reads the headers of a request.
func parseSignature(h http.Header) (signature, *apiError) {
	var sig signature
	header := h.Get("Authorization")
	if header == "" {
		return sig, &apiError{code: "MissingAuthenticationTokenException", message: "Request is missing Authentication Token"}
	}
	incomplete := func(what string) (signature, *apiError) {
		return sig, &apiError{code: "IncompleteSignatureException", message: what + " Authorization=" + header}
	}
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return incomplete("Authorization header requires the algorithm " + algorithm + ".")
	}
	fields := make(map[string]string)
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if fields[name] == "" {
			return incomplete("Authorization header requires '" + name + "' parameter.")
		}
	}
	scope := strings.Split(fields["Credential"], "/")
	n := len(scope)
	if n < 5 || scope[n-1] != "aws4_request" || scope[n-3] == "" {
		return incomplete("Credential must have at least 5 slash-delimited elements that end in aws4_request.")
	}
	date, err := time.Parse(dateFormat, h.Get("X-Amz-Date"))
	if err != nil {
		return incomplete("Authorization header requires an 'X-Amz-Date' header of the form " + dateFormat + ".")
	}
	sig = signature{
		accessKey: strings.Join(scope[:n-4], "/"),
		date:      date,
		region:    scope[n-3],
		headers:   strings.Split(fields["SignedHeaders"], ";"),
		value:     fields["Signature"],
	}
	switch {
	case scope[n-2] != "logs":
		return sig, badSignature("Credential should be scoped to correct service: 'logs'.")
	case scope[n-4] != date.Format("20060102"):
		return sig, badSignature("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
	}
	return sig, nil
}

// verify signs the request anew and compares. Only what was signed goes into
// that: proxies and http.Client add headers of their own.
func (sig signature) verify(r *http.Request, body []byte, secret string) *apiError {
	again := &http.Request{
		Method: r.Method,
		URL:    &url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery},
		Host:   r.Host,
		Header: make(http.Header),
	}
	for _, name := range sig.headers {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = int64(len(body))
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = false })
	credentials := aws.Credentials{AccessKeyID: sig.accessKey, SecretAccessKey: secret}
	hash := hashOf(body)
	if err := signer.SignHTTP(context.Background(), credentials, again, hash, "logs", sig.region, sig.date); err != nil {
		return badSignature(err.Error())
	}
	if !strings.HasSuffix(again.Header.Get("Authorization"), "Signature="+sig.value) {
		return badSignature("The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// checkHash compares the hash of the body with the one that the client gave,
// if it did.
func checkHash(h http.Header, body []byte) *apiError {
	const name = "X-Amz-Content-Sha256"
	switch given := h.Get(name); given {
	case "", "UNSIGNED-PAYLOAD", hashOf(body):
		return nil
	}
	return badSignature("The provided 'x-amz-content-sha256' header does not match what was computed.")
}

func badSignature(message string) *apiError {
	return &apiError{code: "InvalidSignatureException", message: message}
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
