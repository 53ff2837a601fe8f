// Command awslogs is Docker's awslogs driver, of github.com/moby/moby, under
// load.
package main

import (
	"io"
	"os"
	"time"

	"github.com/containerd/log"
	"github.com/moby/moby/v2/daemon/logger"
	"github.com/moby/moby/v2/daemon/logger/awslogs"

	"example.com/zapcw/bench/internal/load"
)

func main() { load.Main(load.Kinds(load.Library{Name: "awslogs", Open: open})) }

func open(r *load.Receiver) (load.Sink, error) {
	log.L.Logger.SetOutput(io.Discard) // what it says of batches it drops
	for k, v := range map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"} {
		if err := os.Setenv(k, v); err != nil {
			return load.Sink{}, err
		}
	}
	l, err := awslogs.New(logger.Info{
		ContainerID: "0c3f2a9e8d15",
		Config: map[string]string{
			"awslogs-region": "us-east-1", "awslogs-endpoint": r.URL,
			"awslogs-group": load.Group, "awslogs-stream": load.Stream,
		},
	})
	if err != nil {
		return load.Sink{}, err
	}
	return load.ToWriter(writer{l}, l.Close), nil
}

// writer is what dockerd does with a line of a container.
type writer struct{ logger.Logger }

func (w writer) Write(p []byte) (int, error) {
	m := logger.NewMessage()
	m.Line = append(m.Line[:0], p...)
	m.Timestamp = time.Now()
	if err := w.Log(m); err != nil {
		return 0, err
	}
	return len(p), nil
}
