package zapcw_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// openSink opens a URL as zap does.
func openSink(tb testing.TB, text string) (*zapcw.Syncer, error) {
	tb.Helper()
	u, err := url.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	sink, err := zapcw.OpenSink(u)
	if err != nil {
		if sink != nil {
			tb.Errorf("%s: a sink and an error", text)
		}
		return nil, err
	}
	return sink.(*zapcw.Syncer), nil
}

// knobs are the fields of a Syncer that are set, but for its Client.
func knobs(s *zapcw.Syncer) map[string]any {
	m := map[string]any{}
	v := reflect.ValueOf(s).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if value := v.FieldByIndex(f.Index); f.IsExported() && f.Name != "Client" && !value.IsZero() {
			m[f.Name] = value.Interface()
		}
	}
	return m
}

func TestOpenSink(t *testing.T) {
	for _, tt := range []struct {
		url  string
		want map[string]any // of the fields but Group and Stream
	}{
		{"cloudwatch://?group=/acme/prod&stream=orders", map[string]any{}},
		{"cloudwatch:?group=/acme/prod&stream=orders", map[string]any{}},
		{"logs://?stream=orders&group=%2Facme%2Fprod", map[string]any{}},
		{"cloudwatch://?group=/acme/prod&stream=orders&max_age=5s&timeout=1m30s",
			map[string]any{"MaxAge": 5 * time.Second, "Timeout": 90 * time.Second}},
		{"cloudwatch://?group=/acme/prod&stream=orders&max_events=100&max_pending=1048576&max_event_bytes=262144&concurrency=2",
			map[string]any{"MaxEvents": 100, "MaxPending": 1 << 20, "MaxEventBytes": 1 << 18, "Concurrency": 2}},
		{"cloudwatch://?group=/acme/prod&stream=orders&when_full=block&retention=30",
			map[string]any{"WhenFull": zapcw.Block, "Retention": int32(30)}},
		{"cloudwatch://?group=/acme/prod&stream=orders&max_pending=64MiB&max_event_bytes=256KiB",
			map[string]any{"MaxPending": 64 << 20, "MaxEventBytes": 256 << 10}},
		{"cloudwatch://?group=/acme/prod&stream=orders&service=checkout&environment=prod",
			map[string]any{"Entity": &zapcw.Entity{Service: "checkout", Environment: "prod"}}},
		{"cloudwatch://?group=/acme/prod&stream=orders&when_full=spill", map[string]any{}},
		{"cloudwatch://?group=/acme/prod&stream=orders&compress=true", map[string]any{"Compress": true}},
		{"cloudwatch://?group=/acme/prod&stream=orders&compress=false", map[string]any{}},
		{"cloudwatch://?group=/acme/prod&stream=orders&max_age=0s&max_events=0&retention=0", map[string]any{}},
		{"cloudwatch://?group=/acme/prod&stream=orders&region=eu-central-1&profile=acme&endpoint=http://127.0.0.1:4586", map[string]any{}},
		{"cloudwatch://?group=/acme/prod&stream=orders&endpoint=https%3A%2F%2Flogs.acme.example%2Fv1", map[string]any{}},
		{"cloudwatch://?group=/acme/prod&stream=a+b%2Bc%23d%26e[$LATEST]%25",
			map[string]any{"Stream": "a b+c#d&e[$LATEST]%"}},
		{"cloudwatch://?group=/acme/prod&stream=größe", map[string]any{"Stream": "größe"}},
	} {
		s, err := openSink(t, tt.url)
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		want := map[string]any{"Group": "/acme/prod", "Stream": "orders"}
		for k, v := range tt.want {
			want[k] = v
		}
		if got := knobs(s); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", tt.url, got, want)
		}
	}
}

