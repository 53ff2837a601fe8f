package systest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// inDirectory runs f in virtual time with a server, the path of a spool, and what
// makes Syncers there.
func inDirectory(t *testing.T, f func(t *testing.T, srv *cwltest.Server, dir string, open func(group, stream string) *zapcw.Syncer)) {
	t.Helper()
	needSpool(t)
	dir := filepath.Join(t.TempDir(), "spool")
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		f(t, srv, dir, func(group, stream string) *zapcw.Syncer {
			s := &zapcw.Syncer{Client: srv.Client(), Group: group, Stream: stream, Spool: dir, Fallback: new(testkit.Buffer)}
			t.Cleanup(func() { _ = s.Close() })
			return s
		})
		srv.Close()
	})
}

// write logs numbered events.
func write(t *testing.T, s *zapcw.Syncer, tag string, n int) {
	t.Helper()
	for i := range n {
		if _, err := fmt.Fprintf(s, "%s.%03d", tag, i); err != nil {
			t.Error(err)
		}
	}
}

// TestSpoolShared has Syncers of one process share a directory, for one stream and
// for others: each sends its own events, and takes none of the others'.
func TestSpoolShared(t *testing.T) {
	inDirectory(t, func(t *testing.T, srv *cwltest.Server, dir string, open func(string, string) *zapcw.Syncer) {
		srv.Fail(testkit.Outage)
		all := map[string]*zapcw.Syncer{"a": open("/g", "s"), "b": open("/g", "s"), "c": open("/g", "other"), "d": open("/other", "s")}
		const n = 50
		var together sync.WaitGroup
		for tag, s := range all {
			together.Go(func() { write(t, s, tag, n) })
		}
		together.Wait()
		// One that comes later finds owners that live.
		late := open("/g", "s")
		if err := late.Sync(); err != nil || late.Stats().Accepted != 0 {
			t.Errorf("Sync of a late one = %v, with %d accepted, want nothing", err, late.Stats().Accepted)
		}
		// The stream of a is left by one dead owner, that of c too.
		wantKept(t, all["a"].Close(), n, dir)
		wantKept(t, all["c"].Close(), n, dir)
		wantKept(t, all["b"].Sync(), n, dir)
		srv.Heal()
		if err := all["b"].Sync(); err != nil || all["b"].Stats().Accepted != n {
			t.Errorf("Sync of b = %v, with %d accepted, want %d", err, all["b"].Stats().Accepted, n)
		}
		next := open("/g", "s")
		if err := next.Sync(); err != nil || next.Stats().Delivered != n {
			t.Errorf("Sync of the next = %v, with %d delivered, want %d", err, next.Stats().Delivered, n)
		}
		if got := srv.Messages("/g", "other"); len(got) != 0 {
			t.Errorf("the other stream has %d events, which nobody sent", len(got))
		}
		if err := open("/g", "other").Sync(); err != nil {
			t.Error(err)
		}
		if err := all["d"].Close(); err != nil {
			t.Error(err)
		}
		for stream, tags := range map[[2]string][]string{{"/g", "s"}: {"a", "b"}, {"/g", "other"}: {"c"}, {"/other", "s"}: {"d"}} {
			got := srv.Messages(stream[0], stream[1])
			var want []string
			for _, tag := range tags {
				want = append(want, testkit.Numbered(tag+".%03d", n)...)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%v has %d events, want each of %d once", stream, len(got), len(want))
			}
		}
		time.Sleep(time.Minute)
		wantNoFiles(t, dir)
	})
}

// TestSpoolRace has Syncers start at once on what one dead owner left: each event
// is recovered once.
func TestSpoolRace(t *testing.T) {
	inDirectory(t, func(t *testing.T, srv *cwltest.Server, dir string, open func(string, string) *zapcw.Syncer) {
		srv.Fail(testkit.Outage)
		const owners, n = 10, 20
		for i := range owners {
			s := open("/g", "s")
			write(t, s, fmt.Sprint(i), n)
			_ = s.Close()
		}
		srv.Heal()
		var accepted, delivered uint64
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 4 {
			s := open("/g", "s")
			all.Go(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				accepted += s.Stats().Accepted
				delivered += s.Stats().Delivered
			})
		}
		all.Wait()
		if got := len(srv.Messages("/g", "s")); accepted != owners*n || delivered != owners*n || got != owners*n {
			t.Errorf("%d accepted, %d delivered, %d in the stream, want %d", accepted, delivered, got, owners*n)
		}
		wantNoFiles(t, dir)
	})
}

