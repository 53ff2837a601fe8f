package cwltest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"example.com/zapcw/cwltest"
)

// hello puts one event.
func hello(client *cloudwatchlogs.Client) error {
	_, err := client.PutLogEvents(context.Background(), &cloudwatchlogs.PutLogEventsInput{
		LogGroupName:  aws.String("/acme/prod"),
		LogStreamName: aws.String("orders"),
		LogEvents: []types.InputLogEvent{{
			Timestamp: aws.Int64(time.Now().UnixMilli()),
			Message:   aws.String("hello"),
		}},
	})
	return err
}

// impatient turns off the SDK's retries.
func impatient(o *cloudwatchlogs.Options) { o.RetryMaxAttempts = 1 }

func Example() {
	var srv cwltest.Server // in a test: srv := cwltest.NewServer(t)
	defer srv.Close()
	srv.CreateStream("/acme/prod", "orders")
	srv.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 1, Code: "ThrottlingException"})

	client := srv.Client(impatient)
	for range 2 {
		var throttled *types.ThrottlingException
		if err := hello(client); errors.As(err, &throttled) {
			fmt.Println(throttled)
		}
	}
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	fmt.Println(srv.Stats().Calls["PutLogEvents"], "calls")
	// Output:
	// ThrottlingException: Rate exceeded
	// [hello]
	// 2 calls
}

// If the response to a stored put is lost and the client tries again, the events
// are stored twice.
func ExampleFault_lostAnswer() {
	var srv cwltest.Server
	defer srv.Close()
	srv.CreateStream("/acme/prod", "orders")
	srv.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 1, Break: cwltest.ResetAfterBody, Commit: true})

	client := srv.Client(impatient)
	for hello(client) != nil {
	}
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	// Output:
	// [hello hello]
}

