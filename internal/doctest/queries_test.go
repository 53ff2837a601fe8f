package doctest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwlambda"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// A stepping clock has a second between two entries.
type stepping struct{ now time.Time }

func (c *stepping) Now() time.Time {
	c.now = c.now.Add(time.Second)
	return c.now
}

func (c *stepping) NewTicker(d time.Duration) *time.Ticker { return time.NewTicker(d) }

// charge logs what the queries of the documents are asked about.
func charge(log *zap.Logger) {
	log.Info("order received", zap.String("order", "A-1013"), zap.Int("items", 1))
	log.Warn("stock is low: tea", zap.String("order", "A-1013"), zap.Int("items", 3))
	log.Warn("stock is low: cups", zap.Int("items", 2))
	log.Error("order declined", zap.Int("items", 5), zap.Error(errors.New("card declined")))
	log.Error("order declined", zap.Error(errors.New("card declined")))
	log.Error("not delivered", zap.NamedError("cause", errors.New("no address")))
	log.Info(`{"order": "A-1014", "items": 4}`)
}

// written are the events that zapcw puts for charge, and a gap notice, in order of time.
func written(t *testing.T, enc zapcore.Encoder) []cwltest.Event {
	t.Helper()
	srv := cwltest.NewServer(t)
	var spill testkit.Buffer
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Fallback: &spill}
	log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel), zap.AddCaller(), zap.WithClock(&stepping{time.Now().Add(-time.Minute)}))
	heal := srv.Fail(cwltest.Deny("logs:PutLogEvents"))
	log.Info("lost")
	if err := log.Sync(); err == nil {
		t.Error("Sync = nil, want an error of rights")
	}
	heal()
	charge(log)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return srv.Events("/acme/prod", "orders")
}

// queries are those that a chapter of a document shows.
func queries(t *testing.T, file, heading string) []string {
	t.Helper()
	var all []string
	for _, m := range regexp.MustCompile("(?ms)^```text\n(.*?)^```$").FindAllStringSubmatch(chapter(t, file, heading), -1) {
		all = append(all, m[1])
	}
	return all
}

func rowsOf(events []cwltest.Event) []row {
	var rows []row
	for _, e := range events {
		rows = append(rows, discovered(e.Timestamp, e.Message))
	}
	return rows
}

// without takes fields away whose values are of no interest, or different each time.
func without(rows []row, fields ...string) []string {
	var texts []string
	for _, r := range rows {
		for _, f := range fields {
			delete(r, f)
		}
		texts = append(texts, fmt.Sprint(map[string]string(r)))
	}
	return texts
}

// TestQueries runs the queries of docs/operations.md, as this package understands them,
// on events that zapcw wrote with either encoder.
func TestQueries(t *testing.T) {
	const file = "docs/operations.md"
	encoders := map[string]zapcore.Encoder{
		"prefix": zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig()),
		"json":   zapcw.NewJSONEncoder(zapcw.NewEncoderConfig()),
	}
	rows := make(map[string][]row)
	for name, enc := range encoders {
		rows[name] = rowsOf(written(t, enc))
	}
	const at = "location:charge:"
	all := queries(t, file, "Reading logs back")
	ran := make([]bool, len(all))
	for _, tt := range []struct {
		query, encoder string
		want           []string // without @timestamp and @message, and line numbers
		says           []string // a part of each @message
	}{
		{`like "A-1013"`, "prefix", []string{"map[]", "map[]"}, []string{"order received", "stock is low: tea"}},
		{`like "A-1013"`, "json", []string{"map[]", "map[]"}, []string{"order received", "stock is low: tea"}},
		{`level in [`, "json", []string{
			"map[level:ERROR " + at + "N message:not delivered]",
			"map[exception:card declined level:ERROR " + at + "N message:order declined]",
			"map[exception:card declined level:ERROR " + at + "N message:order declined]",
		}, nil},
		{`by location, exception`, "json", []string{
			"map[errors:1 exception:card declined " + at + "N]", "map[errors:1 exception:card declined " + at + "N]",
		}, nil},
		{`items > 2`, "prefix", []string{"map[]"}, []string{"WARNING: checkout: charge: stock is low: tea\t"}},
		{`by function, reason`, "prefix", []string{"map[errors:2 function:checkout reason:card declined]"}, nil},
		{`like /^zapcw`, "prefix", []string{"map[]"}, []string{"zapcw: 1 event went"}},
		{`like /^zapcw`, "json", []string{"map[]"}, []string{"zapcw: 1 event went"}},
	} {
		i := slices.IndexFunc(all, func(q string) bool { return strings.Contains(q, tt.query) })
		if i < 0 {
			t.Errorf("%s has no query with %s", file, tt.query)
			continue
		}
		got := insights(t, all[i], slices.Clone(rows[tt.encoder]))
		for j, part := range tt.says {
			if j >= len(got) || !strings.Contains(got[j]["@message"], part) {
				t.Errorf("%s, %s: row %d of %v: want %q", tt.query, tt.encoder, j, got, part)
			}
		}
		texts := without(got, "@timestamp", "@message")
		for j := range texts {
			texts[j] = regexp.MustCompile(`:\d+( message|\])`).ReplaceAllString(texts[j], ":N$1")
		}
		if !slices.Equal(texts, tt.want) {
			t.Errorf("%s, %s:\n%q, want\n%q", tt.query, tt.encoder, texts, tt.want)
		}
		ran[i] = true
	}
	for i, q := range all {
		if !ran[i] {
			t.Errorf("no test runs\n%s", q)
		}
	}
}

