package main

import (
	"context"
	"errors"
	"io"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"example.com/zapcw"
)

// observe exports a Syncer's Stats to OpenTelemetry. All values of a collection are
// from one snapshot. Call Unregister of the Registration to end it.
func observe(meter metric.Meter, stats func() zapcw.Stats) (metric.Registration, error) {
	var errs []error
	counter := func(name, unit, what string) metric.Int64ObservableCounter {
		c, err := meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(what))
		errs = append(errs, err)
		return c
	}
	level := func(name, unit, what string) metric.Int64ObservableUpDownCounter {
		c, err := meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(what))
		errs = append(errs, err)
		return c
	}
	moment := func(name, what string) metric.Float64ObservableGauge {
		g, err := meter.Float64ObservableGauge(name, metric.WithUnit("s"), metric.WithDescription(what))
		errs = append(errs, err)
		return g
	}
	var (
		accepted     = counter("zapcw.accepted", "{event}", "Events that were taken from logging calls.")
		events       = counter("zapcw.events", "{event}", "Events by what became of them.")
		pending      = level("zapcw.pending.events", "{event}", "Events in memory.")
		spooled      = level("zapcw.spooled.events", "{event}", "Events that lie in the spool only.")
		pendingBytes = level("zapcw.pending.size", "By", "Memory of the pending events; MaxPending bounds it.")
		held         = level("zapcw.held", "{entry}", "Entries that a Hold kept back and did not send.")
		evicted      = counter("zapcw.evicted", "{entry}", "Held entries that had to make room for others.")
		attempts     = counter("zapcw.put.attempts", "{put}", "Puts that were tried.")
		puts         = counter("zapcw.puts", "{put}", "Puts that the service took.")
		sent         = counter("zapcw.sent", "By", "Size of the puts that the service took, as it counts.")
		delivery     = moment("zapcw.last_delivery", "When the service last took a put, in seconds since 1970.")
		failure      = moment("zapcw.last_error", "When a request last failed, in seconds since 1970.")
	)
	reg, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		st := stats()
		o.ObserveInt64(accepted, int64(st.Accepted))
		for _, f := range fates(st) {
			attributes := []attribute.KeyValue{attribute.String("fate", f.name)}
			if f.reason != "" {
				attributes = append(attributes, attribute.String("reason", f.reason))
			}
			o.ObserveInt64(events, int64(f.events), metric.WithAttributes(attributes...))
		}
		o.ObserveInt64(pending, int64(st.Pending))
		o.ObserveInt64(spooled, int64(st.Spooled))
		o.ObserveInt64(pendingBytes, int64(st.PendingBytes))
		o.ObserveInt64(held, int64(st.Held))
		o.ObserveInt64(evicted, int64(st.Evicted))
		o.ObserveInt64(attempts, int64(st.Attempts))
		o.ObserveInt64(puts, int64(st.Puts))
		o.ObserveInt64(sent, int64(st.BytesSent))
		if !st.LastDelivery.IsZero() {
			o.ObserveFloat64(delivery, seconds(st.LastDelivery))
		}
		if !st.LastErrorTime.IsZero() {
			o.ObserveFloat64(failure, seconds(st.LastErrorTime))
		}
		return nil
	}, accepted, events, pending, spooled, pendingBytes, held, evicted, attempts, puts, sent, delivery, failure)
	return reg, errors.Join(append(errs, err)...)
}

// printEvery is the time between two prints of the metrics.
const printEvery = 10 * time.Second

// printMetrics prints the metrics to w; replace the exporter here to send them to a
// collector. Calling end prints once more, and stops.
func printMetrics(w io.Writer, stats func() zapcw.Stats) (end func() error, err error) {
	exporter, err := stdoutmetric.New(stdoutmetric.WithWriter(w))
	if err != nil {
		return nil, err
	}
	provider := sdk.NewMeterProvider(sdk.WithReader(sdk.NewPeriodicReader(exporter, sdk.WithInterval(printEvery))))
	end = func() error { return provider.Shutdown(context.Background()) }
	if _, err := observe(provider.Meter("example.com/zapcw"), stats); err != nil {
		return nil, errors.Join(err, end())
	}
	return end, nil
}
