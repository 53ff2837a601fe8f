// Lambda is a Lambda function that takes orders and logs into a CloudWatch Logs
// stream, which may be the one of a whole application.
//
// These environment variables configure it:
//
//	ZAPCW_GROUP            the group; by default the function's own
//	ZAPCW_STREAM           the stream; by default it has the name of the function
//	AWS_LAMBDA_LOG_LEVEL   the lowest level that is sent; INFO by default
//	ZAPCW_AFTER_RESPONSE   1: the caller does not wait for the log
//	ZAPCW_HOLD             1: what is below that level is held in memory, and sent
//	                       if the invocation fails
package main

import (
	"cmp"
	"context"
	"log"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwlambda"
)

func main() {
	// None of this uses the network, so it costs a cold start next to nothing: the
	// first request goes out when the first invocation is flushed.
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	out := &zapcw.Syncer{
		Client: cloudwatchlogs.NewFromConfig(cfg),
		Group:  cmp.Or(os.Getenv("ZAPCW_GROUP"), lambdacontext.LogGroupName),
		Stream: cmp.Or(os.Getenv("ZAPCW_STREAM"), lambdacontext.FunctionName),
		// For the Sync before os.Exit: in an outage the default of 10 s is too long.
		Timeout: 2 * time.Second,
	}
	_, level, unknown := cwlambda.LogControls()
	enc := zapcw.NewJSONEncoder(zapcw.NewEncoderConfig())
	var core zapcore.Core = zapcw.NewCore(enc, out, level)
	if os.Getenv("ZAPCW_HOLD") == "1" {
		core = zapcw.Hold{}.Wrap(core)
	}
	logger := zap.New(core, zap.AddCaller())
	if unknown != nil {
		logger.Warn("log controls", zap.Error(unknown))
	}

	var options []cwlambda.Option
	if os.Getenv("ZAPCW_AFTER_RESPONSE") == "1" {
		options = append(options, cwlambda.AfterResponse())
	}
	cwlambda.Start(logger, handle, options...)
}
