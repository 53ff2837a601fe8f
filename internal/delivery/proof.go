package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A proof is the step of a put that looks whether a success is one of CloudWatch
// Logs. Captive portals, health pages and proxies say 200 as well. What counts is
// a request id, which the service always sends, or a JSON object that can be an
// answer to PutLogEvents, for the sake of emulators.
type proof struct{}

var _ middleware.DeserializeMiddleware = proof{}

// A strangerError is a success that nobody asked for.
type strangerError struct {
	status int
	text   string // the beginning of it
}

func (e *strangerError) Error() string {
	return fmt.Sprintf("%d %s with %q did not come from CloudWatch Logs", e.status, http.StatusText(e.status), e.text)
}

const (
	// maxAnswer bounds what is read of an answer to a put, which is small.
	maxAnswer = 1 << 20
	// maxShown is how much of a stranger's answer is shown.
	maxShown = 60
)

// wantProof is the option for a put.
func wantProof(o *cloudwatchlogs.Options) {
	o.APIOptions = append(slices.Clip(o.APIOptions), addProof)
}

func addProof(stack *middleware.Stack) error {
	return stack.Deserialize.Add(proof{}, middleware.After)
}

// ID is the step's name.
func (proof) ID() string { return "zapcw.Proof" }

// HandleDeserialize reads the answer before the SDK makes an empty output of it.
func (proof) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, meta, err := next.HandleDeserialize(ctx, in)
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok {
		return out, meta, err
	}
	// The SDK reads all of an error, and of what it does not understand.
	resp.Body = readCloser{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return out, meta, nil
	}
	if resp.Header.Get("X-Amzn-Requestid") != "" || resp.Header.Get("X-Amz-Requestid") != "" {
		return out, meta, nil
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return out, meta, err
	}
	if !isAnswer(text) {
		_ = resp.Body.Close()
		return out, meta, &strangerError{resp.StatusCode, string(text[:min(len(text), maxShown)])}
	}
	resp.Body = readCloser{bytes.NewReader(text), resp.Body}
	return out, meta, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// isAnswer reports whether a text can be an answer to a put: a JSON object with no
// other members than that has.
func isAnswer(text []byte) bool {
	if string(text) == "{}" {
		return true // as most are
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || members == nil {
		return false
	}
	for name := range members {
		switch name {
		case "nextSequenceToken", "rejectedLogEventsInfo", "rejectedEntityInfo":
		default:
			return false
		}
	}
	return true
}
