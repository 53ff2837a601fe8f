package zapcw_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// A goldenCase is what the Python logger was seen to do, see the conventions in
// golden.json.
type goldenCase struct {
	Name   string
	Tags   []string
	Config struct {
		Via                     string
		Class                   any
		Group, Stream, Function *string
		Level                   json.RawMessage // missing is the default, null is None
		Format                  any
		Object                  string
	}
	Calls     []goldenCall
	Setup     []setupStep
	Faults    []goldenFault
	ClockBase float64 `json:"clock_base_s"`
	Endpoint  string
	UnsetEnv  []string `json:"unset_env"`
	Expect    struct {
		ConstructRaises *string `json:"construct_raises"`
		Stdout, Stderr  []string
		PutBatches      [][]goldenEvent `json:"put_batches"`
		PutResults      []string        `json:"put_results"`
		BufferLeft      []longText      `json:"buffer_left"`
		Stored          map[string][]longText
		Calls           []struct {
			Stdout   []string
			APICalls []string `json:"api_calls"`
			Raises   *string
		}
		Outputs []struct{ Output, Raises *string }
	}
	broken error // it cannot be read
}

type goldenCall struct {
	Method      string
	Msg         json.RawMessage
	Level       any
	Purge       *bool
	Caller      *string
	OuterCaller *string  `json:"outer_caller"`
	CallFunc    *string  `json:"call_func"`
	ExtraArgs   []any    `json:"extra_args"`
	AtMS        *float64 `json:"at_ms"`
	Before      []setupStep
	Created     *float64
	Args        []any
	Exc         []string
}

// A setupStep is one of "group", "stream", "seed", "delete_stream" and
// "delete_group" with its arguments.
type setupStep map[string]json.RawMessage

type goldenFault struct {
	Op            string
	Skip          int
	Times         *int
	Code, Message string
	Status        int
	Extra         map[string]any
	Body          json.RawMessage
	Drop          bool
	Merge         struct {
		Rejected *types.RejectedLogEventsInfo `json:"rejectedLogEventsInfo"`
	}
}

type goldenEvent struct {
	Message longText
	T       int64 // milliseconds after the start of the case
}

// longText is a string, or {"$repeat": ["x", 307200]}.
type longText string

func (l *longText) UnmarshalJSON(text []byte) error {
	var long struct {
		Repeat []json.RawMessage `json:"$repeat"`
	}
	if json.Unmarshal(text, &long) != nil || len(long.Repeat) != 2 {
		return json.Unmarshal(text, (*string)(l))
	}
	var part string
	var n int
	err := errors.Join(json.Unmarshal(long.Repeat[0], &part), json.Unmarshal(long.Repeat[1], &n))
	*l = longText(strings.Repeat(part, n))
	return err
}

func (c *goldenCase) tagged(tag string) bool { return slices.Contains(c.Tags, tag) }

// TestGolden runs zapcw through everything that was recorded of the Python
// logger. Where section 13 of the specification mends a quirk, the table quirks
// says so, and what is expected then is the model's with the rules of all
// quirks that the case shows; else it is what was recorded, and nothing else.
func TestGolden(t *testing.T) {
	cases := readGolden(t, cmp.Or(os.Getenv("ZAPCW_GOLDEN"), filepath.Join("testdata", "golden.json")))
	var matched, explained, failed, skipped int
	byQuirk := make(map[string]int)
	for i := range cases {
		c := &cases[i]
		var shown []quirk
		ok := t.Run(c.Name, func(t *testing.T) {
			if c.tagged("python") {
				t.Skip("tagged python: no counterpart in Go")
			}
			if c.broken != nil {
				t.Fatal(c.broken)
			}
			shown = c.quirks()
			for _, q := range shown {
				t.Logf("%s: %s", q, q.instead)
			}
			switch c.Config.Via {
			case "json_formatter":
				c.runJSON(t, shown)
			case "setup_canonical":
				c.runCanonical(t)
			case "object":
				c.runObject(t)
			default:
				synctest.Test(t, func(t *testing.T) { c.runLogger(t, shown) })
			}
		})
		switch {
		case !ok:
			failed++
		case c.tagged("python"):
			skipped++
			t.Logf("skipped: %s: tagged python", c.Name)
		case len(shown) == 0:
			matched++
		default:
			explained++
			for _, q := range shown {
				byQuirk[q.String()]++
			}
		}
	}
	t.Logf("%d cases: %d as recorded, %d as the table of quirks wants, %d failed, %d skipped since they are tagged python",
		len(cases), matched, explained, failed, skipped)
	for _, q := range slices.SortedFunc(maps.Keys(byQuirk), byNumber) {
		t.Logf("%5s explains %d", q, byQuirk[q])
	}
}

