// Lambda is a Lambda function that logs into a CloudWatch Logs stream, which
// may be the one of a whole application. When a response is out, all that was
// logged for it is in the stream: Lambda may freeze the process right after, or
// end it.
//
// Where it logs stands in its environment:
//
//	LOG_GROUP    the group; by default the function's own
//	LOG_STREAM   the stream; by default it has the name of the function
package main

import (
	"cmp"
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"

	"example.com/zapcw"
)

func main() {
	// None of this uses the network, so it costs a cold start next to nothing:
	// the first request is made when the first invocation has logged.
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	out := &zapcw.Syncer{
		Client: cloudwatchlogs.NewFromConfig(cfg),
		Group:  cmp.Or(os.Getenv("LOG_GROUP"), lambdacontext.LogGroupName),
		Stream: cmp.Or(os.Getenv("LOG_STREAM"), lambdacontext.FunctionName),
	}
	enc := zapcw.NewPrefixEncoder(lambdacontext.FunctionName, zapcw.StandardPrefix, zapcw.NewEncoderConfig())
	logger := zap.New(zapcw.NewCore(enc, out, zap.InfoLevel), zap.AddCaller())

	f := &function{logger: logger}
	lambda.StartWithOptions(
		zapcw.Handler(logger, f.handle),
		lambda.WithEnableSIGTERM(func() { shutdown(logger, out) }),
	)
}
