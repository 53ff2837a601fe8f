package systest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// The tests in this file run with programs that others wrote; each is named by
// an environment variable.
const (
	commandEnv = "ZAPCW_AWS"    // the aws command line, version 2
	pythonEnv  = "ZAPCW_PYTHON" // a Python that has boto3
	motoEnv    = "ZAPCW_MOTO"   // the URL of a moto server
)

func fromEnv(t *testing.T, name, what string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Skipf("%s does not name %s", name, what)
	}
	return v
}

// A tool is a program that talks to a server with the keys of socketClient, and
// knows nothing of its user's configuration.
type tool struct {
	path string
	args []string // before all others
	env  []string
}

func newTool(t *testing.T, path string, args ...string) tool {
	t.Helper()
	return tool{path, args, []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + t.TempDir(),
		"LC_ALL=C.UTF-8",
		"NO_PROXY=127.0.0.1",
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY=secret",
		"AWS_DEFAULT_REGION=us-east-1",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_PAGER=",
		"PYTHONUNBUFFERED=1", // tail shows an event when it has it
		"PYTHONDONTWRITEBYTECODE=1",
	}}
}

// command prepares a run that is killed when it takes unreasonably long, also on
// a machine that does much else: a follower runs as long as all that it sees.
func (p tool) command(t *testing.T, args ...string) (cmd *exec.Cmd, errs *bytes.Buffer) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	errs = new(bytes.Buffer)
	cmd = exec.CommandContext(ctx, p.path, slices.Concat(p.args, args)...)
	cmd.Env, cmd.Stderr = p.env, errs
	return cmd, errs
}

// run gives what the program prints.
func (p tool) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd, errs := p.command(t, args...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, errs)
	}
	return string(out)
}

// output reads into v what the program prints as JSON.
func (p tool) output(t *testing.T, v any, args ...string) {
	t.Helper()
	out := p.run(t, args...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("%s printed %q: %v", strings.Join(args, " "), out, err)
	}
}

// An event as the aws command prints it.
type printed struct {
	LogStreamName string
	Timestamp     int64
	Message       string
}

func messages(events []printed) (texts []string) {
	for _, e := range events {
		texts = append(texts, e.Message)
	}
	return texts
}

