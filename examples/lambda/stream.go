package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"go.uber.org/zap"
)

// chunks is the body of a response that is produced while it is read, after the
// function has returned.
type chunks struct {
	logger *zap.Logger
	pause  time.Duration // before each
	sent   int
	rest   strings.Reader // of the last
}

const chunkCount = 3

var _ io.Reader = (*chunks)(nil)

// newStream makes a response whose body takes some time.
func newStream(logger *zap.Logger, takes time.Duration) *events.LambdaFunctionURLStreamingResponse {
	return &events.LambdaFunctionURLStreamingResponse{
		StatusCode: http.StatusOK,
		Headers:    map[string]string{"Content-Type": "text/plain"},
		Body:       &chunks{logger: logger, pause: takes / chunkCount},
	}
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.rest.Len() > 0 {
		return c.rest.Read(p)
	}
	if c.sent == chunkCount {
		return 0, io.EOF
	}
	time.Sleep(c.pause)
	c.sent++
	text := fmt.Sprintf("chunk %d", c.sent)
	c.logger.Info(text)
	c.rest.Reset(text + "\n")
	return c.rest.Read(p)
}
