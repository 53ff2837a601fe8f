package zapcw_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// A configuration file decides where entries go. Fields that are set in Go are the
// defaults.
func ExampleConfig() {
	cfg := zapcw.Config{
		Class:      "cloud-watch",
		Level:      "info",
		CloudWatch: zapcw.Destination{Group: "/acme/prod", Stream: "orders", Function: "checkout"},
	}
	text := `{"logging": {"class": "cloud-watch", "level": "debug", "cloud-watch": {"group": null}}}`
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cfg.Class, cfg.Level, cfg.CloudWatch.Stream)
	// Output: cloud-watch debug orders
}

// Without a group, or with class #print, messages are printed as they are.
func ExampleConfig_Build() {
	log, err := zapcw.Config{Class: "#print", Level: "warning"}.Build(context.Background(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Sync()
	log.Info("not at this level")
	log.Warn("disk is nearly full", zap.Int("percent", 93))
	// Output: disk is nearly full	{"percent": 93}
}

// An unknown key is an error that says where it is, and lists the known ones.
func ExampleConfig_Decode() {
	var cfg zapcw.Config
	err := cfg.Decode(map[string]any{
		"logging": map[string]any{
			"class":       "cloud-watch",
			"cloud-watch": map[string]any{"grup": "/acme/prod"},
		},
	})
	fmt.Println(err)
	// Output: logging.cloud-watch: unknown key "grup": known are caller, compress, concurrency, echo, endpoint, environment, format, function, group, hold, max_age, max_event_bytes, max_events, max_pending, max_spool, profile, region, retention, service, spool, stacks, stream, timeout, when_full
}

// A file can set nearly every field of a Syncer.
func ExampleConfig_file() {
	text := `{
		"class": "cloud-watch",
		"level": "info",
		"cloud-watch": {
			"group": "/acme/prod", "stream": "orders", "function": "checkout", "format": "#json",
			"hold": "64KiB", "max_age": "5s", "max_pending": "64MiB", "retention": 30, "region": "eu-central-1"
		}
	}`
	var cfg zapcw.Config
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		fmt.Println(err)
		return
	}
	to := cfg.CloudWatch
	fmt.Println(to.JSON, to.MaxAge, to.MaxPending, to.Retention, to.Region)
	// Output: true 5s 67108864 30 eu-central-1
}

func ExampleConfig_UnmarshalJSON() {
	var app struct {
		Name    string
		Logging zapcw.Config
	}
	err := json.Unmarshal([]byte(`{"Name": "orders", "Logging": {"class": "#print", "level": 30}}`), &app)
	fmt.Println(app.Logging.Class, app.Logging.Level, err)
	// Output: #print warning <nil>
}

// A YAML library calls UnmarshalYAML. Here a function stands in for the library.
func ExampleConfig_UnmarshalYAML() {
	unmarshal := func(v any) error {
		*v.(*any) = map[any]any{"class": "#standard-logger"}
		return nil
	}
	var cfg zapcw.Config
	err := cfg.UnmarshalYAML(unmarshal)
	fmt.Println(cfg.Class, err)
	// Output: #standard-logger <nil>
}

// The echo starts and stops as the level changes.
func ExampleTee() {
	level := zap.NewAtomicLevelAt(zap.InfoLevel)
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())
	log := zap.New(zapcw.Tee(
		zapcore.NewCore(enc, zapcore.AddSync(io.Discard), level), // stands for a Core of zapcw
		zapcore.NewCore(enc.Clone(), zapcw.Stdout(), zap.DebugLevel),
	))
	log.Error("not echoed")
	level.SetLevel(zap.DebugLevel)
	log.Error("echoed")
	// Output: ERROR: checkout: echoed
}

// A logger that writes only to standard output, and whose Sync returns no error on a
// terminal.
func ExampleStdout() {
	core := zapcore.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), zapcw.Stdout(), zap.InfoLevel)
	log := zap.New(core)
	log.Info("ready")
	fmt.Println(log.Sync())
	// Output:
	// ready
	// <nil>
}

// The format of an event, first as a template in JSON, then as a Prefix in Go.
func ExampleDestination() {
	var cfg zapcw.Config
	text := `{"class": "cloud-watch", "cloud-watch": {"group": "/acme/prod", "stream": "orders", "format": "{level}> "}}`
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		fmt.Println(err)
		return
	}
	var srv cwltest.Server // in place of the service
	defer srv.Close()
	log, err := cfg.Build(context.Background(), srv.Client())
	if err != nil {
		fmt.Println(err)
		return
	}
	log.Info("ready")
	cfg.CloudWatch.Format = zapcw.SimplePrefix
	cfg.CloudWatch.Function = "checkout"
	other, err := cfg.Build(context.Background(), srv.Client())
	if err != nil {
		fmt.Println(err)
		return
	}
	other.Info("ready")
	_, _ = log.Sync(), other.Sync()
	fmt.Printf("%q\n", srv.Messages("/acme/prod", "orders"))
	// Output: ["INFO> ready" "checkout: ready"]
}

// A logger for a local server, whatever the environment says, with the fields that
// Go code is most likely to set.
func ExampleDestination_fields() {
	var srv cwltest.Server
	defer srv.Close()

	no := false
	cfg := zapcw.Config{Class: "cloud-watch", Level: "debug", CloudWatch: zapcw.Destination{
		Group:    "/acme/prod",
		Stream:   "orders",
		Function: "checkout",
		Format:   zapcw.ShortPrefix,
		Echo:     &no, // even at level debug
		Caller:   &no,
		Stacks:   true, // of errors
		MaxAge:   5 * time.Second,
		Region:   "us-east-1",
		Profile:  "", // the default one
		Endpoint: srv.URL(),

		Service:     "checkout", // what CloudWatch shows the events with
		Environment: "prod",
	}}
	log, err := cfg.Build(context.Background(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	log.Debug("ready")
	fmt.Println(log.Sync(), srv.Messages("/acme/prod", "orders"))
	// Output: <nil> [DEBUG: checkout: ready]
}
