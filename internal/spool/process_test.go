//go:build linux || darwin

package spool

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/zapcw/internal/batch"
)

// childDir makes the test binary a process that logs into this directory until it
// is killed.
const childDir = "ZAPCW_SPOOL_CHILD"

// logUntilKilled tells on stdout what was accepted, or settled, once it was. It
// takes over what the one before left.
func logUntilKilled(dir string) {
	s := New(Options{Dir: dir, Group: "/acme/prod", Stream: "orders", Max: 1 << 30, Tell: func(err error) { panic(err) }})
	var mu sync.Mutex
	out := bufio.NewWriter(os.Stdout)
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, format, args...)
		out.Flush()
	}
	for w := range 4 {
		go func() {
			var chunks []*batch.Chunk
			var first []int
			c := s.NewChunk(100, 1<<10)
			start := 0
			for n := 0; ; n++ {
				text := fmt.Sprintf("%d/%d/%d %s", os.Getpid(), w, n, strings.Repeat("z", n%200))
				if !c.Fits(len(text)) {
					chunks, first = append(chunks, c), append(first, start)
					if len(chunks) > 3 {
						i := rand.IntN(len(chunks))
						say("settling %d/%d %d %d\n", os.Getpid(), w, first[i], chunks[i].Open)
						settle(chunks[i], chunks[i].Open)
						chunks, first = append(chunks[:i], chunks[i+1:]...), append(first[:i], first[i+1:]...)
					}
					c, start = s.NewChunk(len(text), 1<<10<<(n%6)), n
				}
				c.Append(int64(n), uint32(n), 0, []byte(text))
				say("accepted %d/%d %d\n", os.Getpid(), w, n)
			}
		}()
	}
	select {}
}

func TestKilled(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		logUntilKilled(dir)
	}
	dir := t.TempDir()
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	must := make(map[string]bool) // accepted, and not even about to be settled
	may := make(map[string]bool)  // whatever was accepted or settled, or was under way
	for range rounds {
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), childDir+"="+dir)
		child.Stderr = os.Stderr
		pipe, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(pipe)
		if _, err := lines.Peek(1); err != nil {
			t.Fatalf("the process says nothing: %v", err)
		}
		time.AfterFunc(time.Duration(rand.IntN(100))*time.Millisecond, func() { _ = child.Process.Kill() })
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				if err != io.EOF {
					t.Error(err)
				}
				break
			}
			var who string
			var n, count int
			if _, err := fmt.Sscanf(line, "accepted %s %d", &who, &n); err == nil {
				must[fmt.Sprintf("%s/%d", who, n)] = true
				may[fmt.Sprintf("%s/%d", who, n+1)] = true
			} else if _, err := fmt.Sscanf(line, "settling %s %d %d", &who, &n, &count); err == nil {
				for i := n; i < n+count; i++ {
					delete(must, fmt.Sprintf("%s/%d", who, i))
					may[fmt.Sprintf("%s/%d", who, i)] = true
				}
			} else {
				t.Fatalf("the process says %q", line)
			}
		}
		_ = child.Wait() // it was killed
	}
	got := make(map[string]int)
	r := open(t, dir)
	if _, err := r.adoptEach(func(e batch.Event) {
		id, text, _ := strings.Cut(string(e.Text()), " ")
		if len(text) != int(e.Time%200) || strings.Trim(text, "z") != "" {
			t.Errorf("misread: %d %q", e.Time, e.Text())
		}
		got[id]++
	}); err != nil {
		t.Error(err)
	}
	t.Logf("%d processes were killed; %d events are to come back, %d came", rounds, len(must), len(got))
	if len(must) == 0 {
		t.Fatal("nothing is to come back")
	}
	for id := range must {
		if got[id] != 1 {
			t.Errorf("%s came back %d times", id, got[id])
		}
	}
	for id, n := range got {
		if n > 1 || !must[id] && !may[id] && !strings.HasSuffix(id, "/0") {
			t.Errorf("%s came back %d times", id, n)
		}
	}
	r.worker.await(&r.Spool.mu)
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("there are %v", left)
	}
}
