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
	"strings"
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
// logged before. All of them log as many entries to prepare a put, Floor and
// Stock to nowhere: it is a program that logs whose puts are compared, and one
// that does nothing else finds its code and its body in the processor's caches.
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
	return logged(body, zapcore.NewCore(encoder(), zapcore.AddSync(io.Discard), zap.InfoLevel)), func() error {
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
	return logged(body, zapcore.NewCore(encoder(), zapcore.AddSync(io.Discard), zap.InfoLevel)), func() error {
		_, err := c.PutLogEvents(context.Background(), in)
		return err
	}, nil
}

func syncer(r *load.Receiver, body Body) (prepare, send func() error, err error) {
	s := &zapcw.Syncer{Client: r.Client(), Group: load.Group, Stream: load.Stream, MaxEvents: 1 << 30, MaxPending: 1 << 30}
	return logged(body, zapcw.NewCore(encoder(), s, zap.InfoLevel)), s.Sync, nil
}

func encoder() zapcore.Encoder { return zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()) }

// logged gives a function that logs the entries of a body.
func logged(body Body, core zapcore.Core) func() error {
	return func() error {
		ent := zapcore.Entry{Message: body.Text, Time: time.Now()}
		// One less than fits: the last might start the put.
		for range body.Events - 1 {
			if err := core.Write(ent, nil); err != nil {
				return err
			}
		}
		return nil
	}
}

// Put prepares a put and sends it within measure.
func Put(prepare, send func() error, measure func(func())) error {
	if err := prepare(); err != nil {
		return err
	}
	var err error
	measure(func() { err = send() })
	return err
}

// put measures so many puts of each of the senders that the job names, with commas
// between: CPU, without what preparing takes, and garbage. The puts of two senders
// take turns, so that whatever else the machine does befalls both.
func put(j load.Job) (load.Result, error) {
	r, err := load.NewReceiver(j.Transport)
	if err != nil {
		return nil, err
	}
	k := slices.IndexFunc(Bodies(), func(b Body) bool { return b.Name == j.Body })
	if k < 0 {
		return nil, fmt.Errorf("%q: unknown body", j.Body)
	}
	body := Bodies()[k]
	var ms []*meter
	for name := range strings.SplitSeq(j.Name, ",") {
		i := slices.IndexFunc(Senders(), func(s Sender) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%q: unknown sender", name)
		}
		m := &meter{name: name}
		if m.prepare, m.send, err = Senders()[i].Open(r, body); err != nil {
			return nil, err
		}
		ms = append(ms, m)
	}
	const warm, sampled = 5, 10
	for n := range warm + j.N + sampled {
		for _, m := range ms {
			measure := func(f func()) { f() }
			switch {
			case n >= warm+j.N:
				measure = m.sample
			case n >= warm:
				measure = m.time
			}
			if err := Put(m.prepare, m.send, measure); err != nil {
				return nil, err
			}
		}
	}
	c, err := r.Count()
	if err != nil {
		return nil, err
	}
	// One put a time, and all of it.
	if want := int64((warm + j.N + sampled) * len(ms)); c.Puts != want || c.RefusedPuts > 0 || c.Events < want*int64(body.Events-1) {
		return nil, fmt.Errorf("the receiver has %+v: want %d puts of %d events", c, want, body.Events)
	}
	res := make(load.Result)
	for _, m := range ms {
		res.Add(m.name+" cpu", m.used.Seconds()*1e6/float64(j.N))
		// A collection between two puts empties the pools of net/http; the median
		// is of puts that found them full.
		slices.Sort(m.garbage)
		slices.Sort(m.allocs)
		res.Add(m.name+" garbage", float64(m.garbage[sampled/2]))
		res.Add(m.name+" allocs", float64(m.allocs[sampled/2]))
	}
	return res, r.Close()
}

// A meter is a sender, and what its puts took.
type meter struct {
	name            string
	prepare, send   func() error
	used            time.Duration
	garbage, allocs []uint64
}

func (m *meter) time(f func()) {
	begin := load.CPU()
	f()
	m.used += load.CPU() - begin
}

func (m *meter) sample(f func()) {
	b, a := load.Garbage(f)
	m.garbage, m.allocs = append(m.garbage, b), append(m.allocs, a)
}