// TestRecover sends what dead owners left for several groups and streams, and
// leaves alone what a living one has.
func TestRecover(t *testing.T) {
	inDirectory(t, func(t *testing.T, srv *cwltest.Server, dir string, open func(string, string) *zapcw.Syncer) {
		if all, err := zapcw.Recover(t.Context(), srv.Client(), dir); err == nil || !errors.Is(err, os.ErrNotExist) || len(all) > 0 {
			t.Errorf("without a directory: got %v, %v", all, err)
		}
		srv.Fail(testkit.Outage)
		alive, same := open("/acme/prod", "alive"), open("/acme/prod", "orders")
		write(t, alive, "alive", 5)
		write(t, same, "same", 5)
		left := map[[2]string]int{{"/acme/dev", "orders"}: 3, {"/acme/prod", "orders"}: 600, {"/acme/prod", "shipping"}: 1}
		for stream, n := range left {
			s := open(stream[0], stream[1])
			write(t, s, "left", n)
			_ = s.Close()
		}
		begin := time.Now()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("enough"))
		defer cancel()
		all, err := zapcw.Recover(ctx, srv.Client(), dir)
		if took := time.Since(begin); took < time.Minute || took > time.Minute+testkit.Grace {
			t.Errorf("it took %s, want a minute", took)
		}
		want := []zapcw.Recovered{
			{Group: "/acme/dev", Stream: "orders", Spooled: 3},
			{Group: "/acme/prod", Stream: "orders", Spooled: 600},
			{Group: "/acme/prod", Stream: "shipping", Spooled: 1},
		}
		if !slices.Equal(all, want[:1]) {
			t.Errorf("in the outage: got %+v, want %+v", all, want[:1])
		}
		for _, part := range []string{"/acme/dev/orders: 3 events are left", "2 of 3 streams were not tried", "enough"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("got %v, want %q in it", err, part)
			}
		}
		srv.Heal()
		all, err = zapcw.Recover(t.Context(), srv.Client(), dir)
		for i := range want {
			want[i].Delivered, want[i].Spooled = want[i].Spooled, 0
		}
		if err != nil || !slices.Equal(all, want) {
			t.Errorf("then: got %+v, %v, want %+v", all, err, want)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
			t.Errorf("%v, %v are in the spool, want those of the living", files, err)
		}
		for stream, n := range left {
			if got := srv.Messages(stream[0], stream[1]); len(got) != n {
				t.Errorf("%v has %d events, want %d", stream, len(got), n)
			}
		}
		for _, s := range []*zapcw.Syncer{alive, same} {
			if err := s.Sync(); err != nil || s.Stats().Delivered != 5 {
				t.Errorf("Sync of a living one = %v with %d delivered, want 5", err, s.Stats().Delivered)
			}
		}
		if all, err := zapcw.Recover(t.Context(), srv.Client(), dir); err != nil || len(all) > 0 {
			t.Errorf("at last: got %v, %v, want nothing", all, err)
		}
	})
}

// TestRecoverNames has the error of Recover name every file that cannot be used, and
// why, once each. The others are recovered all the same.
func TestRecoverNames(t *testing.T) {
	inDirectory(t, func(t *testing.T, srv *cwltest.Server, dir string, open func(string, string) *zapcw.Syncer) {
		srv.Fail(testkit.Outage)
		for _, stream := range []string{"orders", "payments", "shipping"} {
			s := open("/acme/prod", stream)
			write(t, s, stream, 3)
			_ = s.Close()
		}
		srv.Heal()
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 3 {
			t.Fatal(files, err)
		}
		damaged := filepath.Join(dir, files[0].Name())
		content, err := os.ReadFile(damaged)
		if err != nil {
			t.Fatal(err)
		}
		at := strings.LastIndex(string(content), ".002") - 20 // the head of a record
		content[at] ^= 1
		future := filepath.Join(dir, "zapcw-0123456789abcdef-1111111111111111.spool")
		torn := filepath.Join(dir, "zapcw-0123456789abcdef-2222222222222222.spool")
		copied := strings.TrimSuffix(damaged, files[0].Name()[len("zapcw-0123456789abcdef-"):]) + "3333333333333333.spool"
		link := filepath.Join(dir, "zapcw-0123456789abcdef-4444444444444444.spool")
		half := filepath.Join(dir, "zapcw-0123456789abcdef-5555555555555555.tmp")
		for path, b := range map[string][]byte{damaged: content, future: []byte("zapcwsp\x02 of the future"), torn: []byte("torn"), copied: content, half: nil} {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(damaged, link); err != nil {
			t.Fatal(err)
		}
		all, err := zapcw.Recover(t.Context(), srv.Client(), dir)
		var delivered uint64
		for _, r := range all {
			delivered += r.Delivered
		}
		if len(all) != 3 || delivered != 8 {
			t.Errorf("recovered %+v, want all but the damaged event", all)
		}
		if err == nil {
			t.Fatal("Recover = nil, want files that could not be used")
		}
		for path, why := range map[string]string{
			damaged: "damaged at bytes ", future: "version 2", torn: "neither its head", copied: "a copy of a file", link: "a symbolic link",
		} {
			n := 0
			for line := range strings.Lines(err.Error()) {
				if strings.HasPrefix(line, "spool "+path+": ") && strings.Contains(line, why) {
					n++
				}
			}
			if n != 1 {
				t.Errorf("Recover = %v, want once %s with %q", err, path, why)
			}
		}
		if n := strings.Count(err.Error(), "\n") + 1; n != 5 {
			t.Errorf("Recover = %v, %d lines, want one for each file", err, n)
		}
		got, err := filepath.Glob(filepath.Join(dir, "*"))
		want := []string{damaged + ".bad", future, torn, copied, link}
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("files %q, %v, want %q", got, err, want)
		}
	})
}

