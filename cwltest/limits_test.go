package cwltest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"example.com/zapcw/cwltest"
)

const (
	hour = int64(time.Hour / time.Millisecond)
	day  = 24 * hour
)

// at returns an event for each offset from now in milliseconds.
func at(offsets ...int64) func(int64) []types.InputLogEvent {
	return func(now int64) (events []types.InputLogEvent) {
		for _, o := range offsets {
			events = append(events, event(now+o, "x"))
		}
		return events
	}
}

// sized returns an event for each size of a message.
func sized(sizes ...int) func(int64) []types.InputLogEvent {
	return func(now int64) (events []types.InputLogEvent) {
		for _, n := range sizes {
			events = append(events, event(now, strings.Repeat("m", n)))
		}
		return events
	}
}

func TestPutLimits(t *testing.T) {
	tests := []struct {
		name      string
		server    func(*cwltest.Server)
		retention int32
		events    func(now int64) []types.InputLogEvent
		fails     string // part of the message of an InvalidParameterException
		stored    int
		rejected  types.RejectedLogEventsInfo
	}{
		{name: "no event", events: sized(), fails: "Value '[]' at 'logEvents'"},
		{name: "10,000 events", events: sized(slices.Repeat([]int{1}, 10_000)...), stored: 10_000},
		{name: "10,001 events", events: sized(slices.Repeat([]int{1}, 10_001)...), fails: "less than or equal to 10000"},
		{name: "1,048,576 bytes in one", events: sized(1_048_576 - 26), stored: 1},
		{name: "1,048,577 bytes in one", events: sized(1_048_577 - 26), fails: "Log event too large: 1048577 bytes exceeds limit of 1048576"},
		{name: "1,048,576 bytes in two", events: sized(524_288-26, 524_288-26), stored: 2},
		{name: "1,048,577 bytes in two", events: sized(524_288-26, 524_289-26), fails: "Upload too large: 1048577 bytes exceeds limit of 1048576"},
		{name: "bytes, not characters", events: func(now int64) []types.InputLogEvent {
			return []types.InputLogEvent{event(now, strings.Repeat("é", 524_288-13)), event(now, "x")}
		}, fails: "Upload too large: 1048603"},
		{name: "262,144 in the old partitions", server: old, events: sized(262_144-26, 262_144-26), stored: 2},
		{name: "262,145 in the old partitions", server: old, events: sized(1, 262_145-26), fails: "Log event too large: 262145 bytes exceeds limit of 262144"},
		{name: "empty message", events: sized(1, 0), fails: "Value '' at 'logEvents.2.member.message'"},
		{name: "blank message", events: func(now int64) []types.InputLogEvent { return []types.InputLogEvent{event(now, " ")} }, stored: 1},
		{name: "negative timestamp", events: func(int64) []types.InputLogEvent { return []types.InputLogEvent{event(-1, "x")} },
			fails: "Value '-1' at 'logEvents.1.member.timestamp'"},
		{name: "timestamp 0", events: func(int64) []types.InputLogEvent { return []types.InputLogEvent{event(0, "x")} },
			rejected: types.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int32(1)}},
		{name: "equal timestamps", events: at(0, 0, 0), stored: 3},
		{name: "out of order", events: at(0, -1), fails: "chronological order"},
		{name: "span 24 h", events: at(-day, 0), stored: 2},
		{name: "span 24 h + 1 ms", events: at(-day-1, 0), fails: "cannot span more than 24 hours"},
		{name: "span counts valid events only", events: at(-20*day, 0, 3*hour), stored: 1,
			rejected: types.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int32(1), TooNewLogEventStartIndex: aws.Int32(2)}},
		{name: "14 d old", events: at(-14 * day), stored: 1},
		{name: "14 d + 1 ms old", events: at(-14*day-1, -14*day), stored: 1,
			rejected: types.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int32(1)}},
		{name: "2 h ahead", events: at(2 * hour), stored: 1},
		{name: "2 h + 1 ms ahead", events: at(0, 2*hour, 2*hour+1, 2*hour+2), stored: 2,
			rejected: types.RejectedLogEventsInfo{TooNewLogEventStartIndex: aws.Int32(2)}},
		{name: "all too new", events: at(3*hour, 4*hour),
			rejected: types.RejectedLogEventsInfo{TooNewLogEventStartIndex: aws.Int32(0)}},
		{name: "as old as the retention", retention: 3, events: at(-3 * day), stored: 1},
		{name: "older than the retention", retention: 3, events: at(-3*day-1, -3*day), stored: 1,
			rejected: types.RejectedLogEventsInfo{ExpiredLogEventEndIndex: aws.Int32(1)}},
		{name: "older than both", retention: 14, events: at(-14*day-1, 0), stored: 1,
			rejected: types.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int32(1)}},
		{name: "some older than both", retention: 7, events: at(-14*day-1, -7*day-1, -7*day), stored: 1,
			rejected: types.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int32(1), ExpiredLogEventEndIndex: aws.Int32(2)}},
		{name: "a long retention changes nothing", retention: 30, events: at(-20*day, -14*day), stored: 1,
			rejected: types.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int32(1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // for a clock that stands still
				s := cwltest.NewServer(t)
				if tt.server != nil {
					tt.server(s)
				}
				s.CreateStream(group, stream)
				c := s.Client(once)
				if tt.retention != 0 {
					_, err := c.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{
						LogGroupName: aws.String(group), RetentionInDays: aws.Int32(tt.retention),
					})
					wantCode(t, err, "")
				}
				events := tt.events(time.Now().UnixMilli())
				if events == nil {
					events = []types.InputLogEvent{}
				}
				out, err := put(t, c, events...)
				if tt.fails != "" {
					wantCode(t, err, "InvalidParameterException")
					if err != nil && !strings.Contains(err.Error(), tt.fails) {
						t.Errorf("error %v, want %q", err, tt.fails)
					}
				} else if err != nil {
					t.Fatal(err)
				}
				if n := len(s.Events(group, stream)); n != tt.stored {
					t.Errorf("stored %d events, want %d", n, tt.stored)
				}
				var got types.RejectedLogEventsInfo
				if out != nil && out.RejectedLogEventsInfo != nil {
					got = *out.RejectedLogEventsInfo
				}
				if show(got) != show(tt.rejected) {
					t.Errorf("rejected %s, want %s", show(got), show(tt.rejected))
				}
				if tt.fails == "" {
					r := s.Stats().Requests
					if last := r[len(r)-1]; last.Stored != tt.stored || last.N != len(events) {
						t.Errorf("record %+v", last)
					}
				}
			})
		})
	}
}

