package main

import (
	"context"
	"os"
	"time"

	"go.uber.org/zap"

	"example.com/zapcw"
)

// settleIn is the time for the last lines. Lambda kills the process 500 ms
// after SIGTERM, and 300 ms after it if the function has external extensions.
const settleIn = 250 * time.Millisecond

// shutdown is called on SIGTERM, after which no invocation comes any more. It
// ends the process, which would otherwise wait to be killed.
func shutdown(logger *zap.Logger, out *zapcw.Syncer) {
	logger.Info("shutting down")
	// logger.Sync would take the Syncer's Timeout, which is too long here.
	ctx, cancel := context.WithTimeout(context.Background(), settleIn)
	_ = out.Flush(ctx) // what is not delivered is on the Fallback: the function's own log
	cancel()
	os.Exit(0)
}
