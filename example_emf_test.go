package zapcw_test

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// The field _aws of CloudWatch's embedded metric format, see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type metadata struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics []directive
}

// A directive names fields of the same entry.
type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

type metric struct {
	Name string
	Unit string
}

// An entry with the field _aws is a metric too: CloudWatch takes the values from
// the fields next to it. It needs the JSON encoder, since a prefix would make the
// event invalid JSON, and fields outside of any zap.Namespace.
func ExampleNewJSONEncoder_embeddedMetricFormat() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	cfg := zapcw.NewEncoderConfig()
	cfg.TimeKey = "" // the time of day makes a poor example
	log := zap.New(zapcw.NewCore(zapcw.NewJSONEncoder(cfg), s, zap.InfoLevel))

	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC) // as a rule time.Now()
	log.Info("order placed",
		zap.Any("_aws", metadata{
			Timestamp: at.UnixMilli(),
			CloudWatchMetrics: []directive{{
				Namespace:  "acme",
				Dimensions: [][]string{{"function"}},
				Metrics:    []metric{{"items", "Count"}, {"took", "Seconds"}},
			}},
		}),
		zap.String("function", "checkout"),
		zap.Int("items", 3),
		zap.Duration("took", 250*time.Millisecond),
	)
	_ = s.Close()
	for _, m := range srv.Messages("/acme/prod", "orders") {
		fmt.Println(m)
	}
	// Output:
	// {"level":"INFO","message":"order placed","_aws":{"Timestamp":1767366245000,"CloudWatchMetrics":[{"Namespace":"acme","Dimensions":[["function"]],"Metrics":[{"Name":"items","Unit":"Count"},{"Name":"took","Unit":"Seconds"}]}]},"function":"checkout","items":3,"took":0.25}
}
