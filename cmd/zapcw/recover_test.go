package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/spool"
)

// newSpool gives a directory that does not exist yet, if there are spools here.
func newSpool(t *testing.T) string {
	t.Helper()
	if err := spool.Supported(); err != nil {
		t.Skip(err)
	}
	return filepath.Join(t.TempDir(), "spool")
}

// spooled logs events of a time into a spool, whose Syncer reaches nobody.
func spooled(t *testing.T, dir, group, stream string, when time.Time, texts ...string) *zapcw.Syncer {
	t.Helper()
	away := cwltest.NewServer(t)
	away.Fail(cwltest.Fault{Code: "ServiceUnavailableException"})
	s := &zapcw.Syncer{Client: away.Client(), Group: group, Stream: stream, Spool: dir, Timeout: time.Millisecond}
	core := zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.InfoLevel)
	for _, text := range texts {
		if err := core.Write(zapcore.Entry{Time: when, Message: text}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// leave leaves events in a spool.
func leave(t *testing.T, dir, group, stream string, when time.Time, texts ...string) {
	t.Helper()
	s := spooled(t, dir, group, stream, when, texts...)
	_ = s.Close()
	if st := s.Stats(); st.Delivered+st.Spilled+st.Pending > 0 || st.Spooled < uint64(len(texts)) {
		t.Fatalf("%d events were to be left: %+v", len(texts), st)
	}
}

// wantFiles checks how many files are in a spool.
func wantFiles(t *testing.T, dir string, want int) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != want {
		t.Errorf("%v, %v are in the spool, want %d", files, err, want)
	}
}

func recoverArgs(s *cwltest.Server, args ...string) []string {
	return append([]string{"recover", "-endpoint", s.URL()}, args...)
}

func TestRecover(t *testing.T) {
	t.Parallel()
	dir := newSpool(t)
	when := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	leave(t, dir, "/acme/prod", "orders", when, "one")
	leave(t, dir, "/acme/prod", "orders", when.Add(time.Second), "two", "three")
	leave(t, dir, "/acme/prod", "shipping", when, "four")
	leave(t, dir, "/acme/dev", "orders", when, "five")
	s := newServer(t)
	want := `stream orders of /acme/dev: delivered 1, rejected 0, spilled 0, left 0
stream orders of /acme/prod: delivered 3, rejected 0, spilled 0, left 0
stream shipping of /acme/prod: delivered 1, rejected 0, spilled 0, left 0
`
	if r := run(t, nil, recoverArgs(s, dir)...); r != (result{stdout: want}) {
		t.Errorf("%+v", r)
	}
	var got []string
	for _, e := range s.Events("/acme/prod", "orders") {
		got = append(got, fmt.Sprint(e.Timestamp-when.UnixMilli(), " ", e.Message))
	}
	if want := []string{"0 one", "1000 two", "1000 three"}; !slices.Equal(got, want) {
		t.Errorf("the stream is %q, want %q", got, want)
	}
	wantFiles(t, dir, 0)
	// It needs no server, nor credentials, to find out that there is nothing.
	want = "nothing to recover: no dead process left an event in " + dir + "\n"
	if r := run(t, nil, "recover", dir); r != (result{stdout: want}) {
		t.Errorf("again: %+v", r)
	}
}

// TestRecoverAlive leaves alone what a living process has.
func TestRecoverAlive(t *testing.T) {
	t.Parallel()
	dir := newSpool(t)
	alive := spooled(t, dir, "/acme/prod", "orders", time.Now(), "alive")
	defer alive.Close()
	if r := run(t, nil, "recover", dir); r.status != 0 || !strings.HasPrefix(r.stdout, "nothing to recover: ") || r.stderr != "" {
		t.Errorf("%+v", r)
	}
	leave(t, dir, "/acme/prod", "orders", time.Now(), "dead")
	s := newServer(t)
	if r := run(t, nil, recoverArgs(s, dir)...); r.status != 0 || !strings.HasPrefix(r.stdout, "stream orders of /acme/prod: delivered 1, ") {
		t.Errorf("%+v", r)
	}
	if got := s.Messages("/acme/prod", "orders"); !slices.Equal(got, []string{"dead"}) {
		t.Errorf("the stream is %q", got)
	}
	wantFiles(t, dir, 1)
}

// TestRecoverUndelivered writes to standard error what the service does not want,
// and fails.
func TestRecoverUndelivered(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, word string
		when       time.Duration
		fault      cwltest.Fault
		stdout     string
	}{
		{name: "rejected", word: "14 days", when: -15 * 24 * time.Hour, stdout: "delivered 0, rejected 1, spilled 0, left 0"},
		{name: "denied", word: "AccessDeniedException", fault: cwltest.Deny("logs:PutLogEvents"), stdout: "delivered 0, rejected 0, spilled 1, left 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := newSpool(t)
			leave(t, dir, "/acme/prod", "orders", time.Now().Add(tt.when), "an event")
			s := newServer(t)
			s.CreateStream("/acme/prod", "orders")
			if tt.fault.Match != nil || tt.fault.Op != "" {
				s.Fail(tt.fault)
			}
			r := run(t, nil, recoverArgs(s, dir)...)
			lines := strings.Split(r.stderr, "\n")
			if r.status != 1 || r.stdout != "stream orders of /acme/prod: "+tt.stdout+"\n" || len(lines) != 4 ||
				!strings.HasPrefix(lines[0], "zapcw: ") || !strings.Contains(lines[0], tt.word) || lines[1] != "an event" ||
				!strings.HasPrefix(lines[2], "zapcw recover: sync /acme/prod/orders: 1 event is on the fallback: ") {
				t.Errorf("%+v", r)
			}
			wantFiles(t, dir, 0)
		})
	}
}

