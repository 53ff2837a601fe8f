package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"example.com/zapcw/bench/internal/load"
	"example.com/zapcw/bench/internal/micro"
)

const ours = "zapcw, zap's JSON"

// sinks says where zap's own core writes to.
var sinks = map[string]string{"zap, discarded": "zap's core into io.Discard", "zap, buffered file": "zap's core into a BufferedWriteSyncer of a file"}

// hot is the logging call.
func (b *bench) hot() error {
	p := part{title: "The logging call", command: "go run . -only hot", text: []string{
		`In ns an entry, from so many goroutines together. "Core.Write" is what a core can be quick or slow at: encode and buffer, ` +
			`with fields made before and without the logger. "Info" is the whole call, fields included; all cores share its cost for ` +
			"building them, one allocation. The zapcw rows leave out the sending, as the others do: they buffer up to 1,800 entries, " +
			"less than what starts a put, and get rid of them outside of the time. \"Buffered file\" is zapcore.BufferedWriteSyncer, " +
			"and includes what it writes to a file while entries come. \"Spool\" is a Syncer whose events are in files that outlive the process. \"Held\" is a Hold's scope that is full, so each entry evicts one; " +
			"all goroutines share it, where a service has a scope for each request. Everything has its turn of 1,800 entries, many times, in three programs that the linker laid out differently. Bytes and allocations are an entry's.",
	}}
	all := make(map[string]load.Result)
	for _, path := range micro.Paths {
		for _, n := range micro.Fields(path) {
			rounds := 30
			if path == "Core.Write" {
				rounds = 60
			}
			job := load.Job{Kind: "hot", Name: path, Fields: n, Rounds: pick(b, rounds, 2)}
			res, err := b.layouts(job)
			if err != nil {
				return err
			}
			all[fmt.Sprint(path, n)] = res
		}
	}
	for _, path := range micro.Paths {
		targets, err := micro.Targets(path)
		if err != nil {
			return err
		}
		for _, n := range micro.Fields(path) {
			res := all[fmt.Sprint(path, n)]
			head := fmt.Sprintf("%s, %d fields", path, n)
			switch path {
			case "With":
				head = "Info after With of 3 fields"
			case "Off":
				head = "Debug that is off"
			}
			t := table{head: []string{head}}
			for _, g := range micro.Goroutines {
				t.head = append(t.head, plural(g, "goroutine"), "of discarded")
			}
			t.head = append(t.head, "bytes", "allocations")
			for _, target := range targets {
				row := []string{target.Name}
				for _, g := range micro.Goroutines {
					s := res[micro.Cell(target.Name, n, g)]
					row = append(row, digits(median(s)), times(ratio(s, res[micro.Cell(targets[0].Name, n, g)])))
				}
				t.add(append(row, count(median(res[target.Name+"/bytes"])), count(median(res[target.Name+"/allocs"])))...)
			}
			p.tables = append(p.tables, t)
		}
	}
	b.doc.parts = append(b.doc.parts, p)

	write := all["Core.Write3"]
	against := func(other string, g int, most float64) {
		of := ratio(write[micro.Cell(ours, 3, g)], write[micro.Cell(other, 3, g)])
		b.doc.target(fmt.Sprintf("Core.Write, JSON, 3 fields, %s, against %s", plural(g, "goroutine"), sinks[other]),
			fmt.Sprintf("≤ %.2fx", most), times(of), of <= most)
	}
	for _, g := range micro.Goroutines {
		if g == 1 {
			against("zap, discarded", g, 1.08)
			continue
		}
		against("zap, discarded", g, 1.20)
		against("zap, buffered file", g, 1)
	}
	for _, g := range micro.Goroutines {
		most := 1.05
		if g == 8 {
			most = 1.15
		}
		of := ratio(write[micro.Cell(micro.Spooled, 3, g)], write[micro.Cell(ours, 3, g)])
		b.doc.target(fmt.Sprintf("Core.Write, JSON, 3 fields, %s, with a Spool against without", plural(g, "goroutine")), fmt.Sprintf("≤ %.2fx", most), times(of), of <= most)
	}
	held := ratio(write[micro.Cell(micro.Held, 3, 1)], write[micro.Cell(ours, 3, 1)])
	b.doc.target("an entry that a Hold keeps back, JSON, 3 fields, 1 goroutine, against the same Core.Write into the buffer", "≤ 1.10x, no allocations",
		fmt.Sprintf("%s, %s allocations", times(held), count(median(write[micro.Held+"/allocs"]))), held <= 1.10 && median(write[micro.Held+"/allocs"]) < 0.01)
	b.doc.plots = append(b.doc.plots, goroutinesFigure(all["Info3"]))
	return nil
}

