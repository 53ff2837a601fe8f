package main

import (
	"fmt"
	"strings"

	"example.com/zapcw/bench/internal/load"
	"example.com/zapcw/bench/internal/micro"
)

// send is a full put, from what was logged to the answer.
func (b *bench) send() error {
	p := part{title: "A full put", command: "go run . -only send", text: []string{
		"CPU time of this process for one put, in µs, by getrusage; so the collector's work for it is in. The floor posts the finished " +
			"body by net/http and computes its SHA-256, which the signature needs. Stock is the SDK's PutLogEvents with events that were " +
			"made before. The zapcw rows are a Sync of entries that were logged before, outside of the time. Garbage is what is allocated " +
			fmt.Sprintf("by a put. Over TLS the certificate is one for the test. Stock and HTTP/2 have %d rounds.", b.others()),
	}}
	type key struct{ transport, body, sender string }
	all := make(map[key]load.Result)
	for _, transport := range []string{load.Plain, load.TLS1, load.TLS2} {
		rounds := b.rounds()
		if transport == load.TLS2 {
			rounds = b.others()
		}
		for _, body := range micro.Bodies() {
			var variants []variant
			for _, s := range micro.Senders() {
				n, of := pick(b, 40, 3), rounds
				if s.Name == "stock" { // it is far off
					n, of = pick(b, 15, 3), b.others()
				}
				variants = append(variants, variant{program: "zapcw", rounds: of, job: load.Job{Kind: "put", Name: s.Name, Body: body.Name, N: n, Transport: transport}})
			}
			res, err := b.interleave(rounds, variants)
			if err != nil {
				return err
			}
			for i, s := range micro.Senders() {
				all[key{transport, body.Name, s.Name}] = res[i]
			}
		}
	}
	for _, tr := range []struct{ transport, head string }{
		{load.TLS1, "HTTP/1.1 over TLS"}, {load.Plain, "HTTP/1.1"}, {load.TLS2, "HTTP/2 over TLS"},
	} {
		t := table{head: []string{tr.head, "floor", "stock", "zapcw", "of floor", "of stock",
			"garbage, stock", "zapcw", "allocations an event, stock", "zapcw"}}
		for _, body := range micro.Bodies() {
			f, s, z := all[key{tr.transport, body.Name, "floor"}], all[key{tr.transport, body.Name, "stock"}], all[key{tr.transport, body.Name, "zapcw"}]
			t.add(body.Name, digits(median(f["cpu"])), digits(median(s["cpu"])), digits(median(z["cpu"])),
				times(ratio(z["cpu"], f["cpu"])), times(ratio(z["cpu"], s["cpu"])),
				kib(median(s["garbage"])), kib(median(z["garbage"])),
				digits(median(s["allocs"])/median(s["events"])), digits(median(z["allocs"])/median(z["events"])))
		}
		p.tables = append(p.tables, t)
	}
	b.doc.parts = append(b.doc.parts, p)

	var ofStock, garbage, allocs float64
	for _, tr := range []struct{ transport, name string }{{load.TLS1, "over TLS"}, {load.Plain, "without TLS"}} {
		var text []string
		met := true
		for _, body := range micro.Bodies() {
			z := all[key{tr.transport, body.Name, "zapcw"}]
			of := ratio(z["cpu"], all[key{tr.transport, body.Name, "floor"}]["cpu"])
			ofStock = max(ofStock, ratio(z["cpu"], all[key{tr.transport, body.Name, "stock"}]["cpu"]))
			garbage = max(garbage, median(z["garbage"]))
			allocs = max(allocs, median(z["allocs"])/median(z["events"]))
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
	b.doc.target("full put, garbage and allocations an event, the worst of the eight", "≤ 64 KiB, ≤ 0.1",
		fmt.Sprintf("%s, %s", kib(garbage), digits(allocs)), garbage <= 64<<10 && allocs <= 0.1)
	return nil
}
