package cwltest_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"example.com/zapcw/cwltest"
)

// BenchmarkPut is the cost of the server alone: 8,000 events of 100 bytes.
func BenchmarkPut(b *testing.B) {
	for _, discard := range []bool{false, true} {
		b.Run(fmt.Sprintf("discard=%v", discard), func(b *testing.B) {
			s := &cwltest.Server{Discard: discard, KeepEvents: -1}
			defer s.Close()
			s.CreateStream(group, stream)
			const events = 8000
			var body bytes.Buffer
			fmt.Fprintf(&body, `{"logGroupName":%q,"logStreamName":%q,"logEvents":[`, group, stream)
			for i := range events {
				if i > 0 {
					body.WriteByte(',')
				}
				fmt.Fprintf(&body, `{"timestamp":%d,"message":"\"%s\""}`, time.Now().UnixMilli(), strings.Repeat("m", 98))
			}
			body.WriteString("]}")
			b.SetBytes(int64(body.Len()))
			b.ReportAllocs()
			for b.Loop() {
				req := signed(b, "PutLogEvents", io.NopCloser(bytes.NewReader(body.Bytes())))
				req.ContentLength = int64(body.Len())
				resp, err := s.Transport().RoundTrip(req)
				if err != nil || resp.StatusCode != 200 {
					b.Fatal(resp, err)
				}
			}
			b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
