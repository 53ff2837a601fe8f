package systest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

const groupARN = "arn:aws:logs:us-east-1:123456789012:log-group:/acme/prod"

// newGroupSyncer is a Syncer that uses every right as long as its group is
// missing.
func newGroupSyncer(srv *cwltest.Server, fallback zapcore.WriteSyncer) *zapcw.Syncer {
	return &zapcw.Syncer{
		Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Fallback: fallback,
		Retention: 14,
		NewGroup: func(in *cloudwatchlogs.CreateLogGroupInput) {
			in.Tags = map[string]string{"team": "orders"}
		},
	}
}

// allow is a Fault that denies all actions but these.
func allow(actions ...string) cwltest.Fault {
	return cwltest.Fault{
		Match: func(q *cwltest.Request) bool { return !slices.Contains(actions, "logs:"+q.Op) },
		Code:  "AccessDeniedException",
	}
}

// rights reads the chapter of docs/operations.md: the actions of its table and its
// policy.
func rights(t *testing.T) (actions []string, policy string) {
	t.Helper()
	readme, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(readme), "\n## Rights\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(chapter, -1) {
		actions = append(actions, m[1])
	}
	_, policy, _ = strings.Cut(chapter, "```json\n")
	policy, _, _ = strings.Cut(policy, "```")
	if len(actions) == 0 || policy == "" {
		t.Fatalf("docs/operations.md has no table or no policy under Rights: got %q", chapter)
	}
	return actions, policy
}

// TestRightsTable compares the table of docs/operations.md with what the library can
// call, and with what it calls.
func TestRightsTable(t *testing.T) {
	table, policy := rights(t)

	// Tags take a right of their own, but no call.
	want := []string{"logs:TagResource"}
	client := reflect.TypeFor[zapcw.Client]()
	for i := range client.NumMethod() {
		want = append(want, "logs:"+client.Method(i).Name)
	}
	if got := slices.Sorted(slices.Values(table)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("docs/operations.md has the actions %q, want %q", got, want)
	}

	var p struct {
		Statement []struct {
			Effect   string
			Action   []string
			Resource string
		}
	}
	if err := json.Unmarshal([]byte(policy), &p); err != nil || len(p.Statement) != 1 {
		t.Fatalf("docs/operations.md's policy has %d statements, %v", len(p.Statement), err)
	}
	st := p.Statement[0]
	untagged := slices.DeleteFunc(slices.Clone(table), func(a string) bool { return a == "logs:TagResource" })
	if st.Effect != "Allow" || !slices.Equal(st.Action, untagged) || !strings.HasSuffix(st.Resource, ":log-group:/acme/prod:*") {
		t.Errorf("docs/operations.md's policy is %+v, want the table's actions without tags, on the streams of the group", st)
	}

	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		srv.Fail(allow(table...))
		var spill testkit.Buffer
		s := newGroupSyncer(srv, &spill)
		fmt.Fprint(s, "event")
		if err := s.Close(); err != nil || spill.Len() > 0 {
			t.Errorf("with all rights of the table Close = %v and the fallback has %q", err, spill.String())
		}
		testkit.WantEvents(t, srv.Messages("/acme/prod", "orders"), "event")
		calls := []string{"logs:TagResource"}
		for op := range srv.Stats().Calls {
			calls = append(calls, "logs:"+op)
		}
		slices.Sort(calls)
		if !slices.Equal(calls, slices.Sorted(slices.Values(table))) {
			t.Errorf("a new group took %q, want all of %q", calls, table)
		}
	})
}

