package main

import (
	"fmt"
	"slices"
	"time"

	"example.com/zapcw/bench/internal/load"
)

// ourDefaults is the row that users have.
const ourDefaults = "zapcw, defaults"

// everyday is how puts are answered at everyday rates.
const everyday = 5 * time.Millisecond

// paced is what an application costs that logs at its own pace.
func (b *bench) paced() error {
	long := pick(b, 5*time.Second, 300*time.Millisecond)
	rates := []int{10_000, 500}
	p := part{title: "Everyday rates", command: "go run . -only paced", text: []string{
		fmt.Sprintf("Entries at a rate for %s, due every 10 ms, then the close; puts are answered after %s. CPU s are of a million entries. "+
			"The rows run side by side, since they mostly sleep. \"Nothing\" calls a logger without a core, so it is what the load itself takes; "+
			"\"zap, to a file\" is zap's JSON into a BufferedWriteSyncer, and with \"bare POSTs\" five requests a second of as many bytes besides, "+
			"by net/http and with nothing but their SHA-256: no way to the service with five requests a second takes less. By default zapcw "+
			"sends when 20 entries have come, but no more than 5 puts a second after the first 10. In the row \"full puts\" only a full put, or the "+
			"close, sends. lzap cannot do 10,000 a second, see above.", long, everyday),
	}}
	type row struct{ name, program, job, transport string }
	local := []row{{"nothing", "zapcw", "nothing", ""}, {"zap, to a file", "zapcw", "zap, to a file", ""}}
	all := append(local, row{load.Posts, "zapcw", load.Posts, ""}, row{ourDefaults, "zapcw", ourDefaults, ""},
		row{ourDefaults + ", TLS", "zapcw", ourDefaults, load.TLS1}, row{"zapcw, full puts", "zapcw", "zapcw", ""},
		row{"mec07", "mec07", "mec07", ""}, row{"awslogs", "awslogs", "awslogs", ""}, row{"lzap, retrying", "lzap", "lzap, retrying", ""})
	for _, rate := range rates {
		rows := all
		if rate > 500 {
			rows = rows[:len(rows)-1]
		}
		var variants []variant
		for _, r := range rows {
			variants = append(variants, variant{program: r.program, job: load.Job{
				Kind: "paced", Name: r.job, Rate: rate, Time: long, Delay: everyday, Transport: r.transport,
			}})
		}
		res, err := b.together(b.rounds(), variants)
		if err != nil {
			return err
		}
		t := table{head: []string{count(float64(rate)) + " entries/s", "CPU s a million", "of the file", "share of a core", "puts", "puts/s", "lost"}}
		for i, r := range rows {
			m := res[i]
			if err := nothingLost(r.name, m); err != nil {
				return err
			}
			puts := median(m["puts"])
			cells := []string{count(puts), digits(puts / long.Seconds())}
			if i < len(local) {
				cells = []string{"–", "–"}
			}
			t.add(slices.Concat([]string{r.name, digits(median(m["cpu"])), times(ratio(m["cpu"], res[1]["cpu"])), percent(median(m["share"]))},
				cells, []string{percent(median(m["lost"]) / (float64(rate) * long.Seconds()))})...)
		}
		p.tables = append(p.tables, t)
		of := func(i int) float64 { return ratio(res[i]["cpu"], res[1]["cpu"]) }
		b.doc.target(fmt.Sprintf("%s entries/s by default, CPU against zap into a buffered file; with TLS; five bare POSTs a second", count(float64(rate))),
			"≤ 1.5x; –; –", fmt.Sprintf("%s; %s; %s", times(of(3)), times(of(4)), times(of(2))), of(3) <= 1.5)
	}
	arrivals, err := b.arrivals(long)
	if err != nil {
		return err
	}
	p.text = append(p.text, fmt.Sprintf("The last table is of zapcw with its defaults: how many puts it makes in %s, and how long entries take from their own time to "+
		"the arrival of their put, in full ms. Below 100 entries a second the twentieth is waited for.", long))
	p.tables = append(p.tables, arrivals)
	b.doc.parts = append(b.doc.parts, p)
	return nil
}

// arrivals is when entries arrive, by rate.
func (b *bench) arrivals(long time.Duration) (table, error) {
	rates := []int{20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000}
	var variants []variant
	for _, rate := range rates {
		variants = append(variants, variant{program: "zapcw", job: load.Job{Kind: "paced", Name: ourDefaults, Rate: rate, Time: long, Delay: everyday}})
	}
	t := table{head: []string{"entries/s", "puts", "puts/s", "to the service, p50", "p99"}}
	res, err := b.together(b.others(), variants)
	if err != nil {
		return t, err
	}
	var waits []waiting
	most, slowest := 0.0, 0.0
	for i, rate := range rates {
		m := res[i]
		if err := nothingLost(ourDefaults, m); err != nil {
			return t, err
		}
		puts, p50, p99 := median(m["puts"]), median(m["p50"]), median(m["p99"])
		t.add(count(float64(rate)), count(puts), digits(puts/long.Seconds()), seconds(p50), seconds(p99))
		waits = append(waits, waiting{rate, p50, p99})
		most = max(most, puts)
		if rate >= 100 {
			slowest = max(slowest, p99)
		}
	}
	b.doc.plots = append(b.doc.plots, waitFigure(waits))
	limit := 10 + 5*long.Seconds() + 1 // the first ten, five a second, and that of the close
	b.doc.target(fmt.Sprintf("puts in %s at 20 to 10,000 entries/s by default, the most", long), "≤ "+count(limit), count(most), most <= limit)
	b.doc.target("from the call to the service at 100 to 10,000 entries/s by default, p99, the slowest", "≤ 210 ms", seconds(slowest), slowest <= 0.21)
	return t, nil
}
