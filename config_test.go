package zapcw

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// form tells a Prefix by what it writes.
func form(p Prefix) string {
	if p == nil {
		return "unset"
	}
	buf := buffer.NewPool().Get()
	p(buf, "f", zapcore.Entry{Level: zap.WarnLevel, Caller: zapcore.EntryCaller{Defined: true, Function: "p.c"}})
	return buf.String()
}

const (
	standard = "WARNING: f: c: "
	short    = "WARNING: f: "
	simple   = "f: "
	mini     = "WARNING: f: " // of a warning it is that of short
)

// plainConfig is a Config that can be compared.
type plainConfig struct{ class, level, group, stream, function, format string }

func plainOf(c Config) plainConfig {
	d := c.CloudWatch
	return plainConfig{c.Class, c.Level, d.Group, d.Stream, d.Function, form(d.Format)}
}

func TestConfigShapes(t *testing.T) {
	for _, tt := range []struct {
		text string
		want plainConfig
	}{
		{`null`, plainConfig{format: "unset"}},
		{`"cloud-watch"`, plainConfig{class: "cloud-watch", format: "unset"}},
		{`"#print"`, plainConfig{class: "#print", format: "unset"}},
		{`""`, plainConfig{format: "unset"}},
		{`{}`, plainConfig{format: mini}},
		{`{"class": null}`, plainConfig{format: mini}},
		{`{"logging": null}`, plainConfig{format: mini}},
		{`{"logging": {}}`, plainConfig{format: mini}},
		{`{"logging": {"level": "debug"}}`, plainConfig{level: "debug", format: mini}},
		{`{"class": "#null"}`, plainConfig{class: "#null", format: mini}},
		{`{"class": "cloud-watch", "cloud-watch": null, "level": null}`, plainConfig{class: "cloud-watch", format: mini}},
		{
			`{"class": "cloud-watch", "level": "Debug", "cloud-watch": {"group": "g", "stream": "s", "function": "f", "format": "#standard"}}`,
			plainConfig{"cloud-watch", "Debug", "g", "s", "f", standard},
		},
		{
			`{"logging": {"class": "cloud-watch", "level": 40, "cloud-watch": {"group": "g", "stream": "s", "format": "<{func}>"}}}`,
			plainConfig{"cloud-watch", "error", "g", "s", "", "<f>"},
		},
		{`{"logging": {"class": "#null"}, "class": "#print", "level": "nonsense", "cloud-watch": 5}`, plainConfig{class: "#null", format: mini}},
		{`{"logging": null, "class": "#print"}`, plainConfig{class: "#print", format: mini}},
		{
			`{"class": {"class": "cloud-watch", "level": "error", "cloud-watch": {"stream": "inner"}}, "level": "debug", "cloud-watch": {"group": "g", "stream": "outer"}}`,
			plainConfig{"cloud-watch", "error", "g", "inner", "", mini},
		},
		{
			`{"class": {"logging": {"class": "#print"}}, "level": "debug"}`,
			plainConfig{class: "#print", level: "debug", format: mini},
		},
	} {
		var fromJSON, fromYAML, fromMap Config
		if err := json.Unmarshal([]byte(tt.text), &fromJSON); err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		yaml := func(v any) error { return json.Unmarshal([]byte(tt.text), v) }
		var v any
		if err := errors.Join(fromYAML.UnmarshalYAML(yaml), yaml(&v), fromMap.Decode(v)); err != nil {
			t.Errorf("%s: %v", tt.text, err)
		}
		for how, c := range map[string]Config{"JSON": fromJSON, "YAML": fromYAML, "map": fromMap} {
			if got := plainOf(c); got != tt.want {
				t.Errorf("%s from %s\n got %+v\nwant %+v", tt.text, how, got, tt.want)
			}
		}
	}
}

// knownKeys are those below "cloud-watch".
const knownKeys = "caller, compress, concurrency, echo, endpoint, environment, format, function, group, hold, max_age, max_event_bytes, max_events, max_pending, max_spool, profile, region, retention, service, spool, stacks, stream, timeout, when_full"

