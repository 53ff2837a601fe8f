package cwltest_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"example.com/zapcw/cwltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	group  = "/acme/prod"
	stream = "orders"
)

// once makes a client give up after the first attempt.
func once(o *cloudwatchlogs.Options) { o.RetryMaxAttempts = 1 }

// loopback makes a client go over a socket.
func loopback(s *cwltest.Server) func(*cloudwatchlogs.Options) {
	return func(o *cloudwatchlogs.Options) {
		o.BaseEndpoint = aws.String(s.URL())
		o.HTTPClient = &http.Client{Transport: &http.Transport{}}
	}
}

// bothWays runs a test in memory, inside a bubble, and over a socket.
func bothWays(t *testing.T, test func(t *testing.T, s *cwltest.Server, c *cloudwatchlogs.Client)) {
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := cwltest.NewServer(t)
			test(t, s, s.Client(once))
		})
	})
	t.Run("loopback", func(t *testing.T) {
		s := cwltest.NewServer(t)
		test(t, s, s.Client(once, loopback(s)))
	})
}

func event(ms int64, message string) types.InputLogEvent {
	return types.InputLogEvent{Timestamp: &ms, Message: &message}
}

func put(t *testing.T, c *cloudwatchlogs.Client, events ...types.InputLogEvent) (*cloudwatchlogs.PutLogEventsOutput, error) {
	t.Helper()
	return c.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: aws.String(group), LogStreamName: aws.String(stream), LogEvents: events,
	})
}

// putNow puts messages with the time of now.
func putNow(t *testing.T, c *cloudwatchlogs.Client, messages ...string) error {
	t.Helper()
	var events []types.InputLogEvent
	for _, m := range messages {
		events = append(events, event(time.Now().UnixMilli(), m))
	}
	_, err := put(t, c, events...)
	return err
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if got := codeOf(err); got != code || code == "" && err != nil {
		t.Errorf("error %v has code %q, want %q", err, got, code)
	}
}

func wantMessages(t *testing.T, s *cwltest.Server, want ...string) {
	t.Helper()
	if got := s.Messages(group, stream); !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
}

func TestCreatePutRead(t *testing.T) {
	bothWays(t, func(t *testing.T, s *cwltest.Server, c *cloudwatchlogs.Client) {
		ctx := t.Context()
		newStream := &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String(group), LogStreamName: aws.String(stream)}
		newGroup := &cloudwatchlogs.CreateLogGroupInput{
			LogGroupName: aws.String(group), KmsKeyId: aws.String("arn:key"),
			LogGroupClass: types.LogGroupClassInfrequentAccess, Tags: map[string]string{"team": "a"},
		}

		err := putNow(t, c, "too soon")
		var missing *types.ResourceNotFoundException
		if !errors.As(err, &missing) || missing.ErrorMessage() != "The specified log group does not exist." {
			t.Errorf("put without a group: %v", err)
		}
		_, err = c.CreateLogStream(ctx, newStream)
		wantCode(t, err, "ResourceNotFoundException")
		_, err = c.CreateLogGroup(ctx, newGroup)
		wantCode(t, err, "")
		_, err = c.CreateLogGroup(ctx, newGroup)
		var exists *types.ResourceAlreadyExistsException
		if !errors.As(err, &exists) {
			t.Errorf("second group: %v", err)
		}
		err = putNow(t, c, "too soon")
		if !errors.As(err, &missing) || missing.ErrorMessage() != "The specified log stream does not exist." {
			t.Errorf("put without a stream: %v", err)
		}
		_, err = c.CreateLogStream(ctx, newStream)
		wantCode(t, err, "")
		_, err = c.CreateLogStream(ctx, newStream)
		wantCode(t, err, "ResourceAlreadyExistsException")
		wantCode(t, putNow(t, c, "a", "b", "<&>\u2028\"\\\n"), "")
		wantMessages(t, s, "a", "b", "<&>\u2028\"\\\n")

		events := s.Events(group, stream)

		out, err := c.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupIdentifier: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:" + group + ":*"),
			LogStreamName:      aws.String(stream), StartFromHead: aws.Bool(true),
		})
		wantCode(t, err, "")
		if len(out.Events) != 3 || *out.Events[2].Message != "<&>\u2028\"\\\n" || *out.Events[0].IngestionTime == 0 {
			t.Errorf("read %+v", out.Events)
		}
		groups, err := c.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/acme")})
		wantCode(t, err, "")
		g := groups.LogGroups[0]
		if *g.KmsKeyId != "arn:key" || g.LogGroupClass != types.LogGroupClassInfrequentAccess || *g.StoredBytes != 3*26+11 ||
			*g.LogGroupArn+":*" != *g.Arn {
			t.Errorf("group %+v", g)
		}
		tags, err := c.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: g.LogGroupArn})
		wantCode(t, err, "")
		if tags.Tags["team"] != "a" {
			t.Errorf("tags %v", tags.Tags)
		}
		_, err = c.DeleteLogStream(ctx, &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: newGroup.LogGroupName, LogStreamName: newStream.LogStreamName})
		wantCode(t, err, "")
		wantMessages(t, s)
		_, err = c.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: newGroup.LogGroupName})
		wantCode(t, err, "")
		_, err = c.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: newGroup.LogGroupName})
		wantCode(t, err, "ResourceNotFoundException")

		st := s.Stats()
		if st.Puts != 1 || st.Events != 3 || st.Bytes != 3*26+11 || st.Calls["PutLogEvents"] != 3 ||
			st.Errors["ResourceNotFoundException"] != 4 || st.Errors["ResourceAlreadyExistsException"] != 2 {
			t.Errorf("stats %+v", st.Errors)
		}
		var ops []string
		for _, r := range st.Requests {
			ops = append(ops, r.Op)
			if r.Region != "us-east-1" || r.AccessKey == "" || r.Status == 0 || r.Group != group && r.Op[:4] != "Desc" {
				t.Errorf("record %+v", r)
			}
		}
		if len(ops) != 14 || ops[7] != "PutLogEvents" || !slices.Equal(st.Requests[7].Events, events) || st.Requests[7].Stored != 3 {
			t.Errorf("records %v %+v", ops, st.Requests[7])
		}
	})
}

