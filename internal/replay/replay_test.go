package replay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/remote"
	"example.com/zapcw/internal/terminal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inMemory is a replay of text to a server in memory.
func inMemory(t *testing.T, text string) (*Replay, *cwltest.Server) {
	t.Helper()
	srv := cwltest.NewServer(t)
	in, err := Open(nil, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r := &Replay{
		In:     in,
		Stream: remote.Stream{Service: &remote.Service{Name: "memory", Client: srv.Client(), Instant: true}, Group: "/acme/prod", Name: "orders"},
		Out: &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders",
			WhenFull: zapcw.Block, Fallback: zapcore.AddSync(io.Discard)},
		Proof:    true,
		Progress: terminal.NewProgress(devNull(t)),
	}
	t.Cleanup(func() {
		if err := r.Out.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, srv
}

func devNull(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestInParts(t *testing.T) {
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "%d\n", i)
	}
	// A part does not end within a line.
	text.WriteString(strings.Repeat("x", maxPiece+1) + "\nend\n")
	r, srv := inMemory(t, text.String())
	r.Lines = &steps{from: r.In, at: time.Now()}
	r.Part, r.Forget = 300<<10, func() { srv.DeleteStream("/acme/prod", "orders") }
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var report bytes.Buffer
	r.Tell(&report)
	for _, want := range []string{"one part at a time; all 5 are proven", fmt.Sprintf("%x", sha256.Sum256([]byte(text.String())))} {
		if !strings.Contains(report.String(), want) {
			t.Errorf("no %q in\n%s", want, &report)
		}
	}
	// The server holds the last part only.
	if got := srv.Messages("/acme/prod", "orders"); len(got) != 1 || got[0] != "end" {
		t.Errorf("%d events are left", len(got))
	}
}

// steps gives each line a millisecond of its own.
type steps struct {
	from Lines
	at   time.Time
}

func (s *steps) Next() (Line, error) {
	l, err := s.from.Next()
	if !l.Cont {
		s.at = s.at.Add(time.Millisecond)
	}
	l.Time = s.at
	return l, err
}

func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, srv := inMemory(t, strings.Repeat(strings.Repeat("x", 1000)+"\n", 40_000)) // more than fits into memory
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", Skip: 2, Code: "ThrottlingException", Message: "slowly"})
		r.Stalled = time.Minute
		left := false
		r.Leaving = func() { left = true }
		err := r.Run(t.Context())
		if want := "memory takes nothing for 1m0s: ThrottlingException: slowly"; err == nil || err.Error() != want || !left {
			t.Errorf("error %v, left %v; want %s", err, left, want)
		}
	})
}

// TestOutage has no bound: what comes in is there when the service is.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, srv := inMemory(t, strings.Repeat("line\n", 1000))
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", For: 3 * time.Hour, Code: "ServiceUnavailableException"})
		if err := r.Run(t.Context()); err != nil || !r.Proven {
			t.Errorf("error %v, proven %v", err, r.Proven)
		}
	})
}

// TestProgressLine says how far it is, how fast, how long it takes, and what it waits for.
func TestProgressLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "app.log")
		if err := os.WriteFile(file, []byte(strings.Repeat(strings.Repeat("x", 99)+"\n", 2000)), 0o600); err != nil {
			t.Fatal(err)
		}
		r, srv := inMemory(t, "")
		in, err := Open([]string{file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		r.In, r.Lines, r.Progress = in, &slow{in}, terminal.ProgressOn(&out)
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", For: 5 * time.Second, Code: "ThrottlingException", Message: "slowly"})
		if err := r.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`\rsent \d+ lines, \d+% of 200.0 kB, \d+ lines/s, 1\ds left; waiting: Throttling`,
			`\rsent 1,\d+ lines, 9\d% of 200.0 kB, (99|100) lines/s, \ds left\x1b`,
		} {
			if !regexp.MustCompile(want).MatchString(out.String()) {
				t.Errorf("no %q in %q", want, out.String())
			}
		}
		if !strings.HasSuffix(out.String(), "\r\x1b[K") {
			t.Error("the line is still there")
		}
	})
}

// slow takes its time for each line.
type slow struct{ from Lines }

func (s *slow) Next() (Line, error) {
	time.Sleep(10 * time.Millisecond)
	return s.from.Next()
}

// TestInterrupt ends with the context, and what is in memory is delivered.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pr, pw := io.Pipe()
		r, srv := inMemory(t, "")
		in, err := Open(nil, pr)
		if err != nil {
			t.Fatal(err)
		}
		r.In = in
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			fmt.Fprintln(pw, "one\ntwo")
			synctest.Wait() // it reads on, and there is nothing
			cancel()
		}()
		if err := r.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if got := srv.Messages("/acme/prod", "orders"); len(got) != 2 || r.LinesSent() != 2 {
			t.Errorf("the stream has %q, %d lines were sent", got, r.LinesSent())
		}
		pw.Close() // for the goroutine that reads
		synctest.Wait()
	})
}

