package remote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/goleak"

	"example.com/zapcw/cwltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func put(t *testing.T, srv *cwltest.Server, at time.Time, text string) {
	t.Helper()
	putTo(t, srv, "orders", at, text)
}

func putTo(t *testing.T, srv *cwltest.Server, stream string, at time.Time, text string) {
	t.Helper()
	srv.CreateStream("/acme/prod", stream)
	if _, err := srv.Client().PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: aws.String("/acme/prod"), LogStreamName: &stream,
		LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(at.UnixMilli()), Message: &text}},
	}); err != nil {
		t.Fatal(err)
	}
}

func in(srv *cwltest.Server) Stream {
	return Stream{Service: &Service{Name: "memory", Client: srv.Client()}, Group: "/acme/prod", Name: "orders"}
}

// texts are those of the events that a Tail gave.
type texts []string

func (t *texts) add(events []Event) error {
	for _, e := range events {
		*t = append(*t, e.Text)
	}
	return nil
}

// TestTail has, of a minute and a half, events that come in time, late, and too late, and a
// service that is away for a while.
func TestTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		ctx, cancel := context.WithCancel(t.Context())
		tail := &Tail{Stream: in(srv), From: time.Now().UnixMilli(), Follow: true}
		var got texts
		done := make(chan error)
		go func() { done <- tail.Run(ctx, got.add) }()
		time.Sleep(10 * time.Second) // there is no stream
		put(t, srv, time.Now(), "b")
		put(t, srv, time.Now().Add(-100*time.Millisecond), "a")
		time.Sleep(20 * time.Second)
		put(t, srv, time.Now().Add(-19*time.Second), "late")
		time.Sleep(20 * time.Second)
		remove := srv.Fail(cwltest.Fault{Op: "FilterLogEvents", Code: "ServiceUnavailableException"})
		time.Sleep(time.Minute)
		put(t, srv, time.Now(), "c")
		time.Sleep(10 * time.Second)
		remove()
		time.Sleep(time.Minute)
		put(t, srv, time.Now(), "at the end")
		time.Sleep(1500 * time.Millisecond)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if want := []string{"a", "b", "late", "c", "at the end"}; !slices.Equal(got, want) {
			t.Errorf("it gave %q, want %q", got, want)
		}
		if n := len(tail.seen); n > 2 {
			t.Errorf("%d ids are kept of events that are not met again", n)
		}
	})
}

// TestTailDays follows the streams of days over midnight: what is late for the day before is
// among the rest by time, what is ahead of it comes at once, and other streams are none
// of its business.
func TestTailDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		day := func(at time.Time) string { return "orders-" + at.UTC().Format(time.DateOnly) }
		log := func(at time.Time, text string) { putTo(t, srv, day(at), at, text) }
		log(time.Now(), "yesterday, long ago")
		time.Sleep(23*time.Hour + 59*time.Minute + 50*time.Second) // it began at midnight
		midnight := time.Now().Add(10 * time.Second)
		log(time.Now().Add(-5*time.Minute), "before")
		ctx, cancel := context.WithCancel(t.Context())
		tail := &Tail{Stream: in(srv).Named("/acme/prod", "orders-{date}"), From: time.Now().Add(-10 * time.Minute).UnixMilli(), Follow: true}
		var got texts
		done := make(chan error)
		go func() { done <- tail.Run(ctx, got.add) }()
		time.Sleep(5 * time.Second)
		log(time.Now(), "a")
		log(midnight.Add(time.Millisecond), "b, ahead")
		time.Sleep(5 * time.Second)
		log(midnight.Add(2*time.Millisecond), "d")
		log(midnight.Add(-time.Millisecond), "c, late")
		putTo(t, srv, day(midnight), midnight.AddDate(0, 0, -1), "of another day")
		putTo(t, srv, day(midnight)+"-b", time.Now(), "of another name")
		time.Sleep(30 * time.Second)
		log(midnight.Add(-10*time.Second), "e, later")
		time.Sleep(10 * time.Second)
		log(time.Now(), "f")
		time.Sleep(5 * time.Minute)
		log(time.Now(), "g")
		time.Sleep(10 * time.Second)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if want := []string{"before", "a", "b, ahead", "c, late", "d", "e, later", "f", "g"}; !slices.Equal(got, want) {
			t.Errorf("it gave %q, want %q", got, want)
		}
	})
}

