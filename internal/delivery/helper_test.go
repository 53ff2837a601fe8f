package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.uber.org/goleak"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/batch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A recorder takes down what a Stream reports.
type recorder struct {
	mu      sync.Mutex
	fates   map[string]Fate
	notices []Fate
	whys    []error
	runs    []string // number, "and the notice", fate
	events  int      // of all puts
	puts    int
	trouble []error // that people hear of
	errs    []error // all of it
}

var _ Recorder = (*recorder)(nil)

func (r *recorder) RecordPut(events, _ int, _ bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.puts++
	r.events += events
}

func (r *recorder) RecordTrouble(err error, tell bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
	if tell {
		r.trouble = append(r.trouble, err)
	}
}

func (r *recorder) report(evs batch.List, notice bool, f Fate, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fates == nil {
		r.fates = make(map[string]Fate)
	}
	for e := range evs.All() {
		text := string(e.Text())
		if old, ok := r.fates[text]; ok {
			panic(fmt.Sprintf("%s is %s and %s", text, old, f))
		}
		r.fates[text] = f
	}
	what := fmt.Sprint(evs.Len())
	if notice {
		r.notices = append(r.notices, f)
		what += " and the notice"
	}
	r.runs = append(r.runs, what+" "+f.String())
	if err != nil {
		r.whys = append(r.whys, err)
	}
}

// count tells how many events have a fate.
func (r *recorder) count(f Fate) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.fates {
		if f == g {
			n++
		}
	}
	return n
}

// inStream runs a test with a Stream before a server, in virtual time.
func inStream(t *testing.T, f func(*testing.T, *Stream, *recorder, *cwltest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv, r := cwltest.NewServer(t), new(recorder)
		f(t, &Stream{Name: "s", Service: &Service{Client: srv.Client(), Group: "/g", Recorder: r}}, r, srv)
		srv.Heal()
		srv.Close()
	})
}

func texts(format string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(format, i)
	}
	return out
}

var errDown = errors.New("down")

// chunked puts texts into a chunk, a millisecond apart.
func chunked(texts ...string) batch.List {
	var q batch.Queue
	for i, text := range texts {
		c := batch.NewChunk(len(text), 0)
		c.ID = uint64(i + 1)
		c.Append(time.Now().UnixMilli()+int64(i), uint32(i), 0, []byte(text))
		q.Add(c)
	}
	return q.Cut(0, false).List
}

type doFunc func(*http.Request) (*http.Response, error)

func (f doFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

type silent struct{}

func (silent) RecordPut(int, int, bool)  {}
func (silent) RecordTrouble(error, bool) {}

type forgetful struct{ *cloudwatchlogs.Client }

func (f forgetful) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	return f.Client.PutLogEvents(ctx, in, noRetryNoLog)
}

// sdk wraps an error as the SDK does.
func sdk(status int, err error) error {
	if status > 0 {
		err = &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err}
	}
	return fmt.Errorf("put 1 event to /g/s: %w", &smithy.OperationError{ServiceID: "CloudWatch Logs", OperationName: "PutLogEvents", Err: err})
}

// coded is an error that the SDK's model does not know.
func coded(code, message string) error { return &smithy.GenericAPIError{Code: code, Message: message} }

// A wire takes down the requests of puts, but for controls.
type wire struct {
	next http.RoundTripper

	mu     sync.Mutex
	bodies [][]byte
	heads  []http.Header
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutLogEvents") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if r.ContentLength != int64(len(body)) {
			return nil, fmt.Errorf("Content-Length is %d for %d bytes", r.ContentLength, len(body))
		}
		if !bytes.Contains(body, []byte(controlText)) {
			w.mu.Lock()
			w.bodies, w.heads = append(w.bodies, body), append(w.heads, r.Header.Clone())
			w.mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return w.next.RoundTrip(r)
}

// encodings are those of all puts so far, in order.
func (w *wire) encodings() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, h := range w.heads {
		out = append(out, map[string]string{"gzip": "gzip", "": "plain"}[h.Get("Content-Encoding")])
	}
	return strings.Join(out, " ")
}
