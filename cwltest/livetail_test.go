package cwltest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"example.com/zapcw/cwltest"
)

const groupARN = "arn:aws:logs:us-east-1:123456789012:log-group:" + group

// noHostPrefix keeps the client from asking for streaming-127.0.0.1.
func noHostPrefix(o *cloudwatchlogs.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("NoHostPrefix",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
			}), middleware.Before)
	})
}

// plainBody hides that a request's body is an io.WriterTo. The SDK closes the
// body once a response has begun, which may be before net/http has seen its end:
// WriteTo then fails, and with it the connection (smithy-go 1.28).
type plainBody struct{ cloudwatchlogs.HTTPClient }

func (p plainBody) Do(r *http.Request) (*http.Response, error) {
	r.Body = struct{ io.ReadCloser }{r.Body}
	return p.HTTPClient.Do(r)
}

// session is a live tail that a test reads.
type session struct {
	t *testing.T
	*cloudwatchlogs.StartLiveTailEventStream
}

func startTail(t *testing.T, c *cloudwatchlogs.Client, in *cloudwatchlogs.StartLiveTailInput) session {
	t.Helper()
	// A client of its own: the streams of one share a buffer (smithy-go 1.28).
	out, err := cloudwatchlogs.New(c.Options(), func(o *cloudwatchlogs.Options) {
		o.HTTPClient = plainBody{o.HTTPClient}
	}).StartLiveTail(t.Context(), in, noHostPrefix)
	if err != nil {
		t.Fatal(err)
	}
	s := session{t, out.GetStream()}
	t.Cleanup(func() { _ = s.Close() })
	start, ok := (<-s.Events()).(*types.StartLiveTailResponseStreamMemberSessionStart)
	if !ok || *start.Value.SessionId == "" || len(start.Value.LogGroupIdentifiers) != len(in.LogGroupIdentifiers) {
		t.Fatalf("session start: %+v", start)
	}
	return s
}

// next returns what the next update that says something says.
func (s session) next() ([]types.LiveTailSessionLogEvent, bool) {
	s.t.Helper()
	for e := range s.Events() {
		update, ok := e.(*types.StartLiveTailResponseStreamMemberSessionUpdate)
		if !ok {
			s.t.Fatalf("%T in place of an update", e)
		}
		if len(update.Value.SessionResults) > 0 {
			return update.Value.SessionResults, update.Value.SessionMetadata.Sampled
		}
	}
	s.t.Fatalf("the session ended: %v", s.Err())
	return nil, false
}

// want reads messages, which may come in any number of updates.
func (s session) want(messages ...string) {
	s.t.Helper()
	var got []string
	for len(got) < len(messages) {
		events, _ := s.next()
		for _, e := range events {
			got = append(got, *e.LogStreamName+" "+*e.Message)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(messages) {
		s.t.Errorf("got %q, want %q", got, messages)
	}
}

func TestLiveTail(t *testing.T) {
	bothWays(t, func(t *testing.T, s *cwltest.Server, c *cloudwatchlogs.Client) {
		s.CreateStream(group, stream)
		s.CreateStream(group, "audit")
		s.CreateStream("/acme/test", stream)
		wantCode(t, putNow(t, c, "before"), "")
		all := startTail(t, c, &cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: []string{groupARN}})
		some := startTail(t, c, &cloudwatchlogs.StartLiveTailInput{
			LogGroupIdentifiers: []string{groupARN}, LogStreamNamePrefixes: []string{"x", "ord"}, LogEventFilterPattern: ptr(`{ $.items > 3 }`),
		})
		none := startTail(t, c, &cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: []string{groupARN}, LogStreamNames: []string{"other"}})
		now := time.Now().UnixMilli()
		for _, to := range [][2]string{{group, stream}, {group, "audit"}, {"/acme/test", stream}} {
			if _, err := c.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
				LogGroupName: &to[0], LogStreamName: &to[1], LogEvents: []types.InputLogEvent{event(now, `{"items":3}`), event(now, `{"items":4}`)},
			}); err != nil {
				t.Fatal(err)
			}
		}
		all.want(`orders {"items":3}`, `orders {"items":4}`, `audit {"items":3}`, `audit {"items":4}`)
		some.want(`orders {"items":4}`)
		wantCode(t, putNow(t, c, `{"items":5}`), "")
		events, sampled := some.next()
		if e := events[0]; len(events) != 1 || sampled || *e.Message != `{"items":5}` || *e.LogGroupIdentifier != "123456789012:"+group ||
			*e.Timestamp < now || *e.IngestionTime < now {
			t.Errorf("%+v", events)
		}
		if err := some.Close(); err != nil {
			t.Error(err)
		}
		// A server that closes ends sessions.
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for e := range none.Events() {
			if update := e.(*types.StartLiveTailResponseStreamMemberSessionUpdate); len(update.Value.SessionResults) > 0 {
				t.Errorf("%+v", update.Value.SessionResults)
			}
		}
	})
}

func TestLiveTailSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cwltest.NewServer(t)
		s.CreateStream(group, stream)
		c := s.Client(once)
		tail := startTail(t, c, &cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: []string{groupARN}, LogEventFilterPattern: ptr("-7")})
		fill(t, c, 5000)
		events, sampled := tail.next()
		if len(events) != 500 || !sampled {
			t.Fatalf("%d events, sampled %t", len(events), sampled)
		}
		last := int64(-1)
		for _, e := range events {
			if *e.Timestamp <= last || strings.Contains(*e.Message, "7") {
				t.Fatalf("%s at %d, after %d", *e.Message, *e.Timestamp, last)
			}
			last = *e.Timestamp
		}
		if *events[0].Message != "0" || len(*events[499].Message) != 4 {
			t.Errorf("a sample from %s to %s", *events[0].Message, *events[499].Message)
		}
	})
}

func TestLiveTailEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cwltest.NewServer(t)
		s.CreateStream(group, stream)
		c := s.Client(once)
		begun := time.Now()
		tail := startTail(t, c, &cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: []string{groupARN}})
		n := 0
		for range tail.Events() {
			n++
		}
		var timeout *types.SessionTimeoutException
		if err := tail.Err(); !errors.As(err, &timeout) || time.Since(begun) != 3*time.Hour || n < 3*60*60-1 {
			t.Errorf("%d updates in %s, then %v", n, time.Since(begun), err)
		}

		ctx, cancel := context.WithCancel(t.Context())
		out, err := c.StartLiveTail(ctx, &cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: []string{groupARN}})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		for range out.GetStream().Events() {
		}
		if err := out.GetStream().Err(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestLiveTailRefuses(t *testing.T) {
	s := cwltest.NewServer(t)
	s.CreateStream(group, stream)
	s.Fail(cwltest.Fault{Op: "StartLiveTail", Skip: 9, Times: 1, Code: "LimitExceededException"})
	c := s.Client(once)
	one := []string{groupARN}
	for _, tt := range []struct {
		in   cloudwatchlogs.StartLiveTailInput
		code string
	}{
		{cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: []string{}}, "InvalidParameterException"},
		{cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: make([]string, 11)}, "InvalidParameterException"},
		{cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: []string{group}}, "InvalidParameterException"},
		{cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: []string{groupARN + ":*"}}, "InvalidParameterException"},
		{cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: one, LogStreamNames: make([]string, 11)}, "InvalidParameterException"},
		{cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: one, LogStreamNames: one, LogStreamNamePrefixes: one}, "InvalidParameterException"},
		{cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: []string{groupARN, groupARN}, LogStreamNames: one}, "InvalidParameterException"},
		{cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: one, LogEventFilterPattern: ptr("{")}, "InvalidParameterException"},
		{cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: []string{groupARN + "x"}}, "ResourceNotFoundException"},
		{cloudwatchlogs.StartLiveTailInput{LogGroupIdentifiers: one}, "LimitExceededException"},
	} {
		_, err := c.StartLiveTail(t.Context(), &tt.in)
		wantCode(t, err, tt.code)
	}
}
