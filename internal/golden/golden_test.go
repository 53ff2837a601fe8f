package golden_test

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"example.com/zapcw"
	"go.uber.org/goleak"
	"go.uber.org/zap/zapcore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files are the recorded cases: those of the original, and of its stand-in.
func files() []string {
	if name := os.Getenv("ZAPCW_GOLDEN"); name != "" {
		if _, err := os.Stat(name); err != nil && !filepath.IsAbs(name) {
			name = filepath.Join("..", "..", name) // from the root, where go test was called
		}
		return []string{name}
	}
	return []string{filepath.Join("testdata", "golden.json"), filepath.Join("testdata", "kinds.json")}
}

// TestGolden runs zapcw through what was recorded of the Python logger. Where
// zapcw mends a quirk of the original, the table quirks says so, and
// what is expected then is the model's with the rules of all quirks that the
// case shows; else it is what was recorded, and nothing else.
func TestGolden(t *testing.T) {
	for _, name := range files() {
		runFile(t, name)
	}
}

func runFile(t *testing.T, name string) {
	cases := readCases(t, name)
	var matched, explained, failed int
	var skipped []string
	byQuirk := make(map[string]int)
	for i := range cases {
		c := &cases[i]
		shown := c.quirks()
		if why := c.notRun(shown); why != "" {
			skipped = append(skipped, c.Name+": "+why)
			t.Run(c.Name, func(t *testing.T) { t.Skip(why) })
			continue
		}
		ok := t.Run(c.Name, func(t *testing.T) {
			for _, q := range shown {
				t.Logf("%s: %s", q, q.instead)
			}
			c.run(t, shown)
		})
		switch {
		case !ok:
			failed++
		case len(shown) == 0:
			matched++
		default:
			explained++
			for _, q := range shown {
				byQuirk[q.String()]++
			}
		}
	}
	for _, line := range skipped {
		t.Logf("not run: %s", line)
	}
	t.Logf("%s: %d cases: %d as recorded, %d as the table of quirks wants, %d failed, %d not run", name, len(cases), matched, explained, failed, len(skipped))
	for _, q := range slices.SortedFunc(maps.Keys(byQuirk), byNumber) {
		t.Logf("%5s explains %d", q, byQuirk[q])
	}
}

// notRun says why a case is not run, with the number of the quirk that it is
// about.
func (c *testCase) notRun(shown []quirk) string {
	var about []string
	for _, q := range shown {
		about = append(about, q.String())
	}
	switch {
	case c.broken != nil:
		return "Q42: an argument is of a type that Go has not there: " + c.broken.Error()
	case c.tagged("python"):
		return cmp.Or(strings.Join(slices.Compact(about), ", "), c.aboutPython()) + ": tagged python: no counterpart in Go"
	}
	return ""
}

func (c *testCase) run(t *testing.T, shown []quirk) {
	mended := make(rules)
	for _, q := range shown {
		mended[q.id] = true
	}
	var r report
	switch c.Config.Via {
	case "json_formatter":
		c.runFormatter(&r, mended)
	case "setup_canonical":
		c.runCanonical(t, &r)
	case "object":
		c.runObject(t, &r)
	case "direct", "factory", "process":
		synctest.Test(t, func(t *testing.T) { c.runLogger(t, &r, mended) })
	default:
		t.Fatalf("via %q: not known", c.Config.Via)
	}
	if len(r.problems) > 0 && c.unknown != nil {
		t.Logf("perhaps because of a member that is not known here: %v", c.unknown)
	}
	for _, p := range r.problems {
		t.Error(p)
	}
}