// TestGoldenModel checks the model that stands in for the record where quirks
// are mended: without any rules it is the original.
func TestGoldenModel(t *testing.T) {
	for _, c := range readGolden(t, filepath.Join("testdata", "golden.json")) {
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
			equal(t, "stdout", got.stdout, want.stdout)
			equal(t, "stderr", got.stderr, want.stderr)
			equal(t, "flushes", got.flushes, want.flushes)
			equal(t, "left", got.left, want.left)
		})
	}
}

func readGolden(t *testing.T, name string) []goldenCase {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []json.RawMessage }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	cases := make([]goldenCase, len(file.Cases))
	for i, text := range file.Cases {
		c := &cases[i]
		// What Python takes for an argument may not fit into the types here.
		c.broken = json.Unmarshal(text, c)
	}
	return cases
}

func byNumber(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%+q", got), fmt.Sprintf("%+q", want); g != w {
		t.Errorf("%s\n got %.3000s\nwant %.3000s", what, g, w)
	}
}

// A got is what was seen.
type got struct {
	stdout, stderr []string
	fallback       string
	batches        [][]event
	left           []string
	refused        int
}

// runLogger runs a case in virtual time, against a server in memory.
func (c *goldenCase) runLogger(t *testing.T, shown []quirk) {
	r := make(rules)
	for _, q := range shown {
		r[q.id] = true
	}
	want := c.recorded()
	if len(shown) > 0 {
		want = c.model(r)
	}
	l := &lab{c: c, srv: cwltest.NewServer(t), start: time.Now()}
	l.base = l.start.Add(time.Duration(c.ClockBase * float64(time.Second)))
	l.admin = l.srv.Client(func(o *cloudwatchlogs.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(adminKey, "secret", "")
	})
	l.prepare(t, c.Setup)
	l.fail()
	stdout, stderr := redirect(t, &os.Stdout), redirect(t, &os.Stderr)

	core, err := l.core(t)
	if (err != nil) != want.fails {
		t.Fatalf("construction: error %v, want one: %v", err, want.fails)
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

	g := got{stdout: lines(stdout()), refused: l.refused, batches: l.batches()}
	if reflect.DeepEqual(want.flushes, c.recorded().flushes) && !r.open() {
		for name, texts := range c.Expect.Stored {
			group, stream, _ := strings.Cut(name, " / ")
			there := slices.DeleteFunc(l.srv.Messages(group, stream), func(msg string) bool { return strings.HasPrefix(msg, own) })
			equal(t, "stored in "+name, there, texts)
		}
	}
	if l.out != nil {
		st := l.out.Stats()
		if st.Accepted != st.Delivered+st.Rejected+st.Spilled+st.Pending {
			t.Errorf("fates do not add up: %+v", st)
		}
		if int(st.Pending) != len(want.left) && !r.open() {
			t.Errorf("%d pending, want %d", st.Pending, len(want.left))
		}
	}
	// What is still in the buffer shows when it is sent.
	before := len(l.fallback.String()) + len(stderr())
	l.srv.Heal()
	_ = core.Sync()
	synctest.Wait()
	all := l.batches()
	g.fallback = l.fallback.String() + stderr()
	if r.open() {
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
	g.compare(t, want, r.open())
}

const (
	adminKey = "AKIAADMIN"
	own      = "zapcw: " // begins what zapcw says itself
)

// A lab is a server, a logger and their clocks.
type lab struct {
	c           *goldenCase
	srv         *cwltest.Server
	admin       *cloudwatchlogs.Client
	start, base time.Time // by the server's clock, and by the logger's
	now         time.Duration
	out         *zapcw.Syncer // nil if a Config made it
	fallback    bytes.Buffer
	refused     int
}

// prepare changes things on the server.
func (l *lab) prepare(t *testing.T, steps []setupStep) {
	t.Helper()
	for _, s := range steps {
		for what, arg := range s {
			var group, stream string
			var msgs []string
			if what == "group" || what == "delete_group" {
				_ = json.Unmarshal(arg, &group)
			} else if err := json.Unmarshal(arg, &[]any{&group, &stream, &msgs}); err != nil {
				t.Fatalf("%s %s: %v", what, arg, err)
			}
			switch what {
			case "group":
				_, err := l.admin.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group})
				if err != nil {
					t.Fatal(err)
				}
			case "stream":
				l.srv.CreateStream(group, stream)
			case "delete_stream":
				l.srv.DeleteStream(group, stream)
			case "delete_group":
				l.srv.DeleteGroup(group)
			case "seed":
				var in []types.InputLogEvent
				for _, msg := range msgs {
					in = append(in, types.InputLogEvent{Message: &msg, Timestamp: aws.Int64(l.base.Add(-time.Second).UnixMilli())})
				}
				l.srv.CreateStream(group, stream)
				_, err := l.admin.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
					LogGroupName: &group, LogStreamName: &stream, LogEvents: in,
				})
				if err != nil {
					t.Fatal(err)
				}
			default:
				t.Fatalf("setup %q is not known", what)
			}
		}
	}
}

