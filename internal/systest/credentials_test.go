package systest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// setAWS makes the environment that the SDK reads nothing but what is given.
func setAWS(t *testing.T, variables ...string) {
	t.Helper()
	testkit.ClearAWS(t)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for i := 0; i < len(variables); i += 2 {
		t.Setenv(variables[i], variables[i+1])
	}
}

// TestCredentialsOutage has the agent that gives a container its credentials go
// down when they are to be renewed, in real time. No event is lost by it.
func TestCredentialsOutage(t *testing.T) {
	var down atomic.Bool
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, "agent not ready")
			return
		}
		// So short a life that they are renewed all the time.
		until := time.Now().Add(time.Second).UTC().Format(time.RFC3339)
		_, _ = fmt.Fprintf(w, `{"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"secret","Token":"t","Expiration":%q}`, until)
	}))
	defer agent.Close()
	setAWS(t, "AWS_REGION", "us-east-1", "AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.URL)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	srv := cwltest.NewServer(t)
	var spill testkit.Buffer
	s := &zapcw.Syncer{Group: "/acme/prod", Stream: "orders", Fallback: &spill, MaxEvents: 1, Client: cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) {
		o.HTTPClient = &http.Client{Transport: srv.Transport()}
	})}
	for i := range 80 {
		down.Store(i >= 20 && i < 60)
		if _, err := fmt.Fprintf(s, "event %d", i); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		t.Errorf("Flush = %v, want nil", err)
	}
	if got := len(srv.Messages("/acme/prod", "orders")); got != 80 {
		t.Errorf("got %d of 80 events in the stream", got)
	}
	events, words := spill.Lines()
	if len(events) > 0 || strings.Contains(strings.Join(words, ""), "logs:") {
		t.Errorf("got %d events and %q on the fallback, want none, and advice about credentials", len(events), words)
	}
	t.Logf("%q", words)
}