// runLogger runs a case in virtual time, against a server in memory.
func (c *testCase) runLogger(t *testing.T, r *report, mended rules) {
	want := c.recorded()
	if len(mended) > 0 {
		want = c.model(mended)
	}
	l := newFixture(t, c)
	stdout, stderr := redirect(t, &os.Stdout), redirect(t, &os.Stderr)
	core, err := l.core(t)
	if (err != nil) != want.fails {
		r.errorf("construction: error %v, want one: %t", err, want.fails)
		return
	}
	if err != nil {
		t.Logf("construction: %v", err)
		return
	}
	for _, call := range c.calls() {
		l.prepare(t, call.Before)
		l.do(core, call)
		synctest.Wait() // the original sent in the caller's thread
	}

	g := got{report: r, stdout: lines(stdout()), refused: l.refused, batches: l.batches()}
	open := mended.certainty() > exact
	g.unseen = open && c.acceptsUnseen()
	l.compareFates(r)
	if !open {
		if reflect.DeepEqual(want.flushes, c.recorded().flushes) {
			l.compareStored(r)
		}
		l.comparePending(r, len(want.left))
	}
	// What is still in the buffer shows when it is sent.
	before := len(l.fallback.String()) + len(stderr())
	l.srv.Heal()
	_ = core.Sync()
	synctest.Wait()
	all := l.batches()
	g.fallback = l.fallback.String() + stderr()
	if open {
		g.batches, before = all, len(g.fallback)
	}
	g.left = texts(slices.Concat(all[len(g.batches):]...))
	last := got{fallback: g.fallback[before:]}
	for _, text := range g.left {
		last.drop(text) // rejected
	}
	g.left = append(g.left, last.others()...)
	g.fallback = g.fallback[:before]
	if want.stderr != nil {
		g.stderr, g.fallback = lines(g.fallback), ""
	}
	g.compare(want, open)
	l.compareFates(r)
}

// runCanonical checks of setupCanonicalLogLevels what there is: that its lines
// can be had from #standard-logger, with the level in front.
func (c *testCase) runCanonical(t *testing.T, r *report) {
	stderr := redirect(t, &os.Stderr)
	var cfg zapcw.Config
	err := cfg.Decode(map[string]any{"class": "#standard-logger", "level": c.Config.Level.decoded()})
	refused := settings{level: c.Config.Level}.check(rules{"24a": true, "24b": true, "44b": true})
	if (err != nil) != (refused != nil) {
		r.errorf("level %s: error %v, want one: %t", c.Config.Level.raw, err, refused != nil)
	}
	if err != nil {
		return
	}
	threshold, _ := levelOf(c.Config.Level, rules{})
	log, err := cfg.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, call := range c.Calls {
		msg, _ := call.message(settings{class: valueOf(`"#standard-logger"`)})
		level := numeric(methodLevels[call.Method])
		log.Core().Check(zapcore.Entry{Level: level.zap(), Message: msg}, nil).Write()
		if level.passes(threshold) {
			want = append(want, "["+level.name()+"] "+msg)
		}
	}
	r.equal("stderr", lines(stderr()), want)
}

// runObject checks of getClassCode that no logger is the null logger.
func (c *testCase) runObject(t *testing.T, r *report) {
	if c.Config.Object != "none" {
		return
	}
	log, err := zapcw.Config{}.Build(t.Context(), nil)
	if err != nil || log.Core().Enabled(zapcore.FatalLevel) {
		r.errorf("the zero Config is not silent: %v", err)
	}
}

// TestGoldenModel checks the model that stands in for the record where quirks
// are mended: without any rules it is the original.
func TestGoldenModel(t *testing.T) {
	for _, c := range readCases(t, filepath.Join("testdata", "golden.json")) {
		if c.Config.Via != "direct" && c.Config.Via != "factory" || c.tagged("python") {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			got, want := c.model(rules{}), c.recorded()
			if got.fails != want.fails {
				t.Fatalf("construction fails: %v, recorded %v", got.fails, want.fails)
			}
			if got.fails {
				return
			}
			var r report
			r.equal("stdout", got.stdout, want.stdout)
			r.equal("stderr", got.stderr, want.stderr)
			r.equal("flushes", got.flushes, want.flushes)
			r.equal("left", got.left, want.left)
			for _, p := range r.problems {
				t.Error(p)
			}
		})
	}
}

// TestNumbersOfPythons reads a file that Python's json wrote.
func TestNumbersOfPythons(t *testing.T) {
	const in = `{"a": NaN, "b": [-Infinity, Infinity, -1], "c": "NaN \" -Infinity", "d": null}`
	const want = `{"a": {"py": "float", "value": "NaN"}, "b": [{"py": "float", "value": "-Infinity"}, {"py": "float", "value": "Infinity"}, -1], "c": "NaN \" -Infinity", "d": null}`
	if got := string(standard([]byte(in))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func byNumber(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) }
