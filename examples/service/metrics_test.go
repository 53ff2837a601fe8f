package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"maps"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"example.com/zapcw"
)

// filled returns Stats in which each number differs from all others.
func filled() zapcw.Stats {
	st := zapcw.Stats{
		LastError:     errors.New("put 1 event to /acme/prod/orders: throttled"),
		LastErrorTime: time.Unix(5000, 0).UTC(),
		LastDelivery:  time.Unix(6000, 0).UTC(),
	}
	n := uint64(1000)
	var fill func(reflect.Value)
	fill = func(v reflect.Value) {
		for i := range v.NumField() {
			switch f := v.Field(i); {
			case f.Kind() == reflect.Uint64:
				n++
				f.SetUint(n)
			case f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[time.Time]():
				fill(f)
			}
		}
	}
	fill(reflect.ValueOf(&st).Elem())
	return st
}

// numbers returns all numbers of filled by the names of their fields, but for
// those that are sums of others.
func numbers() map[string]float64 {
	st := filled()
	all := make(map[string]float64)
	var visit func(string, reflect.Value)
	visit = func(path string, v reflect.Value) {
		for i := range v.NumField() {
			name := path + v.Type().Field(i).Name
			switch f := v.Field(i).Interface().(type) {
			case uint64:
				all[name] = float64(f)
			case time.Time:
				all[name] = float64(f.Unix())
			default:
				if v.Field(i).Kind() == reflect.Struct {
					visit(name+".", v.Field(i))
				}
			}
		}
	}
	visit("", reflect.ValueOf(st))
	delete(all, "Rejected")
	delete(all, "Spilled")
	return all
}

// checkNumbers checks that each number of Stats is shown once, and nothing else
// is.
func checkNumbers(t *testing.T, shown map[string]float64) {
	t.Helper()
	want := numbers()
	if len(want) < 15 {
		t.Fatalf("only %d numbers", len(want))
	}
	for name, n := range want {
		times := 0
		for _, v := range shown {
			if v == n {
				times++
			}
		}
		if times != 1 {
			t.Errorf("%s is shown %d times, want once, in %v", name, times, shown)
		}
	}
	if len(shown) != len(want) {
		t.Errorf("%d numbers are shown, want %d: %q", len(shown), len(want), slices.Sorted(maps.Keys(shown)))
	}
}

func TestCollector(t *testing.T) {
	c := &collector{filled}
	problems, err := testutil.CollectAndLint(c)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	if err := testutil.CollectAndCompare(c, strings.NewReader(fmt.Sprintf(`
# HELP zapcw_events_total Events by what became of them. Rejected and spilled ones are on the fallback, for a reason.
# TYPE zapcw_events_total counter
zapcw_events_total{fate="delivered",reason=""} %d
zapcw_events_total{fate="rejected",reason="expired"} %d
zapcw_events_total{fate="rejected",reason="invalid"} %d
zapcw_events_total{fate="rejected",reason="too_new"} %d
zapcw_events_total{fate="rejected",reason="too_old"} %d
zapcw_events_total{fate="spilled",reason="after_close"} %d
zapcw_events_total{fate="spilled",reason="full"} %d
zapcw_events_total{fate="spilled",reason="late"} %d
zapcw_events_total{fate="spilled",reason="refused"} %d
zapcw_events_total{fate="spilled",reason="unusable"} %d
# HELP zapcw_last_delivery_timestamp_seconds When the service last took a put; absent before the first.
# TYPE zapcw_last_delivery_timestamp_seconds gauge
zapcw_last_delivery_timestamp_seconds 6000
`, values(filled())...)), "zapcw_events_total", "zapcw_last_delivery_timestamp_seconds"); err != nil {
		t.Error(err)
	}

	shown := make(map[string]float64)
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(c); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			shown[f.GetName()+fmt.Sprint(m.GetLabel())] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	checkNumbers(t, shown)

	// Before the first put there are no times.
	empty := &collector{func() zapcw.Stats { return zapcw.Stats{} }}
	if n := testutil.CollectAndCount(empty, "zapcw_last_delivery_timestamp_seconds", "zapcw_last_error_timestamp_seconds"); n != 0 {
		t.Errorf("%d times", n)
	}
}

