package zapcw

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

type fakeClient struct {
	Client
	mu   sync.Mutex
	puts [][]string
	err  func(n int) error
	n    int
}

func (f *fakeClient) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if f.err != nil {
		if err := f.err(f.n); err != nil {
			return nil, err
		}
	}
	var p []string
	for _, e := range in.LogEvents {
		p = append(p, *e.Message)
	}
	f.puts = append(f.puts, p)
	return &cloudwatchlogs.PutLogEventsOutput{}, nil
}

func TestSmoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeClient{}
		s := &Syncer{Client: f, Group: "g", Stream: "s"}
		l := zap.New(NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), s, zap.InfoLevel))
		for i := range 45 {
			l.Info("hello", zap.Int("i", i))
			synctest.Wait()
		}
		if len(f.puts) != 2 {
			t.Fatal(f.puts)
		}
		time.Sleep(61 * time.Second)
		t.Log(len(f.puts), s.Stats())
		l.Info("x", Flush())
		l.Sync()
		t.Log(len(f.puts), f.puts[3])
		s.Close()
		if err := l.Core().Write(zapcore.Entry{Message: "after"}, nil); err == nil {
			t.Fatal("want err")
		}
		t.Log(s.Stats())
	})
}
