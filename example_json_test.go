package zapcw_test

import (
	"errors"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
)

// timeless is NewEncoderConfig without the time of day, for examples.
func timeless() zapcore.EncoderConfig {
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey = ""
	return cfg
}

// One object an entry; location needs a logger that records callers.
func ExampleNewJSONEncoder() {
	log := onStdout(zapcw.NewJSONEncoder(timeless())).Named("api")
	place(log)
	log.Info("order placed", zap.Int("items", 3))
	// Output:
	// {"level":"INFO","location":"api","message":"done"}
	// {"level":"INFO","location":"api","message":"order placed","items":3}
}

// A message that is JSON is embedded as JSON, so that a query finds its members.
func ExampleNewJSONEncoder_message() {
	log := onStdout(zapcw.NewJSONEncoder(timeless()))
	log.Info(`{"order": 7, "items": ["tea", "cup"]}`)
	log.Info("42")
	// Output:
	// {"level":"INFO","message":{"order":7,"items":["tea","cup"]}}
	// {"level":"INFO","message":"42"}
}

// Errors of zap.Error stand where the stack does.
func ExampleNewJSONEncoder_exception() {
	log := onStdout(zapcw.NewJSONEncoder(timeless()))
	log.Error("no payment", zap.Error(errors.New("card declined")), zap.Int("order", 7))
	// Output: {"level":"ERROR","message":"no payment","order":7,"exception":"card declined"}
}

// What is not to taste is changed in the configuration.
func ExampleNewEncoderConfig() {
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey = zapcore.OmitKey // an event has its time anyway
	cfg.MessageKey = "msg"
	cfg.EncodeLevel = zapcore.LowercaseLevelEncoder
	onStdout(zapcw.NewJSONEncoder(cfg)).Warn("slow")
	// Output: {"level":"warn","msg":"slow"}
}
