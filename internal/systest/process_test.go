package systest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwlambda"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// A program is what the test binary does when it is started by one of the tests
// below, in the place of a user's process.
type program struct {
	Name     string
	Endpoint string
	Stream   string
	Tag      string // begins each of its messages
	N        int    // events
}

// asked reads what this process is to do, and reports whether that is anything.
func asked(env string, p any) bool {
	text := os.Getenv(env)
	if text == "" {
		return false
	}
	if err := json.Unmarshal([]byte(text), p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
	return true
}

// command is this test binary as a process that is to do p.
func command(env string, p any) *exec.Cmd {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env+"="+string(text))
	return cmd
}

const programEnv = "ZAPCW_TEST_PROGRAM"

// runProgram is called by TestMain and does not return if there is a program.
func runProgram() {
	var p program
	if !asked(programEnv, &p) {
		return
	}
	s := &zapcw.Syncer{Client: socketClient(p.Endpoint), Group: "/processes", Stream: p.Stream}
	log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
	switch p.Name {
	case "writer":
		for i := range p.N {
			log.Info(fmt.Sprintf("%s.%d", p.Tag, i))
		}
		if err := s.Close(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "panic":
		log.Info("before")
		log.Panic("last words")
	case "fatal":
		log.Info("before")
		log.Fatal("last words")
	case "exit after sync":
		log.Info("before")
		log.Info("last words")
		_ = log.Sync()
		os.Exit(0)
	case "handler":
		f := cwlambda.Wrap(log, func() {
			log.Info("before")
			log.Info("last words")
			panic("of the function")
		}).(func(context.Context) (any, error))
		_, _ = f(context.Background())
	case "sigterm":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		log.Info("before")
		log.Info("last words")
		fmt.Println("ready")
		<-ctx.Done()
		_ = s.Close()
	case "steady": // logs on, whatever happens to it
		for i := range p.N {
			log.Info(fmt.Sprintf("%s.%d", p.Tag, i))
			time.Sleep(2 * time.Millisecond)
		}
		if err := s.Close(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "flood": // as fast as it can, into little memory
		flood(s, log, p.N)
	case "puts": // full ones
		puts(s, log, p.N)
	case "freeze": // a line on stdin is an invocation
		in := bufio.NewScanner(os.Stdin)
		for i := 0; in.Scan(); i++ {
			f := cwlambda.Wrap(log, func(context.Context) {
				log.Info(fmt.Sprint("invocation ", i))
			}).(func(context.Context) (any, error))
			_, _ = f(context.Background())
			fmt.Println("response", i)
		}
	default:
		fmt.Fprintf(os.Stderr, "no program %q\n", p.Name)
		os.Exit(99)
	}
	os.Exit(0)
}

const maxPending = 8 << 20 // of a process that floods

// flood logs for so many milliseconds, then settles, and prints what it took.
func flood(s *zapcw.Syncer, log *zap.Logger, ms int) {
	s.MaxPending = maxPending
	s.Fallback = zapcore.AddSync(io.Discard)
	var (
		m     runtime.MemStats
		worst time.Duration
		peak  uint64
		text  = strings.Repeat("x", 200)
	)
	runtime.GC()
	runtime.ReadMemStats(&m)
	base := m.HeapAlloc
	end := time.Now().Add(time.Duration(ms) * time.Millisecond)
	for i := 0; ; i++ {
		begin := time.Now()
		if begin.After(end) {
			break
		}
		if i%50 == 0 {
			log.Error(text)
		} else {
			log.Info(text)
		}
		worst = max(worst, time.Since(begin))
		if i%20_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc-min(base, m.HeapAlloc))
		}
	}
	err := s.Close()
	st := s.Stats()
	_ = json.NewEncoder(os.Stdout).Encode(flooded{st.Accepted, st.Delivered, st.Rejected, st.Spilled, st.Pending, peak, worst.String(), fmt.Sprint(err)})
}

