package main

import (
	"fmt"
	"strings"

	"example.com/zapcw/bench/internal/load"
)

// absent says who is not measured.
const absent = "github.com/uschen/zapcloudwatch is not among them: the Go module proxy has no version of it, nor of the module " +
	"that it batches with, github.com/uschen/gbundler (\"This module version is not available\")."

// flat is as much as goes.
func (b *bench) flat() error {
	million := pick(b, 1_000_000, 20_000)
	p := part{title: "End to end, flat out", command: "go run . -only flat", text: []string{
		fmt.Sprintf("%s entries of five fields are logged as fast as it goes by one goroutine, or by two, encoded by zap's JSON encoder except "+
			"in the prefix rows, delivered, and the library closed. Events a second count from the first call until Close has returned and the "+
			"last event has arrived; CPU is of a million delivered events; RSS is the peak of the process. Least is the number of puts that "+
			"the bytes need. zapcw has MaxEvents 10,000, MaxPending 4 MiB and Block; the rows with defaults have only Block, and one a Spool. The other libraries "+
			"have %d rounds; mec07 and awslogs get half as many entries, lzap %s, of which it drops what finds its queue full. A caller who tries again then, in the "+
			"row \"retrying\", gets %s through, since it takes long; both with one producer only. \"zap, discarded\" sends nothing. Connections are without TLS, but for one row.",
			count(float64(million)), b.others(), count(float64(million/10)), count(float64(million/100))),
		"A library is what its documentation shows: lzap/cloudwatchwriter2 and mec07/cloudwatchwriter as writers under zap's core, Docker's " +
			"awslogs driver with a message for each line. " + absent,
	}}
	type row struct {
		program, name, label string
		n                    int
		transport            string
		rounds               int
	}
	rows := []row{
		{"zapcw", "zap, discarded", "zap, discarded", million, "", 0}, {"zapcw", "zapcw", "zapcw", million, "", 0},
		{"zapcw", "zapcw, prefix", "zapcw, prefix", million, "", 0}, {"zapcw", ourDefaults, ourDefaults, million, "", 0},
		{"zapcw", ourDefaults, ourDefaults + ", TLS", million, load.TLS1, 0},
		{"zapcw", "zapcw, spool", ourDefaults + ", spool", million, "", 0},
		{"mec07", "mec07", "mec07", million / 2, "", b.others()}, {"awslogs", "awslogs", "awslogs", million / 2, "", b.others()},
		{"lzap", "lzap, retrying", "lzap, retrying", million / 100, "", b.others()}, {"lzap", "lzap", "lzap", million / 10, "", b.others()},
	}
	for _, producers := range []int{1, 2} {
		if producers > 1 {
			rows = rows[:len(rows)-2] // of lzap one is enough
		}
		var variants []variant
		for _, r := range rows {
			variants = append(variants, variant{program: r.program, rounds: r.rounds, job: load.Job{Kind: "flat", Name: r.name, N: r.n, Producers: producers, Transport: r.transport}})
		}
		res, err := b.interleave(b.rounds(), variants)
		if err != nil {
			return err
		}
		t := table{head: []string{plural(producers, "producer"), "events/s", "of discarded", "CPU s a million", "of discarded", "puts", "least", "peak RSS", "lost", "of which refused"}}
		plain := res[0]
		for i, r := range rows {
			m := res[i]
			puts, least := count(median(m["puts"])), count(median(m["least"]))
			if i == 0 {
				puts, least = "–", "–"
			}
			t.add(r.label, digits(median(m["rate"])), times(ratio(m["rate"], plain["rate"])),
				digits(median(m["cpu"])), times(ratio(m["cpu"], plain["cpu"])), puts, least, mb(median(m["rss"])),
				percent(median(m["lost"])/float64(r.n)), percent(median(m["refused"])/float64(r.n)))
			if err := nothingLost(r.name, m); err != nil {
				return err
			}
		}
		p.tables = append(p.tables, t)
		byDefault, tls, spooled := res[3], res[4], res[5]
		puts := ratio(byDefault["puts"], byDefault["least"])
		b.doc.target(fmt.Sprintf("end to end by default, %s, puts against the least possible number", plural(producers, "producer")),
			"≤ 1.05x", fmt.Sprintf("%.3fx", puts), puts <= 1.05)
		cpuSpool := ratio(spooled["cpu"], byDefault["cpu"])
		if producers == 1 {
			b.doc.target("end to end by default with a Spool, 1 producer, CPU against the same without", "≤ 1.15x", times(cpuSpool), cpuSpool <= 1.15)
		}
		if producers > 1 {
			rss := median(byDefault["rss"])
			b.doc.target("end to end by default, 2 producers, peak RSS, median and worst run", "≤ 56 MiB; –", mib(rss)+"; "+mib(worst(byDefault["rss"])), rss <= 56<<20)
			continue // the other targets are about one
		}
		z, prefix := res[1], res[2]
		rate, fast := ratio(z["rate"], plain["rate"]), ratio(prefix["rate"], plain["rate"])
		cpu, rss := ratio(z["cpu"], plain["cpu"]), worst(z["rss"])
		puts = ratio(z["puts"], z["least"])
		ofTLS := ratio(tls["rate"], plain["rate"])
		b.doc.target("end to end, JSON, events/s against zap into io.Discard; by default and with TLS", "≥ 0.75x; –", times(rate)+"; "+times(ofTLS), rate >= 0.75)
		b.doc.target("end to end, prefix encoder, events/s against zap with its JSON encoder into io.Discard", "≥ 1.6x", times(fast), fast >= 1.6)
		b.doc.target("end to end, JSON, CPU against zap into io.Discard; by default and with TLS", "≤ 1.6x; –", times(cpu)+"; "+times(ratio(tls["cpu"], plain["cpu"])), cpu <= 1.6)
		b.doc.target("end to end, full puts only, puts against the least possible number", "≤ 1.01x", fmt.Sprintf("%.3fx", puts), puts <= 1.01)
		b.doc.target("end to end, MaxPending 4 MiB, peak RSS, the worst run", "≤ 32 MB", mb(rss), rss <= 32e6)
		var used []span
		for i, r := range rows {
			v := median(res[i]["cpu"])
			used = append(used, span{name: r.label, p50: v, p99: v, worst: v})
		}
		b.doc.plots = append(b.doc.plots, cpuFigure(used))
	}
	b.doc.parts = append(b.doc.parts, p)
	return nil
}

