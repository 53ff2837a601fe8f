package adapters_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v3"
)

const config = `
level: info
encoding: cloudwatch
encoderConfig:
  stacktraceKey: stack
  timeEncoder: iso8601
  durationEncoder: string
initialFields:
  app: acme
outputPaths:
  - cloudwatch://?group=/acme/prod&stream=orders&max_age=5s&max_events=100&region=us-east-1&endpoint=ENDPOINT
  - FILE
errorOutputPaths: [stderr]
`

// TestYAML has zap's configuration in a file name a stream among its outputs.
func TestYAML(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_PROFILE", "")
	_ = zap.RegisterSink("cloudwatch", zapcw.OpenSink)
	_ = zap.RegisterEncoder("cloudwatch", func(cfg zapcore.EncoderConfig) (zapcore.Encoder, error) {
		return zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, cfg), nil
	})
	srv := cwltest.NewServer(t)
	file := filepath.Join(t.TempDir(), "log")
	text := strings.NewReplacer("ENDPOINT", url.QueryEscape(srv.URL()), "FILE", file).Replace(config)

	var cfg zap.Config
	if err := yaml.Unmarshal([]byte(text), &cfg); err != nil {
		t.Fatal(err)
	}
	log, err := cfg.Build()
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("not at this level")
	log.Named("api").With(zap.Int("order", 7)).Warn("late", zap.Duration("by", 1500e6))
	cfg.Level.SetLevel(zap.ErrorLevel)
	log.Warn("not any more")
	if err := log.Sync(); err != nil {
		t.Error(err)
	}
	const want = "WARNING: checkout: TestYAML: late\t{\"app\": \"acme\", \"order\": 7, \"by\": \"1.5s\"}"
	wantEvents(t, srv, want)
	if lines, err := os.ReadFile(file); err != nil || string(lines) != want+"\n" {
		t.Errorf("the file has %q, %v", lines, err)
	}
}