func TestOpenSinkErrors(t *testing.T) {
	const (
		known   = "known are compress, concurrency, endpoint, environment, group, max_age, max_event_bytes, max_events, max_pending, max_spool, profile, region, retention, service, spool, stream, timeout, when_full"
		example = "cloudwatch://?group=/acme/prod&stream=orders"
		alone   = ": want parameters alone, like " + example
		ok      = "cloudwatch://?group=g&stream=s&"
	)
	for _, tt := range []struct{ url, want string }{
		{"cloudwatch://", `no parameter "group": want one, like ` + example + "; " + known},
		{"cloudwatch://?stream=s", `no parameter "group": want one, like ` + example + "; " + known},
		{"cloudwatch://?group=g", `no parameter "stream": want one, like ` + example + "; " + known},
		{ok + "format=%23json", `format: a sink gets lines that are encoded already: want it in a Config, or in the encoder of the zap.Config`},
		{ok + "echo=true", `echo: a sink has no echo: want stdout beside it, as another of the outputPaths`},
		{ok + "hold=64KiB", `hold: a sink gets lines without levels, so it cannot tell what to hold back: want Hold around NewCore, or hold in a Config`},
		{"cloudwatch://acme/prod/orders", `host "acme"` + alone},
		{"cloudwatch://127.0.0.1:80?group=g&stream=s", `host "127.0.0.1:80"` + alone},
		{"cloudwatch://stdout", `host "stdout": want cloudwatch:stdout for that, or parameters alone, like ` + example},
		{"cloudwatch:stdout?group=g", `stdout: it has no parameters: want cloudwatch:stdout alone`},
		{"cloudwatch:///acme/prod?stream=s", `path "/acme/prod"` + alone},
		{"cloudwatch:orders", `path "orders"` + alone},
		{"cloudwatch://me:secret@?group=g&stream=s", `user "me"` + alone},
		{"cloudwatch://:secret@?group=g&stream=s", `user ""` + alone},
		{"cloudwatch://?group=g&stream=a#b", `fragment "b": want %23 for a # in a parameter`},
		{ok + "strem=x", `unknown parameter "strem": ` + known},
		{ok + "Group=g", `unknown parameter "Group": ` + known},
		{ok + "fallback=stdout", `unknown parameter "fallback": ` + known},
		{ok + "=x", `unknown parameter "": ` + known},
		{ok + "stream=t", `stream: given 2 times: want it once`},
		{"cloudwatch://?group=&stream=s", `group: empty: want a name`},
		{ok + "region=", `region: empty: want a value, or no such parameter for the default`},
		{ok + "max_age", `max_age: empty: want a value, or no such parameter for the default`},
		{ok + "max_age=5", `max_age: want a duration like 5s, not "5"`},
		{ok + "timeout=soon", `timeout: want a duration like 5s, not "soon"`},
		{ok + "max_events=many", `max_events: want a whole number, not "many"`},
		{ok + "max_pending=1MB", `max_pending: want a number of bytes, or a size like 64KiB or 1MiB, not "1MB"`},
		{ok + "max_pending=1e6", `max_pending: want a number of bytes, or a size like 64KiB or 1MiB, not "1e6"`},
		{ok + "max_event_bytes=2MiB", `max_event_bytes: want 1MiB at most, not "2MiB"`},
		{ok + "concurrency=99999999999999999999", `concurrency: want ` + strconv.Itoa(math.MaxInt) + ` at most, not "99999999999999999999"`},
		{ok + "retention=4294967297", `retention: want 2147483647 at most, not "4294967297"`},
		{ok + "compress=1", `compress: want true or false, not "1"`},
		{ok + "compress=True", `compress: want true or false, not "True"`},
		{ok + "compress=", "compress: empty: want a value, or no such parameter for the default"},
		{ok + "when_full=drop", `when_full: want spill or block, not "drop"`},
		{ok + "endpoint=127.0.0.1", `endpoint: want a URL like http://127.0.0.1:4586, not "127.0.0.1"`},
		{ok + "endpoint=localhost:4586", `endpoint: want a URL like http://127.0.0.1:4586, not "localhost:4586"`},
		{ok + "endpoint=http://", `endpoint: want a URL like http://127.0.0.1:4586, not "http://"`},
		{ok + "endpoint=http://[", `endpoint: want a URL like http://127.0.0.1:4586, not "http://["`},
		{ok + "a=%zz", `parameters "group=g&stream=s&a=%zz": invalid URL escape "%zz": want %25 for a % and %3B for a ;`},
		{ok + "a;b", `parameters "group=g&stream=s&a;b": invalid semicolon separator in query: want %25 for a % and %3B for a ;`},
		// The bounds are those of the Syncer.
		{ok + "max_age=-5s", `syncer for g/s: MaxAge is -5s: want 0 or more, 0 for 1m0s`},
		{ok + "max_events=-1", `syncer for g/s: MaxEvents is -1: want 0 or more, 0 for 20`},
		{ok + "max_event_bytes=5", `syncer for g/s: MaxEventBytes is 5: want 30 to 1048576, or 0 for the latter`},
		{ok + "service=checkout", `syncer for g/s: Environment of Entity has 0 characters: want 1 to 512`},
		{ok + "retention=2", `syncer for g/s: Retention is 2 days: the service allows 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653`},
		{"cloudwatch://?group=a:b&stream=s", `syncer: Group "a:b": want only letters, digits and . - _ / #`},
		{"cloudwatch://?group=g&stream=a:b", `syncer for group "g": Stream "a:b": want UTF-8 without : and *`},
		{"cloudwatch://?group=g&stream=%ff", `syncer for group "g": Stream "\xff": want UTF-8 without : and *`},
	} {
		if _, err := openSink(t, tt.url); err == nil || err.Error() != tt.want {
			t.Errorf("%s\n got %v\nwant %s", tt.url, err, tt.want)
		}
	}
}