// TestAWSCommand has a Syncer log into cwltest, and the aws command line look at
// it from all sides, log there too, and follow the stream meanwhile. The server
// checks the signatures of both.
func TestAWSCommand(t *testing.T) {
	path := fromEnv(t, commandEnv, "an aws command line, version 2")
	srv := cwltest.NewServer(t)
	srv.AccessKey, srv.SecretKey = "AKIDEXAMPLE", "secret"
	logs := newTool(t, path, "--endpoint-url", srv.URL(), "logs")
	version, err := exec.Command(path, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", version)

	s := &zapcw.Syncer{
		Client: socketClient(srv.URL()), Group: "/acme/prod", Stream: "orders", Retention: 14,
		NewGroup: func(in *cloudwatchlogs.CreateLogGroupInput) { in.Tags = map[string]string{"team": "orders"} },
	}
	log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
	var before []string
	for i := range 25 {
		before = append(before, fmt.Sprintf("before %d ž", i))
		log.Info(before[i])
	}
	if err := log.Sync(); err != nil {
		t.Fatal(err)
	}
	stored := srv.Events("/acme/prod", "orders")

	// It asks every five seconds; the other commands run while it waits.
	tail := follow(t, logs, "tail", "/acme/prod", "--follow", "--since", "1h", "--format", "short")
	testkit.WantEvents(t, tail.next(len(before)), before...)

	t.Run("meanwhile", func(t *testing.T) {
		t.Run("describe-log-groups", func(t *testing.T) {
			t.Parallel()
			var out struct {
				LogGroups []struct {
					LogGroupName    string
					RetentionInDays int
					StoredBytes     int
				}
			}
			logs.output(t, &out, "describe-log-groups", "--log-group-name-prefix", "/acme/p")
			size := 26*len(before) + len(strings.Join(before, ""))
			if g := out.LogGroups; len(g) != 1 || g[0].LogGroupName != "/acme/prod" || g[0].RetentionInDays != 14 || g[0].StoredBytes != size {
				t.Errorf("got %+v, want /acme/prod with 14 days and %d bytes", g, size)
			}
		})
		t.Run("list-tags-for-resource", func(t *testing.T) {
			t.Parallel()
			var out struct{ Tags map[string]string }
			logs.output(t, &out, "list-tags-for-resource", "--resource-arn", groupARN)
			if !maps.Equal(out.Tags, map[string]string{"team": "orders"}) {
				t.Errorf("got the tags %v, want team", out.Tags)
			}
		})
		t.Run("describe-log-streams", func(t *testing.T) {
			t.Parallel()
			var out struct {
				LogStreams []struct {
					LogStreamName                           string
					FirstEventTimestamp, LastEventTimestamp int64
				}
			}
			logs.output(t, &out, "describe-log-streams", "--log-group-name", "/acme/prod", "--order-by", "LastEventTime", "--descending")
			if st := out.LogStreams; len(st) != 1 || st[0].LogStreamName != "orders" ||
				st[0].FirstEventTimestamp != stored[0].Timestamp || st[0].LastEventTimestamp != stored[24].Timestamp {
				t.Errorf("got %+v, want orders from %d to %d", st, stored[0].Timestamp, stored[24].Timestamp)
			}
		})
		t.Run("get-log-events", func(t *testing.T) {
			t.Parallel()
			args := []string{"get-log-events", "--log-group-name", "/acme/prod", "--log-stream-name", "orders", "--start-from-head", "--limit", "15"}
			var page struct {
				Events           []printed
				NextForwardToken string
			}
			logs.output(t, &page, args...)
			testkit.WantEvents(t, messages(page.Events), before[:15]...)
			if page.Events[7].Timestamp != stored[7].Timestamp {
				t.Errorf("an event is of %d, want %d", page.Events[7].Timestamp, stored[7].Timestamp)
			}
			logs.output(t, &page, append(args, "--next-token", page.NextForwardToken)...)
			testkit.WantEvents(t, messages(page.Events), before[15:]...)
		})
		t.Run("filter-log-events", func(t *testing.T) {
			t.Parallel()
			var out struct{ Events []printed }
			logs.output(t, &out, "filter-log-events", "--log-group-name", "/acme/prod", "--filter-pattern", `"before 1"`, "--page-size", "3")
			testkit.WantEvents(t, messages(out.Events), append([]string{"before 1 ž"}, before[10:20]...)...)
			if len(out.Events) > 0 && out.Events[0].LogStreamName != "orders" {
				t.Errorf("the events are of %q, want orders", out.Events[0].LogStreamName)
			}
		})
		t.Run("put-log-events", func(t *testing.T) {
			t.Parallel()
			to := []string{"--log-group-name", "/acme/shell", "--log-stream-name", "s"}
			logs.run(t, "create-log-group", "--log-group-name", "/acme/shell")
			logs.run(t, append([]string{"create-log-stream"}, to...)...)
			now := time.Now()
			events, err := json.Marshal([]map[string]any{
				{"timestamp": now.AddDate(0, 0, -15).UnixMilli(), "message": "too old"},
				{"timestamp": now.UnixMilli(), "message": "by hand ž"},
			})
			if err != nil {
				t.Fatal(err)
			}
			var out struct {
				RejectedLogEventsInfo struct{ TooOldLogEventEndIndex int }
			}
			logs.output(t, &out, append([]string{"put-log-events", "--log-events", string(events)}, to...)...)
			testkit.WantEvents(t, srv.Messages("/acme/shell", "s"), "by hand ž")
			if out.RejectedLogEventsInfo.TooOldLogEventEndIndex != 1 {
				t.Errorf("got %+v, want one that is too old", out)
			}
		})
		t.Run("no stream", func(t *testing.T) {
			t.Parallel()
			cmd, errs := logs.command(t, "get-log-events", "--log-group-name", "/acme/prod", "--log-stream-name", "none")
			out, err := cmd.Output()
			if err == nil || len(out) > 0 || !strings.Contains(errs.String(), "(ResourceNotFoundException)") {
				t.Errorf("got %v, %q, %q, want the service's error", err, out, errs)
			}
		})
	})

	// One stream for both.
	logs.run(t, "put-log-events", "--log-group-name", "/acme/prod", "--log-stream-name", "orders",
		"--log-events", fmt.Sprintf("timestamp=%d,message=by_hand", time.Now().UnixMilli()))
	while := []string{"by_hand"}
	for i := range 5 {
		while = append(while, fmt.Sprintf("while %d", i))
		log.Info(while[i+1])
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	testkit.WantEvents(t, tail.next(len(while)), while...)
	testkit.WantEvents(t, srv.Messages("/acme/prod", "orders"), append(before, while...)...)
	tail.end()
	if st := srv.Stats(); st.Errors["InvalidSignatureException"]+st.Errors["SerializationException"]+st.Errors["UnknownOperationException"] > 0 {
		t.Errorf("the server did not understand everything: %v", st.Errors)
	}
}

// A follower is a command that prints events until it is interrupted.
type follower struct {
	*testing.T
	cmd   *exec.Cmd
	errs  *bytes.Buffer
	lines *bufio.Scanner
}

func follow(t *testing.T, p tool, args ...string) *follower {
	t.Helper()
	cmd, errs := p.command(t, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// A signal that this process was started to ignore, as in the background of
	// a shell, would be ignored there too.
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	defer signal.Stop(c)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &follower{t, cmd, errs, bufio.NewScanner(out)}
}

// next gives the next n messages, without the time before them.
func (t *follower) next(n int) (texts []string) {
	t.Helper()
	for range n {
		if !t.lines.Scan() {
			_ = t.cmd.Wait()
			t.Fatalf("%s ended after %q: %v: %s", t.cmd, texts, t.lines.Err(), t.errs)
		}
		_, text, _ := strings.Cut(t.lines.Text(), " ")
		texts = append(texts, text)
	}
	return texts
}

// end interrupts the command, which is to have nothing more to say. It ends with
// status 0, or with an empty line and 130 if it was not waiting just then.
func (t *follower) end() {
	t.Helper()
	if err := t.cmd.Process.Signal(os.Interrupt); err != nil {
		_ = t.cmd.Process.Kill()
		t.Errorf("%s cannot be interrupted: %v", t.cmd, err)
	}
	for t.lines.Scan() {
		if t.lines.Text() != "" {
			t.Errorf("%s printed %q after all that was logged", t.cmd, t.lines.Text())
		}
	}
	err := t.cmd.Wait()
	if code := t.cmd.ProcessState.ExitCode(); code != 0 && code != 130 || t.errs.Len() > 0 {
		t.Errorf("%s ended with %v: %s", t.cmd, err, t.errs)
	}
}

// TestPython starts processes that log with boto3 and others that log with
// zapcw, all into one stream that none of them finds.
func TestPython(t *testing.T) {
	python := newTool(t, fromEnv(t, pythonEnv, "a Python that has boto3"), filepath.Join("testdata", "boto.py"))
	t.Run("cwltest", func(t *testing.T) {
		srv := cwltest.NewServer(t)
		srv.AccessKey, srv.SecretKey = "AKIDEXAMPLE", "secret"
		if n := oneStream(t, python, srv.URL(), "s"); n != 0 {
			t.Errorf("%d events are there twice", n)
		}
		if n := srv.Stats().Errors["InvalidParameterException"]; n != 0 {
			t.Errorf("%d puts were against the rules", n)
		}
	})
	t.Run("moto", func(t *testing.T) {
		if n := oneStream(t, python, fromEnv(t, motoEnv, "the URL of a moto server"), unique("s")); n > 0 {
			t.Logf("%d events are there twice: moto was slow, and stored what it was not waited for", n)
		}
	})
}

// oneStream tells how many events are there a second time, as those of a put may
// be that was not answered in time.
func oneStream(t *testing.T, python tool, url, stream string) (twice int) {
	t.Helper()
	const ofEach, n = 3, 400 // processes of a kind, events of a process
	var (
		runs []func()
		tags []string
	)
	for i := range ofEach {
		tags = append(tags, fmt.Sprint("python", i), fmt.Sprint("go", i))
		runs = append(runs, writePython(t, python, url, stream, tags[2*i], n))
		cmd := command(programEnv, program{Name: "steady", Endpoint: url, Stream: stream, Tag: tags[2*i+1], N: n})
		runs = append(runs, func() {
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s: %v: %s", tags[2*i+1], err, out)
			}
		})
	}
	var all sync.WaitGroup
	for _, run := range runs {
		all.Go(run)
	}
	all.Wait()

	got := readAll(t, socketClient(url), "/processes", stream)
	next := make(map[string]int)
	seen := make(map[string]bool)
	last, turns := "", 0
	for _, m := range got {
		if seen[m] {
			twice++
			continue
		}
		seen[m] = true
		tag, i, _ := strings.Cut(m, ".")
		if i != strconv.Itoa(next[tag]) {
			t.Fatalf("%s: event %s after %d others", tag, i, next[tag])
		}
		next[tag]++
		if tag != last {
			last, turns = tag, turns+1
		}
	}
	for _, tag := range tags {
		if next[tag] != n {
			t.Errorf("%s: %d events are there of %d", tag, next[tag], n)
		}
	}
	t.Logf("%d processes took %d turns", len(runs), turns)

	var same []string
	dec := json.NewDecoder(strings.NewReader(python.run(t, "read", url, "/processes", stream)))
	for dec.More() {
		var m string
		if err := dec.Decode(&m); err != nil {
			t.Fatal(err)
		}
		same = append(same, m)
	}
	if !slices.Equal(same, got) {
		t.Errorf("boto3 reads %d events, the SDK %d, or in another order", len(same), len(got))
	}
	return twice
}

// writePython starts a process that is ready to log; run has it do that.
func writePython(t *testing.T, python tool, url, stream, tag string, n int) (run func()) {
	t.Helper()
	cmd, errs := python.command(t, "write", url, "/processes", stream, tag, strconv.Itoa(n))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	version, err := out.ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		t.Fatalf("%s is not ready: %v: %s", cmd, err, errs)
	}
	t.Logf("%s logs with boto3 %s", tag, strings.TrimSpace(version))
	return func() {
		fmt.Fprintln(in)
		rest, _ := io.ReadAll(out)
		if err := cmd.Wait(); err != nil || len(rest) > 0 || errs.Len() > 0 {
			t.Errorf("%s: %v: %s%s", tag, err, rest, errs)
		}
	}
}

// TestMoto has a Syncer make a group and a stream of moto, a server that others
// wrote, and fill them. Moto knows less than the service does: it has no limits,
// quotas, rights, classes and keep-alive, and its indexes of events that are too
// old or too new are off by one, so nothing of that is tested here.
func TestMoto(t *testing.T) {
	client := socketClient(fromEnv(t, motoEnv, "the URL of a moto server"))
	const key = "arn:aws:kms:us-east-1:123456789012:key/4711"
	tags := map[string]string{"team": "orders", "stage": "prod"}
	group := unique("/moto")
	var spill testkit.Buffer
	s := &zapcw.Syncer{
		Client: client, Group: group, Stream: "orders", Fallback: &spill, Retention: 14,
		NewGroup: func(in *cloudwatchlogs.CreateLogGroupInput) { in.KmsKeyId, in.Tags = aws.String(key), tags },
	}
	log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))

	const most = 1<<20 - 26 // bytes of an event
	long := strings.Repeat("ž", most)
	var want []string
	for i := range 12_000 { // more than one put may have
		want = append(want, fmt.Sprintf("event %d \t\"ž🐎\x01\"", i))
		log.Info(want[i])
	}
	log.Info(long)
	log.Info("", zapcw.Flush())
	want = append(want, long[:most], long[most:], " ")
	if st := s.Stats(); st.Delivered != uint64(len(want)) || st.Pending > 0 || st.Puts < 4 {
		t.Errorf("got %+v, want %d delivered in four puts or more", st, len(want))
	}
	if got := readAll(t, client, group, "orders"); !slices.Equal(got, want) {
		t.Errorf("moto has %d events, want %d, or they are others", len(got), len(want))
	}

	g := motoGroup(t, client, group)
	if aws.ToInt32(g.RetentionInDays) != 14 || aws.ToString(g.KmsKeyId) != key {
		t.Errorf("the group has a retention of %d and the key %q, want 14 and %q", aws.ToInt32(g.RetentionInDays), aws.ToString(g.KmsKeyId), key)
	}
	out, err := client.ListTagsForResource(t.Context(), &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: g.LogGroupArn})
	if err != nil || !maps.Equal(out.Tags, tags) {
		t.Errorf("the tags are %v, %v, want %v", out, err, tags)
	}

	// The stream is deleted and the retention changed: one is made again, the
	// other is not ours any more.
	if _, err := client.DeleteLogStream(t.Context(), &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: &group, LogStreamName: aws.String("orders")}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &group, RetentionInDays: aws.Int32(3)}); err != nil {
		t.Fatal(err)
	}
	log.Info("again")
	if err := s.Close(); err != nil || spill.Len() > 0 {
		t.Errorf("Close = %v, and the fallback has %q", err, spill.String())
	}
	testkit.WantEvents(t, readAll(t, client, group, "orders"), "again")
	if days := aws.ToInt32(motoGroup(t, client, group).RetentionInDays); days != 3 {
		t.Errorf("the retention is %d, want 3 as somebody else has set it", days)
	}
}

func motoGroup(t *testing.T, c *cloudwatchlogs.Client, group string) types.LogGroup {
	t.Helper()
	out, err := c.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group})
	if err != nil || len(out.LogGroups) != 1 {
		t.Fatalf("DescribeLogGroups = %v, %v, want one", out, err)
	}
	return out.LogGroups[0]
}

// readAll reads a stream with the SDK, like any reader would.
func readAll(t *testing.T, c *cloudwatchlogs.Client, group, stream string) (texts []string) {
	t.Helper()
	in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: &group, LogStreamName: &stream, StartFromHead: aws.Bool(true)}
	for {
		out, err := c.GetLogEvents(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out.Events {
			texts = append(texts, *e.Message)
		}
		if in.NextToken != nil && *in.NextToken == *out.NextForwardToken {
			return texts
		}
		in.NextToken = out.NextForwardToken
	}
}

// unique is a name that nobody else uses on a server that lives on.
func unique(prefix string) string {
	return prefix + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
}
