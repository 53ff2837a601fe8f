package doctest

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// TestExamples wants every exported name in an Example that is checked: of this
// package types, fields and constants too, of cwltest functions and methods.
func TestExamples(t *testing.T) {
	for _, dir := range []string{".", "cwltest"} {
		used := make(map[string]bool)
		examples, err := fs.Glob(os.DirFS(dir), "example_*test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range examples {
			parse(t, dir+"/"+e, func(file *ast.File) {
				for _, d := range file.Decls {
					f, ok := d.(*ast.FuncDecl)
					if !ok {
						continue
					}
					// Example alone is the quick start, which needs AWS.
					if strings.HasPrefix(f.Name.Name, "Example") && (dir != "." || f.Name.Name != "Example") && !hasOutput(file, f) {
						t.Errorf("%s/%s: %s has no Output", dir, e, f.Name.Name)
					}
					for part := range strings.SplitSeq(strings.TrimPrefix(f.Name.Name, "Example"), "_") {
						used[part] = true
					}
					ast.Inspect(f, func(n ast.Node) bool {
						switch n := n.(type) {
						case *ast.SelectorExpr:
							used[n.Sel.Name] = true
						case *ast.KeyValueExpr:
							if key, ok := n.Key.(*ast.Ident); ok {
								used[key.Name] = true
							}
						}
						return true
					})
				}
			})
		}
		for _, name := range exportedNames(t, dir) {
			_, last, _ := strings.Cut(name, ".")
			if last == "" {
				last = name
			}
			if !used[last] {
				t.Errorf("%s: no Example has %s", dir, name)
			}
		}
	}
}

func hasOutput(file *ast.File, f *ast.FuncDecl) bool {
	for _, c := range file.Comments {
		if c.Pos() > f.Pos() && c.End() < f.End() && strings.HasPrefix(c.Text(), "Output:") {
			return true
		}
	}
	return false
}

// exportedNames lists what TestExamples is about, as "Name", "Type.Method" and
// "Type.Field". String is for package fmt.
func exportedNames(t *testing.T, dir string) []string {
	var names []string
	add := func(name string) {
		if last := name[strings.LastIndex(name, ".")+1:]; ast.IsExported(last) && last != "String" {
			names = append(names, name)
		}
	}
	parse(t, dir, func(file *ast.File) {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					add(d.Name.Name)
				} else if recv := receiver(d.Recv.List[0].Type); ast.IsExported(recv) {
					add(recv + "." + d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.ValueSpec:
						if dir == "." {
							for _, n := range spec.Names {
								add(n.Name)
							}
						}
					case *ast.TypeSpec:
						if dir != "." {
							continue
						}
						add(spec.Name.Name)
						if s, ok := spec.Type.(*ast.StructType); ok && spec.Name.IsExported() {
							for _, f := range s.Fields.List {
								for _, n := range f.Names {
									add(spec.Name.Name + "." + n.Name)
								}
							}
						}
					}
				}
			}
		}
	})
	if len(names) == 0 {
		t.Fatalf("%s exports nothing", dir)
	}
	return names
}

func receiver(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// parse reads a file, or the files of a directory that are no tests.
func parse(t *testing.T, name string, use func(*ast.File)) {
	t.Helper()
	fset := token.NewFileSet()
	if strings.HasSuffix(name, ".go") {
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		use(f)
		return
	}
	entries, err := fs.Glob(os.DirFS(name), "*.go")
	if err != nil || len(entries) == 0 {
		t.Fatalf("%s has no Go files, %v", name, err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e, "_test.go") {
			parse(t, name+"/"+e, use)
		}
	}
}

// TestExamplesAreWhole wants every Example to be a program of its own, with what it uses
// of its file, and to be there once: pkg.go.dev leaves out what stands in other files.
func TestExamplesAreWhole(t *testing.T) {
	for _, dir := range []string{".", "cwlambda", "cwltest"} {
		names, err := fs.Glob(os.DirFS(dir), "*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]string)
		for _, name := range names {
			file, err := parser.ParseFile(token.NewFileSet(), dir+"/"+name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range doc.Examples(file) {
				if e.Play == nil {
					t.Errorf("%s/%s: Example%s uses what is declared in another file", dir, name, e.Name)
				}
				if other, ok := seen[e.Name]; ok {
					t.Errorf("%s/%s: Example%s is in %s too", dir, name, e.Name, other)
				}
				seen[e.Name] = name
			}
		}
		if len(seen) == 0 {
			t.Errorf("%s has no Example", dir)
		}
	}
}