// fail puts the faults in force.
func (l *lab) fail() {
	for _, f := range l.c.Faults {
		fault := cwltest.Fault{
			Op: f.Op, Skip: f.Skip, Times: f.times(),
			Code: f.Code, Message: f.Message, Status: f.Status, Extra: f.Extra,
			Reject: f.Merge.Rejected, Keep: f.Merge.Rejected != nil,
			Match: func(r *cwltest.Request) bool { return r.AccessKey != adminKey },
		}
		if f.Body != nil {
			fault.Status, fault.Body = cmp.Or(f.Status, http.StatusOK), string(f.Body)
		}
		if f.Drop {
			fault.Break = cwltest.ResetAfterBody
		}
		if f.Skip > 0 && f.Op == "PutLogEvents" && !l.c.streamExists() {
			fault.Skip++ // Q1: the put that finds that there is no stream
		}
		l.srv.Fail(fault)
	}
}

// client is the one that the case has, possibly without credentials or a way to
// the server.
func (l *lab) client() *cloudwatchlogs.Client {
	return l.srv.Client(func(o *cloudwatchlogs.Options) {
		if l.c.Endpoint != "" {
			o.HTTPClient = &http.Client{Transport: refused{}}
		}
		if len(l.c.UnsetEnv) > 0 {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, errors.New("no credentials in the environment")
			})
		}
	})
}

type refused struct{}

func (refused) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}
}

// core builds what the case is about.
func (l *lab) core(t *testing.T) (zapcore.Core, error) {
	c := l.c
	format, err := goFormat(c.Config.Format)
	if err != nil {
		return nil, err
	}
	to := zapcw.Destination{Group: deref(c.Config.Group), Stream: deref(c.Config.Stream), Function: deref(c.Config.Function), Format: format}
	if c.Config.Via != "factory" && to.Group != "" {
		return l.plain(to)
	}
	cfg := zapcw.Config{Class: "cloud-watch"}
	if err := cfg.Decode(map[string]any{"class": "#null", "level": c.level()}); err != nil {
		return nil, err
	}
	cfg = zapcw.Config{Class: "cloud-watch", Level: cfg.Level, CloudWatch: to}
	if c.Config.Via == "factory" {
		class, err := goMap(c.Config.Class)
		if err != nil {
			return nil, err
		}
		cfg.Class = ""
		if err := cfg.Decode(class); err != nil {
			return nil, err
		}
	}
	log, err := cfg.Build(t.Context(), l.client())
	if err != nil {
		return nil, err
	}
	return log.Core(), nil
}

// plain is the logger without a Config.
func (l *lab) plain(to zapcw.Destination) (zapcore.Core, error) {
	enab, err := enabler(l.c.level())
	if err != nil {
		return nil, err
	}
	if to.Format == nil {
		to.Format = zapcw.StandardPrefix
	}
	l.out = &zapcw.Syncer{Client: l.client(), Group: to.Group, Stream: to.Stream, Fallback: zapcore.AddSync(&l.fallback)}
	enc := zapcw.NewPrefixEncoder(to.Function, to.Format, zapcw.NewEncoderConfig())
	return zapcw.Tee(
		zapcw.NewCore(enc, l.out, enab),
		zapcore.NewCore(enc.Clone(), zapcw.Stdout(), zapcore.Level(math.MinInt8)),
	), nil
}

// enabler gives the threshold, a number as it is.
func enabler(level any) (zapcore.LevelEnabler, error) {
	if n, ok := level.(float64); ok {
		return threshold(n), nil
	}
	text, _ := level.(string)
	return zapcw.ParseLevel(text)
}

// A threshold is a level of Python's.
type threshold float64

func (n threshold) Enabled(l zapcore.Level) bool { return number(l) >= float64(n) }

