package doctest

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// TestMetricFilter tries the filter pattern for gap notices of docs/operations.md:
// it finds the notice of a real gap, and no other event.
func TestMetricFilter(t *testing.T) {
	const file = "docs/operations.md"
	m := regexp.MustCompile(`--filter-pattern '([^']+)'`).FindStringSubmatch(chapter(t, file, "Reading logs back"))
	if m == nil {
		t.Fatalf("%s has no metric filter", file)
	}
	srv := cwltest.NewServer(t)
	var spill testkit.Buffer
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Fallback: &spill}
	heal := srv.Fail(cwltest.Deny("logs:PutLogEvents"))
	fmt.Fprintln(s, "lost")
	if err := s.Sync(); err == nil {
		t.Error("Sync = nil, want an error of rights")
	}
	heal()
	fmt.Fprintln(s, "zapcw: said by somebody else")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	out, err := srv.Client().FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String("/acme/prod"), FilterPattern: &m[1],
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(out.Events); n != 1 || !strings.HasPrefix(*out.Events[0].Message, "zapcw: 1 event went to") {
		t.Errorf("%s finds %d of %q, want the gap notice", m[1], n, srv.Messages("/acme/prod", "orders"))
	}
}

// readingLines are the lines for a shell of docs/operations.md's chapter on reading.
func readingLines(t *testing.T) (tails []string, metricFilter string) {
	t.Helper()
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(chapter(t, "docs/operations.md", "Reading logs back"), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of lines for a shell, want those that follow a stream, and the metric filter", len(blocks))
	}
	return strings.Split(strings.TrimSpace(blocks[0][1]), "\n"), blocks[1][1]
}

// TestTailLines runs the lines of docs/operations.md that print a stream, but has them
// end instead of following it.
func TestTailLines(t *testing.T) {
	srv := cwltest.NewServer(t)
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	fmt.Fprintln(s, "INFO: checkout: order placed")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	testkit.AWSEnv(t)
	t.Setenv("AWS_REGION", "us-east-1")
	lines, _ := readingLines(t)
	for _, line := range lines {
		aws := strings.HasPrefix(line, "aws ")
		if aws && os.Getenv("ZAPCW_AWS") == "" {
			t.Logf("not run, since ZAPCW_AWS names no aws command of version 2: %s", line)
			continue
		}
		follow := map[bool]string{true: " --follow", false: " -f"}[aws]
		once, ok := strings.CutSuffix(line, follow)
		if !ok {
			t.Errorf("%s: want%s at the end", line, follow)
		}
		if aws {
			once = os.Getenv("ZAPCW_AWS") + strings.TrimPrefix(once, "aws") + " --endpoint-url " + srv.URL()
		} else {
			once += " -endpoint " + srv.URL()
		}
		out, err := shell(t.Context(), ".", once).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "INFO: checkout: order placed") {
			t.Errorf("%s: %v, %s", once, err, out)
		}
	}
}

// TestMetricFilterLine runs the line of docs/operations.md that makes a metric filter, on
// a server by others.
func TestMetricFilterLine(t *testing.T) {
	command, url := os.Getenv("ZAPCW_AWS"), os.Getenv("ZAPCW_MOTO")
	if command == "" || url == "" {
		t.Skip("ZAPCW_AWS does not name an aws command of version 2, or ZAPCW_MOTO not the URL of a moto server")
	}
	testkit.AWSEnv(t)
	t.Setenv("AWS_REGION", "us-east-1")
	_, line := readingLines(t)
	client := motoClient(url)
	group := fmt.Sprint("/metrics/", time.Now().UnixNano())
	if _, err := client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil {
		t.Fatal(err)
	}
	line = strings.Replace(command+strings.TrimPrefix(strings.TrimSpace(line), "aws")+" --endpoint-url "+url, "/acme/prod", group, 1)
	if out, err := shell(t.Context(), ".", line).CombinedOutput(); err != nil {
		t.Fatalf("%s\n%v, %s", line, err, out)
	}
	out, err := client.DescribeMetricFilters(t.Context(), &cloudwatchlogs.DescribeMetricFiltersInput{LogGroupName: &group})
	if err != nil || len(out.MetricFilters) != 1 || !strings.Contains(line, "'"+*out.MetricFilters[0].FilterPattern+"'") {
		t.Errorf("moto has the filters %+v, %v; want that of %s", out, err, line)
	}
}

// TestREADMEIsShort keeps the README a front door.
func TestREADMEIsShort(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > 160 {
		t.Errorf("README.md has %d lines, want 160 at most", n)
	}
	rows := table(t, chapter(t, "README.md", "When CloudWatch is down"), "", "what happens")
	if len(rows) > 8 {
		t.Errorf("README.md has %d rows about outages, want 8 at most", len(rows))
	}
}
