package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.com/zapcw/bench/internal/load"
)

// rates are the entries a second that services have.
var rates = []int{10_000, 1_000, 500, 100, 20}

// ourDefaults is the row that users have.
const ourDefaults = "zapcw, defaults"

// paced is what an application costs that logs at its own pace.
func (b *bench) paced() error {
	long := pick(b, 5*time.Second, 300*time.Millisecond)
	const delay = 5 * time.Millisecond
	p := part{title: "Everyday rates", command: "go run . -only paced", text: []string{
		fmt.Sprintf("Entries at a rate for %s, due every 10 ms, then the close; puts are answered after %s. CPU s are of a million entries. The "+
			"wait is from an entry's time to the arrival of its put, in full ms. The rows run side by side, since they mostly sleep. \"Nothing\" "+
			"calls a logger without a core, so it is what the load itself takes; \"zap, to a file\" is zap's JSON into a BufferedWriteSyncer. "+
			"With its defaults zapcw makes a put for every 20 entries, but no more than 10 a second after the first 10; so at %d entries "+
			"a second an entry waits for the 20th. In the other row only a full put, or the close, sends. lzap cannot do 10,000 a second, see above.",
			long, delay, rates[len(rates)-1]),
	}}
	type row struct{ program, name string }
	local := []row{{"zapcw", "nothing"}, {"zapcw", "zap, to a file"}}
	all := append(local, row{"zapcw", ourDefaults}, row{"zapcw", "zapcw"}, row{"mec07", "mec07"}, row{"awslogs", "awslogs"}, row{"lzap", "lzap, retrying"})
	var waits []waiting
	for _, rate := range rates {
		rows := all
		if rate > 500 {
			rows = rows[:len(rows)-1]
		}
		res := make([]load.Result, len(rows))
		for range b.rounds() {
			var wg sync.WaitGroup
			round, errs := make([]load.Result, len(rows)), make([]error, len(rows))
			for i, r := range rows {
				wg.Go(func() {
					round[i], errs[i] = b.child(r.program, load.Job{Kind: "paced", Name: r.name, Rate: rate, Time: long, Delay: delay})
				})
			}
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				return err
			}
			for i := range rows {
				res[i] = merge(res[i], round[i])
			}
		}
		t := table{head: []string{count(float64(rate)) + " entries/s", "CPU s a million", "of the file", "share of a core", "puts", "puts/s", "wait, p50", "p99", "lost"}}
		for i, r := range rows {
			m := res[i]
			if err := nothingLost(r.name, m); err != nil {
				return err
			}
			puts := median(m["puts"])
			cells := []string{count(puts), digits(puts / long.Seconds()), seconds(median(m["p50"])), seconds(median(m["p99"]))}
			if i < len(local) {
				cells = []string{"–", "–", "–", "–"}
			}
			t.add(slices.Concat([]string{r.name, digits(median(m["cpu"])), times(ratio(m["cpu"], res[1]["cpu"])), percent(median(m["share"]))},
				cells, []string{count(median(m["lost"]))})...)
			if r.name == ourDefaults {
				waits = append(waits, waiting{rate, median(m["p50"]), median(m["p99"])})
				b.pacedTargets(rate, m, res[1], long)
			}
		}
		p.tables = append(p.tables, t)
	}
	b.doc.parts = append(b.doc.parts, p)
	b.doc.plots = append(b.doc.plots, waitFigure(waits))
	return nil
}

// pacedTargets tells what zapcw reached at a rate, beside zap into a file.
func (b *bench) pacedTargets(rate int, ours, file load.Result, long time.Duration) {
	at := count(float64(rate)) + " entries/s by default"
	switch rate {
	case 10_000, 500:
		cpu := ratio(ours["cpu"], file["cpu"])
		b.doc.target(at+", CPU against zap into a buffered file", "≤ 1.5x", times(cpu), cpu <= 1.5)
	}
	if rate < 100 {
		return // who logs less than that waits for the twentieth entry
	}
	// One is that of the close.
	puts, most := median(ours["puts"]), 10+10*long.Seconds()+1
	p99 := median(ours["p99"])
	b.doc.target(at+", puts in "+long.String()+"; from the call to the service, p99",
		fmt.Sprintf("≤ %s, ≤ 210 ms", count(most)), count(puts)+", "+seconds(p99), puts <= most && p99 <= 0.21)
}