type flooded struct {
	Accepted, Delivered, Rejected, Spilled, Pending uint64

	Peak  uint64 // bytes of heap above what there was before, after collections
	Worst string // logging call
	Err   string
}

func socketClient(endpoint string) *cloudwatchlogs.Client {
	return cloudwatchlogs.New(cloudwatchlogs.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
}

// TestExit ends processes in all ways in which a program with zap may end.
func TestExit(t *testing.T) {
	for _, tt := range []struct {
		name string
		code int
	}{
		{"panic", 2},
		{"fatal", 1},
		{"exit after sync", 0},
		{"handler", 2},
		{"sigterm", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := cwltest.NewServer(t)
			cmd := command(programEnv, program{Name: tt.name, Endpoint: srv.URL(), Stream: "s"})
			var errs bytes.Buffer
			cmd.Stderr = &errs
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if tt.name == "sigterm" {
				var word string
				if _, err := fmt.Fscan(out, &word); err != nil || word != "ready" {
					t.Fatalf("got %q, %v: %s", word, err, &errs)
				}
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Skipf("no SIGTERM on this system: %v", err)
				}
			}
			_, _ = io.Copy(io.Discard, out)
			err = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit status %d, want %d: %v\n%s", code, tt.code, err, &errs)
			}
			got := srv.Messages("/processes", "s")
			if n := len(got) - 1; tt.name == "handler" && n > 0 && strings.HasPrefix(got[n], "invocation panicked") {
				got = got[:n]
			}
			testkit.WantEvents(t, got, "before", "last words")
		})
	}
}

// TestManyWriters starts 32 processes at once on a group that does not exist.
// With ZAPCW_MOTO they write to that server too, for which moto is written by
// others.
func TestManyWriters(t *testing.T) {
	t.Run("cwltest", func(t *testing.T) {
		srv := cwltest.NewServer(t)
		manyWriters(t, srv.URL(), "s")
		if n := srv.Stats().Errors["InvalidParameterException"]; n != 0 {
			t.Errorf("%d puts were against the rules", n)
		}
	})
	t.Run("moto", func(t *testing.T) {
		url := os.Getenv("ZAPCW_MOTO")
		if url == "" {
			t.Skip("ZAPCW_MOTO does not name the URL of a moto server")
		}
		manyWriters(t, url, "s-"+strconv.FormatInt(time.Now().UnixNano(), 36))
	})
}

func manyWriters(t *testing.T, url, stream string) {
	const processes, each = 32, 2000
	var all sync.WaitGroup
	for i := range processes {
		cmd := command(programEnv, program{Name: "writer", Endpoint: url, Stream: stream, Tag: fmt.Sprint(i), N: each})
		all.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("process %d: %v: %s", i, err, out)
			}
		})
	}
	all.Wait()
	got := readAll(t, socketClient(url), "/processes", stream)
	next := make(map[string]int)
	for _, m := range got {
		tag, n, _ := strings.Cut(m, ".")
		if n != strconv.Itoa(next[tag]) {
			t.Fatalf("process %s: event %s after %d others", tag, n, next[tag])
		}
		next[tag]++
	}
	if len(got) != processes*each {
		t.Errorf("%d events are there of %d", len(got), processes*each)
	}
}