// TestRecoverUnfinished removes what nobody lived to finish, also where there is
// nothing to send.
func TestRecoverUnfinished(t *testing.T) {
	inDirectory(t, func(t *testing.T, srv *cwltest.Server, dir string, _ func(string, string) *zapcw.Syncer) {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "zapcw-0123456789abcdef-0123456789abcdef.tmp"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if all, err := zapcw.Recover(t.Context(), srv.Client(), dir); err != nil || len(all) > 0 {
			t.Errorf("got %v, %v", all, err)
		}
		wantNoFiles(t, dir)
	})
}

// TestSpoolBlockedFallback has nobody read what a Syncer writes on Fallback: neither
// Sync nor Close waits for that longer than they may, and what is left is sent.
func TestSpoolBlockedFallback(t *testing.T) {
	inDirectory(t, func(t *testing.T, srv *cwltest.Server, dir string, open func(string, string) *zapcw.Syncer) {
		srv.Fail(testkit.Outage)
		s := open("/g", "s")
		write(t, s, "left", 3)
		_ = s.Close()
		srv.Heal()
		torn := strings.Replace(filesIn(t, dir)[0], ".spool", "0.spool", 1)
		if err := os.WriteFile(filepath.Join(dir, torn), []byte("torn"), 0o600); err != nil {
			t.Fatal(err)
		}
		pipe := &blockedWriter{read: make(chan struct{})}
		next := open("/g", "s")
		next.Fallback = pipe
		begin := time.Now()
		if err := next.Sync(); err != nil || time.Since(begin) > time.Second {
			t.Errorf("Sync = %v after %s, want nil at once", err, time.Since(begin))
		}
		err := next.Close()
		if took := time.Since(begin); err != nil || took > testkit.Timeout+testkit.Grace {
			t.Errorf("Close = %v after %s, want nil after %s at most", err, took, testkit.Timeout)
		}
		if n := next.Stats().Delivered; n != 3 {
			t.Errorf("%d events are delivered, want 3", n)
		}
		close(pipe.read)
		synctest.Wait()
		if n := pipe.wrote.Load(); n != 1 {
			t.Errorf("%d lines are on Fallback in the end, want one", n)
		}
	})
}

// A blockedWriter takes nothing until somebody reads.
type blockedWriter struct {
	read  chan struct{}
	wrote atomic.Int32
}

func (w *blockedWriter) Write(b []byte) (int, error) {
	<-w.read
	w.wrote.Add(1)
	return len(b), nil
}

func (w *blockedWriter) Sync() error { return nil }

// filesIn are the names in a directory.
func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

// TestSpoolOrder has the next Syncer send what is left by several owners, oldest
// first, before what is new, and has no logging call wait for that.
func TestSpoolOrder(t *testing.T) {
	inDirectory(t, func(t *testing.T, srv *cwltest.Server, dir string, open func(string, string) *zapcw.Syncer) {
		srv.Fail(testkit.Outage)
		var want []string
		for _, tag := range []string{"a", "b", "c"} {
			s := open("/g", "s")
			for i := range 5 {
				write(t, s, fmt.Sprint(tag, i), 1)
				want = append(want, fmt.Sprint(tag, i, ".000"))
				time.Sleep(time.Second)
			}
			_ = s.Close()
		}
		srv.Heal()
		l := &testkit.FakeClient{}
		s := open("/g", "s")
		s.Client = l
		begin := time.Now()
		core := zapcw.NewCore(testkit.Plain(), s, zapcore.InfoLevel)
		if err := core.Write(zapcore.Entry{Time: begin, Message: "new"}, nil); err != nil || time.Since(begin) > 0 {
			t.Errorf("Write = %v after %s", err, time.Since(begin))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		got := l.Messages()
		slices.SortStableFunc(got, func(a, b string) int { // the new one may go beside
			return strings.Compare(a[:1], b[:1])
		})
		testkit.WantEvents(t, got, append(want, "new")...)
	})
}
