package migrating

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unavailable are libraries that cannot be a dependency here: their snippets are parsed
// and not compiled.
var unavailable = map[string]string{
	"uschen/zapcloudwatch": "the module proxy does not serve it",
}

// head is what the snippets take for granted.
const head = `package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/lzap/cloudwatchwriter2"
	"go.opentelemetry.io/contrib/bridges/otelzap"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

var (
	_ time.Duration
	_ = fmt.Fprintln
	_ = os.Stderr
	_ = cloudwatchwriter2.NewWithClient
	_ = otelzap.NewCore
	_ = otlploghttp.New
	_ log.Processor

	ctx    context.Context
	client *cloudwatchlogs.Client
	enc    zapcore.Encoder
)

func main() {}
`

// TestBefore compiles what docs/migrating.md shows of other libraries.
func TestBefore(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "migrating.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?ms)^```go before\n(.*?)^```$")
	var program strings.Builder
	program.WriteString(head)
	seen, compiled := 0, 0
	for chapter := range strings.SplitSeq(string(text), "\n## ") {
		title, _, _ := strings.Cut(chapter, "\n")
		for _, m := range block.FindAllStringSubmatch(chapter, -1) {
			seen++
			used := uses(t, m[1])
			if why, ok := unavailable[strings.TrimPrefix(title, "From ")]; ok {
				t.Logf("%s: parsed, not compiled: %s", title, why)
				continue
			}
			compiled++
			fmt.Fprintf(&program, "\n// %s\nfunc snippet%d() error {\n%s%s\treturn nil\n}\n", title, seen, m[1], used)
		}
	}
	if seen < 3 || compiled < 2 {
		t.Fatalf("found %d snippets and compiled %d", seen, compiled)
	}
	vet(t, program.String())
}

// vet compiles a program that is in this module by an overlay only.
func vet(t *testing.T, source string) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	names, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(here, "before", "main.go"): file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{file: []byte(source), overlay: names} {
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", os.DevNull, "./before").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, source)
	}
}

// uses makes statements that use what a snippet declares: to declare and not to use is
// an error for a compiler, but not for a reader.
func uses(t *testing.T, snippet string) string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() error {\n"+snippet+"return nil\n}", 0)
	if err != nil {
		t.Fatalf("%v in\n%s", err, snippet)
	}
	var b strings.Builder
	for _, s := range f.Decls[0].(*ast.FuncDecl).Body.List {
		if s, ok := s.(*ast.AssignStmt); ok && s.Tok == token.DEFINE {
			for _, e := range s.Lhs {
				fmt.Fprintf(&b, "\t_ = %s\n", e.(*ast.Ident).Name)
			}
		}
	}
	return b.String()
}