// TestFreeze stops a process between invocations, as Lambda does, for longer
// than the server keeps an idle connection.
func TestFreeze(t *testing.T) {
	var srv cwltest.Server
	defer srv.Close()
	closed := make(chan struct{}, 100)
	ts := httptest.NewUnstartedServer(&srv)
	ts.Config.IdleTimeout = 50 * time.Millisecond
	ts.Config.ConnState = connClosed(closed)
	ts.Start()
	defer ts.Close()

	cmd := command(programEnv, program{Name: "freeze", Endpoint: ts.URL, Stream: "s"})
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var sent []string
	for i := range 5 {
		fmt.Fprintln(in, "x")
		var word string
		var n int
		if _, err := fmt.Fscan(out, &word, &n); err != nil || n != i {
			t.Fatalf("got %s %d, %v: %s", word, n, err, &errs)
		}
		sent = append(sent, fmt.Sprint("invocation ", i))
		if got := srv.Messages("/processes", "s"); !slices.Equal(got, sent) {
			t.Fatalf("after response %d the stream has %q", i, got)
		}
		if err := freeze(cmd.Process); err != nil {
			if errors.Is(err, errors.ErrUnsupported) {
				t.Log("this system cannot freeze a process; it just waits")
			} else {
				t.Fatal(err)
			}
		}
		<-closed // the connection died meanwhile
		if err := thaw(cmd.Process); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Fatal(err)
		}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, &errs)
	}
	if errs.Len() > 0 {
		t.Errorf("the fallback has %s", &errs)
	}
}

// TestFreezeAnywhere stops a process at any moment while it logs, for longer than
// the server keeps a connection.
func TestFreezeAnywhere(t *testing.T) {
	var srv cwltest.Server
	defer srv.Close()
	ts := httptest.NewUnstartedServer(&srv)
	ts.Config.IdleTimeout = 20 * time.Millisecond
	ts.Start()
	defer ts.Close()
	const n = 400
	cmd := command(programEnv, program{Name: "steady", Endpoint: ts.URL, Stream: "s", Tag: "m", N: n})
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		<-time.After(time.Duration(20+rand.N(60)) * time.Millisecond)
		if err := freeze(cmd.Process); err != nil {
			break // it is done already, or this system cannot
		}
		<-time.After(50 * time.Millisecond)
		_ = thaw(cmd.Process)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, &out)
	}
	got := slices.Compact(srv.Messages("/processes", "s")) // an answer may have got lost
	if len(got) != n {
		t.Errorf("%d events are there of %d: %s", len(got), n, &out)
	}
	for i, m := range got {
		if want := fmt.Sprint("m.", i); m != want {
			t.Fatalf("event %d is %s, want %s", i, m, want)
		}
	}
}

// TestFlood has a process log many times faster than the service takes it, and
// measures its memory: for three seconds, or as many as ZAPCW_FLOOD says.
func TestFlood(t *testing.T) {
	secs := 3
	if v := os.Getenv("ZAPCW_FLOOD"); v != "" {
		var err error
		if secs, err = strconv.Atoi(v); err != nil {
			t.Fatalf("ZAPCW_FLOOD=%q: want a number of seconds", v)
		}
	}
	srv := cwltest.NewServer(t)
	srv.Discard = true
	srv.Fail(cwltest.Fault{Op: "PutLogEvents", After: 100 * time.Millisecond})
	cmd := command(programEnv, program{Name: "flood", Endpoint: srv.URL(), Stream: "s", N: 1000 * secs})
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var f flooded
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("%+v", f)
	if f.Accepted != f.Delivered+f.Spilled || f.Rejected+f.Pending != 0 || f.Delivered == 0 {
		t.Errorf("the counts do not add up: %+v", f)
	}
	// MaxPending, one arena and a megabyte.
	most := uint64(maxPending + 2<<20)
	if testkit.RaceEnabled {
		most += 1 << 20 // its pools forget at random, so buffers are there twice
	}
	if f.Peak > most {
		t.Errorf("%d bytes of memory, want %d at most", f.Peak, most)
	}
	if f.Spilled > 0 {
		return
	}
	if f.Accepted < 4*maxPending/200 { // events of 200 bytes
		t.Skipf("this machine is too busy for a flood: %d events in %d s are too few to be sure that memory was full", f.Accepted, secs)
	}
	t.Error("nothing was spilled, although all memory was used four times over")
}

// connClosed tells of connections that the server closed.
func connClosed(closed chan<- struct{}) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
}
