package delivery

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/internal/batch"
)

// A putFunc is a client that only puts.
type putFunc func(messages []string) error

func (f putFunc) PutLogEvents(_ context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	var messages []string
	for _, e := range in.LogEvents {
		messages = append(messages, *e.Message)
	}
	return &cloudwatchlogs.PutLogEventsOutput{}, f(messages)
}

func (putFunc) CreateLogStream(context.Context, *cloudwatchlogs.CreateLogStreamInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	return nil, errDown
}

func (putFunc) CreateLogGroup(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	return nil, errDown
}

func (putFunc) PutRetentionPolicy(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	return nil, errDown
}

// TestAbandonBetween ends a delivery when events in the middle of what is left
// have their fate already: the newest were tried out of turn, and only in part
// taken. Each event is reported once all the same.
func TestAbandonBetween(t *testing.T) {
	for _, tt := range []struct {
		name  string
		newer error // what a put of the two newest says
		end   error // what the last of all says
		runs  string
	}{
		{"another text, then refused", coded("InvalidParameterException", "too much at once"), coded("AccessDeniedException", "no"), "1 invalid, 1 invalid, 1 invalid, 1 delivered, 9 refused, 1 refused"},
		{"another text, then no time", coded("InvalidParameterException", "too much at once"), errDown, "1 invalid, 1 invalid, 1 invalid, 1 delivered, 9 out of time, 1 out of time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := new(recorder)
				c := batch.NewChunk(1<<16, 0)
				c.ID = 1
				for i := range 12 {
					c.Append(time.Now().UnixMilli()+int64(i), uint32(i), 0, fmt.Appendf(nil, "bad %02d", i))
				}
				for i := range 2 {
					c.Append(time.Now().UnixMilli()+100, uint32(100+i), 0, fmt.Appendf(nil, "new %02d", i))
				}
				var q batch.Queue
				q.Add(c)
				s := &Stream{Name: "s", Service: &Service{Group: "/g", Recorder: r, Client: putFunc(func(m []string) error {
					switch {
					case m[0] == "new 01":
						return tt.end
					case len(m) == 2 && m[0] == "new 00":
						return tt.newer
					case strings.HasPrefix(m[0], "bad"):
						return coded("InvalidParameterException", "no")
					}
					return nil
				})}}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				s.Deliver(ctx, q.Cut(0, false).List, "", r.report)
				if got := strings.Join(r.runs, ", "); got != tt.runs {
					t.Errorf("got %s, want %s", got, tt.runs)
				}
			})
		})
	}
}