// values are what the events' metric is to show, in the order of its labels.
func values(st zapcw.Stats) []any {
	r, s := st.RejectedAs, st.SpilledAs
	return []any{st.Delivered, r.Expired, r.Invalid, r.TooNew, r.TooOld, s.AfterClose, s.Full, s.Late, s.Refused, s.Unusable}
}

func TestObserve(t *testing.T) {
	st := filled()
	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	reg, err := observe(provider.Meter("test"), func() zapcw.Stats { return st })
	if err != nil {
		t.Fatal(err)
	}
	collect := func() map[string]float64 {
		var rm metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &rm); err != nil {
			t.Fatal(err)
		}
		shown := make(map[string]float64)
		for _, scope := range rm.ScopeMetrics {
			for _, m := range scope.Metrics {
				switch data := m.Data.(type) {
				case metricdata.Sum[int64]:
					for _, p := range data.DataPoints {
						shown[m.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder())] = float64(p.Value)
					}
				case metricdata.Gauge[float64]:
					for _, p := range data.DataPoints {
						shown[m.Name+" "] = p.Value
					}
				default:
					t.Errorf("%s is a %T", m.Name, data)
				}
			}
		}
		return shown
	}
	shown := collect()
	checkNumbers(t, shown)
	for name, want := range map[string]uint64{
		"zapcw.accepted ":                              st.Accepted,
		"zapcw.events fate=delivered":                  st.Delivered,
		"zapcw.events fate=rejected,reason=too_old":    st.RejectedAs.TooOld,
		"zapcw.events fate=spilled,reason=full":        st.SpilledAs.Full,
		"zapcw.events fate=spilled,reason=late":        st.SpilledAs.Late,
		"zapcw.pending.events ":                        st.Pending,
		"zapcw.spooled.events ":                        st.Spooled,
		"zapcw.pending.size ":                          st.PendingBytes,
		"zapcw.put.attempts ":                          st.Attempts,
		"zapcw.puts ":                                  st.Puts,
		"zapcw.sent ":                                  st.BytesSent,
		"zapcw.events fate=spilled,reason=unusable":    st.SpilledAs.Unusable,
		"zapcw.events fate=rejected,reason=expired":    st.RejectedAs.Expired,
		"zapcw.events fate=rejected,reason=invalid":    st.RejectedAs.Invalid,
		"zapcw.events fate=rejected,reason=too_new":    st.RejectedAs.TooNew,
		"zapcw.events fate=spilled,reason=refused":     st.SpilledAs.Refused,
		"zapcw.events fate=spilled,reason=after_close": st.SpilledAs.AfterClose,
	} {
		if got, ok := shown[name]; !ok || got != float64(want) {
			t.Errorf("%s is %v, want %d, in %v", name, got, want, shown)
		}
	}

	st = zapcw.Stats{Accepted: 7, Pending: 7}
	shown = collect()
	if got := shown["zapcw.pending.events "]; got != 7 {
		t.Errorf("pending is %v later, want 7", got)
	}
	for _, name := range []string{"zapcw.last_delivery ", "zapcw.last_error "} {
		if v, ok := shown[name]; ok {
			t.Errorf("%s is %v, want none before the first put", name, v)
		}
	}
	if err := reg.Unregister(); err != nil {
		t.Error(err)
	}
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPublish(t *testing.T) {
	for _, st := range []zapcw.Stats{filled(), {Accepted: 7, Pending: 7}} {
		name := rand.Text() // a name can be published once
		publish(name, func() zapcw.Stats { return st })
		rec := httptest.NewRecorder()
		expvar.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/debug/vars", nil))
		var vars map[string]json.RawMessage
		if err := json.Unmarshal(rec.Body.Bytes(), &vars); err != nil {
			t.Fatal(err)
		}
		var got published
		if err := json.Unmarshal(vars[name], &got); err != nil {
			t.Fatal(err)
		}
		if st.LastError != nil && got.LastError != st.LastError.Error() || st.LastError == nil && strings.Contains(string(vars[name]), "Last") {
			t.Errorf("%s, want the last error to be %v", vars[name], st.LastError)
		}
		// The rest is as it was.
		again := got.Stats
		again.LastError, again.LastErrorTime, again.LastDelivery = st.LastError, got.LastErrorTime, got.LastDelivery
		if !reflect.DeepEqual(again, st) {
			t.Errorf("%s: got %+v, want %+v", vars[name], again, st)
		}
	}
}
