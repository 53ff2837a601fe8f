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

// LogControls returns the encoder and the level for [zapcw.NewCore] that Lambda's
// advanced logging controls ask for, in any letter case:
//
//	AWS_LAMBDA_LOG_FORMAT  JSON: zapcw.NewJSONEncoder
//	                       Text: zapcw.NewPrefixEncoder with zapcw.StandardPrefix
//	                       and the name of the function
//	AWS_LAMBDA_LOG_LEVEL   TRACE, DEBUG, INFO, WARN, ERROR or FATAL, with the meaning
//	                       they have in zapcw.ParseLevel
//
// Unset and unknown values count as JSON and INFO; the error names an unknown value
// and what is used instead. Encoder and level are usable even with an error, so it is
// enough to log it.
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
