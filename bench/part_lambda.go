package main

import (
	"time"

	"example.com/zapcw/bench/internal/load"
)

// lambda is what an invocation takes longer for its log.
func (b *bench) lambda() error {
	p := part{title: "A Lambda invocation", command: "go run . -only lambda", text: []string{
		"Median time that an invocation which logs five entries of five fields takes, until its response may go out and until all is sent " +
			"and the sandbox may be frozen, on a receiver that answers at once and on one that takes 20 ms.",
	}}
	t := table{head: []string{"flush", "response, at once", "over, at once", "response, 20 ms", "over, 20 ms"}}
	for _, name := range []string{"before the response", "after the response"} {
		row := []string{name}
		for _, delay := range []time.Duration{0, 20 * time.Millisecond} {
			job := load.Job{Kind: "lambda", Name: name, N: 5, Rounds: pick(b, 51, 3), Delay: delay}
			res, err := b.interleave(pick(b, 3, 1), []variant{{program: "zapcw", job: job}})
			if err != nil {
				return err
			}
			row = append(row, seconds(median(res[0]["response"])), seconds(median(res[0]["over"])))
		}
		t.add(row...)
	}
	p.tables = append(p.tables, t)
	b.doc.parts = append(b.doc.parts, p)
	return nil
}
