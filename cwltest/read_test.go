package cwltest_test

import (
	"fmt"
	"math/rand/v2"
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

// fill puts n events, a millisecond apart, named by their number.
func fill(t *testing.T, c *cloudwatchlogs.Client, n int) (first int64) {
	t.Helper()
	first = time.Now().UnixMilli() - int64(n)
	var events []types.InputLogEvent
	for i := range n {
		events = append(events, event(first+int64(i), fmt.Sprint(i)))
	}
	if _, err := put(t, c, events...); err != nil {
		t.Fatal(err)
	}
	return first
}

func TestGetLogEventsPages(t *testing.T) {
	bothWays(t, func(t *testing.T, s *cwltest.Server, c *cloudwatchlogs.Client) {
		s.CreateStream(group, stream)
		get := func(in cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, string) {
			t.Helper()
			in.LogGroupName, in.LogStreamName = ptr(group), ptr(stream)
			out, err := c.GetLogEvents(t.Context(), &in)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, e := range out.Events {
				names = append(names, *e.Message)
			}
			return out, strings.Join(names, " ")
		}
		type in = cloudwatchlogs.GetLogEventsInput
		want := func(got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("read %q, want %q", got, want)
			}
		}

		empty, got := get(in{StartFromHead: ptr(true)})
		want(got, "")
		first := fill(t, c, 7)
		// Tokens of an empty stream find what comes later.
		_, got = get(in{NextToken: empty.NextForwardToken})
		want(got, "0 1 2 3 4 5 6")

		page, got := get(in{StartFromHead: ptr(true), Limit: ptr(int32(3))})
		want(got, "0 1 2")
		start, got := get(in{NextToken: page.NextBackwardToken})
		want(got, "")
		if *start.NextBackwardToken != *page.NextBackwardToken {
			t.Error("another token at the start")
		}
		page, got = get(in{NextToken: page.NextForwardToken, Limit: ptr(int32(3))})
		want(got, "3 4 5")
		_, got = get(in{NextToken: page.NextBackwardToken, Limit: ptr(int32(2))})
		want(got, "1 2")
		page, got = get(in{NextToken: page.NextForwardToken, Limit: ptr(int32(3))})
		want(got, "6")
		end, got := get(in{NextToken: page.NextForwardToken})
		want(got, "")
		if *end.NextForwardToken != *page.NextForwardToken {
			t.Error("another token at the end")
		}
		back, got := get(in{NextToken: end.NextBackwardToken, Limit: ptr(int32(2))})
		want(got, "5 6")
		_, got = get(in{NextToken: back.NextBackwardToken, Limit: ptr(int32(2))})
		want(got, "3 4")

		_, got = get(in{Limit: ptr(int32(2))}) // the latest, by default
		want(got, "5 6")
		_, got = get(in{StartTime: ptr(first + 2), EndTime: ptr(first + 4), StartFromHead: ptr(true)})
		want(got, "2 3")
		_, got = get(in{StartTime: ptr(first + 2), EndTime: ptr(first + 4)})
		want(got, "2 3")
		_, got = get(in{StartTime: ptr(first + 4), EndTime: ptr(first + 2)})
		want(got, "")

		wantCode(t, putNow(t, c, "7"), "")
		_, got = get(in{NextToken: end.NextForwardToken})
		want(got, "7")
	})
}

