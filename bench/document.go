package main

import (
	"bufio"
	"bytes"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// A document is what was measured.
type document struct {
	date     time.Time
	quick    bool
	load     string // average of the minute before, if the system tells
	took     time.Duration
	versions []string
	targets  []target // the project's own
	parts    []part
	plots    []figure
}

// A target is a row of the first table.
type target struct {
	what, reach, measured string
	missed                bool
}

// A part is what one part of the benchmark found.
type part struct {
	title, command string
	text           []string
	tables         []table
}

// A table's first column is text, the others are numbers.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func newDocument(at time.Time, quick bool) *document {
	d := &document{date: at, quick: quick}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		d.load, _, _ = strings.Cut(string(text), " ")
	}
	return d
}

// ownTarget heads the column of what the project wants to reach: nobody else set it.
const ownTarget = "the project's own target"

// target adds a row that is met if v is at most limit.
func (d *document) target(what, reach, measured string, met bool) {
	d.targets = append(d.targets, target{what, reach, measured, !met})
}

// who introduces those that tables and plots name.
const who = `
| name | what it is |
| --- | --- |
| zapcw | a Syncer under zap with zap's JSON encoder, unless another encoder is named; "defaults" are those that users get |
| zap, discarded | zap's own core into io.Discard: what the logging itself takes |
| zap, to a file; zap, buffered file | zap's own core into a zapcore.BufferedWriteSyncer of a file |
| mec07 | github.com/mec07/cloudwatchwriter under zap's core |
| lzap | github.com/lzap/cloudwatchwriter2 under zap's core; "retrying" tries again when its queue is full |
| awslogs | Docker's driver of that name, of github.com/moby/moby |
| slog, zerolog | log/slog and github.com/rs/zerolog, which send nothing |
`

func (d *document) save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range d.plots {
		if err := f.save(filepath.Join(dir, f.name)); err != nil {
			return err
		}
	}
	var text bytes.Buffer
	if err := d.write(&text); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "RESULTS.md"), text.Bytes(), 0o644)
}

func (d *document) write(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "# Results\n\n")
	fmt.Fprintf(b, "%s, %d cores, %s/%s, %s; %s. Written by\n\n```sh\ncd bench && go run .\n```\n\nin %s.",
		cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), date(d.date), d.took.Round(time.Second))
	if d.quick {
		fmt.Fprintf(b, " **With -quick: the numbers mean nothing.**")
	}
	if d.load != "" {
		fmt.Fprintf(b, " The load average of the machine was %s before.", d.load)
	}
	fmt.Fprint(b, `

What is measured runs in a process of its own, and so does the receiver: an HTTP server on loopback that reads and counts
every put, refuses what the service would (events out of order, more than 10,000 events or 1,048,576 bytes) and shares the
cores, while its CPU is not counted. Variants are measured in turn, A B C A B C; unless it says otherwise a number is the
median of seven or more rounds, and a ratio the median of the ratios within a round. Only ratios carry over to another machine.
`)
	fmt.Fprint(b, who)
	fmt.Fprintf(b, "\nVersions: %s.\n", strings.Join(d.versions, ", "))
	if len(d.targets) > 0 {
		t := table{head: []string{"what", ownTarget, "measured"}}
		for _, r := range d.targets {
			if r.missed {
				r.measured += " (missed)"
			}
			t.add(r.what, r.reach, r.measured)
		}
		fmt.Fprint(b, "\n")
		t.write(b)
	}
	for _, f := range d.plots {
		fmt.Fprintf(b, "\n![%s](%s)\n", f.title, f.name)
	}
	for _, p := range d.parts {
		fmt.Fprintf(b, "\n## %s\n\n`%s`\n", p.title, p.command)
		for _, t := range p.text {
			fmt.Fprintf(b, "\n%s\n", t)
		}
		for _, t := range p.tables {
			fmt.Fprint(b, "\n")
			t.write(b)
		}
	}
	return b.Flush()
}

func (t *table) write(w io.Writer) {
	fmt.Fprintf(w, "| %s |\n| ---", strings.Join(t.head, " | "))
	for range t.head[1:] {
		if len(t.head) == 3 && t.head[1] == ownTarget {
			fmt.Fprint(w, " | ---")
		} else {
			fmt.Fprint(w, " | ---:")
		}
	}
	fmt.Fprint(w, " |\n")
	for _, r := range t.rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(r, " | "))
	}
}

// cpuModel is the processor's name, as far as it is known.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return "unknown processor"
}

// versions reads those of what is compared from the programs in dir.
func versions(dir string) ([]string, error) {
	found := make(map[string]string)
	programs, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	for _, p := range programs {
		info, err := buildinfo.ReadFile(p)
		if err != nil {
			return nil, err
		}
		for _, m := range info.Deps {
			found[m.Path] = m.Version
		}
	}
	var list []string
	for _, path := range compared {
		list = append(list, path+" "+found[path])
	}
	return list, nil
}

// compared are the modules whose versions matter.
var compared = []string{
	"go.uber.org/zap", "github.com/rs/zerolog",
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs", "github.com/lzap/cloudwatchwriter2",
	"github.com/mec07/cloudwatchwriter", "github.com/aws/aws-sdk-go", "github.com/moby/moby/v2",
}
