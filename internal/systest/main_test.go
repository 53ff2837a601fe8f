package systest

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	runProgram()
	runSpooler()
	runSpoolProgram()
	goleak.VerifyTestMain(m)
}
