package micro

import (
	"fmt"
	"net/http"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/bench/internal/load"
)

// memory is what lives on the heap, and stacks. It collects twice, since the
// first time only ages pools.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// started counts goroutines since the process began; Go 1.25 does not know it.
func started() (uint64, bool) {
	s := []metrics.Sample{{Name: "/sched/goroutines-created:goroutines"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0, false
	}
	return s[0].Value.Uint64(), true
}

// goroutines counts them without those of connections, which it ends.
func goroutines(h *http.Client) int {
	n, same := runtime.NumGoroutine(), 0
	for same < 3 {
		h.CloseIdleConnections()
		time.Sleep(50 * time.Millisecond)
		now := runtime.NumGoroutine()
		if same++; now != n {
			n, same = now, 0
		}
	}
	return n
}

// idle is N Syncers that were used once. A timer that was left armed would go
// off in MaxAge and start a goroutine, so these are counted.
func idle(j load.Job) (load.Result, error) {
	r, err := load.NewReceiver(load.Plain)
	if err != nil {
		return nil, err
	}
	h := r.HTTP()
	client := r.Client(func(o *cloudwatchlogs.Options) { o.HTTPClient = h })
	use := func(s *zapcw.Syncer) error {
		load.Entry(load.Sink{Core: zapcw.NewCore(load.JSON(), s, zap.InfoLevel)}.Logger(), 0)
		return s.Sync()
	}
	age := 2 * time.Second
	syncer := func() *zapcw.Syncer {
		return &zapcw.Syncer{Client: client, Group: load.Group, Stream: load.Stream, MaxAge: age}
	}
	if err := use(syncer()); err != nil {
		return nil, err
	}
	running := goroutines(h)
	fleet := make([]*zapcw.Syncer, j.N)
	before := memory()
	for i := range fleet {
		fleet[i] = syncer()
		if err := use(fleet[i]); err != nil {
			return nil, err
		}
	}
	left := goroutines(h)
	res := make(load.Result)
	after := memory()
	res.Add("each", float64(after-before)/float64(j.N))
	res.Add("goroutines", float64(left-running))
	if from, ok := started(); ok {
		time.Sleep(age + age/2)
		to, _ := started()
		res.Add("timers", float64(to-from))
	}
	runtime.KeepAlive(fleet)
	return res, r.Close()
}

// busy is N Syncers with one event a second each and their defaults: every one
// sends every 20 s, and in any second a twentieth of them does.
func busy(j load.Job) (load.Result, error) {
	r, err := load.NewReceiver(load.Plain)
	if err != nil {
		return nil, err
	}
	client := r.Client()
	fleet := make([]*zapcw.Syncer, j.N)
	cores := make([]zapcore.Core, j.N)
	enc, ent := load.JSON(), Entry()
	total := 0
	log := func(i int) error {
		total++
		ent.Time = time.Now()
		return cores[i].Write(ent, EntryFields[:5])
	}
	before := memory()
	for i := range fleet {
		fleet[i] = &zapcw.Syncer{Client: client, Group: load.Group, Stream: load.Stream}
		cores[i] = zapcw.NewCore(enc, fleet[i], zap.InfoLevel)
		for range i % 20 { // as if it had gone on for long
			if err := log(i); err != nil {
				return nil, err
			}
		}
	}
	res := make(load.Result)
	begin := time.Now()
	second := 0
	for time.Since(begin) < j.Time {
		// A hundred times a second, a hundredth of them.
		const parts = 100
		for p := range parts {
			for i := p; i < j.N; i += parts {
				if err := log(i); err != nil {
					return nil, err
				}
			}
			at := time.Duration(second)*time.Second + time.Duration(p+1)*time.Second/parts
			time.Sleep(time.Until(begin.Add(at)))
		}
		second++
		res.Add("each", float64(memory()-before)/float64(j.N))
	}
	res.Add("rss", float64(load.PeakRSS()))
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for w := range cap(errs) {
		wg.Go(func() {
			for i := w; i < len(fleet); i += cap(errs) {
				if err := fleet[i].Close(); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	if err, bad := <-errs; bad {
		return nil, err
	}
	c, err := r.Count()
	if err != nil {
		return nil, err
	}
	if c.Events != int64(total) {
		return nil, fmt.Errorf("the receiver has %d of %d events", c.Events, total)
	}
	runtime.KeepAlive(fleet)
	return res, r.Close()
}
