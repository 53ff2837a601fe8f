// Package adapters has tests of zapcw behind what speaks another logger's
// language to zap: log/slog, gRPC, fx, and zap's configuration in YAML.
package adapters_test

import (
	"slices"
	"testing"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open gives a server and a Syncer for its stream.
func open(t *testing.T) (*cwltest.Server, *zapcw.Syncer) {
	t.Helper()
	srv := cwltest.NewServer(t)
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	t.Cleanup(func() { _ = s.Close() })
	return srv, s
}

func wantEvents(t *testing.T, srv *cwltest.Server, want ...string) {
	t.Helper()
	if got := srv.Messages("/acme/prod", "orders"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
