package delivery

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

// TestFateOfUntried is about what is said of events for which time ran out.
func TestFateOfUntried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Stream{Name: "s", Service: &Service{Group: "/g"}}
		if f, err := s.FateOfUntried(context.Canceled); f != Late || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "/g/s") {
			t.Errorf("FateOfUntried of a stream that is well = %s, %v, want late, why and the stream's name", f, err)
		}
		s.pace.report(0, errDown, false)
		if f, err := s.FateOfUntried(context.Canceled); f != Late || !errors.Is(err, context.Canceled) || !errors.Is(err, errDown) {
			t.Errorf("FateOfUntried in an outage = %s, %v, want late, why and what stood in the way", f, err)
		}
		if f, err := s.FateOfUntried(ErrRefusing); f != Refused || err != errDown {
			t.Errorf("FateOfUntried without hope = %s, %v, want refused and by what", f, err)
		}
		s.pace.report(1, errDown, true)
		if f, err := s.FateOfUntried(context.Canceled); f != Refused || err != errDown {
			t.Errorf("FateOfUntried after a refusal = %s, %v, want refused and by what: it is one cause", f, err)
		}
	})
}