// TestOpenSinkHasEveryField: what can be set in Go can be set in a URL, unless it
// has no text.
func TestOpenSinkHasEveryField(t *testing.T) {
	without := map[string]string{
		"Client":   "it is code; region, profile and endpoint say which one is made",
		"Entity":   "service and environment are parameters of their own",
		"Fallback": "a writer; the standard error is where a process reports, and a file would have to outlive Close",
		"NewGroup": "it is code",
	}
	values := map[string]string{"group": "g", "stream": "s", "retention": "30", "when_full": "block", "compress": "true"}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[zapcw.Syncer]()) {
		if !f.IsExported() {
			continue
		}
		name := snake(f.Name)
		query := url.Values{"group": {"g"}, "stream": {"s"}}
		switch value := values[name]; {
		case value != "":
			query.Set(name, value)
		case f.Type == reflect.TypeFor[time.Duration]():
			query.Set(name, "77s")
		default:
			query.Set(name, "77")
		}
		s, err := openSink(t, "cloudwatch://?"+query.Encode())
		if without[f.Name] != "" {
			if err == nil || !strings.HasPrefix(err.Error(), "unknown parameter") {
				t.Errorf("%s has a parameter: %v; it should have none: %s", f.Name, err, without[f.Name])
			}
			delete(without, f.Name)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
		} else if reflect.ValueOf(s).Elem().FieldByIndex(f.Index).IsZero() {
			t.Errorf("%s: %s does not set it", f.Name, query.Encode())
		}
	}
	for name := range without {
		t.Errorf("there is no field %s", name)
	}
}

// snake turns MaxAge into max_age.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// serverURL is a sink's URL for a server on loopback.
func serverURL(srv *cwltest.Server, more string) string {
	return "cloudwatch://?group=/g&stream=s&region=us-east-1&endpoint=" + url.QueryEscape(srv.URL()) + more
}

