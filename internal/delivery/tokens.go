package delivery

import (
	"errors"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// A tokens keeps the sequence token for the next put. The service has ignored
// tokens since 2023, so none is sent before a server asked for one.
//
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
type tokens struct {
	mu    sync.Mutex
	token *string // nil as long as the server does not want any
}

// next is what the next put must carry, or nil.
func (t *tokens) next() *string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.token
}

// update learns from what a put came to.
func (t *tokens) update(out *cloudwatchlogs.PutLogEventsOutput, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var (
		wrong *types.InvalidSequenceTokenException
		done  *types.DataAlreadyAcceptedException
	)
	switch {
	case errors.As(err, &wrong):
		t.token = wrong.ExpectedSequenceToken
	case errors.As(err, &done) && t.token != nil:
		t.token = done.ExpectedSequenceToken
	case err == nil && out != nil && t.token != nil:
		t.token = out.NextSequenceToken
	}
}

// forget is for a new stream, which knows nothing of the old one's token.
func (t *tokens) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token = nil
}