// TestInterruptAtTheEnd delivers what is in memory also when all was read, which is so
// at once with a file of ordinary size.
func TestInterruptAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, srv := inMemory(t, "one\ntwo\n")
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 2, Code: "ThrottlingException"})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			synctest.Wait() // it waits for the next attempt
			cancel()
		}()
		if err := r.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if got := srv.Messages("/acme/prod", "orders"); len(got) != 2 {
			t.Errorf("the stream has %q: %+v", got, AccountOf(r.Out.Stats()))
		}
	})
}

// TestLinger reads on after the context has ended, and the input ends in that time.
func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pr, pw := io.Pipe()
		r, srv := inMemory(t, "")
		in, err := Open(nil, pr)
		if err != nil {
			t.Fatal(err)
		}
		r.In, r.Linger = in, 3*time.Second
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			fmt.Fprintln(pw, "one")
			cancel()
			time.Sleep(2 * time.Second)
			fmt.Fprintln(pw, "last words")
			pw.Close()
		}()
		if err := r.Run(ctx); err != nil || !r.Proven {
			t.Errorf("error %v, proven %v", err, r.Proven)
		}
		if got := srv.Messages("/acme/prod", "orders"); len(got) != 2 {
			t.Errorf("the stream has %q", got)
		}
	})
}

func TestReadError(t *testing.T) {
	r, _ := inMemory(t, "")
	bad := errors.New("bad disk")
	in, err := Open(nil, io.MultiReader(strings.NewReader("a\nb"), errReader{bad}))
	if err != nil {
		t.Fatal(err)
	}
	r.In = in
	if err := r.Run(t.Context()); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
}

// TestNoRightToRead delivers all the same, and says what is missing.
func TestNoRightToRead(t *testing.T) {
	r, srv := inMemory(t, "a\n")
	srv.Fail(cwltest.Deny("logs:GetLogEvents"))
	if err := r.Run(t.Context()); err != nil || r.Proven || r.Unproven == nil {
		t.Fatalf("error %v, proven %v, %v", err, r.Proven, r.Unproven)
	}
	var report bytes.Buffer
	r.Tell(&report)
	if !strings.Contains(report.String(), "\nnot proven, since the stream cannot be read: ") || strings.Contains(report.String(), "SHA") {
		t.Errorf("the report is\n%s", &report)
	}
}

// TestRejected goes on, and proves what was delivered.
func TestRejected(t *testing.T) {
	r, srv := inMemory(t, "a\nold\nb\n")
	r.Lines = &aged{r.In}
	r.Timed = true
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := srv.Messages("/acme/prod", "orders"); !r.Proven || len(got) != 2 || AccountOf(r.Out.Stats()).Rejected != 1 {
		t.Errorf("proven %v, the stream has %q, %s", r.Proven, got, AccountOf(r.Out.Stats()))
	}
	var report bytes.Buffer
	r.Tell(&report)
	if want := "accepted 3, delivered 2, rejected 1; "; !strings.Contains(report.String(), want) {
		t.Errorf("no %q in\n%s", want, &report)
	}
}

// aged makes the lines old that say so.
type aged struct{ from Lines }

func (a *aged) Next() (Line, error) {
	l, err := a.from.Next()
	if string(l.Text) == "old" {
		l.Time = time.Now().Add(-15 * 24 * time.Hour)
	}
	return l, err
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func text(t *testing.T, s string) *Input {
	t.Helper()
	in, err := Open(nil, strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestInputPieces(t *testing.T) {
	const piece = 1 << 14
	for _, tt := range []struct {
		name, text string
	}{
		{"letters", strings.Repeat("x", 3*piece)},
		{"characters of three bytes", strings.Repeat("€", piece)},
		{"no UTF-8", strings.Repeat("\x82\xff", piece/2+5)},
		{"carriage returns", strings.Repeat("\r", 2*piece+1) + "x"},
		{"exactly a piece", strings.Repeat("x", piece)},
	} {
		for _, end := range []string{"", "\n", "\r\n"} {
			t.Run(fmt.Sprintf("%s%q", tt.name, end), func(t *testing.T) {
				in := text(t, tt.text+end)
				in.piece, in.r = piece, bufio.NewReaderSize(nil, piece/8)
				var got, texts strings.Builder
				for pieces := 0; ; pieces++ {
					l, err := in.Next()
					if errors.Is(err, io.EOF) {
						if pieces == 0 {
							t.Error("no pieces")
						}
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					if l.Cont != (pieces > 0) || l.CRLF != (end == "\r\n" && !l.More) || len(l.Text) > 2*piece {
						t.Errorf("piece %d: %d bytes, %v, %v, %v", pieces, len(l.Text), l.Cont, l.More, l.CRLF)
					}
					got.Write(l.Text)
					s, _ := stored(l.Text)
					texts.WriteString(s)
				}
				if got.String() != tt.text {
					t.Error("the pieces are not the line")
				}
				if whole, _ := stored([]byte(tt.text)); texts.String() != whole {
					t.Error("the pieces are stored differently from the line")
				}
			})
		}
	}
}
