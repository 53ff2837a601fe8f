package systest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/spool"
	"example.com/zapcw/internal/testkit"
)

// A spooler is a process of the test binary that logs into a spool, and prints the
// id of each event after the logging call returned.
type spooler struct {
	Endpoint, Dir string
	Tag           string
	MaxPending    int
	End           string // "kill" waits for it; "exit" and "panic" come after Life; "recover" only recovers
	Life          time.Duration
}

const (
	spoolerEnv      = "ZAPCW_TEST_SPOOLER"
	spoolGoroutines = 8
)

func (p *spooler) syncer() *zapcw.Syncer {
	return &zapcw.Syncer{Client: socketClient(p.Endpoint), Group: "/spool", Stream: "s", Spool: p.Dir, MaxPending: p.MaxPending, Timeout: time.Minute}
}

// runSpooler is called by TestMain and does not return in such a process.
func runSpooler() {
	var p spooler
	if !asked(spoolerEnv, &p) {
		return
	}
	s := p.syncer()
	switch p.End {
	case "exit":
		time.AfterFunc(p.Life, func() { os.Exit(3) })
	case "panic":
		time.AfterFunc(p.Life, func() { panic("in another goroutine") })
	case "recover":
		if err := s.Sync(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(0)
	}
	log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
	var all sync.WaitGroup
	for g := range spoolGoroutines {
		all.Go(func() {
			pad := strings.Repeat("x", 20*g)
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s.%d.%d ", p.Tag, g, i)
				log.Info(id + pad)
				_, _ = os.Stdout.WriteString(id + "\n") // a pipe takes a short line as a whole
			}
		})
	}
	all.Wait()
}

// kills are rounds of processes that die, and what they said was accepted.
type kills struct {
	*testing.T
	server   *cwltest.Server
	endpoint string
	dir      string
	rand     *rand.Rand

	mu    sync.Mutex
	acked map[string]int // the events of a process's goroutine, by their common prefix
}

// TestSpoolKilled kills processes that log at full speed from eight goroutines, at
// random moments, round after round. What a logging call had accepted is in the
// stream in the end. ZAPCW_KILLS=200 runs as many rounds of each kind.
func TestSpoolKilled(t *testing.T) {
	if err := spool.Supported(); err != nil {
		t.Skip(err)
	}
	rounds := 4
	if testing.Short() || testkit.RaceEnabled {
		rounds = 2
	}
	if v := os.Getenv("ZAPCW_KILLS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("ZAPCW_KILLS=%q: want a number", v)
		}
		rounds = n
	}
	t.Logf("%d rounds of each kind", rounds)
	slow := cwltest.Fault{Op: "PutLogEvents", Before: 30 * time.Millisecond}
	for _, tt := range []struct {
		name  string
		fault cwltest.Fault
		with  spooler
		n     int  // processes side by side
		once  bool // nothing can be there twice
	}{
		{name: "nothing delivered", fault: cwltest.Fault{Op: "PutLogEvents", Code: "ServiceUnavailableException"}, with: spooler{End: "kill"}, n: 1, once: true},
		{name: "while delivering", with: spooler{End: "kill"}, n: 1},
		{name: "during a put", fault: slow, with: spooler{End: "kill"}, n: 1},
		{name: "overflow", fault: slow, with: spooler{End: "kill", MaxPending: 1 << 20}, n: 1},
		{name: "two processes", with: spooler{End: "kill"}, n: 2},
		{name: "os.Exit", fault: slow, with: spooler{End: "exit"}, n: 1},
		{name: "panic in another goroutine", fault: slow, with: spooler{End: "panic"}, n: 1},
		{name: "during recovery", fault: slow, with: spooler{End: "kill", MaxPending: 1 << 20}, n: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seed := rand.Uint64()
			k := &kills{T: t, server: cwltest.NewServer(t), dir: filepath.Join(t.TempDir(), "spool"), rand: rand.New(rand.NewPCG(seed, 0)), acked: make(map[string]int)}
			k.endpoint = k.server.URL()
			t.Logf("seed %d", seed)
			if tt.fault.Op != "" {
				k.server.Fail(tt.fault)
			}
			for round := range rounds {
				var all sync.WaitGroup
				for i := range tt.n {
					p := tt.with
					p.Tag = fmt.Sprintf("%d.%d", round, i)
					p.Life = time.Duration(5+k.rand.IntN(150)) * time.Millisecond
					all.Go(func() { k.round(p) })
					if tt.name == "during recovery" {
						again := p
						again.End = "recover"
						all.Go(func() { k.round(again) })
					}
				}
				all.Wait()
			}
			k.server.Heal()
			k.check(rounds*tt.n, tt.once)
		})
	}
}

