package doctest

import (
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

	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// TestREADME checks that the quick start is the Example of the package.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "example_test.go", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != "Example" {
			continue
		}
		body := string(src[fset.Position(f.Body.Lbrace).Offset : fset.Position(f.Body.Rbrace).Offset+1])
		if !strings.Contains(string(readme), "\nfunc main() "+body+"\n```") {
			t.Errorf("README.md does not have the quick start of Example: %s", body)
		}
		return
	}
	t.Error("there is no Example")
}

// documents are what TestSnippets and TestLinks read.
func documents(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, name := range append(names, "README.md", "CHANGELOG.md", "CONTRIBUTING.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return texts
}

// snippetHead is what snippets without a package clause are put behind: what
// they take for granted.
const snippetHead = `package main

import (
	"context"
	"encoding/json"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwlambda"
	"example.com/zapcw/cwltest"
)

var (
	_ time.Duration
	_ types.LogGroupClass
	_ cwltest.Fault
	_ = json.Unmarshal
	_ = cwlambda.Start
	_ = signal.Ignore
	_ syscall.Signal

	ctx    context.Context
	client *cloudwatchlogs.Client
	enc    zapcore.Encoder
	id     string
	logger *zap.Logger
	out    *zapcw.Syncer
	t      *testing.T
)

func handle(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }

func main() {}
`

// TestSnippets compiles every snippet of Go in the documents. One that is
// marked "go before" is of another library, which is no dependency.
func TestSnippets(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```go( before)?\n(.*?)^```$")
	dir := t.TempDir()
	var programs []string
	write := func(source string) {
		name := filepath.Join(dir, fmt.Sprint(len(programs)), "main.go")
		if err := os.Mkdir(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(source), 0o666); err != nil {
			t.Fatal(err)
		}
		programs = append(programs, name)
	}
	var body strings.Builder
	body.WriteString(snippetHead)
	n := 0
	for name, text := range documents(t) {
		for _, m := range block.FindAllStringSubmatch(text, -1) {
			switch {
			case m[1] != "":
				t.Logf("%s: of another library, not compiled: %.40q", name, m[2])
			case strings.HasPrefix(m[2], "package "):
				write(m[2])
			default:
				n++
				fmt.Fprintf(&body, "\n// %s\nfunc snippet%d() error {\n%s%s\treturn nil\n}\n", name, n, m[2], uses(t, m[2]))
			}
		}
	}
	write(body.String())
	if n < 5 || len(programs) < 2 {
		t.Fatalf("found %d snippets and %d programs", n, len(programs)-1)
	}
	for _, p := range programs {
		out, err := exec.Command("go", "vet", "-unusedresult=false", p).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
			if source, err := os.ReadFile(p); err == nil {
				t.Logf("%s", source)
			}
		}
	}
}

// TestOutputPaths has zap log to the outputPaths of the documents, where standard
// output is a pipe or a terminal: Sync has no error.
func TestOutputPaths(t *testing.T) {
	srv := cwltest.NewServer(t)
	testkit.AWSEnv(t)
	t.Setenv("AWS_ENDPOINT_URL", srv.URL())
	t.Setenv("AWS_REGION", "us-east-1")
	if err := zap.RegisterSink("cloudwatch", zapcw.OpenSink); err != nil {
		t.Fatal(err)
	}
	old := os.Stdout
	defer func() { os.Stdout = old }()
	paths := regexp.MustCompile(`OutputPaths = \[\]string\{"([^"]*)", "([^"]*)"\}`)
	for _, name := range []string{"README.md", "docs/configuration.md"} {
		m := paths.FindStringSubmatch(documents(t)[name])
		if m == nil {
			t.Fatalf("%s has no OutputPaths", name)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		outputs := []*os.File{w}
		if terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err == nil {
			outputs = append(outputs, terminal)
		} else {
			t.Logf("without a terminal: %v", err)
		}
		for _, out := range outputs {
			defer out.Close()
			os.Stdout = out
			cfg := zap.NewProductionConfig()
			cfg.OutputPaths = m[1:]
			log, err := cfg.Build()
			if err != nil {
				t.Fatal(err)
			}
			log.Info("m")
			if err := log.Sync(); err != nil {
				t.Errorf("%s, %s: Sync = %v", name, out.Name(), err)
			}
		}
		if n := len(srv.Messages("/acme/prod", "orders")); n != len(outputs) {
			t.Errorf("%s: %d events in the stream, want %d", name, n, len(outputs))
		}
		srv.DeleteGroup("/acme/prod")
	}
}

// uses makes statements that use what a snippet declares: to declare and not to
// use is an error for a compiler, but not for a reader.
func uses(t *testing.T, snippet string) string {
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() {\n"+snippet+"}", 0)
	if err != nil {
		t.Errorf("%v in %s", err, snippet)
		return ""
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

// TestLinks follows the links of the documents that stay in this tree.
func TestLinks(t *testing.T) {
	var (
		link    = regexp.MustCompile(`(?:\]\(|src=\"|srcset=\")([^)\"\s]+)[)\"]`)
		heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
		letters = regexp.MustCompile(`[^a-z0-9 _-]`)
	)
	anchors := func(text string) map[string]bool {
		m := make(map[string]bool)
		for _, h := range heading.FindAllStringSubmatch(text, -1) {
			m[strings.ReplaceAll(letters.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
		}
		return m
	}
	n := 0
	for name, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			n++
			path, anchor, _ := strings.Cut(m[1], "#")
			to := name
			if path != "" {
				to = filepath.Join(filepath.Dir(name), path)
			}
			info, err := os.Stat(to)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if anchor == "" {
				continue
			}
			if info.IsDir() {
				t.Errorf("%s: %s is a directory and has no chapter %s", name, to, anchor)
				continue
			}
			target, err := os.ReadFile(to)
			if err != nil || !anchors(string(target))[anchor] {
				t.Errorf("%s: %s has no chapter %s, %v", name, to, anchor, err)
			}
		}
	}
	if n < 10 {
		t.Errorf("found only %d links", n)
	}
}