// TestRecoverTimeout leaves the rest where it is, and says so: of a stream that was
// tried, and of one for which there was no time.
func TestRecoverTimeout(t *testing.T) {
	t.Parallel()
	dir := newSpool(t)
	leave(t, dir, "/acme/prod", "orders", time.Now(), "one", "two")
	leave(t, dir, "/acme/prod", "shipping", time.Now(), "three")
	s := newServer(t)
	s.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "ThrottlingException", Message: "slowly"})
	r := run(t, nil, recoverArgs(s, "-timeout", "100ms", dir)...)
	want := "stream orders of /acme/prod: delivered 0, rejected 0, spilled 0, left 2\n"
	if r.status != 1 || r.stdout != want || !strings.Contains(r.stderr, "the timeout of 100ms is exceeded") ||
		!strings.Contains(r.stderr, "orders: 2 events are left in the spool "+dir) || !strings.Contains(r.stderr, "spool "+dir+": 1 of 2 streams were not tried") {
		t.Errorf("%+v", r)
	}
	s.Heal()
	if r := run(t, nil, recoverArgs(s, dir)...); r.status != 0 || strings.Count(r.stdout, ", left 0\n") != 2 || r.stderr != "" {
		t.Errorf("then: %+v", r)
	}
	wantFiles(t, dir, 0)
}

// TestRecoverNobody does not wait for a server that is not there.
func TestRecoverNobody(t *testing.T) {
	t.Parallel()
	dir := newSpool(t)
	leave(t, dir, "/acme/prod", "orders", time.Now(), "one")
	if r := run(t, nil, "recover", "-endpoint", "http://127.0.0.1:1", dir); r.status != 1 || r.stdout != "" ||
		!strings.HasPrefix(r.stderr, "zapcw recover: http://127.0.0.1:1: dial tcp 127.0.0.1:1: ") {
		t.Errorf("%+v", r)
	}
	if r := run(t, nil, "recover", dir); r.status != 1 || !strings.HasPrefix(r.stderr, "zapcw recover: no AWS credentials: ") {
		t.Errorf("%+v", r)
	}
	wantFiles(t, dir, 1)
}

// TestRecoverDamaged fails because of a file that cannot be read, and sends the
// others.
func TestRecoverDamaged(t *testing.T) {
	t.Parallel()
	dir := newSpool(t)
	leave(t, dir, "/acme/prod", "orders", time.Now(), "one")
	torn := filepath.Join(dir, "zapcw-0123456789abcdef-0123456789abcdef.spool")
	if err := os.WriteFile(torn, []byte("no segment"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	r := run(t, nil, recoverArgs(s, dir)...)
	if r.status != 1 || r.stdout != "stream orders of /acme/prod: delivered 1, rejected 0, spilled 0, left 0\n" ||
		strings.Count(r.stderr, "\n") != 1 || !strings.HasPrefix(r.stderr, "zapcw recover: spool "+torn+": ") {
		t.Errorf("%+v", r)
	}
	if r := run(t, nil, recoverArgs(s, dir)...); r.status != 1 || r.stdout != "" || !strings.HasPrefix(r.stderr, "zapcw recover: spool "+torn+": ") {
		t.Errorf("then: %+v", r)
	}
	wantFiles(t, dir, 1)
}

// TestRecoverPart sends what is whole in a damaged file, and fails because of the rest.
func TestRecoverPart(t *testing.T) {
	t.Parallel()
	dir := newSpool(t)
	leave(t, dir, "/acme/prod", "orders", time.Now(), "one", "two", "three")
	files, err := filepath.Glob(filepath.Join(dir, "*.spool"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[bytes.Index(b, []byte("two"))-1] ^= 1 // in the head of the record
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "zapcw-0123456789abcdef-0123456789abcdef.tmp"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	r := run(t, nil, recoverArgs(s, dir)...)
	if r.status != 1 || r.stdout != "stream orders of /acme/prod: delivered 2, rejected 0, spilled 0, left 0\n" ||
		strings.Count(r.stderr, "\n") != 1 || !strings.HasPrefix(r.stderr, "zapcw recover: spool "+files[0]+": damaged at bytes ") {
		t.Errorf("%+v", r)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || !slices.Equal(left, []string{files[0] + ".bad"}) {
		t.Errorf("%v, %v are left, want the damaged file", left, err)
	}
}

// TestRecoverInterrupted leaves the rest where it is.
func TestRecoverInterrupted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no signals on windows")
	}
	dir := newSpool(t)
	leave(t, dir, "/acme/prod", "orders", time.Now(), "one")
	s := newServer(t)
	s.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "ThrottlingException", Message: "slowly"})
	cmd := program(t, nil, recoverArgs(s, dir)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return s.Stats().Calls["PutLogEvents"] > 0 })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if want := "zapcw recover: sync /acme/prod/orders: 1 event is left in the spool " + dir + ": "; cmd.ProcessState.ExitCode() != 1 ||
		stdout.String() != "stream orders of /acme/prod: delivered 0, rejected 0, spilled 0, left 1\n" ||
		!strings.HasPrefix(stderr.String(), want) {
		t.Errorf("%v, stdout %q, stderr %q, want %q", cmd.ProcessState, &stdout, &stderr, want)
	}
	wantFiles(t, dir, 1)
}
