package delivery

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
)

// TestExplain: what others say reaches no terminal as it is.
func TestExplain(t *testing.T) {
	for _, evil := range []string{"\x1b[31mred", "two\nlines", "back\rto the start", "\u2028", "\u2029", "\u202eleft", "\x00", "\x7f", "\u0085", "\ufeff"} {
		err := explain(sdk(400, coded("AccessDeniedException", "before"+evil+"behind")))
		text := err.Error()
		if strings.ContainsFunc(text, unprintable) || !strings.Contains(text, "before") || !strings.Contains(text, "behind") {
			t.Errorf("got %q, want it without what is not printable", text)
		}
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorMessage() != "before"+evil+"behind" {
			t.Errorf("got %v, want the error itself still in it", api)
		}
		if text := (&PanicError{evil}).Error(); strings.ContainsFunc(text, unprintable) {
			t.Errorf("got %q, want it without what is not printable", text)
		}
		if text := explain(sdk(0, identity(errors.New("x"+evil)))).Error(); strings.ContainsFunc(text, unprintable) || !strings.HasPrefix(text, "credentials: x") {
			t.Errorf("got %q, want it without what is not printable", text)
		}
	}
	plain := sdk(400, coded("AccessDeniedException", "žluťoučký 🐎"))
	if err := explain(plain); err != plain {
		t.Errorf("got %v, want it as it was", err)
	}
}