// TestOpenSinkReadsNothing: the environment and the files may be as they like
// when the sink is opened; they matter when there is something to send.
func TestOpenSinkReadsNothing(t *testing.T) {
	testkit.AWSEnv(t)
	srv := cwltest.NewServer(t)
	config := filepath.Join(t.TempDir(), "config")
	t.Setenv("AWS_CONFIG_FILE", config)
	s, err := openSink(t, serverURL(srv, "&profile=acme"))
	if err != nil {
		t.Fatal(err)
	}
	spilled := new(testkit.Buffer)
	s.Fallback = spilled
	for _, line := range []string{"one\n", "two\n"} {
		if _, err := s.Write([]byte(line)); err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	flushed := make(chan error)
	go func() { flushed <- s.Flush(ctx) }()
	for s.Stats().LastError == nil {
		runtime.Gosched()
	}
	cancel()
	if err := <-flushed; err == nil {
		t.Error("there is no profile, and Flush has no error")
	}
	if err := s.Stats().LastError; !strings.Contains(err.Error(), "AWS configuration: ") {
		t.Errorf("last error %v, want that of the SDK", err)
	}
	events, _ := spilled.Lines()
	testkit.WantEvents(t, events, "one", "two")

	text := "[profile acme]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("three\n")); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	got := srv.Messages("/g", "s")
	if len(got) != 2 || !strings.HasPrefix(got[0], "zapcw: 2 events went to the writer's fallback") || got[1] != "three" {
		t.Errorf("got %q, want the gap and three", got)
	}
}

// TestOpenSinkClient: what the URL says of the client comes before what the
// environment says, and that before nothing.
func TestOpenSinkClient(t *testing.T) {
	srv := cwltest.NewServer(t)
	config := filepath.Join(t.TempDir(), "config")
	text := "[profile acme]\nregion = eu-west-1\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, query, endpoint string
		env                   map[string]string
		region, key           string
	}{
		{"parameters", "&region=eu-central-1", srv.URL(), nil, "eu-central-1", "AKIDEXAMPLE"},
		{"environment", "", "", map[string]string{"AWS_REGION": "us-west-2", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": srv.URL()}, "us-west-2", "AKIDEXAMPLE"},
		{"both", "&region=eu-central-1", srv.URL(), map[string]string{
			"AWS_REGION": "us-west-2", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "http://127.0.0.1:1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
		}, "eu-central-1", "AKIDEXAMPLE"},
		{"profile", "&profile=acme", srv.URL(), map[string]string{"AWS_PROFILE": "another"}, "eu-west-1", "AKIDPROFILE"},
		{"profile, and a region", "&profile=acme&region=eu-central-1", srv.URL(), nil, "eu-central-1", "AKIDPROFILE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.AWSEnv(t)
			t.Setenv("AWS_CONFIG_FILE", config)
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			query := "cloudwatch://?group=/g&stream=s" + tt.query
			if tt.endpoint != "" {
				query += "&endpoint=" + url.QueryEscape(tt.endpoint)
			}
			s, err := openSink(t, query)
			if err != nil {
				t.Fatal(err)
			}
			s.Fallback = new(testkit.Buffer)
			if _, err := s.Write([]byte(tt.name)); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			requests := srv.Stats().Requests
			if len(requests) == 0 {
				t.Fatal("no request")
			}
			last := requests[len(requests)-1]
			if last.Op != "PutLogEvents" || last.Region != tt.region || last.AccessKey != tt.key || last.Stored != 1 {
				t.Errorf("got %s in %s with %s, want a put in %s with %s", last.Op, last.Region, last.AccessKey, tt.region, tt.key)
			}
		})
	}
}

// TestOpenSinkHandsOptionsOn: it is the Syncer that tries again, not the SDK.
func TestOpenSinkHandsOptionsOn(t *testing.T) {
	testkit.AWSEnv(t)
	srv := cwltest.NewServer(t)
	srv.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 1, Code: "ThrottlingException"})
	s, err := openSink(t, serverURL(srv, "&retention=30"))
	if err != nil {
		t.Fatal(err)
	}
	s.Fallback = new(testkit.Buffer)
	if _, err := s.Write([]byte("m")); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	calls := srv.Stats().Calls
	if n := s.Stats().Attempts; n != 3 || calls["PutLogEvents"] != 3 {
		t.Errorf("%d attempts and %d puts, want 3: throttled, without a stream, and good", n, calls["PutLogEvents"])
	}
	if calls["CreateLogStream"] == 0 || calls["CreateLogGroup"] != 1 || calls["PutRetentionPolicy"] != 1 {
		t.Errorf("calls are %v, want the stream, the group and its retention made", calls)
	}
}

