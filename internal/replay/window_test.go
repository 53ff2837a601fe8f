package replay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/remote"
)

// sent is a line as a window gets to know it.
type sent struct {
	ms   int64
	text string
}

// TestWindow puts streams that differ from what was sent, and looks whether that is found.
func TestWindow(t *testing.T) {
	now := time.Now().UnixMilli()
	var lines []sent
	for i := range 50 {
		lines = append(lines, sent{now + int64(i/10), fmt.Sprint("line ", i)})
	}
	long := sent{now + 5, strings.Repeat("é", maxText/2+3)}
	lines = append(lines, long, sent{now + 6, "end"})
	// Events are the lines, except that the long one is two.
	events := append(slices.Clone(lines[:50]), sent{long.ms, long.text[:maxText]}, sent{long.ms, long.text[maxText:]}, lines[51])

	for _, tt := range []struct {
		name   string
		change func([]sent) []sent
		gone   uint64 // known not to be delivered
		others int
		want   string
	}{
		{name: "as it was sent", change: func(s []sent) []sent { return s }},
		{name: "changed", change: func(s []sent) []sent { s[21].text += "."; return s }, want: "line 22 is not in the stream, or not in its place"},
		{name: "another time", change: func(s []sent) []sent { s[29].ms++; return s }, want: "line 30 is not in the stream, or not in its place"},
		{name: "swapped", change: func(s []sent) []sent { s[3], s[4] = s[4], s[3]; return s }, want: "line 5 is not in the stream, or not in its place"},
		{name: "lost", change: func(s []sent) []sent { return append(s[:5:5], s[6:]...) }, want: "line 6 is not in the stream, or not in its place"},
		{name: "end lost", change: func(s []sent) []sent { return s[:len(s)-1] }, want: "line 52 is not in the stream, or not in its place"},
		{name: "half of a line lost", change: func(s []sent) []sent { return append(s[:51:51], s[52:]...) }, want: "line 51 is not in the stream, or not in its place"},
		{name: "cut elsewhere", change: func(s []sent) []sent {
			s[50].text, s[51].text = s[50].text[:maxText-2], s[50].text[maxText-2:]+s[51].text
			return s
		}, want: "line 51 is not in the stream, or not in its place"},
		{name: "doubled", change: func(s []sent) []sent { return append(s[:6:6], s[5:]...) }, others: 1},
		{name: "others between", change: func(s []sent) []sent {
			return append(append(s[:7:7], sent{s[7].ms, "theirs"}, sent{s[7].ms, "theirs too"}), s[7:]...)
		}, others: 2},
		{name: "empty", change: func([]sent) []sent { return nil }, want: "line 1 is not in the stream, or not in its place"},
		{name: "two refused", change: func(s []sent) []sent { return append(s[:5:5], s[7:]...) }, gone: 2},
		{name: "one more lost", change: func(s []sent) []sent { return append(s[:5:5], s[8:]...) }, gone: 2,
			want: "3 of 53 events are missing in the stream, 2 were not delivered"},
		{name: "refused after all", change: func(s []sent) []sent { return s }, gone: 1,
			want: "0 of 53 events are missing in the stream, 1 were not delivered"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := cwltest.NewServer(t)
			srv.CreateStream("/acme/prod", "orders")
			put(t, srv, tt.change(slices.Clone(events)))
			w := newWindow()
			for i, l := range lines {
				w.add(l.ms, l.text, int64(i+1), true)
			}
			s := remote.Stream{Service: &remote.Service{Client: srv.Client(), Instant: true}, Group: "/acme/prod", Name: "orders"}
			others, err := w.check(t.Context(), s, tt.gone, func(int) {})
			if got := fmt.Sprint(err); got != tt.want && !(err == nil && tt.want == "") || others != tt.others {
				t.Errorf("%d others, error %v; want %d, %q", others, err, tt.others, tt.want)
			}
			if same := slices.Equal(w.seen.Sum(nil), w.sent.Sum(nil)); same != (tt.want == "" && tt.gone == 0) {
				t.Errorf("sums are the same: %v", same)
			}
		})
	}
}

func put(t *testing.T, srv *cwltest.Server, events []sent) {
	t.Helper()
	for _, e := range events { // one by one, so that they may be large
		if _, err := srv.Client().PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
			LogGroupName: aws.String("/acme/prod"), LogStreamName: aws.String("orders"),
			LogEvents: []types.InputLogEvent{{Timestamp: &e.ms, Message: &e.text}},
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWindowDisorder has lines in another order than that of their times.
func TestWindowDisorder(t *testing.T) {
	now := time.Now().UnixMilli()
	lines := []sent{{now + 5, "c"}, {now, "a"}, {now + 5, "d"}, {now + 1, "b"}}
	srv := cwltest.NewServer(t)
	srv.CreateStream("/acme/prod", "orders")
	put(t, srv, lines)
	w := newWindow()
	for i, l := range lines {
		w.add(l.ms, l.text, int64(i+1), true)
	}
	s := remote.Stream{Service: &remote.Service{Client: srv.Client(), Instant: true}, Group: "/acme/prod", Name: "orders"}
	if _, err := w.check(t.Context(), s, 0, func(int) {}); err != nil || !w.disorder || w.from != now || w.to != now+5 {
		t.Errorf("%v, disorder %v, from %d to %d", err, w.disorder, w.from-now, w.to-now)
	}
}
