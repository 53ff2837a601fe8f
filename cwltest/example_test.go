package cwltest_test

import (
	"context"
	"errors"
	"fmt"
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

// impatient leaves nothing to the SDK's retries.
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

// What was stored while its answer was lost arrives twice when the client
// tries again.
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