// TestConfigPrecedence: text over fields over #mini, null is absent but for the
// group.
func TestConfigPrecedence(t *testing.T) {
	preset := Config{"cloud-watch", "error", Destination{Group: "g", Stream: "s", Function: "fn", Format: SimplePrefix}}
	all := plainConfig{"cloud-watch", "error", "g", "s", "fn", simple}
	edit := func(f func(*plainConfig)) plainConfig {
		c := all
		f(&c)
		return c
	}
	for text, want := range map[string]plainConfig{
		`null`:                             all,
		`{}`:                               all,
		`"#print"`:                         edit(func(c *plainConfig) { c.class = "#print" }),
		`{"class": null}`:                  all,
		`{"class": ""}`:                    edit(func(c *plainConfig) { c.class = "" }),
		`{"level": null}`:                  all,
		`{"level": ""}`:                    edit(func(c *plainConfig) { c.level = "" }),
		`{"level": "info"}`:                edit(func(c *plainConfig) { c.level = "info" }),
		`{"cloud-watch": {"group": null}}`: edit(func(c *plainConfig) { c.group = "" }),
		`{"cloud-watch": {"group": ""}}`:   edit(func(c *plainConfig) { c.group = "" }),
		`{"cloud-watch": {"format": null, "stream": null, "function": null}}`: all,
		`{"cloud-watch": {"format": "#short"}}`:                               edit(func(c *plainConfig) { c.format = short }),
		`{"cloud-watch": {"format": ""}}`:                                     edit(func(c *plainConfig) { c.format = "" }),
		`{"cloud-watch": {"function": "", "stream": "other"}}`: edit(func(c *plainConfig) {
			c.function, c.stream = "", "other"
		}),
	} {
		c := preset
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := plainOf(c); got != want {
			t.Errorf("%s\n got %+v\nwant %+v", text, got, want)
		}
	}
}

func TestConfigNumbers(t *testing.T) {
	for n, want := range map[any]string{
		-1: "notset", 0: "notset", 9: "notset", 9.5: "notset", 10: "debug", 10.0: "debug", 11: "info", 20: "info",
		21: "warning", 25: "warning", int64(30): "warning", 31: "error", uint64(40): "error", 41: "critical", 50: "critical",
	} {
		var c Config
		if err := c.Decode(map[string]any{"class": "#print", "level": n}); err != nil || c.Level != want {
			t.Errorf("%v: %q, error %v, want %q", n, c.Level, err, want)
		}
		if _, err := ParseLevel(c.Level); err != nil {
			t.Errorf("%v: %v", n, err)
		}
	}
}

