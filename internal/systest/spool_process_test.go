package systest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwlambda"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// A spoolProgram is what the test binary does in the place of a user's process that
// has a spool.
type spoolProgram struct {
	Name     string
	Endpoint string
	Dir      string
	N        int // events of a kilobyte
}

const spoolProgramEnv = "ZAPCW_TEST_SPOOL_PROGRAM"

// runSpoolProgram is called by TestMain and does not return if there is a program.
func runSpoolProgram() {
	var p spoolProgram
	if !asked(spoolProgramEnv, &p) {
		return
	}
	if err := p.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
	os.Exit(0)
}

func (p *spoolProgram) run() error {
	if p.Name == "overflow" {
		return p.overflow()
	}
	s := &zapcw.Syncer{Client: socketClient(p.Endpoint), Group: "/lambda", Stream: "s", Spool: p.Dir}
	log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
	within, flush := time.Minute, time.Minute
	switch p.Name {
	case "times out":
		within = lambdaTime
	case "responds": // in an outage
		flush = lambdaTime / 4
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	f := cwlambda.Wrap(log, func(context.Context) {
		log.Info(p.Name + ": received")
		fmt.Println("logged")
		switch p.Name {
		case "hangs":
			time.Sleep(time.Hour) // until somebody kills it
		case "times out":
			time.Sleep(2 * lambdaTime)
			_ = kill(os.Getpid()) // as Lambda does, sooner
			time.Sleep(time.Hour)
		case "exits":
			os.Exit(3)
		case "crashes":
			done := make(chan int)
			go func() { panic("in another goroutine") }()
			<-done
		}
	}, cwlambda.FlushTimeout(flush)).(func(context.Context) (any, error))
	if _, err := f(ctx); err != nil {
		return err
	}
	fmt.Println("responded")
	time.Sleep(time.Hour) // frozen
	return nil
}

// lambdaTime is what an invocation has that times out.
const lambdaTime = 400 * time.Millisecond

func kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}

// invoke starts the process of a sandbox for one invocation, and has it end: by
// itself, or else after it printed the word. It returns what is on the fallback.
func invoke(t *testing.T, p spoolProgram, word string) (words string) {
	t.Helper()
	cmd := command(spoolProgramEnv, p)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewScanner(out); in.Scan(); {
		if in.Text() == word {
			_ = cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Errorf("%s ended well", p.Name)
	}
	return stderr.String()
}

// TestSpoolLambda has invocations end in all ways in which Lambda, or they
// themselves, end the process. The next process in that sandbox sends what was left.
func TestSpoolLambda(t *testing.T) {
	needSpool(t)
	t.Parallel()
	for _, tt := range []struct {
		name, word string
		outage     bool
		want       []string
	}{
		{name: "hangs", word: "logged", want: []string{"hangs: received"}},
		{name: "hangs", word: "logged", outage: true, want: []string{"hangs: received"}},
		{name: "exits", want: []string{"exits: received"}},
		{name: "crashes", want: []string{"crashes: received"}},
		{name: "times out", outage: true, want: []string{"times out: received", "function is about to time out"}},
		{name: "responds", word: "responded", outage: true, want: []string{"responds: received"}},
	} {
		t.Run(fmt.Sprintf("%s, outage %t", tt.name, tt.outage), func(t *testing.T) {
			t.Parallel()
			srv := cwltest.NewServer(t)
			p := spoolProgram{Name: tt.name, Endpoint: srv.URL(), Dir: filepath.Join(t.TempDir(), "zapcw")}
			if tt.outage {
				srv.Fail(testkit.Outage)
			}
			words := invoke(t, p, tt.word)
			for line := range strings.Lines(words) {
				if slices.Contains(tt.want, strings.TrimSuffix(line, "\n")) {
					t.Errorf("an event is on the fallback: %s", words)
				}
			}
			if got := srv.Messages("/lambda", "s"); tt.outage && len(got) > 0 {
				t.Errorf("got %q in an outage", got)
			}
			srv.Heal()
			p.Name = "next"
			if words := invoke(t, p, "responded"); words != "" {
				t.Errorf("the next process has on its fallback: %s", words)
			}
			got := srv.Messages("/lambda", "s")
			if tt.name == "times out" { // the warning has fields
				for i := range got {
					got[i], _, _ = strings.Cut(got[i], "\t")
				}
			}
			testkit.WantEvents(t, slices.Compact(got), append(tt.want, "next: received")...)
		})
	}
}

// An outage is a client without a service until it is over.
type outage struct {
	testkit.FakeClient
	over atomic.Bool
}

func (c *outage) PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	if !c.over.Load() {
		return nil, &types.ServiceUnavailableException{}
	}
	return new(cloudwatchlogs.PutLogEventsOutput), nil
}

