package zapcw

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"example.com/zapcw/internal/streamname"
)

// checkStream says what is wrong with the Stream of a Syncer.
func checkStream(group, stream string) error {
	name, err := streamname.Parse(stream, false)
	switch {
	case err != nil:
		return fmt.Errorf("syncer for group %q: Stream %q: %w", group, stream, err)
	case name.Least() > maxName:
		return fmt.Errorf("syncer for group %q: Stream has %d characters: want 1 to %d", group, name.Least(), maxName)
	case strings.ContainsAny(stream, ":*") || !utf8.ValidString(stream):
		return fmt.Errorf("syncer for group %q: Stream %q: want UTF-8 without : and *", group, stream)
	}
	return nil
}

// functionEnv names the environment variable in which a Lambda function finds its
// own name.
const functionEnv = "AWS_LAMBDA_FUNCTION_NAME"

// expandFunction replaces {function} with function or, if that is empty, with the
// name in the environment. replaced is not nil if the name had to be changed to fit
// into the name of a stream; it is reported on Fallback.
func expandFunction(stream, function string) (expanded string, replaced, err error) {
	name, err := streamname.Parse(stream, true)
	if err != nil || !name.Has(streamname.Function) {
		return stream, nil, err
	}
	if function = cmp.Or(function, os.Getenv(functionEnv)); function == "" {
		return stream, nil, fmt.Errorf("no name for {function}: want function, or %s in the environment", functionEnv)
	}
	replaced = name.Set(streamname.Function, function)
	return name.String(), replaced, nil
}
