package load

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Posts names a Sink that writes to a file, and five times a second posts as many
// bytes as came, by net/http, with their SHA-256. Nothing is encoded for that,
// signed or looked at: it is what five requests a second take, whoever makes them.
const Posts = "zap, to a file, and bare POSTs"

// posts is the part that posts.
type posts struct {
	client *http.Client
	url    string
	came   atomic.Int64 // bytes
	events atomic.Int64
	body   []byte // of the last request
	stop   chan struct{}
	done   chan error
}

var _ zapcore.WriteSyncer = (*posts)(nil)

// OpenPosts opens such a Sink.
func OpenPosts(r *Receiver) (Sink, error) {
	f, err := TempFile()
	if err != nil {
		return Sink{}, err
	}
	file := &zapcore.BufferedWriteSyncer{WS: f}
	p := &posts{client: r.HTTP(), url: r.URL, stop: make(chan struct{}), done: make(chan error, 1)}
	go p.run()
	core := zapcore.NewCore(JSON(), zapcore.NewMultiWriteSyncer(file, p), zap.InfoLevel)
	return Sink{core, func() error {
		close(p.stop)
		if err := <-p.done; err != nil {
			return err
		}
		return file.Stop()
	}}, nil
}

func (p *posts) Write(b []byte) (int, error) {
	p.came.Add(int64(len(b)))
	p.events.Add(1)
	return len(b), nil
}

func (p *posts) Sync() error { return nil }

func (p *posts) run() {
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-p.stop:
			p.done <- p.post()
			return
		}
		if err := p.post(); err != nil {
			p.done <- err
			return
		}
	}
}

// post posts as many events as came, of as many bytes, copies of one.
func (p *posts) post() error {
	came, n := int(p.came.Swap(0)), int(p.events.Swap(0))
	if n == 0 {
		return nil
	}
	event := fmt.Sprintf(`{"timestamp":%d,"message":"%s"},`, time.Now().UnixMilli(), strings.Repeat("x", came/n))
	body := fmt.Appendf(p.body[:0], `{"logGroupName":%q,"logStreamName":%q,"logEvents":[`, Group, Stream)
	for range n {
		body = append(body, event...)
	}
	body = append(body[:len(body)-len(",")], "]}"...)
	p.body = body
	sum := sha256.Sum256(body)
	req, err := http.NewRequest(http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Amz-Target", "Logs_20140328.PutLogEvents")
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	text := new(bytes.Buffer)
	if _, err := io.Copy(text, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	return nil
}