// An overflowed is what a process says about its memory, in kB.
type overflowed struct {
	Outage, Drained uint64 // the most until then
	Stats           zapcw.Stats
}

// overflow logs in an outage, then has all of it sent.
func (p *spoolProgram) overflow() error {
	c := new(outage)
	s := &zapcw.Syncer{Client: c, Group: "/overflow", Stream: "s", Spool: p.Dir, MaxPending: 8 << 20, Timeout: 5 * time.Minute}
	log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
	text := strings.Repeat("x", 1000)
	for range p.N {
		log.Info(text)
	}
	if st := s.Stats(); st.Spilled > 0 || st.Delivered > 0 {
		return fmt.Errorf("in an outage: %+v", st)
	}
	var o overflowed
	var err error
	if o.Outage, err = peakMemory(); err != nil {
		return err
	}
	c.over.Store(true)
	if err := s.Close(); err != nil {
		return err
	}
	if o.Drained, err = peakMemory(); err != nil {
		return err
	}
	o.Stats = s.Stats()
	o.Stats.LastError = nil // cannot be read back
	return json.NewEncoder(os.Stdout).Encode(o)
}

// peakMemory is the largest resident set of this process so far, in kB.
func peakMemory() (kB uint64, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, err := fmt.Sscan(rest, &kB)
			return kB, err
		}
	}
	return 0, errors.New("no VmHWM in /proc/self/status")
}

// TestSpoolMemory logs 300 MB in an outage, far more than MaxPending: they take
// disk, and no memory of the process, mapped files among it.
func TestSpoolMemory(t *testing.T) {
	needSpool(t)
	if runtime.GOOS != "linux" {
		t.Skip("no /proc to read the memory of a process from")
	}
	run := func(n int) overflowed {
		cmd := command(spoolProgramEnv, spoolProgram{Name: "overflow", Dir: filepath.Join(t.TempDir(), "spool"), N: n})
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		var o overflowed
		if err == nil {
			err = json.Unmarshal(out, &o)
		}
		if err != nil {
			t.Fatalf("%v: %s%s", err, out, stderr.String())
		}
		if st := o.Stats; st.Accepted != uint64(n) || st.Delivered != uint64(n) {
			t.Errorf("%d events: got %+v", n, st)
		}
		return o
	}
	n := 300_000
	if testing.Short() || testkit.RaceEnabled {
		n = 200_000
	}
	without, with := run(6000), run(n)
	t.Logf("the most memory: %d kB in the outage and %d kB in all with 6 MB; %d kB and %d kB with %d MB",
		without.Outage, without.Drained, with.Outage, with.Drained, n/1000)
	// The run without has not filled MaxPending, and files that are empty are
	// unmapped by and by: a third of all is far from what it would be otherwise.
	most := uint64(n) / 3
	if with.Outage > without.Outage+most || with.Drained > without.Drained+most {
		t.Errorf("%d MB take %d kB and %d kB more than 6 MB, want at most %d", n/1000, with.Outage-without.Outage, with.Drained-without.Drained, most)
	}
}
