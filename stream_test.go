package zapcw_test

import (
	"io"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// TestStreamNames is about what Check says of the names of streams.
func TestStreamNames(t *testing.T) {
	long := strings.Repeat("x", 502)
	for stream, want := range map[string]string{
		"orders": "", "{date}": "", "{host}/{date}": "", "{{orders}}": "", long + "{date}": "",
		"2026/01/02/[$LATEST]0123": "",
		"{":                        `syncer for group "/g": Stream "{": { at byte 0 is never closed: write {{ for a literal brace`,
		"orders}":                  `syncer for group "/g": Stream "orders}": } at byte 6 closes nothing: write }} for a literal brace`,
		"{nope}":                   `syncer for group "/g": Stream "{nope}": unknown placeholder {nope} at byte 0: known are {date} {host}`,
		"{function}":               `syncer for group "/g": Stream "{function}": unknown placeholder {function} at byte 0: known are {date} {host}`,
		"{date}:":                  `syncer for group "/g": Stream "{date}:": want UTF-8 without : and *`,
		"{date}{host}" + long:      `syncer for group "/g": Stream has 513 characters: want 1 to 512`,
	} {
		s := &zapcw.Syncer{Client: new(testkit.StuckClient), Group: "/g", Stream: stream}
		got := ""
		if err := s.Check(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Check of stream %.40q = %q, want %q", stream, got, want)
		}
	}
}

// TestStreamHost: the host name is that of this machine, and braces are braces.
func TestStreamHost(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	srv := cwltest.NewServer(t)
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: "{{{host}}}-{date}"}
	if _, err := io.WriteString(s, "hello"); err != nil {
		t.Fatal(err)
	}
	before := time.Now().UTC()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{before, time.Now().UTC()} { // it may be midnight
		if len(srv.Messages("/g", "{"+host+"}-"+at.Format(time.DateOnly))) == 1 {
			return
		}
	}
	t.Errorf("got no event in a stream of %s", host)
}

// TestStreamFunction is about {function} in texts.
func TestStreamFunction(t *testing.T) {
	const env = "AWS_LAMBDA_FUNCTION_NAME"
	for _, tt := range []struct {
		name, stream, function, env string
		want, err                   string
	}{
		{"of the environment", "{function}", "", "checkout", "checkout", ""},
		{"of the text", "{function}-x", "orders", "checkout", "orders-x", ""},
		{"with braces", "{function}", "{date}", "", "{date}", ""},
		{"missing", "{function}", "", "", "", `stream "{function}" for group "/g": no name for {function}: want function, or AWS_LAMBDA_FUNCTION_NAME in the environment`},
		{"unknown", "{nope}", "", "", "", `stream "{nope}" for group "/g": unknown placeholder {nope} at byte 0: known are {date} {host} {function}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(env, tt.env)
			srv := cwltest.NewServer(t)
			cfg := zapcw.Config{Class: "cloud-watch", CloudWatch: zapcw.Destination{Group: "/g", Stream: tt.stream, Function: tt.function}}
			log, err := cfg.Build(t.Context(), srv.Client())
			if err != nil || tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("Build = %v, want %s", err, tt.err)
				}
				return
			}
			log.Info("hello")
			if err := log.Sync(); err != nil {
				t.Error(err)
			}
			if got := srv.Messages("/g", tt.want); len(got) != 1 {
				t.Errorf("got %q in stream %s, want an event", got, tt.want)
			}
		})
	}
}

// TestStreamReplaced: a function's name that no stream can have is told, once.
func TestStreamReplaced(t *testing.T) {
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "check:out")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stderr
	os.Stderr = w
	_, err = zapcw.OpenSink(&url.URL{Scheme: "cloudwatch", RawQuery: "group=/g&stream={function}-{date}"})
	os.Stderr = old
	w.Close()
	if err != nil {
		t.Errorf("OpenSink = %v, want nil", err)
	}
	told, err := io.ReadAll(r)
	const want = "zapcw: stream /g/check-out-{date}: {function} is \"check:out\": no name of a stream holds that: it is \"check-out\" there: no events were lost\n"
	if string(told) != want || err != nil {
		t.Errorf("got %q (%v) on standard error, want %q", told, err, want)
	}
}
