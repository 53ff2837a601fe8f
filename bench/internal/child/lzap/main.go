// Command lzap is github.com/lzap/cloudwatchwriter2 under load.
package main

import (
	"errors"
	"io"
	"time"

	cloudwatchwriter "github.com/lzap/cloudwatchwriter2"

	"example.com/zapcw/bench/internal/load"
)

func main() {
	load.Main(load.Kinds(
		load.Library{Name: "lzap, retrying", Open: open(func(w *cloudwatchwriter.CloudWatchWriter) io.Writer { return retry{w} })},
		load.Library{Name: "lzap", Open: open(func(w *cloudwatchwriter.CloudWatchWriter) io.Writer { return w })},
	))
}

func open(with func(*cloudwatchwriter.CloudWatchWriter) io.Writer) func(*load.Receiver) (load.Sink, error) {
	return func(r *load.Receiver) (load.Sink, error) {
		w, err := cloudwatchwriter.NewWithClient(r.Client(), time.Second, load.Group, load.Stream)
		if err != nil {
			return load.Sink{}, err
		}
		return load.ToWriter(with(w), func() error { w.Close(); return nil }), nil
	}
}

// retry is the caller who does not want to lose what the full queue refuses.
type retry struct{ io.Writer }

func (r retry) Write(p []byte) (int, error) {
	for {
		n, err := r.Writer.Write(p)
		if !errors.Is(err, cloudwatchwriter.ErrFullOrClosed) {
			return n, err
		}
		time.Sleep(100 * time.Microsecond)
	}
}
