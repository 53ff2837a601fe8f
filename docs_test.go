package zapcw

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/engine"
	"example.com/zapcw/internal/delivery"
)

// chapter is the text of a document under a heading, with tables and all.
func chapter(t *testing.T, file, heading string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no chapter %q", file, heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

// table gives the rows of the table whose head begins with these cells.
func table(t *testing.T, text string, head ...string) [][]string {
	t.Helper()
	var rows [][]string
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case len(rows) == 0 && len(cells) >= len(head) && slices.Equal(cells[:len(head)], head):
			rows = append(rows, cells)
		case len(rows) == 0:
		case !strings.HasPrefix(line, "|"):
			return rows[2:]
		default:
			rows = append(rows, cells)
		}
	}
	if len(rows) < 3 {
		t.Fatalf("no table %q in %q", head, text)
	}
	return rows[2:]
}

var code = regexp.MustCompile("`([^`]+)`")

// codes are the words in backquotes.
func codes(text string) []string {
	var words []string
	for _, m := range code.FindAllStringSubmatch(text, -1) {
		words = append(words, m[1])
	}
	return words
}

func wantSame(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func exportedFields(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() {
			names = append(names, f.Name)
		}
	}
	return names
}

// TestTableOfFields compares README.md's fields and defaults with the Syncer's.
func TestTableOfFields(t *testing.T) {
	want := map[string]string{
		"MaxEvents":     strconv.Itoa(engine.DefaultMaxEvents),
		"MaxAge":        strings.TrimSuffix(engine.DefaultMaxAge.String(), "0s"),
		"MaxPending":    fmt.Sprint(engine.DefaultMaxPending>>20, " MiB"),
		"WhenFull":      "`Spill`",
		"MaxEventBytes": "1,048,576",
		"Concurrency":   strconv.Itoa(engine.DefaultConcurrency),
		"Compress":      "false",
		"Timeout":       engine.DefaultTimeout.String(),
		"Fallback":      "`os.Stderr`",
		"Retention":     "0, for ever",
		"NewGroup":      "none",
		"Client":        "required",
		"Group":         "required",
		"Stream":        "required",
	}
	if Spill != 0 || batch.MaxBytes != 1_048_576 {
		t.Errorf("Spill is %d and a put of %d bytes: want 0 and 1,048,576", Spill, batch.MaxBytes)
	}
	var fields []string
	for _, row := range table(t, chapter(t, "README.md", "Configuration"), "field", "default") {
		for _, f := range codes(row[0]) {
			fields = append(fields, f)
			if row[1] != want[f] {
				t.Errorf("README.md has the default %q of %s, want %q", row[1], f, want[f])
			}
		}
	}
	wantSame(t, "fields in README.md", fields, exportedFields(reflect.TypeFor[Syncer]()))
}

// TestTableOfClasses compares README.md's classes with those of Config.
func TestTableOfClasses(t *testing.T) {
	var got []string
	for _, row := range table(t, chapter(t, "README.md", "Configuration"), "class") {
		got = append(got, codes(row[0])...)
	}
	wantSame(t, "classes in README.md", got, classes)

	_, text, _ := strings.Cut(chapter(t, "README.md", "Configuration"), "```json\n")
	text, _, _ = strings.Cut(text, "```")
	var cfg Config
	if err := json.Unmarshal([]byte(text), &cfg); err != nil || cfg.Class != classCloudWatch || cfg.CloudWatch.Group == "" {
		t.Errorf("README.md's configuration is %+v, %v", cfg, err)
	}
}

