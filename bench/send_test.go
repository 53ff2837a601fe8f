package main

import (
	"os"
	"sync"
	"testing"
	"time"

	"example.com/zapcw/bench/internal/load"
	"example.com/zapcw/bench/internal/micro"
)

func TestMain(m *testing.M) {
	if load.IsReceiver() {
		if err := load.Receive(); err != nil {
			panic(err)
		}
		return
	}
	dir, err := os.MkdirTemp("", "zapcw-bench-*")
	if err != nil {
		panic(err)
	}
	programs = sync.OnceValues(func() (string, error) { return dir, build(dir) })
	status := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(status)
}

// programs builds the children.
var programs func() (string, error)

// BenchmarkSend is one full put over loopback, in CPU time of this process; see
// micro.Senders.
func BenchmarkSend(b *testing.B) {
	for _, transport := range []string{load.Plain, load.TLS1, load.TLS2} {
		for _, body := range micro.Bodies() {
			for _, s := range micro.Senders() {
				b.Run(transport+"/"+body.Name+"/"+s.Name, func(b *testing.B) {
					r, err := load.NewReceiver(transport)
					if err != nil {
						b.Fatal(err)
					}
					defer func() {
						if err := r.Close(); err != nil {
							b.Error(err)
						}
					}()
					prepare, send, err := s.Open(r, body)
					if err != nil {
						b.Fatal(err)
					}
					var used time.Duration
					b.ReportAllocs()
					for b.Loop() {
						b.StopTimer()
						err := micro.Put(prepare, send, func(f func()) {
							b.StartTimer()
							begin := load.CPU()
							f()
							used += load.CPU() - begin
							b.StopTimer()
						})
						if err != nil {
							b.Fatal(err)
						}
						b.StartTimer()
					}
					b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/put")
				})
			}
		}
	}
}
