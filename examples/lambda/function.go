package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/zap"
)

// A function charges orders.
type function struct {
	logger *zap.Logger
	warm   atomic.Bool // an invocation came before
}

type order struct {
	ID      string  `json:"id"`
	Items   []int64 `json:"items"` // prices in cents
	Parcels int64   `json:"parcels"`
}

type receipt struct {
	Order     string `json:"order"`
	Total     int64  `json:"total"`
	PerParcel int64  `json:"per_parcel"`
}

// noItemsError has a name of its own because Lambda passes that on as the
// errorType, which callers like Step Functions tell errors by.
type noItemsError struct{ order string }

var _ error = noItemsError{}

func (e noItemsError) Error() string {
	return fmt.Sprintf("order %s: no items: want one or more", e.order)
}

// handle deals with one invocation.
func (f *function) handle(ctx context.Context, o order) (receipt, error) {
	logger := f.invocation(ctx).With(zap.String("order", o.ID))
	defer func() {
		if v := recover(); v != nil {
			// Lambda tells a panic in the function's own log only.
			logger.Error("panic", zap.Any("panic", v))
			panic(v)
		}
	}()
	logger.Info("order received", zap.Int("items", len(o.Items)))
	r, err := charge(o)
	if err != nil {
		logger.Error("order refused", zap.Error(err))
		return receipt{}, err
	}
	logger.Info("order charged", zap.Int64("total", r.Total))
	return r, nil
}

// invocation returns the logger for one invocation.
func (f *function) invocation(ctx context.Context) *zap.Logger {
	fields := []zap.Field{zap.Bool("cold_start", !f.warm.Swap(true))}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		fields = append(fields, zap.String("request_id", lc.AwsRequestID))
	}
	return f.logger.With(fields...)
}

func charge(o order) (receipt, error) {
	if len(o.Items) == 0 {
		return receipt{}, noItemsError{o.ID}
	}
	r := receipt{Order: o.ID}
	for _, cents := range o.Items {
		r.Total += cents
	}
	r.PerParcel = r.Total / o.Parcels // nobody checks that there is a parcel
	return r, nil
}
