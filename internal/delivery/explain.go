package delivery

import (
	"errors"
	"strings"
	"unicode"
)

// A rewordedError is an error in other words.
type rewordedError struct {
	text string
	err  error
}

func (e *rewordedError) Error() string { return e.text }
func (e *rewordedError) Unwrap() error { return e.err }

// explain shortens errors that are not the service's own: they begin with whose
// they are and leave out what the SDK says about the steps on the way there. It
// takes out of all what a terminal would obey: the text is somebody else's.
func explain(err error) error {
	var (
		whose  string
		loaded *configError // says so itself
	)
	switch o := originOf(err); {
	case o == fromCredentials:
		whose = "credentials: "
	case o == fromConfig && !errors.As(err, &loaded):
		whose = "configuration: "
	default:
		if text := err.Error(); strings.ContainsFunc(text, unprintable) {
			return &rewordedError{printable(text), err}
		}
		return err
	}
	text := err.Error()
	if _, rest, ok := strings.Cut(text, "operation error CloudWatch Logs: "); ok {
		if _, step, ok := strings.Cut(rest, ", "); ok {
			text = step
		}
	}
	if _, rest, ok := strings.Cut(text, identityStep); ok {
		text = rest
	}
	if _, rest, ok := strings.Cut(text, "request send failed, "); ok {
		text = rest
	}
	for _, step := range []string{"get credentials: ", "failed to refresh cached credentials, ", "failed to resolve service endpoint, ", "endpoint rule error, ", "Invalid Configuration: "} {
		text = strings.TrimPrefix(text, step)
	}
	return &rewordedError{whose + printable(strings.TrimPrefix(text, "failed to ")), err}
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// printable has a space for each run of what is not to be shown.
func printable(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r != ' ' && unprintable(r) }), " ")
}