// A program without the permission to create a group.
func ExampleDeny() {
	srv := new(cwltest.Server)
	defer srv.Close()
	remove := srv.Fail(cwltest.Deny("logs:CreateLog*"))

	_, err := srv.Client(impatient).CreateLogGroup(context.Background(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/acme/prod")})
	var denied *types.AccessDeniedException
	fmt.Println(errors.As(err, &denied))
	remove()
	_, err = srv.Client(impatient).CreateLogGroup(context.Background(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/acme/prod")})
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// A put that holds a bad event is refused as a whole.
func ExamplePoison() {
	var srv cwltest.Server
	defer srv.Close()
	srv.CreateStream("/acme/prod", "orders")
	srv.Fail(cwltest.Poison(func(e cwltest.Event) bool { return e.Message == "hello" && !e.Time().IsZero() }))
	err := hello(srv.Client(impatient))
	var invalid *types.InvalidParameterException
	fmt.Println(errors.As(err, &invalid), len(srv.Events("/acme/prod", "orders")))
	srv.Heal()
	fmt.Println(hello(srv.Client()), len(srv.Events("/acme/prod", "orders")))
	// Output:
	// true 0
	// <nil> 1
}

// Stats has a record of each request.
func ExampleServer_Stats() {
	var srv cwltest.Server
	defer srv.Close()
	srv.CreateStream("/acme/prod", "orders")
	_ = hello(srv.Client())
	st := srv.Stats()
	fmt.Println(st.Puts, st.Events, st.Bytes, st.Peak("PutLogEvents", time.Second))
	for _, q := range st.Requests {
		fmt.Println(q.Op, q.Group, q.Stream, q.N, q.Status, q.Events[0].Message)
	}
	// Output:
	// 1 1 31 1
	// PutLogEvents /acme/prod orders 1 200 hello
}

// Other processes and other languages need a socket. Start them with the URL in
// AWS_ENDPOINT_URL_CLOUDWATCH_LOGS.
func ExampleStart() {
	srv, err := cwltest.Start("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	srv.CreateStream("/acme/prod", "orders")
	err = hello(cloudwatchlogs.New(cloudwatchlogs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(srv.URL()),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	}))
	fmt.Println(err, srv.Messages("/acme/prod", "orders"))
	// Output: <nil> [hello]
}

// Most of a journal is about a stream that was deleted: it is written anew.
func ExampleServer_Compact() {
	var journal, smaller bytes.Buffer
	srv := cwltest.Server{Journal: &journal}
	defer srv.Close()
	for i := range 100 {
		srv.CreateStream("/acme/prod", fmt.Sprint("orders-", i))
		if i > 0 {
			srv.DeleteStream("/acme/prod", fmt.Sprint("orders-", i))
		}
	}
	var again cwltest.Server
	defer again.Close()
	whole, err := again.Replay(&journal)
	if err != nil {
		fmt.Println(err)
		return
	}
	if again.Dead() > whole/2 {
		fmt.Println(again.Compact(&smaller), smaller.Len() < int(whole)/10)
	}
	// Output: <nil> true
}

// With a journal in a file, the streams of a server outlive it.
func ExampleServer_Replay() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for range 3 {
		if err := restart(filepath.Join(dir, "journal")); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// [hello]
	// [hello hello]
	// [hello hello hello]
}

func restart(name string) error {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	srv := new(cwltest.Server)
	whole, err := srv.Replay(file)
	if err != nil {
		return err
	}
	// A program that was killed may have left half a line behind.
	if err := file.Truncate(whole); err != nil {
		return err
	}
	if _, err := file.Seek(whole, io.SeekStart); err != nil {
		return err
	}
	srv.Journal = file
	defer srv.Close()
	srv.CreateStream("/acme/prod", "orders")
	err = hello(srv.Client())
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	return err
}

// A client that you configure yourself can use the in-memory transport.
func ExampleServer_Transport() {
	var srv cwltest.Server
	defer srv.Close()
	srv.CreateStream("/acme/prod", "orders")
	srv.DeleteStream("/acme/prod", "orders")
	client := srv.Client(func(o *cloudwatchlogs.Options) { o.HTTPClient = &http.Client{Transport: srv.Transport()} })
	var missing *types.ResourceNotFoundException
	fmt.Println(errors.As(hello(client), &missing), missing)
	srv.DeleteGroup("/acme/prod")
	// Output: true ResourceNotFoundException: The specified log stream does not exist.
}

// A server with fields of its own, at an address that others know.
func ExampleServer_Listen() {
	srv := &cwltest.Server{Region: "eu-west-1", AccessKey: "AKIDEXAMPLE"}
	defer srv.Close()
	if err := srv.Listen("127.0.0.1:0"); err != nil { // as a rule with a port
		fmt.Println(err)
		return
	}
	fmt.Println(strings.HasPrefix(srv.URL(), "http://127.0.0.1:"))
	// Output: true
}

// A listening server has a web page at its URL, unless NoPage is set.
func ExampleServer_page() {
	status := func(srv *cwltest.Server) string {
		defer srv.Close()
		resp, err := http.Get(srv.URL() + "/")
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		return resp.Status
	}
	fmt.Println(status(&cwltest.Server{}))
	fmt.Println(status(&cwltest.Server{NoPage: true}))
	// Output:
	// 200 OK
	// 404 Not Found
}

// A filter pattern can match fields of JSON events.
func ExampleServer_Client_filter() {
	var srv cwltest.Server
	defer srv.Close()
	srv.CreateStream("/acme/prod", "orders")
	client, ctx := srv.Client(), context.Background()
	var events []types.InputLogEvent
	for _, message := range []string{`{"level":"ERROR","items":2}`, `{"level":"ERROR","items":4}`, `{"level":"INFO","items":9}`} {
		events = append(events, types.InputLogEvent{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: aws.String(message)})
	}
	if _, err := client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: aws.String("/acme/prod"), LogStreamName: aws.String("orders"), LogEvents: events,
	}); err != nil {
		fmt.Println(err)
	}
	out, err := client.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String("/acme/prod"), FilterPattern: aws.String(`{ $.level = "ERROR" && $.items > 3 }`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range out.Events {
		fmt.Println(*e.Message)
	}
	// Output: {"level":"ERROR","items":4}
}

// A server behind a handler of your own, here one that counts.
func ExampleServer_ServeHTTP() {
	var srv cwltest.Server
	defer srv.Close()
	srv.CreateStream("/acme/prod", "orders")
	n := 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		srv.ServeHTTP(w, r)
	}))
	defer front.Close()
	client := srv.Client(func(o *cloudwatchlogs.Options) {
		o.BaseEndpoint, o.HTTPClient = aws.String(front.URL), front.Client()
	})
	fmt.Println(hello(client), n)
	// Output: <nil> 1
}
