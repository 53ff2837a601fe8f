package load

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// A Job is what a child process measures.
type Job struct {
	Kind string // one of the child's
	Name string // of what is measured

	N         int // entries
	Producers int
	Rate      int // entries a second
	Time      time.Duration
	Rounds    int
	Delay     time.Duration // of the receiver's answers
	Transport string
	Body      string
	Fields    int
}

// A Result holds what was measured by name, in order of rounds.
type Result map[string][]float64

// Add appends to a series.
func (r Result) Add(name string, v float64) { r[name] = append(r[name], v) }

// A Kind does one kind of Job.
type Kind func(Job) (Result, error)

// Main is a child process: the job is its argument, the result its output.
func Main(kinds map[string]Kind) {
	if err := run(kinds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kinds map[string]Kind) error {
	if IsReceiver() {
		return Receive()
	}
	if len(os.Args) != 2 {
		return fmt.Errorf("%d arguments: want one, a job; this program is started by the benchmark", len(os.Args)-1)
	}
	var j Job
	if err := json.Unmarshal([]byte(os.Args[1]), &j); err != nil {
		return fmt.Errorf("job %q: %w", os.Args[1], err)
	}
	kind := kinds[j.Kind]
	if kind == nil {
		return fmt.Errorf("job %q: unknown kind", j.Kind)
	}
	res, err := kind(j)
	if err != nil {
		return fmt.Errorf("%s %s: %w", j.Kind, j.Name, err)
	}
	return json.NewEncoder(os.Stdout).Encode(res)
}