// register tells zap once of what its configurations may name.
var register = sync.OnceValue(func() error {
	return errors.Join(
		zap.RegisterSink("cloudwatch-test", zapcw.OpenSink),
		zap.RegisterEncoder("cloudwatch-test", func(cfg zapcore.EncoderConfig) (zapcore.Encoder, error) {
			return zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, cfg), nil
		}),
		zap.RegisterEncoder("cloudwatch-json-test", func(cfg zapcore.EncoderConfig) (zapcore.Encoder, error) {
			return zapcw.NewJSONEncoder(cfg), nil
		}),
	)
})

func TestOpenSinkByConfig(t *testing.T) {
	testkit.AWSEnv(t)
	if err := register(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ encoding, encoder, want string }{
		{"cloudwatch-test", `{}`, "INFO: checkout: : placed\t{\"app\": \"acme\", \"items\": 3, \"took\": 1500000000}"},
		{"cloudwatch-json-test", `{"messageKey": "msg", "levelKey": "level", "levelEncoder": "capital", "durationEncoder": "ms"}`,
			`{"level":"INFO","msg":"placed","app":"acme","items":3,"took":1500}`},
		{"json", `{"messageKey": "msg"}`, `{"msg":"placed","app":"acme","items":3,"took":1500000000}`},
		{"console", `{"messageKey": "msg", "levelKey": "level", "levelEncoder": "color"}`,
			"\x1b[34minfo\x1b[0m\tplaced\t{\"app\": \"acme\", \"items\": 3, \"took\": 1500000000}"},
	} {
		t.Run(tt.encoding, func(t *testing.T) {
			srv := cwltest.NewServer(t)
			file := filepath.Join(t.TempDir(), "log")
			text, err := json.Marshal(map[string]any{
				"level":            "info",
				"encoding":         tt.encoding,
				"encoderConfig":    json.RawMessage(tt.encoder),
				"initialFields":    map[string]string{"app": "acme"},
				"disableCaller":    true,
				"outputPaths":      []string{strings.Replace(serverURL(srv, "&max_age=5s"), "cloudwatch", "cloudwatch-test", 1), file},
				"errorOutputPaths": []string{"stderr"},
			})
			if err != nil {
				t.Fatal(err)
			}
			var cfg zap.Config
			if err := json.Unmarshal(text, &cfg); err != nil {
				t.Fatal(err)
			}
			log, err := cfg.Build()
			if err != nil {
				t.Fatal(err)
			}
			log.Info("placed", zap.Int("items", 3), zap.Duration("took", 1500*time.Millisecond))
			log.Debug("not at this level")
			if err := log.Sync(); err != nil {
				t.Error(err)
			}
			testkit.WantEvents(t, srv.Messages("/g", "s"), tt.want)
			if lines, err := os.ReadFile(file); err != nil || string(lines) != tt.want+"\n" {
				t.Errorf("the file has %q, %v", lines, err)
			}
		})
	}
}

