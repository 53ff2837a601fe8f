package load

import (
	"slices"
	"time"
)

// Outage is what happens to the receiver while entries are logged.
var Outage = []struct {
	State State
	Time  time.Duration
}{
	{Up, 500 * time.Millisecond},
	{Refused, time.Second},
	{Failing, time.Second},
	{Hanging, 2 * time.Second},
	{Up, 500 * time.Millisecond},
}

// outage times every logging call, from the beginning of an outage to its end.
func outage(l Library, j Job) (Result, error) {
	r, s, err := l.start(j)
	if err != nil {
		return nil, err
	}
	logger := s.Logger()

	begin := time.Now()
	end := time.Duration(0)
	for _, o := range Outage {
		end += o.Time
	}
	changed := make(chan error, 1)
	go func() {
		at := time.Duration(0)
		for _, o := range Outage {
			time.Sleep(time.Until(begin.Add(at)))
			if err := r.Set(o.State, 0); err != nil {
				changed <- err
				return
			}
			at += o.Time
		}
		changed <- nil
	}()

	calls := make([]time.Duration, 0, int(float64(j.Rate)*end.Seconds()))
	n := pace(j.Rate, end, func(i int) {
		from := time.Now()
		Entry(logger, i)
		took, at := time.Since(from), from.Sub(begin)
		if at > Outage[0].Time && at < end-Outage[len(Outage)-1].Time {
			calls = append(calls, took)
		}
	})
	if err := <-changed; err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	// Some try again for seconds, and close without waiting for that.
	c, err := arrived(l, r, n, 5*time.Second)
	if err != nil {
		return nil, err
	}
	res := make(Result)
	slices.Sort(calls)
	for _, q := range []struct {
		name string
		at   float64
	}{{"p50", 0.5}, {"p99", 0.99}, {"worst", 1}} {
		res.Add(q.name, calls[int(q.at*float64(len(calls)-1))].Seconds())
	}
	res.Add("calls", float64(n))
	report(res, n, c, 0)
	return res, r.Close()
}
