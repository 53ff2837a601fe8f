package zapcw_test

import (
	"errors"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
)

// Each entry is one object. location has the logger's name and, with zap.AddCaller,
// the function and the line.
func ExampleNewJSONEncoder() {
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey = zapcore.OmitKey // for the sake of the output below
	log := zap.New(zapcore.NewCore(zapcw.NewJSONEncoder(cfg), zapcw.Stdout(), zap.InfoLevel)).Named("api")
	log.Info("order placed", zap.Int("items", 3))
	// Output: {"level":"INFO","location":"api","message":"order placed","items":3}
}

// A message that is JSON is embedded as JSON, so that a query can use its fields.
func ExampleNewJSONEncoder_message() {
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey = zapcore.OmitKey
	log := zap.New(zapcore.NewCore(zapcw.NewJSONEncoder(cfg), zapcw.Stdout(), zap.InfoLevel))
	log.Info(`{"order": 7, "items": ["tea", "cup"]}`)
	log.Info("42")
	// Output:
	// {"level":"INFO","message":{"order":7,"items":["tea","cup"]}}
	// {"level":"INFO","message":"42"}
}

// Errors added by zap.Error are under the key of the stack. An error with another
// name is a field.
func ExampleNewJSONEncoder_exception() {
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey = zapcore.OmitKey
	log := zap.New(zapcore.NewCore(zapcw.NewJSONEncoder(cfg), zapcw.Stdout(), zap.InfoLevel))
	log.Error("no payment", zap.Error(errors.New("card declined")), zap.Int("order", 7))
	log.Error("no payment", zap.NamedError("cause", errors.New("card declined")))
	// Output:
	// {"level":"ERROR","message":"no payment","order":7,"exception":"card declined"}
	// {"level":"ERROR","message":"no payment","cause":"card declined"}
}

// Change the configuration to your taste.
func ExampleNewEncoderConfig() {
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey = zapcore.OmitKey // an event has its time anyway
	cfg.MessageKey = "msg"
	cfg.EncodeLevel = zapcore.LowercaseLevelEncoder
	log := zap.New(zapcore.NewCore(zapcw.NewJSONEncoder(cfg), zapcw.Stdout(), zap.InfoLevel))
	log.Warn("slow")
	// Output: {"level":"warn","msg":"slow"}
}
