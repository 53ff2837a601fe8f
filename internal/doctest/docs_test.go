package doctest

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/token"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
)

const configuration = "docs/configuration.md"

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

// known is the list with which an error ends.
func known(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		t.Fatal("got no error, want one that lists what is known")
	}
	_, list, ok := strings.Cut(err.Error(), "known are ")
	if !ok {
		t.Fatalf("%v lists nothing", err)
	}
	return list
}

// defaultOf is the default of a field, as the error for -1 tells it.
func defaultOf(t *testing.T, field string) string {
	t.Helper()
	return defaultWith(t, field, zapcw.Spill)
}

func defaultWith(t *testing.T, field string, whenFull zapcw.Overflow) string {
	t.Helper()
	s := &zapcw.Syncer{Client: new(cloudwatchlogs.Client), Group: "g", Stream: "s", WhenFull: whenFull}
	reflect.ValueOf(s).Elem().FieldByName(field).SetInt(-1)
	err := s.Check()
	if err == nil {
		t.Fatalf("Check takes -1 for %s", field)
	}
	_, text, ok := strings.Cut(err.Error(), ": want 0 or more, 0 for ")
	if !ok {
		t.Fatalf("%v tells no default", err)
	}
	return text
}

// mib writes a number of bytes in MiB.
func mib(t *testing.T, bytes string) string {
	t.Helper()
	n, err := strconv.Atoi(bytes)
	if err != nil || n%(1<<20) != 0 {
		t.Fatalf("got %s bytes, %v: want whole MiB", bytes, err)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// levelName is what a level is called in the stream.
func levelName(l zapcore.Level) string {
	enc := zapcore.NewMapObjectEncoder()
	_ = enc.AddArray("level", zapcore.ArrayMarshalerFunc(func(arr zapcore.ArrayEncoder) error {
		zapcw.EncodeLevel(l, arr)
		return nil
	}))
	return fmt.Sprint(enc.Fields["level"].([]any)...)
}

// TestTableOfFields compares docs/configuration.md's fields and defaults with the Syncer's.
func TestTableOfFields(t *testing.T) {
	want := map[string]string{
		"MaxEvents":     defaultOf(t, "MaxEvents"),
		"MaxAge":        strings.TrimSuffix(defaultOf(t, "MaxAge"), "0s"),
		"MaxPending":    mib(t, defaultOf(t, "MaxPending")) + ", with `Block` " + mib(t, defaultWith(t, "MaxPending", zapcw.Block)),
		"WhenFull":      "`Spill`",
		"Spool":         "none",
		"MaxSpool":      strings.Replace(defaultOf(t, "MaxSpool"), "1073741824", "1 GiB", 1),
		"MaxEventBytes": "1,048,576",
		"Concurrency":   defaultOf(t, "Concurrency"),
		"Compress":      "false",
		"Timeout":       defaultOf(t, "Timeout"),
		"Fallback":      "`os.Stderr`",
		"Retention":     "0, for ever",
		"NewGroup":      "none",
		"Entity":        "none",
		"Client":        "required",
		"Group":         "required",
		"Stream":        "required",
	}
	if zapcw.Spill != 0 || batch.MaxBytes != 1_048_576 {
		t.Errorf("Spill is %d and a put of %d bytes: want 0 and 1,048,576", zapcw.Spill, batch.MaxBytes)
	}
	var fields []string
	for _, row := range table(t, chapter(t, configuration, "Fields of a Syncer"), "field", "default") {
		for _, f := range codes(row[0]) {
			fields = append(fields, f)
			if row[1] != want[f] {
				t.Errorf("docs/configuration.md has the default %q of %s, want %q", row[1], f, want[f])
			}
		}
	}
	wantSame(t, "fields in docs/configuration.md", fields, exportedFields(reflect.TypeFor[zapcw.Syncer]()))
}

// TestTableOfClasses compares docs/configuration.md's classes with those of Config.
func TestTableOfClasses(t *testing.T) {
	var got []string
	for _, row := range table(t, chapter(t, configuration, "Config"), "class") {
		got = append(got, codes(row[0])...)
	}
	_, err := zapcw.Config{Class: "unknown"}.Build(t.Context(), nil)
	wantSame(t, "classes in docs/configuration.md", got, strings.Split(known(t, err), ", "))

	_, text, _ := strings.Cut(chapter(t, configuration, "Config"), "```json\n")
	text, _, _ = strings.Cut(text, "```")
	var cfg zapcw.Config
	if err := json.Unmarshal([]byte(text), &cfg); err != nil || cfg.Class != "cloud-watch" || cfg.CloudWatch.Group == "" {
		t.Errorf("docs/configuration.md's configuration is %+v, %v", cfg, err)
	}
}

// TestTableOfPrefixes compares docs/configuration.md's labels, their texts and the
// placeholders with the code, and its line of JSON with the stock keys.
func TestTableOfPrefixes(t *testing.T) {
	ent := zapcore.Entry{
		Level: zapcore.InfoLevel, LoggerName: "api", Message: "done",
		Caller: zapcore.EntryCaller{Defined: true, Function: "example.com/acme/orders.place", File: "/src/orders/place.go", Line: 42},
	}
	var gotLabels, gotNames []string
	for _, row := range table(t, chapter(t, configuration, "What an event looks like"), "prefix") {
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
		if strings.HasPrefix(row[0], "`ParsePrefix(") {
			prefix = []string{strings.Split(row[0], `"`)[1]}
		}
		if len(prefix) == 0 {
			continue
		}
		p, err := zapcw.ParsePrefix(prefix[0])
		if err != nil {
			t.Error(err)
			continue
		}
		var buf buffer.Buffer
		p(&buf, "checkout", ent)
		if buf.String() != text {
			t.Errorf("docs/configuration.md has %q for %s, want %q", text, prefix[0], buf.String())
		}
	}
	_, err := zapcw.ParsePrefix("#unknown")
	wantSame(t, "labels in docs/configuration.md", gotLabels, strings.Fields(known(t, err)))

	ent.Time = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	buf, err := zapcw.NewJSONEncoder(zapcw.NewEncoderConfig()).EncodeEntry(ent, []zapcore.Field{zap.Int("items", 3)})
	if err != nil {
		t.Fatal(err)
	}
	rows := table(t, chapter(t, configuration, "What an event looks like"), "prefix")
	if last := rows[len(rows)-1]; last[0] != "`NewJSONEncoder`" || last[2] != "`"+strings.TrimSpace(buf.String())+"`" {
		t.Errorf("docs/configuration.md has %q, want %s", last, buf.String())
	}
	_, err = zapcw.ParsePrefix("{unknown}")
	wantSame(t, "placeholders in docs/configuration.md", gotNames, strings.Fields(strings.NewReplacer("{", "", "}", "").Replace(known(t, err))))
}

// TestTableOfLevels compares docs/configuration.md's names of levels with the code.
func TestTableOfLevels(t *testing.T) {
	named := map[string]zapcore.Level{
		"Debug": zapcore.DebugLevel, "Info": zapcore.InfoLevel, "Warn": zapcore.WarnLevel, "Error": zapcore.ErrorLevel,
		"DPanic": zapcore.DPanicLevel, "Panic": zapcore.PanicLevel, "Fatal": zapcore.FatalLevel,
	}
	_, err := zapcw.ParseLevel("unknown")
	want := strings.Fields(known(t, err))
	notset, err := zapcw.ParseLevel("notset")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	seen := 0
	for _, row := range table(t, chapter(t, configuration, "What an event looks like"), "in the stream") {
		names := codes(row[2])
		got = append(got, names...)
		lowest := zapcore.InvalidLevel
		for _, at := range strings.Split(row[1], ", ") {
			level, ok := named[at]
			if !ok {
				lowest = min(lowest, notset) // any other
				continue
			}
			seen++
			lowest = min(lowest, level)
			if got := codes(row[0])[0]; got != levelName(level) {
				t.Errorf("docs/configuration.md has %q for %s, want %q", got, at, levelName(level))
			}
		}
		for _, name := range names {
			level, err := zapcw.ParseLevel(name)
			if name == "panic" {
				level-- // the row says that it leaves DPanic out
			}
			if err != nil || level != lowest {
				t.Errorf("docs/configuration.md has %q as the threshold for %s: ParseLevel = %v, %v", name, row[1], level, err)
			}
		}
	}
	wantSame(t, "level names in docs/configuration.md", got, want)
	if seen != len(named) {
		t.Errorf("docs/configuration.md has %d levels of zap, want %d", seen, len(named))
	}
}

// TestTableOfKeys compares docs/configuration.md's keys and parameters with those
// that Config and OpenSink take.
func TestTableOfKeys(t *testing.T) {
	var keys, parameters []string
	for _, row := range table(t, chapter(t, configuration, "Config"), "key", "in a URL") {
		keys = append(keys, codes(row[0])...)
		if row[1] != "" {
			parameters = append(parameters, codes(row[0])...)
		}
	}
	err := new(zapcw.Config).Decode(map[string]any{"class": "cloud-watch", "cloud-watch": map[string]any{"unknown": 1}})
	wantSame(t, "keys in docs/configuration.md", keys, strings.Split(known(t, err), ", "))
	_, err = zapcw.OpenSink(&url.URL{Scheme: "cloudwatch", RawQuery: "unknown=1"})
	wantSame(t, "parameters in docs/configuration.md", parameters, strings.Split(known(t, err), ", "))
}

// TestTableOfLogClasses compares docs/operations.md's classes of groups with the SDK's.
func TestTableOfLogClasses(t *testing.T) {
	var got, want []string
	for _, row := range table(t, chapter(t, "docs/operations.md", "Retention and classes"), "class", "types") {
		got = append(got, codes(row[0])[0])
	}
	for _, class := range types.LogGroupClass("").Values() {
		want = append(want, string(class))
	}
	wantSame(t, "classes of groups", got, want)
	if text := chapter(t, "docs/operations.md", "Retention and classes"); !strings.Contains(text, "`"+string(types.PolicyTypeRetentionPolicy)+"`") {
		t.Errorf("no policy %s", types.PolicyTypeRetentionPolicy)
	}
}

// TestStatsInOperations compares the fields of Stats, and the names of fates,
// with docs/operations.md.
func TestStatsInOperations(t *testing.T) {
	const file = "docs/operations.md"
	var got []string
	for _, row := range table(t, chapter(t, file, "What to watch"), "field", "alarm") {
		got = append(got, codes(row[0])...)
	}
	wantSame(t, "fields of Stats", got, exportedFields(reflect.TypeFor[zapcw.Stats]()))

	var want [][]string
	fate := delivery.Delivered
	for _, sum := range []string{"RejectedAs", "SpilledAs"} {
		f, _ := reflect.TypeFor[zapcw.Stats]().FieldByName(sum)
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
	hints := []string{"hint", "Hint", "hintAnswer", "hintConfig", "hintCredentials", "hintDenied", "hintEntity"}
	var texts, advice []string
	for _, name := range []string{"internal/engine", "internal/delivery"} {
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
	for _, name := range []string{"syncer.go", "internal/engine", "internal/delivery"} {
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
