package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/internal/replay"
)

// A function reads its name, and the stream that it shares with the others, from its
// environment; the SDK finds the service there, as usual.
const (
	envFunction = "UNIFIED_FUNCTION"
	envGroup    = "UNIFIED_GROUP"
	envStream   = "UNIFIED_STREAM"
	envMaxAge   = "UNIFIED_MAX_AGE"
)

// functions are the programs of the processes, each with another kind of logger.
var functions = map[string]func(*zapcw.Syncer) (handler, error){
	"checkout": newCheckout,
	"payment":  newPayment,
	"shipping": newShipping,
}

// A handler handles one order. Its error goes back to the sender of the order.
type handler func(order) error

type order struct {
	ID      string
	Items   int
	Total   string
	Address *address
}

type address struct{ City string }

// A reply goes back for each order. The last reply of a process says what became of
// its events.
type reply struct {
	Refused string          `json:",omitempty"`
	Account *replay.Account `json:",omitempty"`
}

// serve runs one function: it takes orders from standard input until that ends.
func serve(name string) int {
	signal.Ignore(os.Interrupt) // a terminal tells all; the parent ends its children
	if err := function(name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func function(name string) error {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return err
	}
	out := &zapcw.Syncer{
		Client: cloudwatchlogs.NewFromConfig(cfg),
		Group:  os.Getenv(envGroup),
		Stream: os.Getenv(envStream),
	}
	if s := os.Getenv(envMaxAge); s != "" { // somebody looks at the page
		if out.MaxAge, err = time.ParseDuration(s); err != nil {
			return err
		}
	}
	replies := json.NewEncoder(os.Stdout)
	// Deferred, so that a panicking function also flushes and reports its counts.
	// The errors of Close are on Fallback too.
	defer func() {
		_ = out.Close()
		account := replay.AccountOf(out.Stats())
		_ = replies.Encode(reply{Account: &account})
	}()

	handle, err := functions[name](out)
	if err != nil {
		return err
	}
	orders := json.NewDecoder(os.Stdin)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var r reply
		if err := handle(o); err != nil {
			r.Refused = err.Error()
		}
		if err := replies.Encode(r); err != nil {
			return err
		}
	}
}

// newCheckout logs with the standard prefix, which has the name of the Go function
// that logs.
func newCheckout(out *zapcw.Syncer) (handler, error) {
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig())
	logger := zap.New(zapcw.NewCore(enc, out, zap.DebugLevel), zap.AddCaller())
	return func(o order) error {
		placeOrder(logger.With(zap.String("order", o.ID)), o)
		return nil
	}, nil
}

func placeOrder(logger *zap.Logger, o order) {
	logger.Info("order received", zap.Int("items", o.Items), zap.String("total", o.Total))
	work(4 * time.Millisecond)
	reserve(logger, o.Items)
	work(2 * time.Millisecond)
	logger.Info("on to payment")
}

func reserve(logger *zap.Logger, items int) {
	if items > 3 {
		logger.Warn("stock is running low", zap.Int("left", 2))
		return
	}
	logger.Debug("stock reserved")
}

// newPayment has its own template, as a configuration file would have it.
func newPayment(out *zapcw.Syncer) (handler, error) {
	prefix, err := zapcw.ParsePrefix("{level}: {func}: [{file}:{line}] ")
	if err != nil {
		return nil, err
	}
	cfg := zapcw.NewEncoderConfig()
	cfg.EncodeDuration = zapcore.StringDurationEncoder // 25ms, not 0.025
	enc := zapcw.NewPrefixEncoder("payment", prefix, cfg)
	logger := zap.New(zapcw.NewCore(enc, out, zap.InfoLevel), zap.AddCaller())
	gateway := gateway{slow: true}
	return func(o order) error { return gateway.charge(logger.With(zap.String("order", o.ID)), o) }, nil
}

type gateway struct{ slow bool }

var errDeclined = errors.New("card declined: limit exceeded")

func (g *gateway) charge(logger *zap.Logger, o order) error {
	logger.Debug("not in the stream: this logger's level is info")
	logger.Info("charging the card")
	work(3 * time.Millisecond)
	if g.slow {
		g.slow = false
		logger.Warn("gateway does not answer, trying again", zap.Int("attempt", 1), zap.Duration("after", 25*time.Millisecond))
		work(25 * time.Millisecond)
	}
	if o.Items > 3 {
		logger.Error("no payment", zap.Error(errDeclined))
		return errDeclined
	}
	// Money has moved, so this line must be in the stream before the function goes
	// on.
	logger.Info("card charged", zap.String("total", o.Total), zapcw.Flush())
	return nil
}

// newShipping logs JSON, for programs that read the stream. The stream has the time of
// each event, so the text does not need it.
func newShipping(out *zapcw.Syncer) (handler, error) {
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey = ""
	logger := zap.New(zapcw.NewCore(zapcw.NewJSONEncoder(cfg), out, zap.InfoLevel), zap.AddCaller()).Named("shipping")
	return func(o order) error {
		ship(logger.With(zap.String("order", o.ID)), o)
		return nil
	}, nil
}

func ship(logger *zap.Logger, o order) {
	defer func() {
		if v := recover(); v != nil {
			// Panic logs, waits until the entry and everything before it is
			// delivered, and panics again: the process dies, but its last entry
			// is in the stream.
			logger.Panic("shipping crashed", zap.Any("panic", v))
		}
	}()
	logger.Info("picking", zap.Int("items", o.Items))
	work(5 * time.Millisecond)
	logger.Info("label printed", zap.String("city", o.Address.City))
	work(2 * time.Millisecond)
	logger.Info("handed to the carrier")
}

// work takes some time.
func work(d time.Duration) { time.Sleep(d) }
