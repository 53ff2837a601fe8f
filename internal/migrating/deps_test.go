//go:build deps

package migrating

// What the snippets import, for go.mod to know.
import (
	_ "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	_ "github.com/lzap/cloudwatchwriter2"
	_ "go.opentelemetry.io/contrib/bridges/otelzap"
	_ "go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	_ "go.opentelemetry.io/otel/sdk/log"
	_ "go.uber.org/zap"
)
