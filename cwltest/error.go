package cwltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// apiError is an error of the service.
type apiError struct {
	status  int // 0: what the code usually has
	code    string
	message string
	extra   map[string]any // further members of the body
}

var _ error = (*apiError)(nil)

func (e *apiError) Error() string { return e.code + ": " + e.message }

func (e *apiError) httpStatus() int {
	switch {
	case e.status != 0:
		return e.status
	case strings.HasPrefix(e.code, "ServiceUnavailable"):
		return http.StatusServiceUnavailable
	case strings.HasPrefix(e.code, "Internal"):
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

func (e *apiError) body() map[string]any {
	body := map[string]any{"__type": e.code, "message": e.message}
	for name, value := range e.extra {
		body[name] = value
	}
	return body
}

func (e *apiError) reply() reply {
	body, err := json.Marshal(e.body())
	if err != nil { // a script's Extra
		return (&apiError{code: "InternalFailure", message: "cwltest: " + err.Error()}).reply()
	}
	return reply{status: e.httpStatus(), code: e.code, errorType: e.code, contentType: contentType, body: body}
}

func invalid(format string, args ...any) *apiError {
	return &apiError{code: "InvalidParameterException", message: fmt.Sprintf(format, args...)}
}

// violation tells of a constraint of the API's model, in the service's form.
func violation(value, field, rule string) *apiError {
	const most = 100 // enough to recognise a value by
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "..."
	}
	return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, field, rule)
}

func missing(field string) *apiError {
	return invalid("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", field)
}

func malformed(format string, args ...any) *apiError {
	return &apiError{code: "SerializationException", message: fmt.Sprintf(format, args...)}
}

func tooLarge() *apiError {
	return &apiError{
		status:  http.StatusRequestEntityTooLarge,
		code:    "RequestEntityTooLargeException",
		message: fmt.Sprintf("Request size exceeded %d bytes", maxBody),
	}
}

func exists(what string) *apiError {
	return &apiError{code: "ResourceAlreadyExistsException", message: "The specified " + what + " already exists"}
}

func notFound(what string) *apiError {
	return &apiError{code: "ResourceNotFoundException", message: "The specified " + what + " does not exist."}
}

// usualMessage is what the service says with a code when a script does not
// say it.
func usualMessage(code string, req *Request) string {
	switch code {
	case "ThrottlingException":
		return "Rate exceeded"
	case "ServiceUnavailableException":
		return "The service cannot complete the request."
	case "ResourceNotFoundException":
		return "The specified log stream does not exist."
	case "UnrecognizedClientException":
		return "The security token included in the request is invalid."
	case "ExpiredTokenException":
		return "The security token included in the request is expired"
	case "AccessDeniedException":
		return fmt.Sprintf("User: arn:aws:iam::%s:user/cwltest is not authorized to perform: logs:%s on resource: %s"+
			" because no identity-based policy allows the logs:%s action", account, req.Op, req.resource(), req.Op)
	}
	return "cwltest: scripted " + code
}