// layouts measures a job of some ns in several programs. They are of the same code,
// but the linker put its functions elsewhere, which makes some per cent: each has its
// luck.
func (b *bench) layouts(j load.Job) (load.Result, error) {
	var res load.Result
	for i := range pick(b, 3, 1) {
		name := fmt.Sprintf("zapcw-%d", i+1)
		path := filepath.Join(b.bin, name)
		if _, err := os.Stat(path); err != nil {
			cmd := exec.Command("go", "build", fmt.Sprintf("-ldflags=-randlayout=%d", i+1), "-o", path, "./internal/child/zapcw")
			if out, err := cmd.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("%s: %w\n%s", cmd, err, out)
			}
		}
		one, err := b.child(name, j)
		if err != nil {
			return nil, err
		}
		res = merge(res, one)
	}
	return res, nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// encode is the encoders alone.
func (b *bench) encode() error {
	p := part{title: "Encoders", command: "go run . -only encode", text: []string{
		"In ns an entry: EncodeEntry and Free, of the same entry. zap's encoders have its production configuration. The template is " +
			"`{level} {func} {caller} {logger} {line}: `.",
	}}
	encoders, err := micro.Encoders()
	if err != nil {
		return err
	}
	var zero, three, allocs float64
	for _, with := range []string{"no caller", "caller"} {
		job := load.Job{Kind: "encode", Name: with, Rounds: pick(b, 20, 1), Time: time.Millisecond}
		res, err := b.layouts(job)
		if err != nil {
			return err
		}
		head := "entry without caller"
		if with == "caller" {
			head = "entry with caller"
		}
		t := table{head: []string{head}}
		for _, n := range micro.EncoderFields {
			t.head = append(t.head, fmt.Sprintf("%d fields", n), "of zap JSON", "allocations")
		}
		for _, e := range encoders {
			row := []string{e.Name}
			for _, n := range micro.EncoderFields {
				s := res[micro.Cell(e.Name, n, 1)]
				part := ratio(s, res[micro.Cell("zap JSON", n, 1)])
				a := median(res[micro.Cell(e.Name, n, 1)+"/allocs"])
				of := times(part)
				if part < 1 {
					of = nth(part)
				}
				row = append(row, digits(median(s)), of, count(a))
				if e.Name == "StandardPrefix" {
					switch n {
					case 0:
						zero = max(zero, part)
					case 3:
						three = max(three, part)
					}
					allocs = max(allocs, a)
				}
			}
			t.add(row...)
		}
		p.tables = append(p.tables, t)
	}
	b.doc.parts = append(b.doc.parts, p)
	b.doc.target("prefix encoder, StandardPrefix, no fields, against zap's JSON encoder; with or without caller, the worse", "≤ 1/6, no allocations",
		fmt.Sprintf("%s, %s allocations", nth(zero), count(allocs)), zero <= 1.0/6 && allocs == 0)
	b.doc.target("the same with 3 fields", "≤ 1/4, no allocations", fmt.Sprintf("%s, %s allocations", nth(three), count(allocs)), three <= 1.0/4 && allocs == 0)
	return nil
}
