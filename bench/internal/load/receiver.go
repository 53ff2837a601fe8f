// Package load is what the benchmarks have in common: the receiver, the child
// processes, the entry, and the loads that every library is put under.
package load

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// Transports of a receiver.
const (
	Plain = "plain" // HTTP/1.1
	TLS1  = "tls1"  // HTTP/1.1 over TLS
	TLS2  = "tls2"  // HTTP/2 over TLS
)

// The names that everybody logs to.
const (
	Group  = "/acme/prod"
	Stream = "orders"
)

// A State is how a receiver answers puts.
type State string

const (
	Up      State = "up"
	Refused State = "refused" // no connection
	Failing State = "failing" // status 503
	Hanging State = "hanging" // no answer; the connection breaks with the next state
)

// A Count is what a receiver has seen of puts.
type Count struct {
	// Puts were taken, with so many Events of so many Bytes as the service
	// counts them: the length of the message and 26.
	Puts, Events, Bytes int64
	// RefusedPuts were not, for events out of order or beyond a limit.
	RefusedPuts, RefusedEvents int64
	// Last is when the last put was taken.
	Last time.Time
	// Waits is how many events came how many milliseconds after their own time.
	Waits map[int]int64
}

// Wait is the time from an event's own to its arrival that a share of the events
// did not exceed, 0 if none came.
func (c Count) Wait(share float64) time.Duration {
	left := int64(share * float64(c.Events))
	for _, ms := range slices.Sorted(maps.Keys(c.Waits)) {
		if left -= c.Waits[ms]; left < 0 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 0
}

// A Receiver is the service, in a process of its own whose CPU nobody counts.
type Receiver struct {
	URL   string
	roots *x509.CertPool
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *json.Decoder
}

type hello struct {
	URL  string
	Cert []byte
}

type command struct {
	State State
	Delay time.Duration
	// Await makes the answer wait for so many events, until none came for as
	// long as Patience.
	Await    int64
	Patience time.Duration
}

const receiverEnv = "ZAPCW_BENCH_RECEIVER"

// IsReceiver reports whether this process is to call Receive.
func IsReceiver() bool { return os.Getenv(receiverEnv) != "" }

// NewReceiver starts this program again as a receiver.
func NewReceiver(transport string) (*Receiver, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	r := &Receiver{cmd: exec.Command(self)}
	r.cmd.Env = append(os.Environ(), receiverEnv+"="+transport)
	r.cmd.Stderr = os.Stderr
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	r.out = json.NewDecoder(bufio.NewReader(out))
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	var h hello
	if err := r.out.Decode(&h); err != nil {
		return nil, errors.Join(fmt.Errorf("receiver: %w", err), r.Close())
	}
	r.URL = h.URL
	if h.Cert != nil {
		r.roots = x509.NewCertPool()
		if !r.roots.AppendCertsFromPEM(h.Cert) {
			return nil, errors.Join(errors.New("receiver: no certificate"), r.Close())
		}
	}
	return r, nil
}

// Close ends the process.
func (r *Receiver) Close() error {
	_ = r.in.Close()
	if err := r.cmd.Wait(); err != nil {
		return fmt.Errorf("receiver: %w", err)
	}
	return nil
}

// Set changes how puts are answered from now on, each after a delay.
func (r *Receiver) Set(s State, delay time.Duration) error {
	_, err := r.tell(command{State: s, Delay: delay})
	return err
}

// Count gives what came so far.
func (r *Receiver) Count() (Count, error) { return r.tell(command{}) }

// Await waits until n events came, taken or refused, or none came for so long.
func (r *Receiver) Await(n int, patience time.Duration) (Count, error) {
	return r.tell(command{Await: int64(n), Patience: patience})
}

func (r *Receiver) tell(c command) (Count, error) {
	var n Count
	if err := json.NewEncoder(r.in).Encode(c); err != nil {
		return n, fmt.Errorf("receiver: %w", err)
	}
	if err := r.out.Decode(&n); err != nil {
		return n, fmt.Errorf("receiver: %w", err)
	}
	return n, nil
}

// Client is the SDK's, with its defaults and what is to be different.
func (r *Receiver) Client(opts ...func(*cloudwatchlogs.Options)) *cloudwatchlogs.Client {
	o := cloudwatchlogs.Options{
		Region: "us-east-1", BaseEndpoint: &r.URL,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	}
	if r.roots != nil {
		o.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.TLSClientConfig = &tls.Config{RootCAs: r.roots, MinVersion: tls.VersionTLS12}
		})
	}
	return cloudwatchlogs.New(o, opts...)
}

// HTTP is a client of net/http.
func (r *Receiver) HTTP() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if r.roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: r.roots, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: t}
}
