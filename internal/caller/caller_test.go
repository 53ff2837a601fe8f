package caller

import (
	"go.uber.org/goleak"
	"iter"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"handler":                   "handler",
		"größe":                     "größe",
		"__init__":                  "__init__",
		"main.main":                 "main",
		"main.größe":                "größe",
		"main.handler2":             "handler2",
		"main.T.Method":             "Method",
		"main.(*T).Method":          "Method",
		"example.com/a.b/c.F":       "F",
		"example.com/a.b/c%2ed.F":   "F",
		"gopkg.in/yaml%2ev3.F":      "F",
		"example.com/my-app/v2.Run": "Run",
		"example.com/my-app.Run":    "Run",

		"pkg.outer.func1":                        "outer",
		"pkg.outer.func1.2":                      "outer",
		"pkg.outer.func12.3.4":                   "outer",
		"pkg.outer.func1.func2":                  "outer",
		"pkg.outer.gowrap1":                      "outer",
		"pkg.outer.deferwrap1":                   "outer",
		"pkg.outer.func1.gowrap2":                "outer",
		"pkg.outer-range1":                       "outer",
		"pkg.outer.func1-range1":                 "outer",
		"pkg.outer-range1.func2":                 "outer",
		"pkg.outer.func3-range1-range2.gowrap1":  "outer",
		"pkg.outer.inlined.func1":                "inlined",
		"pkg.(*T).M.func1":                       "M",
		"pkg.(*T).M-fm":                          "M",
		"pkg.T.M-fm":                             "M",
		"pkg.F[...]":                             "F",
		"pkg.F[...].func1":                       "F",
		"pkg.F[...].func1.2":                     "F",
		"pkg.F[...]-range1":                      "F",
		"pkg.T[...].M":                           "M",
		"pkg.(*T[...]).M":                        "M",
		"pkg.(*T[...]).M.func1":                  "M",
		"pkg.F[go.shape.int]":                    "F",
		"pkg.F[example.com/a.b.T,int].func1":     "F",
		"a/b.F[map[string]example.com/a.b.T]":    "F",
		"pkg.(*T[example.com/a.b.func1]).M":      "M",
		"pkg.glob..func1":                        "glob",
		"pkg.glob..func1.2":                      "glob",
		"pkg.init.func1":                         "init",
		"pkg.init.0":                             "init",
		"pkg.init.0.func1":                       "init",
		"pkg.init":                               "init",
		"example.com/pkg.v2/x.init.1.func2.3":    "init",
		"example.com/pkg%2ev2.outer.func1":       "outer",
		"example.com/app/cmd.main.func1.gowrap1": "main",

		// A program's own.
		"pkg.func1":            "func1",
		"pkg.func1.func1":      "func1",
		"pkg.func1.2":          "func1",
		"pkg.(*T).func1":       "func1",
		"pkg.(*T).func1.func2": "func1",
		"pkg.gowrap1":          "gowrap1",
		"pkg.function1":        "function1",
		"pkg.func1a":           "func1a",
		"pkg.funcs":            "funcs",
		"pkg.outer.func":       "func", // no toolchain writes this

		// Not names, but nothing to fall over either.
		".":       "",
		"..":      "",
		"pkg.":    "",
		"pkg.[":   "",
		"/":       "",
		"-":       "",
		"1":       "1",
		".1":      "1",
		"a..1":    "",
		"(*T).1":  "1",
		"a.b-c.d": "d",
	} {
		if got := Name(in); got != want {
			t.Errorf("Name(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFile(t *testing.T) {
	for _, file := range []string{"", "a.go", "/a.go", "x/a.go", "/x/a.go", "/y/x/a.go", "C:/y/x/a.go", "//", "x//a.go"} {
		c := zapcore.EntryCaller{Defined: true, File: file, Line: 7}
		if got, want := File(&c)+":7", c.TrimmedPath(); got != want {
			t.Errorf("File(%q) = %q, zap has %q", file, got, want)
		}
	}
}

func TestUndefined(t *testing.T) {
	c := zapcore.EntryCaller{File: "a.go", Function: "main.main"}
	if File(&c) != "" || Function(&c) != "" {
		t.Errorf("%q, %q", File(&c), Function(&c))
	}
	c.Defined = true
	if File(&c) != "a.go" || Function(&c) != "main" {
		t.Errorf("%q, %q", File(&c), Function(&c))
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"main.main", "a.b/c%2ed.(*T[...]).M.func1-range2.gowrap3", "pkg.glob..func1", "]-[.", "a.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := Name(s); !strings.Contains(s, got) {
			t.Errorf("Name(%q) = %q", s, got)
		}
	})
}

