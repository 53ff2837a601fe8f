package load

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"
)

var errUnknown = errors.New("no such library here")

// flat logs N entries as fast as it goes, and waits for the last to arrive.
func flat(l Library, j Job) (Result, error) {
	r, s, err := l.start(j)
	if err != nil {
		return nil, err
	}
	logger := s.Logger()

	begin, used := time.Now(), CPU()
	var wg sync.WaitGroup
	for p := range j.Producers {
		wg.Go(func() {
			for i := p; i < j.N; i += j.Producers {
				Entry(logger, i)
			}
		})
	}
	wg.Wait()
	res := make(Result)
	res.Add("logged", time.Since(begin).Seconds())
	if err := s.Close(); err != nil {
		return nil, err
	}
	end := time.Now()
	n, err := arrived(l, r, j.N, time.Second)
	if err != nil {
		return nil, err
	}
	if n.Last.After(end) {
		end = n.Last
	}
	used = CPU() - used
	res.Add("rss", float64(PeakRSS()))
	report(res, j.N, n, used)
	res.Add("rate", float64(n.Events)/end.Sub(begin).Seconds())
	return res, r.Close()
}

// arrived is what the receiver has in the end; what is not to be sent is taken
// to be there.
func arrived(l Library, r *Receiver, n int, patience time.Duration) (Count, error) {
	if l.Local {
		return Count{Events: int64(n)}, nil
	}
	return r.Await(n, patience)
}

func report(res Result, n int, c Count, used time.Duration) {
	res.Add("delivered", float64(c.Events))
	res.Add("refused", float64(c.RefusedEvents))
	res.Add("lost", float64(int64(n)-c.Events))
	res.Add("puts", float64(c.Puts+c.RefusedPuts))
	res.Add("least", float64((c.Bytes+MaxBytes-1)/MaxBytes))
	res.Add("bytes", float64(c.Bytes)/float64(max(c.Events, 1)))
	res.Add("cpu", used.Seconds()/float64(max(c.Events, 1))*1e6)
}

// tick is how often a paced load logs what is due. Short ones would measure the
// timer.
const tick = 10 * time.Millisecond

// pace calls f at a rate for a time, some calls at every tick.
func pace(rate int, long time.Duration, f func(i int)) int {
	begin := time.Now()
	for i, at := 0, time.Duration(0); ; {
		if at += tick; at > long {
			return i
		}
		time.Sleep(time.Until(begin.Add(at)))
		for ; i < int(float64(rate)*at.Seconds()); i++ {
			f(i)
		}
	}
}

// paced logs at a rate.
func paced(l Library, j Job) (Result, error) {
	r, s, err := l.start(j)
	if err != nil {
		return nil, err
	}
	if err := r.Set(Up, j.Delay); err != nil {
		return nil, err
	}
	logger := s.Logger()
	used := CPU()
	n := pace(j.Rate, j.Time, func(i int) { Entry(logger, i) })
	if err := s.Close(); err != nil {
		return nil, err
	}
	c, err := arrived(l, r, n, time.Second)
	if err != nil {
		return nil, err
	}
	used = CPU() - used
	res := make(Result)
	report(res, n, c, used)
	res.Add("share", used.Seconds()/j.Time.Seconds())
	res.Add("p50", c.Wait(0.5).Seconds())
	res.Add("p99", c.Wait(0.99).Seconds())
	return res, r.Close()
}

// Spool is a directory for the Spool of a Syncer. The next run removes what a process
// left there.
func Spool() string { return filepath.Join(os.TempDir(), "zapcw-bench-spool") }

// TempFile is an open file without a name.
func TempFile() (*os.File, error) {
	f, err := os.CreateTemp("", "zapcw-bench-*.log")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}
