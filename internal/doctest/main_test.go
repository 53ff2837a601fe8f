package doctest

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain has all tests run where the documents are, so that they name files as
// the documents do.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
