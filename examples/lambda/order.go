package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

	"example.com/zapcw/cwlambda"
)

// An order is the event. It says what the function logs and how it ends, so that
// tests can play whatever may happen to a function.
type order struct {
	Order string `json:"order"`
	Log   int    `json:"log"`   // entries at Info
	Debug int    `json:"debug"` // entries at Debug, before those at Info
	MS    int    `json:"ms"`    // of work, in milliseconds
	Do    string `json:"do"`    // ok, error, panic, hang, stream or exit
}

type receipt struct {
	Order string `json:"order"`
}

var errNoStock = errors.New("no stock")

// handle handles one invocation.
func handle(ctx context.Context, o order) (any, error) {
	logger := cwlambda.Logger(ctx).With(zap.String("order", o.Order))
	for i := range o.Debug {
		logger.Debug(fmt.Sprintf("detail %d", i+1))
	}
	for i := range o.Log {
		logger.Info(fmt.Sprintf("step %d", i+1))
	}
	work := time.Duration(o.MS) * time.Millisecond
	time.Sleep(work)

	switch o.Do {
	case "", "ok":
		return receipt{o.Order}, nil
	case "error":
		return nil, errNoStock
	case "panic":
		panic("no stock, and nobody checked")
	case "hang":
		for { // whatever ctx says
			time.Sleep(time.Hour)
		}
	case "stream":
		return newStream(logger, work), nil
	case "exit":
		// os.Exit runs no deferred calls, so flush first.
		_ = logger.Sync()
		os.Exit(3)
	}
	return nil, fmt.Errorf("do is %q: want ok, error, panic, hang, stream or exit", o.Do)
}
