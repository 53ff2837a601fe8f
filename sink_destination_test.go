package zapcw_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// stdoutPipe puts a pipe in the place of standard output; what was printed is there
// after the call of the function that it returns.
func stdoutPipe(t *testing.T) func() string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdout
	os.Stdout = w
	t.Cleanup(func() {
		os.Stdout = old
		_, _ = r.Close(), w.Close()
	})
	return func() string {
		os.Stdout = old
		_ = w.Close()
		text, err := io.ReadAll(r)
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
}

// build makes a logger from the text of a configuration, with these keys below
// "cloud-watch".
func build(t *testing.T, client zapcw.Client, level, keys string) *zap.Logger {
	t.Helper()
	text := `{"class": "cloud-watch", "level": "` + level + `", "cloud-watch": {"group": "/g", "stream": "s", ` + keys + `}}`
	var cfg zapcw.Config
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		t.Fatal(err)
	}
	log, err := cfg.Build(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// TestDestinationLooks: format, function, caller and stacks say what an event looks
// like, echo whether it is printed.
func TestDestinationLooks(t *testing.T) {
	for _, tt := range []struct {
		level, keys string
		want        []string // what the events contain, in order
		without     string   // what no event contains
		echo        bool
	}{
		{"info", `"format": "#json"`,
			[]string{`"level":"INFO","location":"TestDestinationLooks:`, `"message":"i","k":1}`, `"level":"ERROR"`}, "goroutine", false},
		{"info", `"format": "#json", "function": "checkout"`,
			[]string{`"message":"i","function":"checkout","k":1}`, `"message":"e","function":"checkout"}`}, "exception", false},
		{"info", `"format": "#json", "caller": false`, []string{`"level":"INFO","message":"i"`}, "location", false},
		{"info", `"format": "#json", "stacks": true`, []string{`"k":1}`, `"exception":"`, `TestDestinationLooks`}, "null", false},
		{"info", `"format": "#short", "function": "f"`, []string{"INFO: f: i\t", "ERROR: f: e"}, "TestDestination", false},
		{"info", `"format": "#short", "stacks": true`, []string{"INFO: : i\t{\"k\": 1}", "ERROR: : e\n", "TestDestinationLooks"}, "function", false},
		{"info", `"format": "#standard", "caller": false`, []string{"INFO: : : i", "ERROR: : : e"}, "TestDestination", false},
		{"info", `"format": "#short", "echo": true`, []string{"INFO: : i"}, "null", true},
		{"info", `"format": "#json", "echo": true, "function": "f", "hold": "64KiB"`, []string{`"i","function":"f"`, `"d","function":"f"`}, "null", true},
		{"debug", `"format": "#short", "echo": false`, []string{"DEBUG: : d", "INFO: : i"}, "null", false},
		{"debug", `"format": "#short"`, []string{"DEBUG: : d", "INFO: : i"}, "null", true},
	} {
		t.Run(tt.level+" "+tt.keys, func(t *testing.T) {
			srv := cwltest.NewServer(t)
			printed := stdoutPipe(t)
			log := build(t, srv.Client(), tt.level, tt.keys)
			log.Debug("d")
			log.Info("i", zap.Int("k", 1))
			log.Error("e")
			if err := log.Sync(); err != nil {
				t.Errorf("sync: %v", err)
			}
			got, echo := strings.Join(srv.Messages("/g", "s"), "\n"), printed()
			rest := got
			if strings.Contains(tt.keys, "hold") { // it stands where it would have stood
				for _, w := range tt.want {
					if !strings.Contains(got, w) {
						t.Errorf("got %s, want it to contain %s", got, w)
					}
				}
			} else {
				for _, w := range tt.want {
					var ok bool
					if _, rest, ok = strings.Cut(rest, w); !ok {
						t.Errorf("got %s, want it to contain %s, after what is before that", got, w)
					}
				}
			}
			if strings.Contains(got, tt.without) {
				t.Errorf("got %s, want it without %s", got, tt.without)
			}
			if !tt.echo && echo != "" || tt.echo && !strings.Contains(echo, "k\":") || strings.Contains(echo, `"d"`) {
				t.Errorf("got %q on standard output, want an echo: %t", echo, tt.echo)
			}
		})
	}
}

// TestDestinationClient: region and endpoint are for the client that Build makes.
func TestDestinationClient(t *testing.T) {
	testkit.AWSEnv(t)
	srv := cwltest.NewServer(t)
	keys := `"region": "eu-central-1", "endpoint": "` + srv.URL() + `", "format": "#mini", "retention": 30`
	log := build(t, nil, "info", keys)
	log.Info("m")
	if err := log.Sync(); err != nil {
		t.Error(err)
	}
	requests := srv.Stats().Requests
	if len(requests) == 0 {
		t.Fatal("no request")
	}
	if last := requests[len(requests)-1]; last.Region != "eu-central-1" || last.Stored != 1 {
		t.Errorf("got %s in %s, want a put in eu-central-1", last.Op, last.Region)
	}
	if n := srv.Stats().Calls["PutRetentionPolicy"]; n != 1 {
		t.Errorf("%d times the retention was set, want once", n)
	}
	other := cwltest.NewServer(t)
	log = build(t, other.Client(), "info", keys)
	log.Info("to the other")
	if err := log.Sync(); err != nil {
		t.Error(err)
	}
	testkit.WantEvents(t, other.Messages("/g", "s"), "to the other")
}

// TestOpenSinkStdout: Sync has no error beside a pipe, of which zap's own stdout has
// one.
func TestOpenSinkStdout(t *testing.T) {
	testkit.AWSEnv(t)
	if err := register(); err != nil {
		t.Fatal(err)
	}
	srv := cwltest.NewServer(t)
	stream := strings.Replace(serverURL(srv, ""), "cloudwatch", "cloudwatch-test", 1)
	for _, tt := range []struct {
		path string
		errs bool
	}{{"cloudwatch-test:stdout", false}, {"stdout", true}} {
		t.Run(tt.path, func(t *testing.T) {
			printed := stdoutPipe(t)
			cfg := zap.NewProductionConfig()
			cfg.Encoding = "cloudwatch-test"
			cfg.OutputPaths = []string{stream, tt.path}
			log, err := cfg.Build()
			if err != nil {
				t.Fatal(err)
			}
			log.Info("m")
			if err := log.Sync(); (err != nil) != tt.errs {
				t.Errorf("Sync = %v, want an error: %t", err, tt.errs)
			}
			if text := printed(); !strings.HasSuffix(text, ": m\n") {
				t.Errorf("printed %q, want the entry", text)
			}
		})
	}
	if n := len(srv.Messages("/g", "s")); n != 2 {
		t.Errorf("%d events in the stream, want 2", n)
	}
	sink, err := zapcw.OpenSink(&url.URL{Scheme: "cloudwatch", Opaque: "stderr"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sink.Sync(), sink.Close()); err != nil {
		t.Errorf("stderr: %v", err)
	}
}

func TestOpenSinkErrorByConfig(t *testing.T) {
	if err := register(); err != nil {
		t.Fatal(err)
	}
	cfg := zap.NewProductionConfig()
	cfg.OutputPaths = []string{"cloudwatch-test://?group=/acme/prod&stream=orders&max_age=soon"}
	_, err := cfg.Build()
	want := `open sink "cloudwatch-test://?group=/acme/prod&stream=orders&max_age=soon": max_age: want a duration like 5s, not "soon"`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// FuzzOpenSink: a URL that is taken can be written anew from the fields, and
// means the same.
func FuzzOpenSink(f *testing.F) {
	for _, text := range []string{
		"cloudwatch://?group=/acme/prod&stream=orders&max_age=5s",
		"cloudwatch://?group=g&stream=s&max_events=1&max_pending=2&max_event_bytes=30&concurrency=4&timeout=1ns&retention=1&when_full=block&compress=true",
		"cloudwatch://?group=g&stream=s&region=r&profile=p&endpoint=http://[::1]:1",
		"cloudwatch://?group=g&stream=s&service=a&environment=b&max_pending=64MiB",
		"cloudwatch:stdout", "cloudwatch://stdout", "cloudwatch:stderr?a",
		"cloudwatch://u:p@h:1/p?q#f", "cloudwatch:opaque", "?group=%00&stream=%ff;", "//?a=1&a=2", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		sink, err := zapcw.OpenSink(u)
		if err != nil {
			if sink != nil || err.Error() == "" || strings.Contains(err.Error(), "failed to") {
				t.Errorf("%q: %v, %v", text, sink, err)
			}
			return
		}
		s, ok := sink.(*zapcw.Syncer)
		if !ok {
			if u.Opaque != "stdout" && u.Opaque != "stderr" {
				t.Errorf("%q: a %T", text, sink)
			}
			return
		}
		query := url.Values{
			"group": {s.Group}, "stream": {s.Stream}, "max_age": {s.MaxAge.String()}, "timeout": {s.Timeout.String()},
			"max_events": {strconv.Itoa(s.MaxEvents)}, "max_pending": {strconv.Itoa(s.MaxPending)},
			"max_event_bytes": {strconv.Itoa(s.MaxEventBytes)}, "concurrency": {strconv.Itoa(s.Concurrency)},
			"retention": {strconv.Itoa(int(s.Retention))}, "when_full": {[]string{"spill", "block"}[s.WhenFull]},
			"compress": {strconv.FormatBool(s.Compress)},
		}
		if e := s.Entity; e != nil {
			query.Set("service", e.Service)
			query.Set("environment", e.Environment)
		}
		again, err := openSink(t, "cloudwatch://?"+query.Encode())
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got, want := knobs(again), knobs(s); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	})
}