func (n threshold) Level() zapcore.Level {
	if n < 10 {
		return zapcore.DebugLevel - 1
	}
	return zapcore.Level(min(math.Ceil(float64(n)/10)-2, float64(zapcore.InvalidLevel)))
}

// goFormat is the Prefix of a format.
func goFormat(format any) (zapcw.Prefix, error) {
	if name, ok := callableName(format); ok {
		return zapcw.PrefixFunc(func(l zapcore.Level, function, caller, msg string) string {
			return callable(name, number(l), function, caller, msg)
		}), nil
	}
	if text, ok := format.(string); ok {
		return zapcw.PrefixOf(text)
	}
	return nil, nil
}

// goMap puts a Prefix where the dictionary has a callable.
func goMap(v any) (any, error) {
	if _, ok := callableName(v); ok {
		return goFormat(v)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return v, nil
	}
	out := make(map[string]any, len(m))
	for key, v := range m {
		var err error
		if out[key], err = goMap(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// do makes a call.
func (l *lab) do(core zapcore.Core, call goldenCall) {
	if call.AtMS != nil {
		l.now = time.Duration(*call.AtMS * float64(time.Millisecond))
		time.Sleep(time.Until(l.start.Add(l.now)))
		synctest.Wait()
	}
	switch call.Method {
	case "purge":
		_ = core.Sync()
		return
	case "release":
		_ = core.Sync()
		if l.out != nil {
			_ = l.out.Close()
		}
		return
	case "gc":
		return
	}
	var fields []zapcore.Field
	args := call.ExtraArgs
	level, ok := methodLevels[call.Method]
	at := zapLevel(level)
	if !ok {
		v := call.Level
		if call.Method == "put" && v == nil && len(args) > 0 {
			v, args = args[0], args[1:]
		}
		switch v := v.(type) {
		case float64:
			at = zapLevel(v)
		default:
			text, _ := v.(string)
			var err error
			if at, err = zapcw.ParseLevel(text); err != nil {
				l.refused++
				return
			}
		}
	}
	if call.Purge != nil && *call.Purge || call.Method == "exception" || call.Method != "critical" && len(args) > 0 && args[0] == true {
		fields = append(fields, zapcw.Flush())
	}
	msg, _ := pythonText(call.Msg)
	ent := zapcore.Entry{Level: at, Time: l.base.Add(l.now), Message: msg}
	if name := call.caller(rules{"13": true, "15": true, "16": true}); name != "" {
		ent.Caller = zapcore.EntryCaller{Defined: true, Function: "golden." + name}
	}
	core.Check(ent, nil).Write(fields...)
}

// batches are the puts that the server took, without what zapcw says in them.
func (l *lab) batches() (all [][]event) {
	for _, r := range l.srv.Stats().Requests {
		if r.Op != "PutLogEvents" || r.Code != "" || r.AccessKey == adminKey {
			continue
		}
		var b []event
		for i, e := range r.Events {
			if i > 0 || !strings.HasPrefix(e.Message, own) {
				b = append(b, event{e.Message, e.Timestamp - l.base.UnixMilli()})
			}
		}
		if b != nil {
			all = append(all, b)
		}
	}
	return all
}

// compare checks what was seen. With loose, what was sent together and what
// became of it is open, so long as all is there once, and in order.
func (g *got) compare(t *testing.T, w want, loose bool) {
	t.Helper()
	equal(t, "stdout", g.stdout, w.stdout)
	equal(t, "stderr", g.stderr, w.stderr)
	if g.refused != w.refused {
		t.Errorf("%d calls at a level without a name, want %d", g.refused, w.refused)
	}
	if loose {
		g.compareLoosely(t, w)
		return
	}
	batches := g.batches
	gone := slices.Clone(w.rejected)
	for _, f := range w.flushes {
		switch {
		case f.fate == lost:
			gone = append(gone, texts(f.events)...)
		case f.fate == accepted:
		case f.cut:
			whole, n := strings.Join(texts(f.events), ""), 0
			var parts string
			for ; n < len(batches) && len(parts) < len(whole); n++ {
				parts += strings.Join(texts(batches[n]), "")
			}
			equal(t, "text of a batch that is cut", parts, whole)
			batches = batches[n:]
		case len(batches) == 0:
			t.Errorf("batch is missing: %+q", f.events)
		default:
			equal(t, "batch", batches[0], f.events)
			batches = batches[1:]
		}
	}
	for _, b := range batches {
		t.Errorf("batch too much: %+q", b)
	}
	equal(t, "left in the buffer", g.left, w.left)
	if rest := g.without(t, gone); rest != "" {
		t.Errorf("in the fallback beside what is lost: %.300q", rest)
	}
}

// without takes texts out of the fallback, and gives what is left.
func (g *got) without(t *testing.T, gone []string) string {
	t.Helper()
	fallback := g.fallback
	for _, lost := range slices.Concat(mapped(gone, parts)...) {
		if !g.drop(lost) {
			t.Errorf("not in the fallback: %.300q\nfallback: %.3000s", lost, fallback)
		}
	}
	return strings.Join(g.others(), "\n")
}

// drop takes a text out of the fallback that stands there by itself.
func (g *got) drop(text string) bool {
	before, after, ok := strings.Cut("\n"+g.fallback, "\n"+text+"\n")
	if ok {
		g.fallback = strings.TrimPrefix(before+"\n"+after, "\n")
	}
	return ok
}

// others are the lines of the fallback that are not zapcw's own.
func (g *got) others() []string {
	return slices.DeleteFunc(lines(g.fallback), func(line string) bool { return line == "" || strings.HasPrefix(line, own) })
}

func (g *got) compareLoosely(t *testing.T, w want) {
	t.Helper()
	there := slices.Concat(g.batches...)
	slices.SortStableFunc(there, byTime) // as the service does
	var gone []string
	for _, f := range w.flushes {
		for _, e := range f.events {
			switch {
			case len(there) > 0 && there[0].text == e.text:
				there = there[1:]
			case f.fate == delivered:
				t.Errorf("not delivered, or not in order: %+q; then comes %+q", e, there)
			default:
				gone = append(gone, e.text)
			}
		}
	}
	for _, text := range w.left {
		if len(there) > 0 && there[0].text == text {
			there = there[1:]
		} else {
			gone = append(gone, text)
		}
	}
	if len(there) > 0 {
		t.Errorf("too much: %+q", there)
	}
	if rest := g.without(t, gone); rest != "" {
		t.Errorf("in the fallback beside what is lost: %.300q", rest)
	}
}

// parts are what is made of a text that is too long for one event.
func parts(text string) (all []string) {
	for len(text) > limit-overhead {
		n := limit - overhead
		for !utf8.RuneStart(text[n]) {
			n--
		}
		all = append(all, text[:n])
		text = text[n:]
	}
	return append(all, text)
}

func mapped[From, To any](all []From, f func(From) To) (out []To) {
	for _, v := range all {
		out = append(out, f(v))
	}
	return out
}

func texts(evs []event) (all []string) {
	for _, e := range evs {
		all = append(all, e.text)
	}
	return all
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// redirect puts a file in the place of a standard one, and gives its content
// when asked.
func redirect(t *testing.T, std **os.File) func() string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	old := *std
	*std = f
	t.Cleanup(func() {
		*std = old
		_ = f.Close()
	})
	return func() string {
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// runJSON compares JSON as values in order, and times as times.
func (c *goldenCase) runJSON(t *testing.T, shown []quirk) {
	enc := zapcw.NewJSONEncoder(zapcw.NewEncoderConfig())
	for i, call := range c.Calls {
		out := c.Expect.Outputs[i]
		text, ok := call.jsonText()
		if !ok {
			continue // Q37
		}
		level, _ := levelOf(call.Level, rules{})
		created := 1700000000.123
		if call.Created != nil {
			created = *call.Created
		}
		ent := zapcore.Entry{
			Level:      zapLevel(level),
			Time:       time.UnixMilli(int64(math.Round(created * 1000))),
			LoggerName: "app",
			Message:    text,
			Caller:     zapcore.EntryCaller{Defined: true, Function: "golden.handler", Line: 42},
		}
		var fields []zapcore.Field
		if len(call.Exc) == 2 {
			fields = append(fields, zap.Error(errors.New(call.Exc[1])))
		}
		buf, err := enc.EncodeEntry(ent, fields)
		if err != nil || out.Output == nil {
			t.Fatalf("call %d: error %v, recorded %s", i, err, deref(out.Raises))
		}
		got, want := members(buf.String()), members(*out.Output)
		buf.Free()

		stamp, err := time.Parse("2006-01-02 15:04:05,000", unquote(want[0][1]))
		if err != nil {
			t.Fatal(err)
		}
		want[0][1] = stamp.UTC().String()
		if stamp, err = time.Parse("2006-01-02T15:04:05.000Z0700", unquote(got[0][1])); err != nil {
			t.Fatal(err)
		}
		got[0][1] = stamp.UTC().String()
		for _, q := range shown {
			switch q.id {
			case "36":
				if !strings.HasPrefix(got[3][1], "{") && !strings.HasPrefix(got[3][1], "[") {
					want[3][1] = canonical(quote(text))
				}
			case "18":
				want[1][1] = strconv.Quote(call.jsonLevel(rules{"18": true}))
			}
		}
		if len(call.Exc) == 2 {
			if last := len(want) - 1; !strings.Contains(want[last][1], call.Exc[1]) {
				t.Errorf("call %d: recorded without the error's text: %s", i, want[last][1])
			} else {
				want[last][1] = strconv.Quote(call.Exc[1]) // without Python's traceback
			}
		}
		equal(t, fmt.Sprintf("call %d", i), got, want)
	}
}

// jsonText is the message with its arguments, a dictionary in JSON.
func (call goldenCall) jsonText() (string, bool) {
	text, ok := pythonText(call.Msg)
	var dict struct {
		Py    string
		Value json.RawMessage
	}
	if json.Unmarshal(call.Msg, &dict) == nil && dict.Py == "dict" {
		return string(dict.Value), true
	}
	if len(call.Args) == 0 {
		return text, ok
	}
	args := slices.Clone(call.Args)
	for i, arg := range args {
		if n, ok := arg.(float64); ok && n == math.Trunc(n) {
			args[i] = int(n)
		}
	}
	return fmt.Sprintf(strings.ReplaceAll(text, "%s", "%v"), args...), ok
}

// jsonLevel is the name of a level in JSON.
func (call goldenCall) jsonLevel(r rules) string {
	level, _ := levelOf(call.Level, r)
	switch {
	case levelNames[level] != "":
		return levelNames[level]
	case !r["18"]:
		return "Level " + levelName(level) // as Python has it
	case level < 10:
		return strconv.Itoa(int(zapLevel(level)))
	}
	return levelName(number(zapLevel(level)))
}

var notJSON = regexp.MustCompile(`([:\[,] ?)(?:-?Infinity|NaN)`)

// members are the keys and values of an object, in order.
func members(object string) (all [][2]string) {
	if !json.Valid([]byte(object)) {
		object = notJSON.ReplaceAllString(object, "${1}null") // Python's own
	}
	dec := json.NewDecoder(strings.NewReader(object))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return [][2]string{{"no object", object}, {}, {}, {}}
	}
	for dec.More() {
		key, _ := dec.Token()
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			value = json.RawMessage(quote(err.Error()))
		}
		all = append(all, [2]string{fmt.Sprint(key), canonical(string(value))})
	}
	if _, err := dec.Token(); err != nil || strings.TrimSpace(object[dec.InputOffset():]) != "" {
		all = append(all, [2]string{"no end", object})
	}
	return all
}

func quote(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

// canonical writes JSON in its order, and numbers by value.
func canonical(text string) string {
	return walk(json.NewDecoder(strings.NewReader(text)), func(v any) string {
		out, _ := json.Marshal(v)
		return string(out)
	})
}

func unquote(quoted string) (text string) {
	_ = json.Unmarshal([]byte(quoted), &text)
	return text
}

// runCanonical checks of setupCanonicalLogLevels what there is: that its lines
// can be had from #standard-logger, with the level in front.
func (c *goldenCase) runCanonical(t *testing.T) {
	stderr := redirect(t, &os.Stderr)
	var cfg zapcw.Config
	if err := cfg.Decode(map[string]any{"class": "#standard-logger", "level": c.level()}); err != nil {
		t.Fatal(err)
	}
	log, err := cfg.Build(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, call := range c.Calls {
		msg, _ := pythonText(call.Msg)
		level := methodLevels[call.Method]
		log.Core().Check(zapcore.Entry{Level: zapLevel(level), Message: msg}, nil).Write()
		if threshold, err := levelOf(c.level(), rules{}); err == nil && level >= threshold {
			want = append(want, "["+levelName(level)+"] "+msg)
		}
	}
	equal(t, "stderr", lines(stderr()), want)
}

// runObject checks of getClassCode that no logger is the null logger.
func (c *goldenCase) runObject(t *testing.T) {
	if c.Config.Object != "none" {
		return
	}
	log, err := zapcw.Config{}.Build(t.Context(), nil)
	if err != nil || log.Core().Enabled(zapcore.FatalLevel) {
		t.Errorf("the zero Config is not silent: %v", err)
	}
}