func TestConfigMaps(t *testing.T) {
	type name string
	inner := map[any]any{"group": "g", "stream": "s", "format": Prefix(SimplePrefix)} // as yaml.v2 has it
	for _, v := range []any{
		map[any]any{"class": "cloud-watch", "cloud-watch": inner},
		map[name]any{"class": "cloud-watch", "cloud-watch": inner},
		map[string]map[any]any{"logging": {"class": "cloud-watch", "cloud-watch": inner}},
	} {
		var c Config
		if err := c.Decode(v); err != nil {
			t.Errorf("%v: %v", v, err)
		} else if got, want := plainOf(c), (plainConfig{"cloud-watch", "", "g", "s", "", simple}); got != want {
			t.Errorf("%v\n got %+v\nwant %+v", v, got, want)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	loop := map[string]any{}
	loop["class"] = loop
	for _, tt := range []struct {
		v    any
		want string
	}{
		{5.0, `want a class or a map, not 5`},
		{[]any{"cloud-watch"}, `want a class or a map, not []interface {}{"cloud-watch"}`},
		{"CLOUD-WATCH", `class "CLOUD-WATCH": unknown: known are #null, #print, #standard-logger, cloud-watch`},
		{decoded(`{"class": "file"}`), `class "file": unknown: known are #null, #print, #standard-logger, cloud-watch`},
		{decoded(`{"logging": {"class": 5}}`), `logging.class: want a class or a map, not 5`},
		{decoded(`{"logging": "cloud-watch"}`), `logging: want a map, not "cloud-watch"`},
		{decoded(`{"level": "debug"}`), `neither "class" nor "logging": want one of them`},
		{decoded(`{"x": 1}`), `unknown key "x": known are class, cloud-watch, level, logging`},
		{decoded(`{"logging": {}, "zebra": 1, "other": 1}`), `unknown key "other": known are class, cloud-watch, level, logging`},
		{decoded(`{"logging": {"logging": {}}}`), `logging: unknown key "logging": known are class, cloud-watch, level`},
		{decoded(`{"logging": {"cloud-watch": {"grup": "g"}}}`), `logging.cloud-watch: unknown key "grup": known are ` + knownKeys},
		{decoded(`{"class": null, "cloud-watch": {"level": 10}}`), `cloud-watch: unknown key "level": known are ` + knownKeys},
		{map[any]any{true: 1}, `unknown key "true": known are class, cloud-watch, level, logging`},
		{decoded(`{"class": null, "cloud-watch": "g"}`), `cloud-watch: want a map, not "g"`},
		{decoded(`{"class": null, "cloud-watch": {"stream": 5}}`), `cloud-watch.stream: want a string, not 5`},
		{decoded(`{"class": null, "cloud-watch": {"format": 5}}`), `cloud-watch.format: want a label, a template or a Prefix, not 5`},
		{decoded(`{"class": null, "cloud-watch": {"format": "#micro"}}`), `cloud-watch.format: prefix "#micro": unknown label: known are #json #mini #short #simple #standard`},
		{decoded(`{"class": null, "cloud-watch": {"format": "#JSON"}}`), `cloud-watch.format: prefix "#JSON": unknown label: known are #json #mini #short #simple #standard`},
		{decoded(`{"class": null, "cloud-watch": {"format": "json"}}`), `cloud-watch.format: prefix "json": a label without its #: want #json`},
		{decoded(`{"class": null, "cloud-watch": {"format": "Standard"}}`), `cloud-watch.format: prefix "Standard": a label without its #: want #standard`},
		{decoded(`{"class": null, "cloud-watch": {"format": "short"}}`), `cloud-watch.format: prefix "short": a label without its #: want #short`},
		{decoded(`{"class": null, "cloud-watch": {"format": "simple"}}`), `cloud-watch.format: prefix "simple": a label without its #: want #simple`},
		{decoded(`{"class": null, "cloud-watch": {"format": "mini"}}`), `cloud-watch.format: prefix "mini": a label without its #: want #mini`},
		{decoded(`{"class": null, "cloud-watch": {"format": "{who}"}}`), `cloud-watch.format: prefix "{who}": unknown placeholder {who} at byte 0: known are {caller} {file} {func} {level} {line} {logger}`},
		{decoded(`{"logging": {"level": "loud"}}`), `logging: level "loud": unknown: known are critical debug dpanic error fatal info notset panic trace warn warning`},
		{decoded(`{"class": null, "level": true}`), `level: want a name or a number, not true`},
		{map[string]any{"class": nil, "level": zap.InfoLevel}, `level: want a name or a number, not 0`},
		{decoded(`{"class": null, "level": 51}`), `level 51: the highest is 50: to log nothing use class "#null"`},
		{map[string]any{"class": nil, "level": math.NaN()}, `level NaN: the highest is 50: to log nothing use class "#null"`},
		{loop, strings.Repeat("class.", 7) + `class: classes within classes: want 8 at most`},
	} {
		c := Config{"#print", "error", Destination{Group: "g", Stream: "s", Function: "fn", Format: SimplePrefix}}
		if _, isMap := tt.v.(map[string]any); isMap && strings.HasPrefix(tt.want, "neither") {
			c.Class = ""
		}
		before := plainOf(c)
		if err := c.Decode(tt.v); err == nil || err.Error() != tt.want {
			t.Errorf("%.200v\n got %v\nwant %s", tt.v, err, tt.want)
		}
		if after := plainOf(c); after != before {
			t.Errorf("%.200v: the error left %+v", tt.v, after)
		}
	}
	var c Config
	if err := json.Unmarshal([]byte(`{"class": }`), &c); err == nil {
		t.Error("no error for bad JSON")
	}
	bad := errors.New("bad YAML")
	if err := c.UnmarshalYAML(func(any) error { return bad }); err != bad {
		t.Errorf("YAML: %v, want %v", err, bad)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func decoded(text string) (v any) {
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic(err)
	}
	return v
}

func TestConfigBuildErrors(t *testing.T) {
	for _, tt := range []struct {
		c    Config
		want string
	}{
		{Config{Class: "syslog"}, `class "syslog": unknown: known are #null, #print, #standard-logger, cloud-watch`},
		{Config{Level: "10"}, `level "10": unknown: known are critical debug dpanic error fatal info notset panic trace warn warning`},
		{Config{CloudWatch: Destination{Group: "g", Stream: "s"}}, `no class for group "g", stream "s": want "cloud-watch" to log there, "#null" to log nothing`},
		{Config{CloudWatch: Destination{Stream: "s"}}, `no class for group "", stream "s": want "cloud-watch" to log there, "#null" to log nothing`},
		{Config{Class: "cloud-watch", CloudWatch: Destination{Group: "g"}}, `no stream for group "g": want the name of a log stream`},
	} {
		if log, err := tt.c.Build(t.Context(), noClient{}); err == nil || err.Error() != tt.want || log != nil {
			t.Errorf("%+v\n got %v\nwant %s", plainOf(tt.c), err, tt.want)
		}
	}
}

// TestConfigHasEveryField: what can be set in Go can be said in a text, and comes to
// the Syncer.
func TestConfigHasEveryField(t *testing.T) {
	yes, no := true, false
	values := map[string]struct{ v, want any }{
		"group": {"g", "g"}, "stream": {"s", "s"}, "function": {"f", "f"}, "format": {"#json", true},
		"hold": {"64KiB", &Hold{MaxBytes: 64 << 10}}, "echo": {true, &yes}, "caller": {false, &no}, "stacks": {true, true},
		"max_events": {7.0, 7}, "max_age": {"5s", 5 * time.Second}, "max_pending": {"64MiB", 64 << 20}, "when_full": {"block", Block},
		"spool": {"/var/spool/orders", "/var/spool/orders"}, "max_spool": {"2GiB", int64(2 << 30)},
		"max_event_bytes": {262144, 1 << 18}, "concurrency": {int64(2), 2}, "timeout": {"1m", time.Minute},
		"service": {"orders", "orders"}, "environment": {"prod", "prod"}, "compress": {"true", true}, "retention": {"30", int32(30)},
		"region": {"eu-west-1", "eu-west-1"}, "profile": {"acme", "acme"}, "endpoint": {"http://[::1]:1", "http://[::1]:1"},
	}
	fields := map[string]string{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Destination]()) {
		fields[strings.ToLower(f.Name)] = f.Name
	}
	fields["format"] = "JSON" // one key for both
	all := map[string]any{}
	for _, p := range new(Destination).parameters() {
		value, ok := values[p.Name]
		field := fields[strings.ReplaceAll(p.Name, "_", "")]
		if !ok || field == "" {
			t.Fatalf("no value or no field for %s", p.Name)
		}
		var c Config
		if err := c.Decode(map[string]any{"class": "cloud-watch", "cloud-watch": map[string]any{p.Name: value.v}}); err != nil {
			t.Error(err)
		} else if got := reflect.ValueOf(c.CloudWatch).FieldByName(field).Interface(); !reflect.DeepEqual(got, value.want) {
			t.Errorf("%s: %s is %v, want %v", p.Name, field, got, value.want)
		}
		all[p.Name] = value.v
		delete(fields, strings.ReplaceAll(p.Name, "_", ""))
	}
	delete(fields, "json") // format
	for _, field := range fields {
		t.Errorf("no text sets %s", field)
	}

	for _, key := range []string{"echo", "function", "hold"} {
		delete(all, key) // for log to have the bare Core
	}
	c := Config{Class: "cloud-watch"}
	if err := c.Decode(map[string]any{"class": "cloud-watch", "cloud-watch": all}); err != nil {
		t.Fatal(err)
	}
	log, err := c.Build(t.Context(), noClient{})
	if err != nil {
		t.Fatal(err)
	}
	out := reflect.ValueOf(log.Core().(*Core).out).Elem()
	for _, f := range reflect.VisibleFields(out.Type()) {
		if inGo := slices.Contains([]string{"Fallback", "NewGroup"}, f.Name); f.IsExported() && out.FieldByIndex(f.Index).IsZero() != inGo {
			t.Errorf("the Syncer has %s = %v", f.Name, out.FieldByIndex(f.Index))
		}
	}
}

// TestConfigValues has values of the wrong type or out of bounds, and odd ones that
// are right.
func TestConfigValues(t *testing.T) {
	for _, tt := range []struct {
		key  string
		v    any
		want string
	}{
		{"region", 5, `region: want a string, not 5`},
		{"region", "", ""},
		{"endpoint", "", ""},
		{"endpoint", 5, `endpoint: want a URL like http://127.0.0.1:4586, not 5`},
		{"endpoint", "localhost", `endpoint: want a URL like http://127.0.0.1:4586, not "localhost"`},
		{"max_events", 1.5, `max_events: want a whole number, not 1.5`},
		{"max_events", true, `max_events: want a whole number, not true`},
		{"max_events", math.NaN(), `max_events: want a whole number, not NaN`},
		{"max_events", uint64(7), ""},
		{"retention", 1e10, `retention: want 2147483647 at most, not 1e+10`},
		{"retention", "30", ""},
		{"max_age", 5, `max_age: want a duration like 5s, not 5`},
		{"max_age", "", `max_age: want a duration like 5s, not ""`},
		{"max_pending", math.Ldexp(1, 63), `max_pending: want ` + strconv.Itoa(math.MaxInt) + ` at most, not 9.223372036854776e+18`},
		{"compress", "yes", `compress: want true or false, not "yes"`},
		{"compress", 1, `compress: want true or false, not 1`},
		{"compress", []any{}, `compress: want true or false, not []interface {}{}`},
		{"echo", "on", `echo: want true or false, not "on"`},
		{"when_full", "drop", `when_full: want spill or block, not "drop"`},
		{"when_full", nil, ""},
		{"format", "json: ", ""},
		{"format", "mini {level}", ""},
		{"format", " short", ""},
	} {
		var c Config
		err := c.Decode(map[string]any{"class": "cloud-watch", "cloud-watch": map[string]any{tt.key: tt.v}})
		if text := strings.TrimPrefix(errText(err), "cloud-watch."); text != tt.want {
			t.Errorf("%s %#v: got %s, want %s", tt.key, tt.v, text, tt.want)
		}
	}
}

// noClient is a Client that is not to be called.
type noClient struct{ Client }

// printed is what f writes to standard output and error.
func printed(t *testing.T, f func()) (stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	var texts [2]string
	for i, std := range []**os.File{&os.Stdout, &os.Stderr} {
		file, err := os.Create(filepath.Join(dir, string(rune('0'+i))))
		if err != nil {
			t.Fatal(err)
		}
		old := *std
		*std = file
		defer func() {
			*std = old
			_ = file.Close()
		}()
	}
	f()
	for i := range texts {
		text, err := os.ReadFile(filepath.Join(dir, string(rune('0'+i))))
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	return texts[0], texts[1]
}

func TestConfigBuildConsoles(t *testing.T) {
	to := Destination{Function: "fn", Format: StandardPrefix}
	grouped := Destination{Group: "g", Stream: "s", Function: "fn", Format: StandardPrefix}
	for _, tt := range []struct {
		c              Config
		stdout, stderr string
	}{
		{Config{}, "", ""},
		{Config{Level: "debug", CloudWatch: to}, "", ""},
		{Config{Class: "#null", CloudWatch: grouped}, "", ""},
		{Config{Class: "#print", CloudWatch: grouped}, "info\nwarn\t{\"k\": 1}\n", ""},
		{Config{Class: "#print", Level: "WARNING"}, "warn\t{\"k\": 1}\n", ""},
		{Config{Class: "cloud-watch", CloudWatch: to}, "info\nwarn\t{\"k\": 1}\n", ""},
		{Config{Class: "cloud-watch", Level: "debug", CloudWatch: to}, "debug\ninfo\nwarn\t{\"k\": 1}\n", ""},
		{Config{Class: "#standard-logger", CloudWatch: grouped}, "", "[INFO] info\n[WARNING] warn\t{\"k\": 1}\n"},
		{Config{Class: "#standard-logger", Level: "notset"}, "", "[DEBUG] debug\n[INFO] info\n[WARNING] warn\t{\"k\": 1}\n"},
	} {
		stdout, stderr := printed(t, func() {
			log, err := tt.c.Build(t.Context(), noClient{})
			if err != nil {
				t.Errorf("%+v: %v", plainOf(tt.c), err)
				return
			}
			log.Debug("debug")
			log.Info("info", Flush())
			log.Warn("warn", zap.Int("k", 1))
			if err := log.Sync(); err != nil {
				t.Errorf("%+v: sync: %v", plainOf(tt.c), err)
			}
		})
		if stdout != tt.stdout || stderr != tt.stderr {
			t.Errorf("%+v\n got %q, %q\nwant %q, %q", plainOf(tt.c), stdout, stderr, tt.stdout, tt.stderr)
		}
	}
}

// collector is a Client that keeps what is put.
type collector struct {
	Client
	puts []string
}

func (c *collector) PutLogEvents(_ context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	for _, e := range in.LogEvents {
		c.puts = append(c.puts, *in.LogGroupName+" "+*in.LogStreamName+" "+*e.Message)
	}
	return new(cloudwatchlogs.PutLogEventsOutput), nil
}

func TestConfigBuildCloudWatch(t *testing.T) {
	to := Destination{Group: "g", Stream: "s", Function: "fn"}
	with := func(p Prefix) Destination {
		to := to
		to.Format = p
		return to
	}
	for _, tt := range []struct {
		c          Config
		opts       []zap.Option
		want, echo string
	}{
		{Config{Class: "cloud-watch", CloudWatch: to}, nil,
			"g s INFO: fn: TestConfigBuildCloudWatch: i", ""}, // a closure goes by the function around it
		{Config{Class: "cloud-watch", CloudWatch: to}, []zap.Option{zap.WithCaller(false)},
			"g s INFO: fn: : i", ""},
		{Config{Class: "cloud-watch", CloudWatch: with(ShortPrefix)}, nil, "g s INFO: fn: i", ""},
		{Config{Class: "cloud-watch", Level: "debug", CloudWatch: with(SimplePrefix)}, nil,
			"g s fn: d, g s fn: i", "fn: d\nfn: i\n"},
		{Config{Class: "cloud-watch", Level: "notset", CloudWatch: with(MiniPrefix)}, nil,
			"g s fn: d, g s fn: i", ""},
		{Config{Class: "cloud-watch", Level: "error", CloudWatch: with(MiniPrefix)}, nil, "", ""},
	} {
		var client collector
		stdout, stderr := printed(t, func() {
			log, err := tt.c.Build(t.Context(), &client, tt.opts...)
			if err != nil {
				t.Error(err)
				return
			}
			log.Debug("d")
			log.Info("i")
			if err := log.Sync(); err != nil {
				t.Error(err)
			}
		})
		if got := strings.Join(client.puts, ", "); got != tt.want || stdout != tt.echo || stderr != "" {
			t.Errorf("%+v\n got %q, %q, %q\nwant %q, %q", plainOf(tt.c), got, stdout, stderr, tt.want, tt.echo)
		}
	}
}

// TestConfigBuildFindsCallersIfNeeded: what finds the caller costs as much as
// the rest of a call.
func TestConfigBuildFindsCallersIfNeeded(t *testing.T) {
	template, err := ParsePrefix("{level} ")
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range []struct {
		format Prefix
		want   bool
	}{
		{nil, true}, {StandardPrefix, true}, {template, true}, {PrefixFunc(func(zapcore.Level, string, string, string) string { return "" }), true},
		{ShortPrefix, false}, {SimplePrefix, false}, {MiniPrefix, false},
	} {
		var got bool
		hook := zap.Hooks(func(ent zapcore.Entry) error {
			got = ent.Caller.Defined
			return nil
		})
		c := Config{Class: "cloud-watch", CloudWatch: Destination{Group: "g", Stream: "s", Format: tt.format}}
		log, err := c.Build(t.Context(), new(collector), hook)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("m")
		if got != tt.want {
			t.Errorf("%d: caller %v, want %v", i, got, tt.want)
		}
		if err := log.Sync(); err != nil {
			t.Error(err)
		}
	}
}

// TestConfigBuildReadsNothing: only a nil client makes Build look around.
func TestConfigBuildReadsNothing(t *testing.T) {
	t.Setenv("AWS_PROFILE", "there is no such profile")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	c := Config{Class: "cloud-watch", CloudWatch: Destination{Group: "g", Stream: "s"}}
	if _, err := c.Build(t.Context(), noClient{}); err != nil {
		t.Errorf("with a client: %v", err)
	}
	if _, err := c.Build(t.Context(), nil); err == nil || !strings.HasPrefix(err.Error(), "AWS configuration: ") {
		t.Errorf("without a client: %v, want that of the SDK", err)
	}
	c.CloudWatch.Group = ""
	if _, err := c.Build(t.Context(), nil); err != nil {
		t.Errorf("without a group no client is needed: %v", err)
	}
	t.Setenv("AWS_PROFILE", "")
	c.CloudWatch.Group = "g"
	if _, err := c.Build(t.Context(), nil); err != nil {
		t.Errorf("by the SDK's default chain: %v", err)
	}
}

func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		`"cloud-watch"`, `null`, `{}`, `{"logging": {"class": "#print", "level": 10}}`, `{"class": {"class": {"class": null}}}`,
		`{"class": "cloud-watch", "cloud-watch": {"group": null, "stream": "s", "format": "{level} {{}} "}}`,
		`{"logging": null, "class": "x"}`, `{"class": [1], "level": 1e999}`,
		`{"class": "cloud-watch", "cloud-watch": {"group": "g", "stream": "s", "format": "#json", "max_events": -1, "max_pending": "1MiB", "echo": true}}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var once Config
		err := json.Unmarshal([]byte(text), &once)
		if err != nil {
			if strings.Contains(err.Error(), "failed to") || plainOf(once) != plainOf(Config{}) {
				t.Errorf("%v: left %+v", err, plainOf(once))
			}
			return
		}
		twice := once
		if err := json.Unmarshal([]byte(text), &twice); err != nil {
			t.Errorf("the second time: %v", err)
		}
		if a, b := plainOf(once), plainOf(twice); a != b {
			t.Errorf("once %+v, twice %+v", a, b)
		}
		// A text without an error can only lack something, or be out of bounds.
		if _, err := once.Build(context.Background(), noClient{}); err != nil && !strings.HasPrefix(err.Error(), "no ") && !strings.HasPrefix(err.Error(), "syncer") {
			t.Errorf("%+v: %v", plainOf(once), err)
		}
	})
}