func old(s *cwltest.Server) { s.MaxEventBytes = 262_144 }

func show(r types.RejectedLogEventsInfo) string {
	text := func(i *int32) string {
		if i == nil {
			return "-"
		}
		return fmt.Sprint(*i)
	}
	return "old " + text(r.TooOldLogEventEndIndex) + " new " + text(r.TooNewLogEventStartIndex) + " expired " + text(r.ExpiredLogEventEndIndex)
}

func TestNames(t *testing.T) {
	long := strings.Repeat("n", 512)
	tests := []struct {
		group, stream string
		code          string
	}{
		{"azAZ09.-_/#", "any thing / [$LATEST] é", ""},
		{long, long, ""},
		{long, strings.Repeat("é", 512), ""},
		{long + "n", "s", "InvalidParameterException"},
		{"g", long + "n", "InvalidParameterException"},
		{"a b", "s", "InvalidParameterException"},
		{"é", "s", "InvalidParameterException"},
		{"a:b", "s", "InvalidParameterException"},
		{"aws/mine", "s", "InvalidParameterException"},
		{"", "s", "InvalidParameterException"},
		{"g", "", "InvalidParameterException"},
		{"g", "a:b", "InvalidParameterException"},
		{"g", "a*b", "InvalidParameterException"},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s := cwltest.NewServer(t)
			c := s.Client(once)
			_, err := c.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &tt.group})
			if err == nil {
				_, err = c.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &tt.group, LogStreamName: &tt.stream})
			}
			wantCode(t, err, tt.code)
			if tt.group == "aws/mine" {
				return
			}
			_, err = c.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
				LogGroupName: &tt.group, LogStreamName: &tt.stream,
				LogEvents: []types.InputLogEvent{event(time.Now().UnixMilli(), "x")},
			})
			wantCode(t, err, tt.code)
		})
	}
}

func TestRetentionDays(t *testing.T) {
	s := cwltest.NewServer(t)
	s.CreateStream(group, stream)
	c := s.Client(once)
	allowed := []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
	for days := int32(-1); days < 3700; days++ {
		if days > 40 && !slices.Contains(allowed, days) && !slices.Contains(allowed, days-1) {
			continue
		}
		_, err := c.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String(group), RetentionInDays: &days})
		if slices.Contains(allowed, days) {
			wantCode(t, err, "")
		} else {
			wantCode(t, err, "InvalidParameterException")
		}
	}
	_, err := c.DeleteRetentionPolicy(t.Context(), &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: aws.String(group)})
	wantCode(t, err, "")
	out, err := c.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil || out.LogGroups[0].RetentionInDays != nil {
		t.Errorf("retention left: %+v, %v", out, err)
	}
}

func TestSequenceTokens(t *testing.T) {
	bothWays(t, func(t *testing.T, s *cwltest.Server, c *cloudwatchlogs.Client) {
		s.SequenceTokens = true
		s.CreateStream(group, stream)
		now := time.Now().UnixMilli()
		put := func(token *string, message string) (*string, error) {
			out, err := c.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
				LogGroupName: aws.String(group), LogStreamName: aws.String(stream),
				SequenceToken: token, LogEvents: []types.InputLogEvent{event(now, message)},
			})
			if err != nil {
				return nil, err
			}
			return out.NextSequenceToken, nil
		}
		_, err := put(aws.String("1234"), "a")
		var bad *types.InvalidSequenceTokenException
		if _ = errors.As(err, &bad); bad == nil || bad.ExpectedSequenceToken != nil {
			t.Errorf("token for a new stream: %v", err)
		}
		first, err := put(nil, "a")
		wantCode(t, err, "")
		_, err = put(nil, "a")
		var dup *types.DataAlreadyAcceptedException
		if _ = errors.As(err, &dup); dup == nil || aws.ToString(dup.ExpectedSequenceToken) != *first {
			t.Errorf("first batch again: %v", err)
		}
		_, err = put(nil, "b")
		bad = nil
		if _ = errors.As(err, &bad); bad == nil || aws.ToString(bad.ExpectedSequenceToken) != *first {
			t.Errorf("no token: %v", err)
		}
		second, err := put(first, "b")
		wantCode(t, err, "")
		_, err = put(first, "b")
		wantCode(t, err, "DataAlreadyAcceptedException")
		_, err = put(first, "c")
		wantCode(t, err, "InvalidSequenceTokenException")
		_, err = put(second, "b")
		wantCode(t, err, "")
		wantMessages(t, s, "a", "b", "b")
	})
}