// TestTableOfPrefixes compares README.md's labels, their texts and the
// placeholders with the code, and its line of JSON with the stock keys.
func TestTableOfPrefixes(t *testing.T) {
	ent := zapcore.Entry{
		Level: zapcore.InfoLevel, LoggerName: "api", Message: "done",
		Caller: zapcore.EntryCaller{Defined: true, Function: "example.com/acme/orders.place", File: "/src/orders/place.go", Line: 42},
	}
	var gotLabels, gotNames []string
	for _, row := range table(t, chapter(t, "README.md", "What an event looks like"), "prefix") {
		for _, label := range codes(row[1]) {
			name, isName := strings.CutPrefix(label, "{")
			switch {
			case strings.HasPrefix(label, "#"):
				gotLabels = append(gotLabels, label)
			case isName && strings.Trim(label, "{}") != "":
				gotNames = append(gotNames, strings.TrimSuffix(name, "}"))
			}
		}
		text, _, ok := strings.Cut(codes(row[2])[0], "done")
		prefix := codes(row[1])
		if !ok || strings.HasPrefix(text, "{") {
			continue
		}
		if strings.HasPrefix(row[0], "`PrefixOf(") {
			prefix = []string{strings.Split(row[0], `"`)[1]}
		}
		if len(prefix) == 0 {
			continue
		}
		p, err := PrefixOf(prefix[0])
		if err != nil {
			t.Error(err)
			continue
		}
		var buf buffer.Buffer
		p(&buf, "checkout", ent)
		if buf.String() != text {
			t.Errorf("README.md has %q for %s, want %q", text, prefix[0], buf.String())
		}
	}
	wantSame(t, "labels in README.md", gotLabels, labels)

	ent.Time = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	buf, err := NewJSONEncoder(NewEncoderConfig()).EncodeEntry(ent, []zapcore.Field{zap.Int("items", 3)})
	if err != nil {
		t.Fatal(err)
	}
	rows := table(t, chapter(t, "README.md", "What an event looks like"), "prefix")
	if last := rows[len(rows)-1]; last[0] != "`NewJSONEncoder`" || last[2] != "`"+strings.TrimSpace(buf.String())+"`" {
		t.Errorf("README.md has %q, want %s", last, buf.String())
	}
	wantSame(t, "placeholders in README.md", gotNames, placeholders)
}

// TestTableOfLevels compares README.md's names of levels with the code.
func TestTableOfLevels(t *testing.T) {
	named := map[string]zapcore.Level{
		"Debug": zapcore.DebugLevel, "Info": zapcore.InfoLevel, "Warn": zapcore.WarnLevel, "Error": zapcore.ErrorLevel,
		"DPanic": zapcore.DPanicLevel, "Panic": zapcore.PanicLevel, "Fatal": zapcore.FatalLevel,
	}
	var known, want []string
	for _, l := range levels {
		want = append(want, l.name)
	}
	seen := 0
	for _, row := range table(t, chapter(t, "README.md", "What an event looks like"), "in the stream") {
		names := codes(row[2])
		known = append(known, names...)
		lowest := zapcore.InvalidLevel
		for _, at := range strings.Split(row[1], ", ") {
			level, ok := named[at]
			if !ok {
				lowest = min(lowest, belowDebug) // any other
				continue
			}
			seen++
			lowest = min(lowest, level)
			if got := codes(row[0])[0]; got != levelName(level) {
				t.Errorf("README.md has %q for %s, want %q", got, at, levelName(level))
			}
		}
		for _, name := range names {
			level, err := ParseLevel(name)
			if name == "panic" {
				level-- // the row says that it leaves DPanic out
			}
			if err != nil || level != lowest {
				t.Errorf("README.md has %q as the threshold for %s: ParseLevel = %v, %v", name, row[1], level, err)
			}
		}
	}
	wantSame(t, "level names in README.md", known, want)
	if seen != len(named) {
		t.Errorf("README.md has %d levels of zap, want %d", seen, len(named))
	}
}

// TestParameters compares README.md's parameters of a URL with those OpenSink
// takes.
func TestParameters(t *testing.T) {
	_, err := OpenSink(&url.URL{Scheme: "cloudwatch", RawQuery: "unknown=1"})
	if err == nil {
		t.Fatal("OpenSink takes an unknown parameter")
	}
	_, known, _ := strings.Cut(err.Error(), "known are ")
	_, text, _ := strings.Cut(chapter(t, "README.md", "zap.Config"), "\nParameters ")
	wantSame(t, "parameters in README.md", codes(text), strings.Split(known, ", "))
}

