package main

import (
	"fmt"
	"testing"

	"example.com/zapcw/bench/internal/micro"
)

// BenchmarkWrite is the logging call: Core.Write with fields made before, and
// the calls of an application. The zapcw rows buffer without sending, and settle
// outside of the time; what sending costs is BenchmarkSend's.
func BenchmarkWrite(b *testing.B) {
	for _, path := range micro.Paths {
		for _, n := range micro.Fields(path) {
			targets, err := micro.Targets(path)
			if err != nil {
				b.Fatal(err)
			}
			for _, g := range micro.Goroutines {
				for _, t := range targets {
					b.Run(fmt.Sprintf("%s/fields=%d/goroutines=%d/%s", path, n, g, t.Name), func(b *testing.B) {
						b.ReportAllocs()
						took, err := t.Time(n, g, b.N)
						if err != nil {
							b.Fatal(err)
						}
						b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "ns/op")
					})
				}
			}
		}
	}
}

// BenchmarkEncode is EncodeEntry and Free, of an entry without caller.
func BenchmarkEncode(b *testing.B) {
	encoders, err := micro.Encoders()
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range micro.EncoderFields {
		for _, e := range encoders {
			b.Run(fmt.Sprintf("fields=%d/%s", n, e.Name), func(b *testing.B) {
				b.ReportAllocs()
				if err := e.Encode(b.N, micro.Entry(), micro.EntryFields[:n]); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
