package delivery

import (
	"testing"
)

func TestFates(t *testing.T) {
	for f := range Fate(Fates) {
		if f.String() == "" {
			t.Errorf("fate %d has no text", f)
		}
		kinds := 0
		for _, is := range []bool{f == Delivered, f.Rejected(), f.Spilled()} {
			if is {
				kinds++
			}
		}
		if kinds != 1 {
			t.Errorf("%s: got %d kinds, want one of delivered, rejected, spilled", f, kinds)
		}
	}
}