// TestMissingRight takes one right after the other away: the fallback tells what
// to allow and where, and so does the error of Sync where events are lost to
// the stream.
func TestMissingRight(t *testing.T) {
	table, _ := rights(t)
	for _, action := range table {
		t.Run(action, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := cwltest.NewServer(t)
				srv.Fail(cwltest.Deny(action))
				var spill testkit.Buffer
				s := newGroupSyncer(srv, &spill)
				fmt.Fprint(s, "event")
				err := s.Sync()

				events, words := spill.Lines()
				if len(words) != 1 || !strings.HasSuffix(words[0], "; allow "+action) || !strings.Contains(words[0], "/acme/prod") {
					t.Errorf("the fallback says %q, want one line that ends in \"; allow %s\"", words, action)
				}
				if action == "logs:PutRetentionPolicy" {
					if err != nil || len(events) > 0 {
						t.Errorf("Sync = %v and the fallback has %q, want the event in the stream", err, events)
					}
				} else {
					testkit.WantEvents(t, events, "event")
					if err == nil || !strings.Contains(err.Error(), action) || !strings.Contains(err.Error(), "/acme/prod") {
						t.Errorf("Sync = %v, want %s and the group", err, action)
					}
				}

				// With the right everything goes on.
				srv.Heal()
				fmt.Fprint(s, "another")
				if err := s.Close(); err != nil {
					t.Errorf("Close = %v when %s is allowed", err, action)
				}
				if got := srv.Messages("/acme/prod", "orders"); len(got) == 0 || got[len(got)-1] != "another" {
					t.Errorf("the stream has %q when %s is allowed, want another at its end", got, action)
				}
			})
		})
	}
}

// TestPutAlone has no right but to put, and a stream that somebody made: that
// is enough for all that a Syncer does.
func TestPutAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		srv.CreateStream("/acme/prod", "orders")
		srv.Fail(cwltest.Poison(func(e cwltest.Event) bool { return e.Message == "bad" }))
		srv.Fail(allow("logs:PutLogEvents"))
		var spill testkit.Buffer
		s := newGroupSyncer(srv, &spill)
		log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel), zap.WithPanicHook(zapcore.WriteThenGoexit))

		log.Info("aged")
		time.Sleep(time.Minute)
		log.Info("flushed", zapcw.Flush())
		log.Info(strings.Repeat("x", 2<<20)) // is split
		for range 25_000 {
			log.Info("many")
		}
		log.Info("bad")
		if err := s.Sync(); err == nil || !strings.Contains(err.Error(), "1 event is on the fallback") {
			t.Errorf("Sync = %v, want the bad event and no more", err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			log.Panic("panic")
		}()
		<-done
		fmt.Fprint(s, "written")
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		const n = 1 + 1 + 3 + 25_000 + 1 + 1
		if st := s.Stats(); st.Delivered != n || st.Rejected != 1 || st.Spilled != 0 {
			t.Errorf("got %+v, want %d delivered and the bad one rejected", st, n)
		}
		if got := len(srv.Messages("/acme/prod", "orders")); got != n {
			t.Errorf("the stream has %d events, want %d", got, n)
		}
		st := srv.Stats()
		if ops := slices.Collect(maps.Keys(st.Calls)); !slices.Equal(ops, []string{"PutLogEvents"}) || st.Errors["AccessDeniedException"] > 0 {
			t.Errorf("got calls of %q and errors %v, want puts alone", ops, st.Errors)
		}
	})
}