func TestReadParameters(t *testing.T) {
	s := cwltest.NewServer(t)
	s.CreateStream(group, stream)
	c := s.Client(once)
	type get = cloudwatchlogs.GetLogEventsInput
	for i, in := range []get{
		{LogGroupName: ptr(group), LogStreamName: ptr(stream), Limit: ptr(int32(0))},
		{LogGroupName: ptr(group), LogStreamName: ptr(stream), Limit: ptr(int32(10_001))},
		{LogGroupName: ptr(group), LogStreamName: ptr(stream), NextToken: ptr("f/1")},
		{LogGroupName: ptr(group), LogStreamName: ptr(stream), NextToken: ptr("x/" + strings.Repeat("0", 56))},
		{LogGroupName: ptr(group), LogStreamName: ptr(stream), NextToken: ptr("f/" + strings.Repeat("9", 56))},
		{LogGroupName: ptr(group), LogStreamName: ptr(stream), StartTime: ptr(int64(-1))},
		{LogGroupName: ptr(group), LogStreamName: ptr(stream), EndTime: ptr(int64(-1))},
		{LogGroupName: ptr(group), LogStreamName: ptr(stream), LogGroupIdentifier: ptr(group)},
		{LogStreamName: ptr(stream)},
	} {
		_, err := c.GetLogEvents(t.Context(), &in)
		if codeOf(err) != "InvalidParameterException" {
			t.Errorf("get %d: %v", i, err)
		}
	}
	type filter = cloudwatchlogs.FilterLogEventsInput
	for i, in := range []filter{
		{LogGroupName: ptr(group), Limit: ptr(int32(10_001))},
		{LogGroupName: ptr(group), NextToken: ptr("f")},
		{LogGroupName: ptr(group), StartTime: ptr(int64(-1))},
		{LogGroupName: ptr(group), LogGroupIdentifier: ptr(group)},
		{LogGroupName: ptr(group), LogStreamNames: []string{stream}, LogStreamNamePrefix: ptr("o")},
		{LogGroupName: ptr(group), FilterPattern: ptr("{ $.level 1 }")},
		{LogGroupName: ptr(group), FilterPattern: ptr(strings.Repeat("ä", 1025))},
		{LogGroupName: ptr(group), StartFromHead: ptr(false)},
		{},
	} {
		_, err := c.FilterLogEvents(t.Context(), &in)
		if codeOf(err) != "InvalidParameterException" {
			t.Errorf("filter %d: %v", i, err)
		}
	}
	_, err := c.FilterLogEvents(t.Context(), &filter{LogGroupName: ptr("none")})
	wantCode(t, err, "ResourceNotFoundException")
	_, err = c.FilterLogEvents(t.Context(), &filter{LogGroupName: ptr(group), LogStreamNames: []string{stream, "none"}})
	wantCode(t, err, "ResourceNotFoundException")
	_, err = c.GetLogEvents(t.Context(), &get{LogGroupName: ptr(group), LogStreamName: ptr("none")})
	wantCode(t, err, "ResourceNotFoundException")
}

// An answer holds at most 1 MiB.
func TestLargePages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cwltest.NewServer(t)
		s.CreateStream(group, stream)
		c := s.Client(once)
		for range 3 {
			_, err := put(t, c, sized(500_000, 500_000)(time.Now().UnixMilli())...)
			wantCode(t, err, "")
		}
		get, err := c.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: ptr(group), LogStreamName: ptr(stream)})
		if err != nil || len(get.Events) != 2 {
			t.Errorf("%d events, %v", len(get.Events), err)
		}
		pages, n := cloudwatchlogs.NewFilterLogEventsPaginator(c, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: ptr(group)}), 0
		for ; pages.HasMorePages(); n++ {
			page, err := pages.NextPage(t.Context())
			if err != nil || len(page.Events) != 2 {
				t.Errorf("%d events, %v", len(page.Events), err)
			}
		}
		if n != 3 {
			t.Errorf("%d pages", n)
		}
	})
}

// Events that come late are read in order of time, and ties stay as they came.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cwltest.NewServer(t)
		s.CreateStream(group, stream)
		c := s.Client(once)
		now := time.Now().UnixMilli()
		rng := rand.New(rand.NewPCG(1, 2))
		type stored struct {
			time int64
			name string
		}
		var want []stored
		for i := range 200 {
			offset := -rng.Int64N(20)
			var events []types.InputLogEvent
			for j := range rng.IntN(4) + 1 {
				e := stored{now + offset + int64(j), fmt.Sprint(i, ".", j)}
				want = append(want, e)
				events = append(events, event(e.time, e.name))
			}
			if _, err := put(t, c, events...); err != nil {
				t.Fatal(err)
			}
			if i%17 != 0 {
				continue
			}
			slices.SortStableFunc(want, func(a, b stored) int { return int(a.time - b.time) })
			var names []string
			for _, e := range want {
				names = append(names, e.name)
			}
			wantMessages(t, s, names...)
		}
	})
}

