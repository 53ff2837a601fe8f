package micro

import (
	"fmt"
	"io"
	"slices"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/bench/internal/load"
)

// settle measures Sync with N entries logged right before it.
func settle(j load.Job) (load.Result, error) {
	r, err := load.NewReceiver(load.Plain)
	if err != nil {
		return nil, err
	}
	if err := r.Set(load.Up, j.Delay); err != nil {
		return nil, err
	}
	s := &zapcw.Syncer{Client: r.Client(), Group: load.Group, Stream: load.Stream, MaxEvents: 1 << 30}
	l := load.Sink{Core: zapcw.NewCore(load.JSON(), s, zap.InfoLevel)}.Logger()
	res := make(load.Result)
	for i := range j.Rounds + 1 {
		for n := range j.N {
			load.Entry(l, n)
		}
		pending := s.Stats().Pending
		begin := time.Now()
		if err := s.Sync(); err != nil {
			return nil, err
		}
		if i > 0 { // the first one connects
			res.Add("took", time.Since(begin).Seconds())
			res.Add("pending", float64(pending))
		}
	}
	return res, r.Close()
}

// burst times every call while N entries come at once and answers are slow.
// What is called zap goes nowhere: its worst call is what the machine does. What is
// called spool has one.
func burst(j load.Job) (load.Result, error) {
	r, err := load.NewReceiver(load.Plain)
	if err != nil {
		return nil, err
	}
	if err := r.Set(load.Up, j.Delay); err != nil {
		return nil, err
	}
	s := &zapcw.Syncer{Client: r.Client(), Group: load.Group, Stream: load.Stream, Fallback: zapcore.AddSync(io.Discard)}
	if j.Name == "spool" {
		s.Spool = load.Spool()
	}
	var core zapcore.Core = zapcw.NewCore(load.JSON(), s, zap.InfoLevel)
	if j.Name == "zap" {
		core = zapcore.NewCore(load.JSON(), zapcore.AddSync(io.Discard), zap.InfoLevel)
	}
	l := load.Sink{Core: core}.Logger()
	load.Entry(l, 0)
	if err := l.Sync(); err != nil {
		return nil, err
	}
	calls := make([]time.Duration, j.N)
	for i := range calls {
		begin := time.Now()
		load.Entry(l, i)
		calls[i] = time.Since(begin)
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	c, err := r.Count()
	if err != nil {
		return nil, err
	}
	st := s.Stats()
	if c.Events != int64(st.Delivered) {
		return nil, fmt.Errorf("the receiver has %d events, of %d that count as delivered", c.Events, st.Delivered)
	}
	slices.Sort(calls)
	res := make(load.Result)
	res.Add("p50", calls[len(calls)/2].Seconds())
	res.Add("p99", calls[len(calls)*99/100].Seconds())
	res.Add("p99.9", calls[len(calls)*999/1000].Seconds())
	res.Add("worst", calls[len(calls)-1].Seconds())
	res.Add("spilled", float64(st.Spilled))
	return res, r.Close()
}
