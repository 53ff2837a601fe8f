package micro

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/bench/internal/load"
)

// A Sender sends one full put at a time.
type Sender struct {
	Name string
	Open func(*load.Receiver, Body) (prepare, send func() error, err error)
}

// Senders are three ways to the same put: Floor posts the finished body by
// net/http with its SHA-256, which nobody can do without; Stock calls the SDK
// with events that were made before; Zapcw is the Sync of events that were
// logged before.
func Senders() []Sender {
	return []Sender{{"floor", floor}, {"stock", stock}, {"zapcw", syncer}}
}

func floor(r *load.Receiver, body Body) (prepare, send func() error, err error) {
	type event struct {
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	var put struct {
		Events []event `json:"logEvents"`
		Group  string  `json:"logGroupName"`
		Stream string  `json:"logStreamName"`
	}
	put.Group, put.Stream = load.Group, load.Stream
	put.Events = slices.Repeat([]event{{time.Now().UnixMilli(), body.Text}}, body.Events)
	text := new(bytes.Buffer)
	enc := json.NewEncoder(text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(put); err != nil {
		return nil, nil, err
	}
	c := r.HTTP()
	return nil, func() error {
		sum := sha256.Sum256(text.Bytes())
		req, err := http.NewRequest(http.MethodPost, r.URL, bytes.NewReader(text.Bytes()))
		if err != nil {
			return err
		}
		req.Header.Set("X-Amz-Target", "Logs_20140328.PutLogEvents")
		req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return err
	}, nil
}

func stock(r *load.Receiver, body Body) (prepare, send func() error, err error) {
	c := r.Client()
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String(load.Group), LogStreamName: aws.String(load.Stream)}
	for range body.Events {
		in.LogEvents = append(in.LogEvents, types.InputLogEvent{Message: &body.Text, Timestamp: aws.Int64(time.Now().UnixMilli())})
	}
	return nil, func() error {
		_, err := c.PutLogEvents(context.Background(), in)
		return err
	}, nil
}

func syncer(r *load.Receiver, body Body) (prepare, send func() error, err error) {
	s := &zapcw.Syncer{Client: r.Client(), Group: load.Group, Stream: load.Stream, MaxEvents: 1 << 30, MaxPending: 1 << 30}
	core := zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.InfoLevel)
	prepare = func() error {
		ent := zapcore.Entry{Message: body.Text, Time: time.Now()}
		// One less than fits: the last might start the put.
		for range body.Events - 1 {
			if err := core.Write(ent, nil); err != nil {
				return err
			}
		}
		return nil
	}
	return prepare, s.Sync, nil
}

// Put prepares a put and sends it within measure.
func Put(prepare, send func() error, measure func(func())) error {
	if prepare != nil {
		if err := prepare(); err != nil {
			return err
		}
	}
	var err error
	measure(func() { err = send() })
	return err
}

// put measures so many puts: CPU, without what preparing them takes, and garbage.
func put(j load.Job) (load.Result, error) {
	i := slices.IndexFunc(Senders(), func(s Sender) bool { return s.Name == j.Name })
	k := slices.IndexFunc(Bodies(), func(b Body) bool { return b.Name == j.Body })
	if i < 0 || k < 0 {
		return nil, fmt.Errorf("%q, %q: unknown", j.Name, j.Body)
	}
	r, err := load.NewReceiver(j.Transport)
	if err != nil {
		return nil, err
	}
	body := Bodies()[k]
	prepare, send, err := Senders()[i].Open(r, body)
	if err != nil {
		return nil, err
	}
	const warm, sampled = 5, 10
	var used time.Duration
	var garbage, allocs uint64
	for n := range warm + j.N + sampled {
		measure := func(f func()) { f() }
		switch {
		case n >= warm+j.N:
			measure = func(f func()) {
				b, a := load.Garbage(f)
				garbage, allocs = garbage+b, allocs+a
			}
		case n >= warm:
			measure = func(f func()) {
				begin := load.CPU()
				f()
				used += load.CPU() - begin
			}
		}
		if err := Put(prepare, send, measure); err != nil {
			return nil, err
		}
	}
	c, err := r.Count()
	if err != nil {
		return nil, err
	}
	// One put a time, and all of it.
	if want := int64(warm + j.N + sampled); c.Puts != want || c.RefusedPuts > 0 || c.Events < want*int64(body.Events-1) {
		return nil, fmt.Errorf("the receiver has %+v: want %d puts of %d events", c, want, body.Events)
	}
	res := make(load.Result)
	res.Add("cpu", used.Seconds()*1e6/float64(j.N))
	res.Add("garbage", float64(garbage)/sampled)
	res.Add("allocs", float64(allocs)/sampled)
	res.Add("events", float64(c.Events)/float64(c.Puts))
	return res, r.Close()
}