// TestStatsInOperations compares the fields of Stats, and the names of fates,
// with docs/operations.md.
func TestStatsInOperations(t *testing.T) {
	const file = "docs/operations.md"
	var got []string
	for _, row := range table(t, chapter(t, file, "What to watch"), "field", "alarm") {
		got = append(got, codes(row[0])...)
	}
	wantSame(t, "fields of Stats", got, exportedFields(reflect.TypeFor[Stats]()))

	var want [][]string
	fate := delivery.Delivered
	for _, sum := range []string{"RejectedAs", "SpilledAs"} {
		f, _ := reflect.TypeFor[Stats]().FieldByName(sum)
		for _, name := range exportedFields(f.Type) {
			fate++
			want = append(want, []string{"`" + sum + "." + name + "`", fate.String()})
		}
	}
	if int(fate)+1 != delivery.Fates {
		t.Errorf("Stats tells %d fates apart, want %d", int(fate)+1, delivery.Fates)
	}
	rows := table(t, chapter(t, file, "Fates"), "field", "in words")
	for i := range rows {
		rows[i] = rows[i][:2]
	}
	if !slices.EqualFunc(rows, want, slices.Equal[[]string]) {
		t.Errorf("fates in %s: got %q, want %q", file, rows, want)
	}
}

// TestLinesInOperations compares what may stand on Fallback with
// docs/operations.md: every text of the code is there, and every text there is
// in the code. Of a format only the longest piece between verbs is looked at.
func TestLinesInOperations(t *testing.T) {
	const file = "docs/operations.md"
	verb := regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)
	hints := []string{"hint", "Hint", "hintDenied"}
	var texts, advice []string
	for _, name := range []string{"syncer.go", "sender.go", "fallback.go", "stats.go", "internal/delivery"} {
		parse(t, name, func(file *ast.File) {
			for _, d := range file.Decls {
				f, _ := d.(*ast.FuncDecl)
				ast.Inspect(d, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.ReturnStmt:
						if f != nil && slices.Contains(hints, f.Name.Name) {
							ast.Inspect(n, func(n ast.Node) bool {
								if s := stringOf(n); s != "" {
									advice = append(advice, s)
								}
								return true
							})
						}
					case *ast.CallExpr:
						sel, _ := n.Fun.(*ast.SelectorExpr)
						if sel == nil || !slices.Contains([]string{"New", "Errorf", "Appendf", "Sprintf"}, sel.Sel.Name) {
							return true
						}
						for _, arg := range n.Args {
							pieces := verb.Split(stringOf(arg), -1)
							slices.SortFunc(pieces, func(a, b string) int { return len(b) - len(a) })
							if s := strings.Trim(pieces[0], " :;,"); len(s) > 3 {
								texts = append(texts, s)
							}
						}
					}
					return true
				})
			}
		})
	}
	doc, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) < 15 || len(advice) < 6 {
		t.Fatalf("found only %q and %q in the code", texts, advice)
	}
	for _, s := range slices.Concat(texts, advice) {
		if !strings.Contains(string(doc), strings.TrimSpace(s)) {
			t.Errorf("%s does not have %q", file, s)
		}
	}

	source := ""
	for _, name := range []string{"settings.go", "syncer.go", "sender.go", "fallback.go", "stats.go", "internal/delivery"} {
		parse(t, name, func(file *ast.File) {
			ast.Inspect(file, func(n ast.Node) bool { source += stringOf(n) + "\n"; return true })
		})
	}
	lines := chapter(t, file, "Lines on Fallback")
	for _, row := range slices.Concat(table(t, lines, "text"), table(t, lines, "advice")) {
		for _, text := range codes(row[0]) {
			for piece := range strings.SplitSeq(text, "…") {
				if s := strings.Trim(piece, " :"); len(s) > 2 && !strings.Contains(source, s) {
					t.Errorf("%s has %q, which is nowhere in the code", file, s)
				}
			}
		}
	}
}

// stringOf is the value of a string literal, otherwise empty.
func stringOf(n ast.Node) string {
	l, ok := n.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return ""
	}
	s, _ := strconv.Unquote(l.Value)
	return s
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
