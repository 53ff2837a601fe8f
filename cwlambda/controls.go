package cwlambda

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
)

// LogControls gives the encoder and the level for [zapcw.NewCore] that Lambda's
// advanced logging controls ask for:
//
//	AWS_LAMBDA_LOG_FORMAT  JSON: zapcw.NewJSONEncoder
//	                       Text: zapcw.NewPrefixEncoder with zapcw.StandardPrefix
//	                       and the name of the function
//	AWS_LAMBDA_LOG_LEVEL   TRACE, DEBUG, INFO, WARN, ERROR, FATAL as
//	                       zapcw.ParseLevel has them
//
// in any letter case. What is not set or not known is JSON and INFO; the error
// names what is not known and says what counts instead. Encoder and level are
// good also with an error, so it may just be logged.
//
// See https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html
func LogControls() (zapcore.Encoder, zapcore.Level, error) {
	var errs []error
	cfg := zapcw.NewEncoderConfig()
	enc := zapcw.NewJSONEncoder(cfg)
	switch format := os.Getenv("AWS_LAMBDA_LOG_FORMAT"); strings.ToUpper(format) {
	case "", "JSON":
	case "TEXT":
		enc = zapcw.NewPrefixEncoder(lambdacontext.FunctionName, zapcw.StandardPrefix, cfg)
	default:
		errs = append(errs, fmt.Errorf("AWS_LAMBDA_LOG_FORMAT is %q: want JSON or Text; JSON counts", format))
	}

	name := os.Getenv("AWS_LAMBDA_LOG_LEVEL")
	level, err := zapcw.ParseLevel(name)
	if err != nil {
		errs = append(errs, fmt.Errorf("AWS_LAMBDA_LOG_LEVEL is %q: want TRACE, DEBUG, INFO, WARN, ERROR or FATAL; INFO counts", name))
	}
	return enc, level, errors.Join(errs...)
}
