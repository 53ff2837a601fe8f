package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// files are those of zap's external tests that build encoders, each with the
// number of tests in it that must be seen to pass.
var files = map[string]int{
	"encoder_test.go":         8,
	"json_encoder_test.go":    4,
	"console_encoder_test.go": 2,
}

var constructor = regexp.MustCompile(`\b(?:zapcore\.)?(New(?:JSON|Console)Encoder)\(`)

// TestZap copies zap's tests from the module cache, has them call our
// constructors and runs them as external tests of this package. They lie here in
// an overlay only: nothing is written beside the sources.
func TestZap(t *testing.T) {
	module := strings.TrimSpace(run(t, "go", "list", "-m", "-f", "{{.Dir}}", "go.uber.org/zap"))
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	want := 0
	for name, tests := range files {
		source, err := os.ReadFile(filepath.Join(module, "zapcore", name))
		if err != nil {
			t.Fatal(err)
		}
		text, n := string(source), 0
		text = constructor.ReplaceAllStringFunc(text, func(call string) string {
			n++
			return "conformance." + constructor.FindStringSubmatch(call)[1] + "("
		})
		if n == 0 {
			t.Errorf("%s makes no encoder", name)
		}
		text = strings.NewReplacer(
			"package zapcore_test\n", "package conformance_test\n",
			"\nimport (\n", "\nimport (\n\t\"example.com/zapcw/internal/conformance\"\n",
		).Replace(text)
		file := filepath.Join(temp, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(here, "zap_"+name)] = file
		want += tests
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(temp, "overlay.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, "go", "test", "-count=1", "-v", "-overlay", file, "-skip", "^TestZap$", ".")
	if got := len(regexp.MustCompile(`(?m)^--- PASS: `).FindAllString(out, -1)); got < want {
		t.Errorf("%d tests passed, want %d:\n%s", got, want, out)
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatal(fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out))
	}
	return string(out)
}
