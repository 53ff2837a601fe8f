package main

import (
	"fmt"
	"strings"

	"example.com/zapcw/bench/internal/load"
	"example.com/zapcw/bench/internal/micro"
)

// A put names what sent it: the transport, the body and the sender.
type put struct{ transport, body, sender string }

// A sent is what puts took, in rounds.
type sent struct{ cpu, garbage, allocs []float64 }

// send is a full put, from what was logged to the answer.
func (b *bench) send() error {
	p := part{title: "A full put", command: "go run . -only send", text: []string{
		"CPU time of the process for one put, in µs, by getrusage; so the collector's work for it is in. The floor posts the finished " +
			"body by net/http and computes its SHA-256, which the signature needs. Stock is the SDK's PutLogEvents with events that were " +
			"made before. The zapcw rows are a Sync of entries that were logged before, outside of the time; the floor and stock log " +
			"as many before each put, to nowhere, so that nobody's code is in the processor's caches more than another's. Puts of the " +
			"floor and of zapcw take turns in one process; stock has one of its own, for its garbage. Garbage and allocations are those " +
			fmt.Sprintf("of one put. Over TLS the certificate is one for the test. Stock and HTTP/2 have %d rounds.", b.others()),
	}}
	all := make(map[put]sent)
	for _, transport := range []string{load.Plain, load.TLS1, load.TLS2} {
		for _, body := range micro.Bodies() {
			if err := b.puts(all, transport, body.Name); err != nil {
				return err
			}
		}
	}
	for _, tr := range []struct{ transport, head string }{
		{load.TLS1, "HTTP/1.1 over TLS"}, {load.Plain, "HTTP/1.1"}, {load.TLS2, "HTTP/2 over TLS"},
	} {
		t := table{head: []string{tr.head, "floor", "stock", "zapcw", "of floor", "of stock",
			"garbage, stock", "zapcw", "allocations, stock", "zapcw"}}
		for _, body := range micro.Bodies() {
			f, s, z := all[put{tr.transport, body.Name, "floor"}], all[put{tr.transport, body.Name, "stock"}], all[put{tr.transport, body.Name, "zapcw"}]
			t.add(body.Name, digits(median(f.cpu)), digits(median(s.cpu)), digits(median(z.cpu)),
				times(ratio(z.cpu, f.cpu)), times(ratio(z.cpu, s.cpu)),
				kib(median(s.garbage)), kib(median(z.garbage)), count(median(s.allocs)), count(median(z.allocs)))
		}
		p.tables = append(p.tables, t)
	}
	b.doc.parts = append(b.doc.parts, p)

	b.sendTargets(all)
	return nil
}

// puts measures the puts of a body over a transport.
func (b *bench) puts(all map[put]sent, transport, body string) error {
	rounds := b.rounds()
	if transport == load.TLS2 {
		rounds = b.others()
	}
	job := func(names string, n int) load.Job {
		return load.Job{Kind: "put", Name: names, Body: body, N: n, Transport: transport}
	}
	res, err := b.interleave(rounds, []variant{
		{program: "zapcw", job: job("floor,zapcw", pick(b, 40, 3))},
		{program: "zapcw", job: job("stock", pick(b, 15, 3)), rounds: b.others()}, // it is far off
	})
	if err != nil {
		return err
	}
	for name, r := range map[string]load.Result{"floor": res[0], "zapcw": res[0], "stock": res[1]} {
		all[put{transport, body, name}] = sent{r[name+" cpu"], r[name+" garbage"], r[name+" allocs"]}
	}
	return nil
}

// sendTargets says what became of the targets of full puts.
func (b *bench) sendTargets(all map[put]sent) {
	var ofStock, garbage, allocs float64
	for _, tr := range []struct{ transport, name string }{{load.TLS1, "over TLS"}, {load.Plain, "without TLS"}} {
		var text []string
		met := true
		for _, body := range micro.Bodies() {
			z := all[put{tr.transport, body.Name, "zapcw"}]
			of := ratio(z.cpu, all[put{tr.transport, body.Name, "floor"}].cpu)
			ofStock = max(ofStock, ratio(z.cpu, all[put{tr.transport, body.Name, "stock"}].cpu))
			garbage = max(garbage, median(z.garbage))
			allocs = max(allocs, median(z.allocs))
			if strings.HasSuffix(body.Name, "JSON") {
				b.doc.target("full put of text of 78 B, 230 B, 1 KiB "+tr.name+", CPU against net/http and SHA-256", "≤ 1.35x, 1.35x, 1.25x", strings.Join(text, ", "), met)
				b.doc.target("full put of zap JSON of 230 B "+tr.name+", the same", "≤ 1.90x", times(of), of <= 1.90)
				continue
			}
			most := 1.35
			if len(text) == 2 { // of 1 KiB
				most = 1.25
			}
			text = append(text, times(of))
			met = met && of <= most
		}
	}
	b.doc.target("full put, CPU against the stock PutLogEvents, the worst of the eight", "≤ 0.30x", times(ofStock), ofStock <= 0.30)
	b.doc.target("full put, garbage and allocations, the worst of the eight", "≤ 64 KiB, ≤ 410 (0.1 an event of 230 B)",
		fmt.Sprintf("%s, %s", kib(garbage), count(allocs)), garbage <= 64<<10 && allocs <= 410)
}
