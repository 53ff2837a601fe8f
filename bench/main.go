// Command bench measures zapcw beside what it is built on and beside other
// libraries that bring logs to CloudWatch, and writes RESULTS.md and the plots.
//
//	go run .
//
// takes less than eight minutes on a machine with nothing else to do, and nothing
// but Go on a Unix. What is measured runs in
// processes of its own, and so does the receiver that takes the puts. -only
// measures some parts and prints the tables; -quick does with tiny numbers, to
// see that all works. The hot path and the send path are ordinary benchmarks too:
//
//	go test -bench . -count 6
//
// It is a module of its own, so that what zapcw is compared with is nobody's
// dependency.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/zapcw/bench/internal/load"
)

// A bench measures.
type bench struct {
	quick bool
	bin   string // where the children are
	doc   *document
}

// parts are what can be measured, in this order.
var parts = []struct {
	name    string
	measure func(*bench) error
}{
	{"hot", (*bench).hot}, {"encode", (*bench).encode}, {"send", (*bench).send}, {"flat", (*bench).flat},
	{"paced", (*bench).paced}, {"sync", (*bench).sync}, {"burst", (*bench).burst}, {"outage", (*bench).outage},
	{"fleet", (*bench).fleet}, {"lambda", (*bench).lambda},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	quick := flag.Bool("quick", false, "tiny numbers, for a look at whether it works")
	only := flag.String("only", "", "parts to measure, with commas between: "+strings.Join(names, ", "))
	out := flag.String("out", "", "directory for RESULTS.md and the plots; the current one if all is measured, else none")
	flag.Parse()
	chosen := names
	if *only != "" {
		chosen = strings.Split(*only, ",")
		for _, c := range chosen {
			if !slices.Contains(names, c) {
				return fmt.Errorf("-only %s: unknown part: want some of %s", c, strings.Join(names, ", "))
			}
		}
	}
	if *out == "" && *only == "" && !*quick {
		*out = "."
	}
	dir, err := os.MkdirTemp("", "zapcw-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is in the temporary directory
	if err := build(dir); err != nil {
		return err
	}
	b := &bench{quick: *quick, bin: dir, doc: newDocument(time.Now(), *quick)}
	if b.doc.versions, err = versions(dir); err != nil {
		return err
	}
	begin := time.Now()
	for _, p := range parts {
		if !slices.Contains(chosen, p.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s  %s\n", time.Since(begin).Round(time.Second), p.name)
		if err := p.measure(b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	b.doc.took = time.Since(begin)
	fmt.Fprintf(os.Stderr, "%s  done\n", b.doc.took.Round(time.Second))
	if *out == "" {
		return b.doc.write(os.Stdout)
	}
	return b.doc.save(*out)
}

// build makes the children. Each library has a program of its own, so that
// nobody's memory holds the code of the others.
func build(dir string) error {
	cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./internal/child/...")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// child has a child measure.
func (b *bench) child(program string, j load.Job) (load.Result, error) {
	arg, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(b.bin, program), string(arg))
	// Nobody looks for credentials or a region but in what it is given.
	cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("%s %s: %w\n%s", program, arg, err, exit.Stderr)
	} else if err != nil {
		return nil, fmt.Errorf("%s %s: %w", program, arg, err)
	}
	var res load.Result
	if err := json.Unmarshal(out, &res); err != nil {
		return nil, fmt.Errorf("%s %s: %w", program, arg, err)
	}
	return res, nil
}

// A variant is measured beside others.
type variant struct {
	program string
	job     load.Job
	rounds  int // it takes part in the first so many, 0 for all
}

func (v variant) absent(round int) bool { return v.rounds > 0 && round >= v.rounds }

// interleave measures all variants in turn, so many times: A B C A B C. The
// results are in the order of the variants.
func (b *bench) interleave(rounds int, variants []variant) ([]load.Result, error) {
	all := make([]load.Result, len(variants))
	for round := range rounds {
		for i, v := range variants {
			if v.absent(round) {
				continue
			}
			res, err := b.child(v.program, v.job)
			if err != nil {
				return nil, err
			}
			all[i] = merge(all[i], res)
		}
	}
	return all, nil
}

// together measures all variants at once, so many times. It is for what sleeps
// most of the time.
func (b *bench) together(rounds int, variants []variant) ([]load.Result, error) {
	all := make([]load.Result, len(variants))
	for range rounds {
		var wg sync.WaitGroup
		round, errs := make([]load.Result, len(variants)), make([]error, len(variants))
		for i, v := range variants {
			wg.Go(func() { round[i], errs[i] = b.child(v.program, v.job) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
		for i := range variants {
			all[i] = merge(all[i], round[i])
		}
	}
	return all, nil
}

func merge(a, b load.Result) load.Result {
	if a == nil {
		a = make(load.Result)
	}
	for name, series := range b {
		a[name] = append(a[name], series...)
	}
	return a
}

// pick is the first unless this is but a look.
func pick[T any](b *bench, full, quick T) T {
	if b.quick {
		return quick
	}
	return full
}

// rounds is how often everything is measured for a median, and others how often
// what has no target.
func (b *bench) rounds() int { return pick(b, 7, 1) }
func (b *bench) others() int { return pick(b, 3, 1) }
