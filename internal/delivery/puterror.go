package delivery

import (
	"errors"
	"fmt"
	"strings"
)

// A putError is a put that failed.
type putError struct {
	events        int
	group, stream string
	err           error
}

func (e *putError) Error() string {
	return fmt.Sprintf("put %s to %s/%s: %v", Events(e.events), e.group, e.stream, e.err)
}

func (e *putError) Unwrap() error { return e.err }

// Uncounted returns err without the number of events of the put that failed: what
// counts the events of a cause puts its own number before it.
func Uncounted(err error) error {
	var e *putError
	if !errors.As(err, &e) {
		return err
	}
	plain := fmt.Sprintf("put events to %s/%s: %v", e.group, e.stream, e.err)
	return &rewordedError{strings.Replace(err.Error(), e.Error(), plain, 1), err}
}
