package main

import (
	"fmt"
	"time"

	"example.com/zapcw/bench/internal/load"
)

// sync is how long Sync takes.
func (b *bench) sync() error {
	p := part{title: "Sync", command: "go run . -only sync", text: []string{
		"Median time of a Sync with so many entries of five fields pending, of which 10,000 make three puts, on a receiver that answers at " +
			"once and on one that takes 20 ms.",
	}}
	t := table{head: []string{"pending", "at once", "20 ms"}}
	limits := map[time.Duration]map[int]float64{0: {1: 0.5e-3, 100: 0.6e-3, 10_000: 5e-3}, 20 * time.Millisecond: {1: 21e-3, 10_000: 30e-3}}
	for _, n := range []int{1, 100, 10_000} {
		row := []string{count(float64(n))}
		for _, delay := range []time.Duration{0, 20 * time.Millisecond} {
			job := load.Job{Kind: "sync", N: n, Rounds: pick(b, 11, 2), Delay: delay}
			res, err := b.interleave(pick(b, 3, 1), []variant{{program: "zapcw", job: job}})
			if err != nil {
				return err
			}
			took := median(res[0]["took"])
			row = append(row, seconds(took))
			if limit, ok := limits[delay][n]; ok {
				what := "at once"
				if delay > 0 {
					what = "after " + delay.String()
				}
				b.doc.target(fmt.Sprintf("Sync with %s pending, the service answering %s", count(float64(n)), what), "≤ "+seconds(limit), seconds(took), took <= limit)
			}
		}
		t.add(row...)
	}
	p.tables = append(p.tables, t)
	b.doc.parts = append(b.doc.parts, p)
	return nil
}

// burst is the worst call when a lot comes at once.
func (b *bench) burst() error {
	n, rounds := pick(b, 100_000, 5000), pick(b, 9, 1)
	p := part{title: "A burst", command: "go run . -only burst", text: []string{
		fmt.Sprintf("%s entries of five fields as fast as one goroutine logs, while every answer takes 50 ms; a Syncer with its defaults. "+
			"Each call is timed, which includes what else the machine does; the row of zap's core into io.Discard shows how much. The last row has a Spool. Medians of %d runs.", count(float64(n)), rounds),
	}}
	names := []string{"zap", "zapcw", "spool"}
	var variants []variant
	for _, name := range names {
		variants = append(variants, variant{program: "zapcw", job: load.Job{Kind: "burst", Name: name, N: n, Delay: 50 * time.Millisecond}})
	}
	res, err := b.interleave(rounds, variants)
	if err != nil {
		return err
	}
	t := table{head: []string{"", "p50", "p99", "p99.9", "worst call", "worst of all runs", "spilled"}}
	for i, m := range res {
		t.add(names[i], seconds(median(m["p50"])), seconds(median(m["p99"])), seconds(median(m["p99.9"])), seconds(median(m["worst"])), seconds(worst(m["worst"])), count(worst(m["spilled"])))
	}
	m, spooled := res[1], res[2]
	p.tables = append(p.tables, t)
	b.doc.parts = append(b.doc.parts, p)
	call, spilled := median(m["worst"]), worst(m["spilled"])
	b.doc.target(fmt.Sprintf("burst of %s entries while answers take 50 ms: worst call, spilled", count(float64(n))), "< 1 ms, 0",
		fmt.Sprintf("%s, %s", seconds(call), count(spilled)), call < 1e-3 && spilled == 0)
	late := ratio(spooled["p99.9"], m["p99.9"])
	b.doc.target("the same burst with a Spool, a call's p99.9 against the same without", "≤ 1.50x", times(late), late <= 1.5)
	return nil
}

// fleet is what many Syncers in one process take.
func (b *bench) fleet() error {
	n := pick(b, 10_000, 500)
	p := part{title: "A fleet in one process", command: "go run . -only fleet", text: []string{
		fmt.Sprintf("%s Syncers that share a client. Idle ones were used once and have settled; bytes are what the heap and the stacks hold "+
			"after a collection, with the Syncer itself, goroutines and timers what is left of them. (A timer that is armed starts a goroutine "+
			"when it goes off, and none was started for longer than MaxAge.) Busy ones have an entry of five fields a second, and their "+
			"defaults: every 20 s each sends, spread over time. Theirs is the highest of some samples, one a second, each after a collection.", count(float64(n))),
	}}
	idle, err := b.interleave(1, []variant{{program: "zapcw", job: load.Job{Kind: "idle", N: n}}})
	if err != nil {
		return err
	}
	busy, err := b.interleave(1, []variant{{program: "zapcw", job: load.Job{Kind: "busy", N: n, Time: pick(b, 10*time.Second, time.Second)}}})
	if err != nil {
		return err
	}
	i, each := idle[0], worst(busy[0]["each"])
	timers, met := "unknown", false
	if s, ok := i["timers"]; ok {
		timers, met = count(s[0]), s[0] == 0
	}
	t := table{head: []string{"", "bytes each", "goroutines", "timers", "peak RSS"}}
	t.add("idle", count(i["each"][0]), count(i["goroutines"][0]), timers, "–")
	t.add("one entry a second", count(each), "–", "–", mb(busy[0]["rss"][0]))
	p.tables = append(p.tables, t)
	b.doc.parts = append(b.doc.parts, p)
	b.doc.target(fmt.Sprintf("%s idle Syncers: bytes each, goroutines, timers", count(float64(n))), "≤ 1 KiB, 0, 0",
		fmt.Sprintf("%s, %s, %s", kib(i["each"][0]), count(i["goroutines"][0]), timers), met && i["each"][0] <= 1<<10 && i["goroutines"][0] <= 0)
	b.doc.target(fmt.Sprintf("%s Syncers with an entry a second: bytes each at the peak", count(float64(n))), "≤ 8 KiB", kib(each), each <= 8<<10)
	return nil
}
