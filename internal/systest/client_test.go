package systest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go/logging"
	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// TestFaultyClient has clients that answer nothing, panic or never return: Sync keeps
// its deadline, and every event gets its fate.
func TestFaultyClient(t *testing.T) {
	for _, tt := range []struct {
		name string
		put  func(release <-chan struct{}) func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error)
		want func(error) bool // nil if the events are delivered
		fate func(zapcw.Stats) uint64
	}{
		{"nil, nil", func(<-chan struct{}) func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
			return func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) { return nil, nil }
		}, nil, func(st zapcw.Stats) uint64 { return st.Delivered }},
		{"panics", func(<-chan struct{}) func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
			return func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) { panic("client is broken") }
		}, testkit.Says("client is broken"), func(st zapcw.Stats) uint64 { return st.SpilledAs.Refused }},
		{"panics with an error", func(<-chan struct{}) func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
			return func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) { panic(os.ErrInvalid) }
		}, testkit.Is(os.ErrInvalid), func(st zapcw.Stats) uint64 { return st.SpilledAs.Refused }},
		{"never comes back", func(release <-chan struct{}) func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
			return func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
				<-release
				return nil, errors.New("too late")
			}
		}, testkit.Is(context.DeadlineExceeded), func(st zapcw.Stats) uint64 { return st.SpilledAs.Late }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.InRig(t, func(r *testkit.Rig) {
				release := make(chan struct{})
				defer close(release)
				r.Syncer.Client = &testkit.FakeClient{Answer: tt.put(release)}
				r.Info("one", "two")
				begin := time.Now()
				err := r.Syncer.Sync()
				if took := time.Since(begin); took > testkit.Timeout+testkit.Grace {
					r.Errorf("Sync took %s, want at most %s", took, testkit.Timeout+testkit.Grace)
				}
				if tt.want == nil && err != nil || tt.want != nil && (err == nil || !tt.want(err)) {
					r.Errorf("Sync = %v, want what the client did", err)
				}
				if got := tt.fate(r.Syncer.Stats()); got != 2 {
					r.Errorf("got %+v, want 2 events with their fate", r.Syncer.Stats())
				}
				if tt.want != nil {
					r.WantSpill("one", "two")
				}
				r.Info("three")
				_ = r.Syncer.Close()
				if st := r.Syncer.Stats(); st.Pending != 0 {
					r.Errorf("got %d events pending after Close, want none", st.Pending)
				}
			})
		})
	}
}

// TestKeptInputs has a client that keeps its inputs: their texts must not change
// when the memory of their events is used again.
func TestKeptInputs(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		fake := new(testkit.FakeClient)
		r.Syncer.Client = fake
		var want []string
		for round := range 50 {
			for i := range 20 {
				text := fmt.Sprintf("%d.%d %s", round, i, strings.Repeat(string(rune('a'+round%26)), 7*i))
				want = append(want, text)
				r.Info(text)
			}
			r.MustSync()
		}
		if got := fake.Messages(); !slices.Equal(got, want) {
			r.Error("the texts that the client kept have changed, want them as they were")
		}
	})
}

// TestStuckClient has puts that never return: the goroutines that wait for them are
// bounded.
func TestStuckClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		stuck := &testkit.StuckClient{Release: let}
		s := &zapcw.Syncer{Client: stuck, Group: "/g", Stream: "s", Fallback: new(testkit.Buffer), MaxEvents: 1}
		if _, err := s.Write([]byte("m")); err != nil {
			t.Error(err)
		}
		time.Sleep(24 * time.Hour)
		if n := stuck.Calls.Load(); n != 8 {
			t.Errorf("%d calls in a day are away, want 8", n)
		}
		close(let)
		time.Sleep(time.Minute)
		if st := s.Stats(); st.Delivered != 1 {
			t.Errorf("stats are %+v, want it delivered when the client is back", st)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestSDKLogs has the SDK log everything to the very stream that it writes to:
// nothing of that may get there.
func TestSDKLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		var log *zap.Logger
		client := srv.Client(func(o *cloudwatchlogs.Options) {
			o.ClientLogMode = aws.LogSigning | aws.LogRetries | aws.LogRequestWithBody | aws.LogResponseWithBody | aws.LogDeprecatedUsage
			o.Logger = logging.LoggerFunc(func(_ logging.Classification, format string, v ...any) {
				log.Info(fmt.Sprintf(format, v...))
			})
		})
		s := &zapcw.Syncer{Client: client, Group: "/g", Stream: "s", MaxEvents: 1}
		log = zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.DebugLevel))
		log.Info("alone")
		time.Sleep(time.Hour)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if got := srv.Messages("/g", "s"); !slices.Equal(got, []string{"alone"}) {
			t.Errorf("the stream has %d events, want what was logged and no more: %.200q", len(got), got)
		}
	})
}