// TestRetentionDays tries all days that PutRetentionPolicy is documented to take,
// and those beside them.
func TestRetentionDays(t *testing.T) {
	allowed := []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
	srv := cwltest.NewServer(t)
	tried := make(map[int32]bool)
	for _, d := range append(allowed, 0, math.MaxInt32-1, math.MinInt32+1) {
		for _, days := range []int32{d - 1, d, d + 1} {
			if days == 0 || tried[days] {
				continue // 0 is for ever
			}
			tried[days] = true
			group := fmt.Sprintf("/days/%d", days)
			s := &zapcw.Syncer{Client: srv.Client(), Group: group, Stream: "s", Retention: days, Fallback: new(testkit.Buffer)}
			fmt.Fprint(s, "event")
			err := s.Close()
			if !slices.Contains(allowed, days) {
				if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("Retention is %d days", days)) || !strings.Contains(err.Error(), "2922, 3288 and 3653") {
					t.Errorf("Close with a retention of %d days = %v, want the number and those that are allowed", days, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("Close with a retention of %d days = %v, want nil", days, err)
			} else if got := describe(t, srv, group).RetentionInDays; aws.ToInt32(got) != days {
				t.Errorf("the group has a retention of %d days, want %d", aws.ToInt32(got), days)
			}
		}
	}
}

// TestNewGroupArrives looks at a group as the server has it. What exists is
// never changed, and NewGroup not asked.
func TestNewGroupArrives(t *testing.T) {
	const key = "arn:aws:kms:us-east-1:123456789012:key/4711"
	tags := map[string]string{"team": "orders", "stage": "prod"}
	srv := cwltest.NewServer(t)
	asked := 0
	newSyncer := func(group string) *zapcw.Syncer {
		return &zapcw.Syncer{
			Client: srv.Client(), Group: group, Stream: "orders", Retention: 14,
			NewGroup: func(in *cloudwatchlogs.CreateLogGroupInput) {
				asked++
				in.KmsKeyId, in.Tags, in.LogGroupClass = aws.String(key), tags, types.LogGroupClassInfrequentAccess
				in.DeletionProtectionEnabled = aws.Bool(true)
			},
		}
	}
	s := newSyncer("/acme/prod")
	for range 3 {
		fmt.Fprint(s, "event")
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
		srv.DeleteStream("/acme/prod", "orders") // and it is created again
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	g := describe(t, srv, "/acme/prod")
	if aws.ToInt32(g.RetentionInDays) != 14 || aws.ToString(g.KmsKeyId) != key || g.LogGroupClass != types.LogGroupClassInfrequentAccess || !aws.ToBool(g.DeletionProtectionEnabled) {
		t.Errorf("the group has retention %d, key %q, class %s, protection %t", aws.ToInt32(g.RetentionInDays), aws.ToString(g.KmsKeyId), g.LogGroupClass, aws.ToBool(g.DeletionProtectionEnabled))
	}
	out, err := srv.Client().ListTagsForResource(t.Context(), &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String(groupARN)})
	if err != nil || !maps.Equal(out.Tags, tags) {
		t.Errorf("the group's tags are %v, %v, want %v", out, err, tags)
	}
	if calls := srv.Stats().Calls; asked != 1 || calls["CreateLogGroup"] != 1 || calls["PutRetentionPolicy"] != 1 {
		t.Errorf("NewGroup was asked %d times, with %v, want one group and one retention", asked, calls)
	}

	srv.CreateStream("/acme/old", "another")
	s = newSyncer("/acme/old")
	fmt.Fprint(s, "event")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	g = describe(t, srv, "/acme/old")
	if asked != 1 || g.RetentionInDays != nil || g.KmsKeyId != nil || g.LogGroupClass != types.LogGroupClassStandard {
		t.Errorf("a group that existed got retention %v, key %v, class %s, and NewGroup was asked %d times", g.RetentionInDays, g.KmsKeyId, g.LogGroupClass, asked-1)
	}
}

// TestNewGroupKey has a KMS key that the service may not use.
func TestNewGroupKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		srv.Fail(cwltest.Fault{Op: "CreateLogGroup", Code: "InvalidParameterException", Message: "The specified KMS key does not exist or is not allowed to be used."})
		var spill testkit.Buffer
		s := newGroupSyncer(srv, &spill)
		fmt.Fprint(s, "event")
		err := s.Close()
		if err == nil || !strings.Contains(err.Error(), "create group /acme/prod: ") || !strings.Contains(err.Error(), "KMS key") {
			t.Errorf("Close = %v, want the group and what is wrong with its key", err)
		}
		if events, _ := spill.Lines(); !slices.Equal(events, []string{"event"}) || srv.Stats().Calls["CreateLogGroup"] != 1 {
			t.Errorf("the fallback has %q after %v, want the event after one attempt", events, srv.Stats().Calls)
		}
	})
}

// describe asks for a group.
func describe(t *testing.T, srv *cwltest.Server, group string) types.LogGroup {
	t.Helper()
	out, err := srv.Client().DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range out.LogGroups {
		if *g.LogGroupName == group {
			return g
		}
	}
	t.Fatalf("there is no group %s", group)
	return types.LogGroup{}
}