// TestTailHosts reads the streams of all hosts and of several days, in order of time.
func TestTailHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		var want []string
		for i := range 100 {
			at := time.Now()
			text := fmt.Sprint(i)
			if i >= 20 {
				want = append(want, text)
			}
			putTo(t, srv, fmt.Sprintf("%s/host-%d/orders", at.UTC().Format(time.DateOnly), i%7), at, text)
			time.Sleep(time.Hour)
		}
		var got texts
		tail := &Tail{Stream: in(srv).Named("/acme/prod", "{date}/{host}/orders"), From: time.Now().Add(-80 * time.Hour).UnixMilli()}
		if err := tail.Run(t.Context(), got.add); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("it gave %q, want %q", got, want)
		}
	})
}

func TestTailWithoutRight(t *testing.T) {
	srv := cwltest.NewServer(t)
	srv.Fail(cwltest.Deny("logs:FilterLogEvents"))
	err := (&Tail{Stream: in(srv), Follow: true}).Run(t.Context(), nil)
	if !Denied(err) || Passing(err) {
		t.Errorf("error %v", err)
	}
}

func TestReason(t *testing.T) {
	for _, tt := range []struct {
		fault           cwltest.Fault
		want            string
		denied, passing bool
	}{
		{cwltest.Fault{Code: "AccessDeniedException", Message: "no"}, "memory: AccessDeniedException: no", true, false},
		{cwltest.Fault{Code: "ServiceUnavailableException", Message: "no"}, "memory: ServiceUnavailableException: no", false, true},
		{cwltest.Fault{Code: "InvalidParameterException", Message: "no"}, "memory: InvalidParameterException: no", false, false},
		{cwltest.Fault{Status: 404, Body: "<html>", ContentType: "text/html"}, "memory: HTTP status 404, and not in the form of CloudWatch Logs", false, false},
		{cwltest.Fault{Status: 404, Body: "{}", ContentType: "application/json"}, "memory: HTTP status 404, and not in the form of CloudWatch Logs", false, false},
		{cwltest.Fault{Break: cwltest.BlackHole}, "memory: no answer in 5s", false, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := cwltest.NewServer(t)
			srv.Fail(tt.fault)
			err := in(srv).Ask(t.Context(), "/acme/prod", "orders")
			if fmt.Sprint(err) != tt.want || Denied(err) != tt.denied || Passing(err) != tt.passing {
				t.Errorf("%v, denied %v, passing %v; want %+v", err, Denied(err), Passing(err), tt)
			}
		})
	}
	srv := cwltest.NewServer(t)
	if err := in(srv).Ask(t.Context(), "/acme/prod", "orders"); err != nil {
		t.Errorf("a stream that does not exist: %v", err)
	}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if err := in(srv).Ask(t.Context(), "/acme/prod", "orders"); !Passing(err) {
		t.Errorf("nobody there: %v", err)
	}
}

// TestConnect finds a server by the environment, as zapcw serve prints it, and by an
// endpoint, with dummy credentials if there are none.
func TestConnect(t *testing.T) {
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, "/dev/null")
	}
	for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	srv := cwltest.NewServer(t)
	answers := func(s *Service) {
		t.Helper()
		if err := s.Ask(t.Context(), "/acme/prod", "orders"); err != nil {
			t.Error(err)
		}
	}
	s, err := Connect(t.Context(), srv.URL())
	if err != nil || s.Name != srv.URL() {
		t.Fatalf("%+v, %v", s, err)
	}
	answers(s)
	if _, err := Connect(t.Context(), ""); err == nil {
		t.Error("AWS without credentials is no error")
	}
	t.Setenv("AWS_ENDPOINT_URL", srv.URL())
	if s, err = Connect(t.Context(), ""); err != nil || s.Name != srv.URL() {
		t.Fatalf("%+v, %v", s, err)
	}
	answers(s)
	t.Setenv("AWS_ENDPOINT_URL", "")
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	t.Setenv("AWS_REGION", "eu-central-1")
	if s, err = Connect(t.Context(), ""); err != nil || s.Name != "AWS eu-central-1" {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, bad := range []string{"localhost", "localhost:80", "http://", "ftp://a", "http://a\nb"} {
		if err := CheckEndpoint(bad); err == nil {
			t.Errorf("%q is no endpoint", bad)
		}
	}
}