func TestFilterLogEvents(t *testing.T) {
	bothWays(t, func(t *testing.T, s *cwltest.Server, c *cloudwatchlogs.Client) {
		first := time.Now().UnixMilli()
		for i, name := range []string{"a1", "a2", "b1"} {
			s.CreateStream(group, name)
			var events []types.InputLogEvent
			for j := range 4 {
				events = append(events, event(first+int64(3*j+i), fmt.Sprint("n", 3*j+i)))
			}
			_, err := c.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: ptr(group), LogStreamName: &name, LogEvents: events})
			wantCode(t, err, "")
		}
		s.CreateStream(group, "empty")
		tests := []struct {
			in   cloudwatchlogs.FilterLogEventsInput
			want string
		}{
			{cloudwatchlogs.FilterLogEventsInput{}, "n0 n1 n2 n3 n4 n5 n6 n7 n8 n9 n10 n11"},
			{cloudwatchlogs.FilterLogEventsInput{LogStreamNamePrefix: ptr("a")}, "n0 n1 n3 n4 n6 n7 n9 n10"},
			{cloudwatchlogs.FilterLogEventsInput{LogStreamNames: []string{"b1", "a2", "empty"}}, "n1 n2 n4 n5 n7 n8 n10 n11"},
			{cloudwatchlogs.FilterLogEventsInput{StartTime: ptr(first + 3), EndTime: ptr(first + 6)}, "n3 n4 n5 n6"},
			{cloudwatchlogs.FilterLogEventsInput{FilterPattern: ptr("?n1 ?n8")}, "n1 n8 n10 n11"},
			{cloudwatchlogs.FilterLogEventsInput{FilterPattern: ptr("none")}, ""},
		}
		if first > 1_704_067_200_000 { // not so in a bubble
			tests = append(tests, tests[0])
			tests[6].in.StartFromHead, tests[6].in.StartTime = ptr(false), ptr(first+2)
			tests[6].want = "n11 n10 n9 n8 n7 n6 n5 n4 n3 n2"
		}
		for _, tt := range tests {
			for _, limit := range []int32{1, 3, 4, 100} {
				tt.in.LogGroupIdentifier, tt.in.Limit = ptr("arn:aws:logs:us-east-1:123456789012:log-group:"+group), ptr(limit)
				var got, ids []string
				pages := cloudwatchlogs.NewFilterLogEventsPaginator(c, &tt.in)
				for pages.HasMorePages() {
					page, err := pages.NextPage(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					for _, e := range page.Events {
						got, ids = append(got, *e.Message), append(ids, *e.EventId)
					}
					if len(page.Events) > int(limit) {
						t.Errorf("%d events in a page of %d", len(page.Events), limit)
					}
				}
				if text := strings.Join(got, " "); text != tt.want {
					t.Errorf("limit %d: read %q, want %q", limit, text, tt.want)
				}
				slices.Sort(ids)
				if len(slices.Compact(ids)) != len(got) {
					t.Error("an event id twice")
				}
			}
		}
	})
}