// round starts a process, and kills it if it does not end by itself.
func (k *kills) round(p spooler) {
	p.Endpoint, p.Dir = k.endpoint, k.dir
	cmd := command(spoolerEnv, p)
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		k.Error(err)
		return
	}
	kill := func() { time.AfterFunc(p.Life, func() { _ = cmd.Process.Kill() }) }
	if p.End == "recover" {
		kill()
	}
	in := bufio.NewReader(out)
	for n := 0; ; n++ {
		line, err := in.ReadString('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) || line != "" {
				k.Errorf("%q, %v", line, err)
			}
			break
		}
		if n == 0 && p.End == "kill" {
			kill()
		}
		k.ack(strings.TrimSuffix(line, " \n"))
	}
	_ = cmd.Wait()
	k.notes(p, words.String())
	if strings.Contains(words.String(), "fatal error") || strings.Contains(words.String(), "SIG") || p.End != "panic" && strings.Contains(words.String(), "panic") {
		k.Errorf("a process said %s", words.String())
	}
}

// notes looks at what a process wrote on its fallback.
func (k *kills) notes(p spooler, words string) {
	if words != "" && p.End != "panic" {
		k.Logf("%s: %.2000s", p.Tag, words)
	}
}

// ack notes an event. Those of a goroutine come one after the other.
func (k *kills) ack(id string) {
	i := strings.LastIndexByte(id, '.')
	n, err := strconv.Atoi(id[i+1:])
	k.mu.Lock()
	defer k.mu.Unlock()
	if who := id[:i]; err != nil || n != k.acked[who] {
		k.Errorf("event %q after %d of that goroutine", id, k.acked[who])
	} else {
		k.acked[who]++
	}
}

// check has a last Syncer deliver what is left, and compares.
func (k *kills) check(processes int, once bool) {
	if len(k.acked) < processes {
		k.Fatalf("only %d goroutines of %d processes logged", len(k.acked), processes)
	}
	p := spooler{Endpoint: k.endpoint, Dir: k.dir}
	last := p.syncer()
	if err := last.Sync(); err != nil {
		k.Error(err)
	}
	recovered := last.Stats().Delivered
	if err := last.Close(); err != nil {
		k.Error(err)
	}
	left, err := os.ReadDir(k.dir)
	if err != nil || len(left) > 0 {
		k.Errorf("%v, %v are left in the spool", left, err)
	}
	seen := make(map[string]map[int]int)
	for _, text := range k.server.Messages("/spool", "s") {
		id, pad, _ := strings.Cut(text, " ")
		i := strings.LastIndexByte(id, '.')
		n, err := strconv.Atoi(id[i+1:])
		if err != nil || strings.Trim(pad, "x") != "" {
			k.Fatalf("nobody logged %q", text)
		}
		who := id[:i]
		// The last one may have been accepted and not said.
		if n > k.acked[who] {
			k.Errorf("%s was never logged, only %d", id, k.acked[who])
		}
		if seen[who] == nil {
			seen[who] = make(map[int]int)
		}
		seen[who][n]++
	}
	events, missing, twice, oftener := 0, 0, 0, 0
	for who, n := range k.acked {
		events += n
		for i := range n {
			if seen[who][i] == 0 {
				missing++
			}
		}
	}
	for _, of := range seen {
		for _, n := range of {
			if n == 2 {
				twice++
			} else if n > 2 {
				oftener++
			}
		}
	}
	k.Logf("%d events accepted, %d missing, %d twice, %d oftener; %d recovered at last", events, missing, twice, oftener, recovered)
	if missing > 0 {
		k.Errorf("%d of %d accepted events are missing", missing, events)
	}
	// Four puts may be under way when a process is killed.
	if most := processes * 4 * 10_000; once && twice > 0 || twice+oftener > most {
		k.Errorf("%d events are there twice, %d oftener", twice, oftener)
	}
}