func TestRegionsAreApart(t *testing.T) {
	s := cwltest.NewServer(t)
	s.CreateStream(group, stream)
	far := s.Client(once, func(o *cloudwatchlogs.Options) { o.Region = "eu-central-1" })
	wantCode(t, putNow(t, far, "x"), "ResourceNotFoundException")
	if r := s.Stats().Requests[0]; r.Region != "eu-central-1" {
		t.Errorf("region %q", r.Region)
	}
	wantCode(t, putNow(t, s.Client(once), "x"), "")
	s.DeleteStream(group, stream)
	wantCode(t, putNow(t, s.Client(once), "x"), "ResourceNotFoundException")
	s.DeleteGroup(group)
	s.DeleteGroup(group)
	s.DeleteStream(group, stream)
}

func TestClose(t *testing.T) {
	s, err := cwltest.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.CreateStream(group, stream)
	memory, socket := s.Client(once), s.Client(once, loopback(s))
	wantCode(t, putNow(t, memory, "a"), "")
	wantCode(t, putNow(t, socket, "b"), "")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := putNow(t, memory, "late"); !refused(err) {
		t.Errorf("after Close: %v", err)
	}
	// The client may try its old connection first.
	if err := putNow(t, socket, "late"); !refused(err) && !reset(err) {
		t.Errorf("after Close: %v", err)
	}
	wantMessages(t, s, "a", "b")
	if err := s.Listen("127.0.0.1:0"); err == nil {
		t.Error("listens after Close")
	}
	var closed cwltest.Server
	closed.Close()
	if _, err := http.Get(closed.URL()); err == nil {
		t.Error("closed before it was opened, and answers")
	}
}

// A black hole must not keep Close waiting, however it is reached.
func TestCloseReleasesBlackHoles(t *testing.T) {
	bothWays(t, func(t *testing.T, s *cwltest.Server, c *cloudwatchlogs.Client) {
		s.Fail(cwltest.Fault{Break: cwltest.BlackHole})
		errs := make(chan error)
		go func() { errs <- putNow(t, c, "x") }()
		waitFor(t, func() bool { return s.Stats().Errors["black hole"] == 1 })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-errs; !reset(err) {
			t.Errorf("black hole released with %v", err)
		}
	})
}

func TestStart(t *testing.T) {
	s, err := cwltest.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := cwltest.Start(s.URL()[len("http://"):]); err == nil {
		t.Error("two servers on one port")
	}
}

func TestZeroServer(t *testing.T) {
	var s cwltest.Server
	defer s.Close()
	if s.Events(group, stream) != nil || s.Messages(group, stream) != nil {
		t.Error("events out of nothing")
	}
	s.CreateStream(group, stream)
	s.CreateStream(group, stream)
	wantCode(t, putNow(t, s.Client(), "x"), "")
	wantMessages(t, &s, "x")
	if e := s.Events(group, stream)[0]; e.Time().UnixMilli() != e.Timestamp {
		t.Errorf("%v is not %d", e.Time(), e.Timestamp)
	}
}

// Many clients at once are what the race detector is for.
func TestConcurrency(t *testing.T) {
	bothWays(t, func(t *testing.T, s *cwltest.Server, c *cloudwatchlogs.Client) {
		s.CreateStream(group, stream)
		s.Fail(cwltest.Fault{Op: "PutLogEvents", Skip: 10, Times: 5, Code: "ThrottlingException"})
		const clients, puts = 8, 20
		done := make(chan int)
		for range clients {
			go func() {
				ok := 0
				for range puts {
					if putNow(t, c, "x") == nil {
						ok++
					}
					_ = s.Stats().Peak("", time.Second)
					_ = s.Messages(group, stream)
				}
				done <- ok
			}()
		}
		ok := 0
		for range clients {
			ok += <-done
		}
		st := s.Stats()
		if ok != clients*puts-5 || st.Puts != ok || len(s.Events(group, stream)) != ok || st.Errors["ThrottlingException"] != 5 {
			t.Errorf("%d puts, stats %d, %v", ok, st.Puts, st.Errors)
		}
	})
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited in vain")
		}
	}
}