func TestDescribeLogGroups(t *testing.T) {
	s := cwltest.NewServer(t)
	c := s.Client(once)
	var all []string
	for i := range 120 {
		name := fmt.Sprintf("g%03d", i)
		all = append(all, name)
		s.CreateStream(name, "s")
	}
	list := func(in cloudwatchlogs.DescribeLogGroupsInput) (names []string) {
		pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(c, &in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range page.LogGroups {
				names = append(names, *g.LogGroupName)
			}
		}
		return names
	}
	for _, tt := range []struct {
		in   cloudwatchlogs.DescribeLogGroupsInput
		want []string
	}{
		{cloudwatchlogs.DescribeLogGroupsInput{}, all},
		{cloudwatchlogs.DescribeLogGroupsInput{Limit: ptr(int32(7))}, all},
		{cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: ptr("g01"), Limit: ptr(int32(5))}, all[10:20]},
		{cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: ptr("11")}, append([]string{"g011"}, all[110:]...)},
		{cloudwatchlogs.DescribeLogGroupsInput{LogGroupClass: types.LogGroupClassDelivery}, nil},
		{cloudwatchlogs.DescribeLogGroupsInput{LogGroupIdentifiers: []string{"g005", "none"}}, all[5:6]},
	} {
		if got := list(tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("listed %q, want %q", got, tt.want)
		}
	}
	for _, in := range []cloudwatchlogs.DescribeLogGroupsInput{
		{LogGroupNamePrefix: ptr("a"), LogGroupNamePattern: ptr("b")},
		{Limit: ptr(int32(51))},
		{Limit: ptr(int32(0))},
		{NextToken: ptr("%")},
	} {
		_, err := c.DescribeLogGroups(t.Context(), &in)
		wantCode(t, err, "InvalidParameterException")
	}
}

func TestDescribeLogStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cwltest.NewServer(t)
		c := s.Client(once)
		now := time.Now().UnixMilli()
		for i, name := range []string{"b", "a", "c", "ab"} {
			s.CreateStream(group, name)
			if name == "ab" {
				continue
			}
			_, err := c.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
				LogGroupName: ptr(group), LogStreamName: &name, LogEvents: at(-5, int64(i))(now),
			})
			wantCode(t, err, "")
		}
		type in = cloudwatchlogs.DescribeLogStreamsInput
		list := func(in in) string {
			in.LogGroupIdentifier = ptr(group)
			var names []string
			pages := cloudwatchlogs.NewDescribeLogStreamsPaginator(c, &in)
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, st := range page.LogStreams {
					names = append(names, *st.LogStreamName)
				}
			}
			return strings.Join(names, " ")
		}
		for _, tt := range []struct {
			in   in
			want string
		}{
			{in{}, "a ab b c"},
			{in{Descending: ptr(true)}, "c b ab a"},
			{in{LogStreamNamePrefix: ptr("a")}, "a ab"},
			{in{OrderBy: types.OrderByLogStreamName}, "a ab b c"},
			{in{OrderBy: types.OrderByLastEventTime}, "ab b a c"},
			{in{OrderBy: types.OrderByLastEventTime, Descending: ptr(true)}, "c a b ab"},
		} {
			for _, limit := range []int32{1, 2, 50} {
				tt.in.Limit = &limit
				if got := list(tt.in); got != tt.want {
					t.Errorf("listed %q, want %q", got, tt.want)
				}
			}
		}
		out, err := c.DescribeLogStreams(t.Context(), &in{LogGroupName: ptr(group)})
		if err != nil {
			t.Fatal(err)
		}
		st := out.LogStreams[2]
		if *st.FirstEventTimestamp != now-5 || *st.LastEventTimestamp != now || *st.LastIngestionTime != now || *st.CreationTime != now ||
			*st.Arn != "arn:aws:logs:us-east-1:123456789012:log-group:/acme/prod:log-stream:b" || aws.ToString(st.UploadSequenceToken) == "" {
			t.Errorf("stream %+v", st)
		}
		if empty := out.LogStreams[1]; empty.FirstEventTimestamp != nil || empty.UploadSequenceToken != nil {
			t.Errorf("empty stream %+v", empty)
		}
		for _, bad := range []in{
			{LogGroupName: ptr(group), OrderBy: types.OrderByLastEventTime, LogStreamNamePrefix: ptr("a")},
			{LogGroupName: ptr(group), OrderBy: "Size"},
			{LogGroupName: ptr(group), NextToken: ptr("eA")},
			{LogGroupName: ptr(group), Limit: ptr(int32(51))},
		} {
			_, err := c.DescribeLogStreams(t.Context(), &bad)
			wantCode(t, err, "InvalidParameterException")
		}
	})
}
