package cwlambda

import (
	"os/exec"
	"strings"
	"testing"
)

// A program that does not import this package does not link aws-lambda-go.
func TestRootIsWithoutLambda(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "example.com/zapcw").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "example.com/zapcw/internal/engine") || strings.Contains(string(out), "aws-lambda-go") {
		t.Errorf("packages behind the root are\n%s", out)
	}
}