// TestSinkByZap checks what the documentation says of lines that come through
// zap's own core, as with OpenSink.
func TestSinkByZap(t *testing.T) {
	byZap := func(s *zapcw.Syncer, w ...zapcore.WriteSyncer) *zap.Logger {
		return zap.New(zapcore.NewCore(testkit.Plain(), zap.CombineWriteSyncers(append(w, s)...), zap.InfoLevel), zap.WithClock(testkit.Yesterday{}))
	}
	t.Run("time is that of the write", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
			log := byZap(s)
			log.Info("m")
			_ = log.Sync()
			if got := srv.Events("/g", "s"); len(got) != 1 || !got[0].Time().Equal(time.Now()) {
				t.Errorf("got %v, want one of now", got)
			}
		})
	})
	t.Run("flush is ignored", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
			byZap(s).With(zapcw.Flush()).Info("m", zapcw.Flush())
			synctest.Wait()
			testkit.WantEvents(t, srv.Messages("/g", "s"))
		})
	})
	t.Run("above error settles, without the error", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
			said := new(testkit.Buffer)
			log := byZap(s).WithOptions(zap.ErrorOutput(said))
			log.Error("e")
			testkit.WantEvents(t, srv.Messages("/g", "s"))
			log.DPanic("d")
			testkit.WantEvents(t, srv.Messages("/g", "s"), "e", "d")
			srv.Fail(cwltest.Deny("logs:PutLogEvents"))
			log.DPanic("denied")
			if said.Len() > 0 {
				t.Errorf("zap said %q", said)
			}
			events, _ := s.Fallback.(*testkit.Buffer).Lines()
			testkit.WantEvents(t, events, "denied")
		})
	})
	t.Run("no memory is kept for errors", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
			s.MaxPending, s.MaxEvents = 8<<10, 1<<20
			srv.Fail(cwltest.Fault{Op: "PutLogEvents", After: time.Second}) // no put makes room meanwhile
			log := byZap(s)
			for s.Stats().Spilled == 0 {
				log.Info(strings.Repeat("i", 100))
			}
			log.Error(strings.Repeat("e", 100))
			if got := s.Stats().Spilled; got != 2 {
				t.Errorf("%d events spilled, want the error to be the second", got)
			}
		})
	})
	t.Run("one output's error is not the other's", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
			away := errors.New("away")
			log := byZap(s, faulty{away}).WithOptions(zap.ErrorOutput(new(testkit.Buffer)))
			log.Info("m")
			if err := log.Sync(); !errors.Is(err, away) {
				t.Errorf("sync: %v, want %v", err, away)
			}
			testkit.WantEvents(t, srv.Messages("/g", "s"), "m")
		})
	})
}

// faulty takes everything and has an error for it.
type faulty struct{ err error }

func (f faulty) Write(p []byte) (int, error) { return len(p), f.err }

func (f faulty) Sync() error { return f.err }

// TestSinkByZapLocks: zap's lock is held while Sync waits, and logging calls wait
// for it. With a Core they do not.
func TestSinkByZapLocks(t *testing.T) {
	for _, tt := range []struct {
		name  string
		core  func(*zapcw.Syncer) zapcore.Core
		waits bool
	}{
		{"a sink", func(s *zapcw.Syncer) zapcore.Core {
			return zapcore.NewCore(testkit.Plain(), zap.CombineWriteSyncers(s), zap.InfoLevel)
		}, true},
		{"a core", func(s *zapcw.Syncer) zapcore.Core { return zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			putting, answer := make(chan struct{}), make(chan struct{})
			client := &testkit.FakeClient{Answer: func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
				putting <- struct{}{}
				<-answer
				return new(cloudwatchlogs.PutLogEventsOutput), nil
			}}
			log := zap.New(tt.core(&zapcw.Syncer{Client: client, Group: "/g", Stream: "s", Fallback: new(testkit.Buffer)}))
			log.Info("one")
			synced, logged := make(chan error, 1), make(chan struct{})
			go func() { synced <- log.Sync() }()
			<-putting
			go func() {
				log.Info("two")
				close(logged)
			}()
			waited := false
			for done := false; !done && !waited; runtime.Gosched() {
				select {
				case <-logged:
					done = true
				default:
					waited = waitsForLock("zapcore.(*lockedWriteSyncer).Write")
				}
			}
			if waited != tt.waits {
				t.Errorf("the logging call waits: %t, want %t", waited, tt.waits)
			}
			answer <- struct{}{}
			if err := <-synced; err != nil {
				t.Error(err)
			}
			<-logged
			go func() { <-putting; answer <- struct{}{} }()
			if err := log.Sync(); err != nil {
				t.Error(err)
			}
		})
	}
}

// waitsForLock reports whether a goroutine waits for a mutex in a function.
func waitsForLock(function string) bool {
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "(*Mutex).lockSlow(") && strings.Contains(stack, function) {
			return true
		}
	}
	return false
}
