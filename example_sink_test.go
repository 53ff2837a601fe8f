package zapcw_test

import (
	"encoding/json"
	"fmt"
	"net/url"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// A zap.Config with a stream among its outputs.
func ExampleOpenSink() {
	var srv cwltest.Server // in place of the service
	defer srv.Close()

	// Call both once per program. They return an error if the name is taken.
	_ = zap.RegisterSink("cloudwatch", zapcw.OpenSink)
	_ = zap.RegisterEncoder("cloudwatch", func(cfg zapcore.EncoderConfig) (zapcore.Encoder, error) {
		return zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, cfg), nil
	})

	cfg := zap.Config{EncoderConfig: zapcw.NewEncoderConfig()}
	text := `{
		"level": "info",
		"encoding": "cloudwatch",
		"outputPaths": ["cloudwatch://?group=/acme/prod&stream=orders&region=us-east-1&endpoint=` + srv.URL() + `", "cloudwatch:stdout"],
		"errorOutputPaths": ["stderr"]
	}`
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		fmt.Println(err)
		return
	}
	log, err := cfg.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	log.Info("order placed", zap.Int("items", 3))
	fmt.Println(log.Sync(), len(srv.Messages("/acme/prod", "orders")), "in the stream")
	// Output:
	// INFO: checkout: order placed	{"items": 3}
	// <nil> 1 in the stream
}

// The JSON encoder as an Encoding of a zap.Config.
func ExampleOpenSink_json() {
	var srv cwltest.Server // in place of the service
	defer srv.Close()

	_ = zap.RegisterSink("cloudwatch", zapcw.OpenSink)
	_ = zap.RegisterEncoder("cloudwatch-json", func(cfg zapcore.EncoderConfig) (zapcore.Encoder, error) {
		return zapcw.NewJSONEncoder(cfg), nil
	})

	cfg := zap.Config{
		Level:         zap.NewAtomicLevelAt(zap.InfoLevel),
		Encoding:      "cloudwatch-json",
		EncoderConfig: zapcw.NewEncoderConfig(),
		OutputPaths:   []string{"cloudwatch://?group=/acme/prod&stream=orders&region=us-east-1&endpoint=" + srv.URL()},
		DisableCaller: true,
	}
	cfg.EncoderConfig.TimeKey = "" // for the sake of the output below
	log, err := cfg.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	log.Info("order placed", zap.Int("items", 3))
	fmt.Println(log.Sync(), srv.Messages("/acme/prod", "orders"))
	// Output: <nil> [{"level":"INFO","message":"order placed","items":3}]
}

// An error says what would be right.
func ExampleOpenSink_errors() {
	for _, text := range []string{
		"cloudwatch://acme/prod/orders",
		"cloudwatch://?group=/acme/prod&stream=orders&max_age=5",
	} {
		u, err := url.Parse(text)
		if err == nil {
			_, err = zapcw.OpenSink(u)
		}
		fmt.Println(err)
	}
	// Output:
	// host "acme": want parameters alone, like cloudwatch://?group=/acme/prod&stream=orders
	// max_age: want a duration like 5s, not "5"
}