// nothingLost must hold for zapcw or there are no results.
func nothingLost(name string, m load.Result) error {
	if strings.HasPrefix(name, "zapcw") && worst(m["lost"]) > 0 {
		return fmt.Errorf("%s lost %s events", name, count(worst(m["lost"])))
	}
	return nil
}

func percent(v float64) string {
	if v == 0 {
		return "0"
	}
	return digits(100*v) + " %"
}

// outage is the logging call while the service is away.
func (b *bench) outage() error {
	const rate = 5000
	rounds := pick(b, 3, 1)
	away := load.Outage[1:4]
	p := part{title: "The logging call during an outage", command: "go run . -only outage", text: []string{
		fmt.Sprintf("%s entries a second, while the service refuses connections for %s, answers 503 for %s, hangs for %s, and is up again: the time that calls take from the beginning of the outage to "+
			"its end, and what has not arrived when the library is closed after it. The rows run side by side, since they mostly sleep. Medians of %d runs.", count(rate), away[0].Time, away[1].Time, away[2].Time, rounds),
	}}
	rows := []struct{ program, name string }{{"zapcw", "zap, to a file"}, {"zapcw", "zapcw, defaults"}, {"mec07", "mec07"}, {"awslogs", "awslogs"}, {"lzap", "lzap"}}
	var variants []variant
	for _, r := range rows {
		variants = append(variants, variant{program: r.program, job: load.Job{Kind: "outage", Name: r.name, Rate: pick(b, rate, 500)}})
	}
	res, err := b.together(rounds, variants)
	if err != nil {
		return err
	}
	t := table{head: []string{"", "p50", "p99", "worst", "entries", "lost"}}
	var ranges []span
	for i, r := range rows {
		m := res[i]
		if err := nothingLost(r.name, m); err != nil {
			return err
		}
		lost := percent(median(m["lost"]) / median(m["calls"]))
		s := span{r.name, median(m["p50"]), median(m["p99"]), median(m["worst"]), lost}
		ranges = append(ranges, s)
		t.add(r.name, seconds(s.p50), seconds(s.p99), seconds(s.worst), count(median(m["calls"])), lost)
	}
	p.tables = append(p.tables, t)
	b.doc.parts = append(b.doc.parts, p)
	b.doc.plots = append(b.doc.plots, outageFigure(ranges))
	return nil
}
