package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/remote"
)

// useData opens a file of -data, without the program, and wants no warning.
func useData(t *testing.T, name string) (*cwltest.Server, func()) {
	t.Helper()
	s := cwltest.NewServer(t)
	f, err := openData(t.Context(), s, name, func(err error) { t.Errorf("warning: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	return s, func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// fill puts so many events of 1,000 bytes into a stream.
func fill(t *testing.T, s *cwltest.Server, stream string, n int) {
	t.Helper()
	s.CreateStream("/acme/prod", stream)
	c := s.Client()
	for i := range n {
		_, err := c.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
			LogGroupName: aws.String("/acme/prod"), LogStreamName: &stream,
			LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: aws.String(fmt.Sprintf("%03d %s", i, strings.Repeat("x", 1000)))}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// writeData writes a file with so many events, and others that are deleted. It
// returns those that are not.
func writeData(t *testing.T, name string, alive, deleted int) []string {
	t.Helper()
	s, closeData := useData(t, name)
	defer closeData()
	fill(t, s, "orders", alive)
	fill(t, s, "carts", deleted)
	s.DeleteStream("/acme/prod", "carts")
	return s.Messages("/acme/prod", "orders")
}

// TestDataCompacts writes the file anew when more than half of it is deleted, keeps
// its mode, and leads through a symbolic link.
func TestDataCompacts(t *testing.T) {
	if !replaces {
		t.Skip("no file is compacted here")
	}
	dir := t.TempDir()
	file, name := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.Symlink(file, name); err != nil {
		t.Skip(err)
	}
	want := fmt.Sprint(writeData(t, name, 40, 30))
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	size := func() int64 {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o640 {
			t.Errorf("got mode %v, want that of before", info.Mode())
		}
		return info.Size()
	}
	before := size()
	s, closeData := useData(t, name) // less than half is gone
	if size() != before {
		t.Errorf("got %d bytes, want %d as before", size(), before)
	}
	fill(t, s, "carts", 20)
	s.DeleteStream("/acme/prod", "carts")
	closeData()
	// What a process left that died here.
	if err := os.WriteFile(file+".compact", []byte(strings.Repeat("left", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s, closeData = useData(t, name)
		if got := fmt.Sprint(s.Messages("/acme/prod", "orders")); got != want {
			t.Errorf("got %.100s…, want %.100s…", got, want)
		}
		if size() > 50_000 {
			t.Errorf("got %d bytes, want about 45,000", size())
		}
		s.CreateStream("/acme/prod", time.Now().String()) // goes to the new file
		n := size()
		closeData()
		if n != size() {
			t.Errorf("got %d bytes after %d", size(), n)
		}
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
		t.Errorf("%s is left", left)
	}
	if info, err := os.Lstat(name); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("got %v, %v, want the link still", info, err)
	}
}

// TestDataNotCompacted has no room for a second file: the first is used on.
func TestDataNotCompacted(t *testing.T) {
	name := filepath.Join(t.TempDir(), "logs.cwl")
	writeData(t, name, 5, 20)
	if err := os.Mkdir(name+".compact", 0o700); err != nil {
		t.Fatal(err)
	}
	var warnings []error
	for want := 5; want < 8; want++ {
		s := cwltest.NewServer(t)
		f, err := openData(t.Context(), s, name, func(err error) { warnings = append(warnings, err) })
		if err != nil {
			t.Fatal(err)
		}
		if got := len(s.Messages("/acme/prod", "orders")); got != want {
			t.Errorf("got %d events, want %d", got, want)
		}
		fill(t, s, "orders", 1)
		_ = f.Close()
	}
	if len(warnings) != 3 || !strings.HasPrefix(warnings[0].Error(), "compact "+name+": ") {
		t.Errorf("got warnings %v, want one each time", warnings)
	}
}

// TestDataInterrupted ends while the file is written anew: it is as it was.
func TestDataInterrupted(t *testing.T) {
	name := filepath.Join(t.TempDir(), "logs.cwl")
	writeData(t, name, 1, 20)
	f, err := openLocked(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := cwltest.NewServer(t)
	if _, err := s.Replay(f); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compactData(ctx, s, f); !errors.Is(err, context.Canceled) {
		t.Errorf("compactData = %v, want the end of the context", err)
	}
	if left, _ := filepath.Glob(name + ".*"); len(left) > 0 {
		t.Errorf("%s is left", left)
	}
}

// TestServeKilledCompacting kills the server while it begins, which is when it
// compacts. Nothing that is alive gets lost.
func TestServeKilledCompacting(t *testing.T) {
	t.Parallel()
	if !replaces {
		t.Skip("no file is compacted here")
	}
	name := filepath.Join(t.TempDir(), "logs.cwl")
	want := writeData(t, name, 1000, 1500)
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	small := false
	for wait := 10 * time.Millisecond; !small; wait += 10 * time.Millisecond {
		cmd := program(t, nil, "serve", "-addr", "127.0.0.1:0", "-data", name)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(wait)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		now, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		small = now.Size() < info.Size()
		if !small && now.Size() != info.Size() {
			t.Errorf("the file has %d bytes and had %d, want either all or the small one", now.Size(), info.Size())
		}
	}
	again := start(t, "-addr", "127.0.0.1:0", "-data", name)
	got := messages(t, remote.Local(again.url).Client)
	for _, text := range want {
		if !got[text] {
			t.Fatalf("%.20q is lost", text)
		}
	}
}
