package cwltest_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
)

// seen is what clients can learn of a server.
func seen(t *testing.T, s *cwltest.Server) []any {
	t.Helper()
	c := s.Client(once)
	groups, err := c.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	all := []any{groups.LogGroups}
	for _, g := range groups.LogGroups {
		streams, err := c.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: g.LogGroupName})
		if err != nil {
			t.Fatal(err)
		}
		events, err := c.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: g.LogGroupName})
		if err != nil {
			t.Fatal(err)
		}
		tags, err := c.ListTagsForResource(t.Context(), &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: g.LogGroupArn})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, streams.LogStreams, events.Events, tags.Tags)
	}
	return all
}

// work makes every kind of change, and after each calls done.
func work(t *testing.T, s *cwltest.Server, done func()) {
	t.Helper()
	c := s.Client(once)
	do := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		done()
	}
	do(c.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{
		LogGroupName: ptr(group), Tags: map[string]string{"stage": "prod"}, KmsKeyId: ptr("a key"), LogGroupClass: "INFREQUENT_ACCESS",
	}))
	do(c.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: ptr(group), LogStreamName: ptr(stream)}))
	do(c.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: ptr(group), RetentionInDays: ptr(int32(7))}))
	for range 3 {
		do(nil, putNow(t, c, "<b>one & two</b>", "two\nlines \u2028 \xff", `{"op":"void"}`))
	}
	ms := time.Now().Add(-time.Minute).UnixMilli()
	do(put(t, c, event(ms, "late"), event(ms, "later")))
	do(put(t, c, event(1, "too old"), event(ms, "with one too old")))
	s.CreateStream("doomed", "a")
	done()
	s.CreateStream("doomed", "b")
	done()
	do(c.DeleteLogStream(t.Context(), &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: ptr("doomed"), LogStreamName: ptr("a")}))
	do(c.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: ptr("doomed")}))
	s.CreateStream("doomed", "a")
	s.DeleteStream("doomed", "a")
	s.DeleteGroup("doomed")
	done()
	do(c.DeleteRetentionPolicy(t.Context(), &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: ptr(group)}))
}

// A server that replays a journal looks to clients like the one that wrote it,
// at whatever byte the journal ends: then like the one that had made the
// changes of the whole lines.
func TestJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var journal bytes.Buffer
		s := cwltest.NewServer(t)
		s.Journal = &journal
		want := map[int][]any{0: seen(t, s)}
		ends := []int{0}
		work(t, s, func() {
			ends = append(ends, journal.Len())
			want[journal.Len()] = seen(t, s)
		})
		whole := journal.Bytes()
		from := 0
		for _, end := range ends[1:] {
			for _, cut := range []int{from + 1, (from + end) / 2, end - 1, end} {
				again := cwltest.NewServer(t)
				n, err := again.Replay(bytes.NewReader(whole[:cut]))
				if err != nil {
					t.Fatalf("cut at %d: %v", cut, err)
				}
				if line := int64(bytes.LastIndexByte(whole[:cut], '\n') + 1); n != line {
					t.Errorf("cut at %d: %d bytes are whole, want %d", cut, n, line)
				}
				if want := want[int(n)]; want != nil && !reflect.DeepEqual(seen(t, again), want) {
					t.Errorf("cut at %d: the server is another one:\n%+v\nwant\n%+v", cut, seen(t, again), want)
				}
			}
			from = end
		}
		if !reflect.DeepEqual(seen(t, s), want[len(whole)]) || len(want) != len(ends) {
			t.Errorf("%d states at %d places", len(want), len(ends))
		}
	})
}

// A journal can be carried on, also one whose last line is torn.
func TestJournalCarriesOn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	var want []string
	for i := range 4 {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		s := cwltest.NewServer(t)
		n, err := s.Replay(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(n); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(n, 0); err != nil {
			t.Fatal(err)
		}
		s.Journal = f
		if got := s.Messages(group, stream); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("after %d restarts: %q, want %q", i, got, want)
		}
		s.CreateStream(group, stream)
		wantCode(t, putNow(t, s.Client(once), fmt.Sprint(i)), "")
		want = append(want, fmt.Sprint(i))
		fmt.Fprint(f, `{"op":"put","time":17`) // killed
		_ = f.Close()
	}
}

// brittle is a writer that fails in the middle, at random.
type brittle struct {
	bytes.Buffer
	rand *rand.Rand
}

func (b *brittle) Write(p []byte) (int, error) {
	if b.rand.IntN(2) == 0 {
		n, _ := b.Buffer.Write(p[:b.rand.IntN(len(p))])
		return n, errors.New("no space left on device")
	}
	return b.Buffer.Write(p)
}

// What was acknowledged is in the journal, and nothing else is, however often
// writing fails.
func TestJournalWriteFails(t *testing.T) {
	for seed := range uint64(60) {
		journal := brittle{rand: rand.New(rand.NewPCG(seed, 15))}
		s := cwltest.NewServer(t)
		s.Journal = &journal
		c := s.Client(once)
		for try := 0; ; try++ {
			_, err := c.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: ptr(group)})
			if err == nil {
				break
			}
			wantCode(t, err, "ServiceUnavailableException")
			if !strings.Contains(err.Error(), "no space left") {
				t.Fatal(err)
			}
		}
		for {
			_, err := c.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: ptr(group), LogStreamName: ptr(stream)})
			if err == nil {
				break
			}
		}
		var want []string
		for i := range 20 {
			if putNow(t, c, fmt.Sprint(i)) == nil {
				want = append(want, fmt.Sprint(i))
			}
			again := cwltest.NewServer(t)
			if _, err := again.Replay(bytes.NewReader(journal.Bytes())); err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, journal.Bytes())
			}
			if got := again.Messages(group, stream); fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(got) != fmt.Sprint(s.Messages(group, stream)) {
				t.Fatalf("seed %d: %q, want %q\n%s", seed, got, want, journal.Bytes())
			}
		}
	}
}

func TestReplayRefuses(t *testing.T) {
	const header = `{"op":"journal","version":1}` + "\n"
	for _, c := range []struct{ journal, want string }{
		{"my diary", "line 1: this is not a journal"},
		{"my diary\nof 1998\n", "line 1: this is not a journal"},
		{"\n" + header, "line 1: this is not a journal"},
		{`{"op":"journal","version":2}` + "\n", "line 1: version 2 of journals is unknown"},
		{header + "{\n" + header, "line 2: unexpected end of JSON input"},
		{header + `{"op":"dance","group":"g"}` + "\n", `line 2: dance: no group "g"`},
		{header + `{"op":"create group","group":"g"}` + "\n" + `{"op":"dance","group":"g"}` + "\n", `line 3: unknown change "dance"`},
		{header + `{"op":"create group","group":"g"}` + "\n" + `{"op":"put","group":"g","stream":"s"}` + "\n", `line 3: put: no stream "s" in group "g"`},
	} {
		_, err := cwltest.NewServer(t).Replay(strings.NewReader(c.journal))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.journal, err, c.want)
		}
	}
	_, err := cwltest.NewServer(t).Replay(brokenDisk{})
	if !errors.Is(err, errDisk) {
		t.Error(err)
	}
}

var errDisk = errors.New("input/output error")

type brokenDisk struct{}

func (brokenDisk) Read([]byte) (int, error) { return 0, errDisk }
