// Package zapcw carries zap's log entries into one AWS CloudWatch Logs stream.
package zapcw
