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

// A function finds in its environment who it is and which stream it shares with
// the others; the service is found by the SDK, as everywhere.
const (
	envFunction = "UNIFIED_FUNCTION"
	envGroup    = "UNIFIED_GROUP"
	envStream   = "UNIFIED_STREAM"
	envMaxAge   = "UNIFIED_MAX_AGE"
)

// functions are what the processes do, each with another kind of logger.
var functions = map[string]func(*zapcw.Syncer) (handler, error){
	"checkout": newCheckout,
	"payment":  newPayment,
	"shipping": newShipping,
}

// A handler deals with one order. Its error is the answer to who sent it.
type handler func(order) error

type order struct {
	ID      string
	Items   int
	Total   string
	Address *address
}

type address struct{ City string }

// A reply goes back for each order. The last one of a process has its account.
type reply struct {
	Refused string          `json:",omitempty"`
	Account *replay.Account `json:",omitempty"`
}

// serve is the life of one function: it takes orders from standard input until
// that ends.
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
	// Deferred, so that a function that panics settles and gives its account
	// on the way down. Close tells its own errors on Fallback.
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

// newCheckout logs in the standard form, with the name of the Go function that
// speaks.
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

// newPayment has a form of its own, as a configuration file would have it.
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
	// Money has moved. Whatever happens next, this line is in the stream
	// before the function goes on.
	logger.Info("card charged", zap.String("total", o.Total), zapcw.Flush())
	return nil
}

// newShipping logs JSON, for machines that read the stream too. The stream has
// the time of each event, so the text does without.
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
			// Panic logs, waits until the service has the entry and all before
			// it, and panics again: the process dies, its last words do not.
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