// TestQueryOfInvocation runs the query of docs/lambda.md on what two invocations logged.
func TestQueryOfInvocation(t *testing.T) {
	all := queries(t, "docs/lambda.md", "The logger of an invocation")
	m := regexp.MustCompile(`requestId = "(.+)"`).FindStringSubmatch(strings.Join(all, ""))
	if len(all) != 1 || m == nil {
		t.Fatalf("docs/lambda.md has the queries %q, want one with a requestId", all)
	}
	srv := cwltest.NewServer(t)
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	log := zap.New(zapcw.NewCore(zapcw.NewJSONEncoder(zapcw.NewEncoderConfig()), s, zap.InfoLevel))
	handler := lambda.NewHandler(cwlambda.Wrap(log, func(ctx context.Context) error {
		cwlambda.Logger(ctx).Info("received")
		return nil
	}))
	for _, id := range []string{"another", m[1]} {
		if _, err := handler.Invoke(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: id}), []byte("null")); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	events := rowsOf(srv.Events("/acme/prod", "orders"))
	got := without(insights(t, all[0], events), "@timestamp")
	if want := []string{"map[level:INFO message:received]"}; len(events) != 2 || !slices.Equal(got, want) {
		t.Errorf("%s finds %q of %d events, want %q of 2", all[0], got, len(events), want)
	}
}

// TestQueriesOnMoto has a server by others take the queries of the documents, and run
// what it knows of the language: fields, sort and limit. It lets other commands pass.
func TestQueriesOnMoto(t *testing.T) {
	url := os.Getenv("ZAPCW_MOTO")
	if url == "" {
		t.Skip("ZAPCW_MOTO does not name the URL of a moto server")
	}
	client := motoClient(url)
	group := fmt.Sprint("/queries/", time.Now().UnixNano())
	s := &zapcw.Syncer{Client: client, Group: group, Stream: "orders"}
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig())
	start := time.Now().Add(-time.Minute)
	log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel), zap.AddCaller(), zap.WithClock(&stepping{start}))
	charge(log)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: &group, LogStreamName: aws.String("orders"), StartFromHead: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	var events []row
	for _, e := range out.Events {
		events = append(events, row{"@timestamp": fmt.Sprint(*e.Timestamp), "@message": *e.Message})
	}
	if len(events) != 7 {
		t.Fatalf("moto has %d events, want 7", len(events))
	}
	compared := 0
	for _, query := range append(queries(t, "docs/operations.md", "Reading logs back"), queries(t, "docs/lambda.md", "The logger of an invocation")...) {
		got := askMoto(t, client, group, query, start)
		var known []string
		for _, c := range commands(query) {
			if name, _, _ := strings.Cut(c, " "); slices.Contains([]string{"fields", "sort", "limit"}, name) {
				known = append(known, c)
			}
		}
		if !strings.Contains(query, "fields @timestamp") || !strings.Contains(query, "sort @timestamp") {
			if len(got) != len(events) {
				t.Errorf("%smoto finds %d events, want %d", query, len(got), len(events))
			}
			continue
		}
		compared++
		want := insights(t, strings.Join(known, "\n| "), slices.Clone(events))
		if a, b := without(got, "@ptr"), without(want); !slices.Equal(a, b) {
			t.Errorf("%smoto finds\n%q, want\n%q", query, a, b)
		}
	}
	if compared < 3 {
		t.Errorf("%d queries have fields and an order, want more", compared)
	}
}

func motoClient(url string) *cloudwatchlogs.Client {
	return cloudwatchlogs.New(cloudwatchlogs.Options{
		Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
}

// askMoto runs a query, which moto has done when it answers.
func askMoto(t *testing.T, client *cloudwatchlogs.Client, group, query string, start time.Time) []row {
	t.Helper()
	q, err := client.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{
		LogGroupName: &group, QueryString: &query, StartTime: aws.Int64(start.Unix()), EndTime: aws.Int64(time.Now().Unix() + 1),
	})
	if err != nil {
		t.Fatalf("%s%v", query, err)
	}
	out, err := client.GetQueryResults(t.Context(), &cloudwatchlogs.GetQueryResultsInput{QueryId: q.QueryId})
	if err != nil || out.Status != types.QueryStatusComplete {
		t.Fatalf("%s%v, %v", query, out, err)
	}
	var rows []row
	for _, fields := range out.Results {
		r := make(row)
		for _, f := range fields {
			r[*f.Field] = *f.Value
		}
		rows = append(rows, r)
	}
	return rows
}
