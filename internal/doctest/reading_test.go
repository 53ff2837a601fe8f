package doctest

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

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
