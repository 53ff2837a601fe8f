// Package testkit is what the tests of several packages share: Syncers in virtual
// time before a server that can be made to fail, clients and writers that behave
// badly, and checks on what became of events.
//
// It imports package zapcw, so the tests inside that package cannot use it.
package testkit

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit/race"
)

// RaceEnabled reports whether the tests were built with -race.
const RaceEnabled = race.Enabled

const (
	// Timeout is the default of Syncer.Timeout.
	Timeout = 10 * time.Second
	// Grace is what may come on top of a time-out.
	Grace = 200 * time.Millisecond
)

// Outage is a fault that passes: events wait for its end.
var Outage = cwltest.Fault{Op: "PutLogEvents", Code: "ServiceUnavailableException"}

// Bubble runs f in virtual time with a server and a Syncer for stream s of group /g,
// neither of which exists yet. The Syncer's Fallback is a *Buffer.
func Bubble(t *testing.T, f func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		s := &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: "s", Fallback: new(Buffer)}
		f(t, srv, s)
		_ = s.Close()
	})
}

// Plain is an encoder that adds nothing to the message.
func Plain() zapcore.Encoder { return zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()) }

// WantEvents checks the texts of events, and their order.
func WantEvents(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Numbered gives n texts, in the order of their numbers if the format pads them.
func Numbered(format string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(format, i)
	}
	return out
}

// ClearAWS takes away what the environment says to the SDK.
func ClearAWS(t *testing.T) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // has it restored
			_ = os.Unsetenv(name)
		}
	}
}

// AWSEnv leaves the SDK's default chain nothing but keys.
func AWSEnv(t *testing.T) {
	t.Helper()
	ClearAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// Yesterday is a clock that is slow by a day.
type Yesterday struct{}

// Now implements zapcore.Clock.
func (Yesterday) Now() time.Time { return time.Now().Add(-24 * time.Hour) }

// NewTicker implements zapcore.Clock.
func (Yesterday) NewTicker(d time.Duration) *time.Ticker { return time.NewTicker(d) }
