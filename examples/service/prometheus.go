package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"example.com/zapcw"
)

// A collector exports a Syncer's Stats to Prometheus. All values of a scrape are from
// one snapshot. To distinguish several Syncers, register each with its own label, by
// [prometheus.WrapRegistererWith].
//
// Set alerts on events that are not delivered, and on events that wait while none is
// delivered:
//
//	increase(zapcw_events_total{fate!="delivered"}[5m]) > 0
//	min_over_time(zapcw_pending_events[5m]) > 0 and increase(zapcw_puts_total[5m]) == 0
type collector struct{ stats func() zapcw.Stats }

var _ prometheus.Collector = (*collector)(nil)

var (
	acceptedDesc = prometheus.NewDesc("zapcw_accepted_events_total",
		"Events that were taken from logging calls.", nil, nil)
	eventsDesc = prometheus.NewDesc("zapcw_events_total",
		"Events by what became of them. Rejected and spilled ones are on the fallback, for a reason.", []string{"fate", "reason"}, nil)
	pendingDesc = prometheus.NewDesc("zapcw_pending_events",
		"Events in memory.", nil, nil)
	spooledDesc = prometheus.NewDesc("zapcw_spooled_events",
		"Events that lie in the spool only.", nil, nil)
	pendingBytesDesc = prometheus.NewDesc("zapcw_pending_bytes",
		"Memory of the pending events; MaxPending bounds it.", nil, nil)
	heldDesc = prometheus.NewDesc("zapcw_held_entries",
		"Entries that a Hold kept back and did not send.", nil, nil)
	evictedDesc = prometheus.NewDesc("zapcw_evicted_entries_total",
		"Held entries that had to make room for others.", nil, nil)
	attemptsDesc = prometheus.NewDesc("zapcw_put_attempts_total",
		"Puts that were tried.", nil, nil)
	putsDesc = prometheus.NewDesc("zapcw_puts_total",
		"Puts that the service took.", nil, nil)
	sentDesc = prometheus.NewDesc("zapcw_sent_bytes_total",
		"Size of the puts that the service took, as it counts.", nil, nil)
	deliveryDesc = prometheus.NewDesc("zapcw_last_delivery_timestamp_seconds",
		"When the service last took a put; absent before the first.", nil, nil)
	errorDesc = prometheus.NewDesc("zapcw_last_error_timestamp_seconds",
		"When a request last failed; absent before the first.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		acceptedDesc, eventsDesc, pendingDesc, spooledDesc, pendingBytesDesc, heldDesc, evictedDesc,
		attemptsDesc, putsDesc, sentDesc, deliveryDesc, errorDesc,
	} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	st := c.stats()
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	counter(acceptedDesc, st.Accepted)
	for _, f := range fates(st) {
		counter(eventsDesc, f.events, f.name, f.reason)
	}
	gauge(pendingDesc, float64(st.Pending))
	gauge(spooledDesc, float64(st.Spooled))
	gauge(pendingBytesDesc, float64(st.PendingBytes))
	gauge(heldDesc, float64(st.Held))
	counter(evictedDesc, st.Evicted)
	counter(attemptsDesc, st.Attempts)
	counter(putsDesc, st.Puts)
	counter(sentDesc, st.BytesSent)
	if !st.LastDelivery.IsZero() {
		gauge(deliveryDesc, seconds(st.LastDelivery))
	}
	if !st.LastErrorTime.IsZero() {
		gauge(errorDesc, seconds(st.LastErrorTime))
	}
}

// seconds is t as Prometheus counts.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