func TestNameAllocs(t *testing.T) {
	if got := testing.AllocsPerRun(100, func() {
		if Name("example.com/a/b.(*T[...]).M.func1.2") != "M" {
			t.Error("wrong name")
		}
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

// What follows asks the toolchain itself: every place below logs the name that
// Name should find.

var (
	core, logs = observer.New(zapcore.DebugLevel)
	logger     = zap.New(core, zap.AddCaller())
)

type value struct{}

func (value) Value()         { logger.Info("Value") }
func (*value) Pointer()      { logger.Info("Pointer") }
func (*value) func1()        { logger.Info("func1") }
func (*value) Closure()      { func() { logger.Info("Closure") }() }
func (v value) Deferring()   { defer func() { logger.Info("Deferring") }() }
func (v *value) DeferCalls() { defer v.Pointer() }

type embedding struct{ *value }

type generic[T any] struct{ _ T }

func (*generic[T]) Generic()        { logger.Info("Generic") }
func (generic[T]) GenericClosure()  { func() { func() { logger.Info("GenericClosure") }() }() }
func genericFunc[T any](T)          { logger.Info("genericFunc") }
func genericFuncClosure[T any](v T) { func() { logger.Info("genericFuncClosure", zap.Any("v", v)) }() }
func genericRange[T any](s []T) {
	iterate(s)(func(T) bool { logger.Info("genericRange"); return true })
}
func iterate[T any](s []T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, v := range s {
			if !yield(v) {
				return
			}
		}
	}
}

func plain()    { logger.Info("plain") }
func handler2() { logger.Info("handler2") }
func func1()    { logger.Info("func1"); func() { logger.Info("func1") }() }
func größe()    { logger.Info("größe") }

func nested() {
	func() {
		func() {
			func() { logger.Info("nested") }()
		}()
	}()
}

func ranging() {
	one := iterate([]int{1})
	for range one {
		logger.Info("ranging")
		for range one {
			logger.Info("ranging")
			func() { logger.Info("ranging") }()
			defer logger.Info("ranging")
			defer func() { logger.Info("ranging") }()
		}
	}
	func() {
		for range one {
			logger.Info("ranging")
		}
	}()
}

func concurrent() {
	done := make(chan struct{}, 2)
	go func() { logger.Info("concurrent"); done <- struct{}{} }()
	go func(s string) {
		func() { logger.Info(s) }()
		done <- struct{}{}
	}("concurrent")
	<-done
	<-done
}

func deferred(s string) {
	defer logger.Info(s)
	defer func(s string) { logger.Info(s) }(s)
	for range 2 {
		defer logger.Info(s)
	}
}

func inlined() { func() { logger.Info("inlined") }() }
func inlines() { inlined() }

//go:noinline
func call(f func()) { f() }

var _ = func() int {
	logger.Info("init")
	func() { logger.Info("init") }()
	return 0
}()

var atPackageLevel = func() { logger.Info("init") }

func init() {
	logger.Info("init")
	func() { logger.Info("init") }()
}

func init() { call(func() { logger.Info("init") }) }

func TestNameOfToolchain(t *testing.T) {
	v := new(value)
	v.Value()
	v.Pointer()
	v.func1()
	v.Closure()
	v.Deferring()
	v.DeferCalls()
	embedding{v}.Pointer()
	call(embedding{v}.Value)
	call(v.Value)
	call(v.Pointer)
	call(func() { (*value).Pointer(v) })
	new(generic[int]).Generic()
	call(new(generic[map[string]int]).Generic)
	generic[value]{}.GenericClosure()
	genericFunc("s")
	genericFuncClosure(1)
	genericRange([]string{"s"})
	plain()
	handler2()
	func1()
	größe()
	nested()
	ranging()
	concurrent()
	deferred("deferred")
	inlines()
	atPackageLevel()
	t.Run("sub", func(*testing.T) { logger.Info("TestNameOfToolchain") })

	entries := logs.All()
	if len(entries) < 40 {
		t.Errorf("only %d entries", len(entries))
	}
	for _, ent := range entries {
		if got := Name(ent.Caller.Function); got != ent.Message {
			t.Errorf("Name(%q) = %q, want %q", ent.Caller.Function, got, ent.Message)
		}
		t.Log(ent.Caller.Function)
	}
}
