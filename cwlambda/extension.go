package cwlambda

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// An extension is a part of this process that Lambda waits for before it freezes
// it. See https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
type extension struct {
	url    string
	id     string
	client http.Client

	mu   sync.Mutex
	turn *turn // the newest
	gone bool  // Lambda does not wait any more
}

// A turn is one invocation, of which both the extension and the function hear.
type turn struct {
	requestID               string
	byExtension, byFunction bool
	begun, ended            chan struct{}
	abandoned               bool // the extension did not wait for the function
	once                    sync.Once
}

const (
	extensionName = "zapcw"
	// registerTime bounds what registering adds to an init.
	registerTime = 2 * time.Second
	// beginTime is how long the extension waits until the function hears of an
	// invocation too. It never does of an event that cannot be decoded.
	beginTime = time.Second / 2
)

// register makes an extension that hears of invocations. Lambda allows that
// during init only.
func register(api string) (*extension, error) {
	e := &extension{url: "http://" + api + "/2020-01-01/extension/"}
	e.client.Transport = &http.Transport{} // no proxy
	ctx, cancel := context.WithTimeout(context.Background(), registerTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+"register", bytes.NewReader([]byte(`{"events":["INVOKE"]}`)))
	if err != nil {
		return nil, fmt.Errorf("register extension %s: %w", extensionName, err)
	}
	req.Header.Set("Lambda-Extension-Name", extensionName)
	req.Header.Set("Content-Type", "application/json")
	header, _, err := e.do(req)
	if err != nil {
		return nil, fmt.Errorf("register extension %s: %w", extensionName, err)
	}
	e.id = header.Get("Lambda-Extension-Identifier")
	return e, nil
}

// run waits for invocations and their end until the API fails. It calls missed
// for what the function did not hear of.
func (e *extension) run(missed func(requestID string), failed func(error)) {
	for {
		requestID, err := e.next()
		if err != nil {
			e.mu.Lock()
			e.gone = true
			e.mu.Unlock()
			failed(err)
			return
		}
		if !e.await(requestID) {
			missed(requestID)
		}
	}
}

// next waits for the next invocation. By that Lambda knows that the extension
// has nothing more to do for the last one.
func (e *extension) next() (requestID string, err error) {
	req, err := http.NewRequest(http.MethodGet, e.url+"event/next", nil)
	if err != nil {
		return "", fmt.Errorf("wait for the next event as extension %s: %w", extensionName, err)
	}
	req.Header.Set("Lambda-Extension-Identifier", e.id)
	_, text, err := e.do(req)
	var event struct {
		RequestID string `json:"requestId"`
	}
	if err == nil {
		err = json.Unmarshal(text, &event)
	}
	if err != nil {
		return "", fmt.Errorf("wait for the next event as extension %s: %w", extensionName, err)
	}
	return event.RequestID, nil
}

func (e *extension) do(req *http.Request) (http.Header, []byte, error) {
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s: %s", resp.Status, cmp.Or(string(bytes.TrimSpace(text)), "no text"))
	}
	return resp.Header, text, err
}

// await waits for the end of an invocation. It is false if it did not begin.
func (e *extension) await(requestID string) bool {
	t := e.join(requestID, func(t *turn) *bool { return &t.byExtension })
	timer := time.NewTimer(beginTime)
	defer timer.Stop()
	select {
	case <-t.begun:
	case <-timer.C:
		e.mu.Lock()
		t.abandoned = !t.byFunction
		e.mu.Unlock()
		if t.abandoned {
			return false
		}
	}
	<-t.ended
	return true
}

// begin tells that the function has begun. It returns nil if the extension does
// not wait for it.
func (e *extension) begin(requestID string) *turn {
	t := e.join(requestID, func(t *turn) *bool { return &t.byFunction })
	close(t.begun)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone || t.abandoned {
		return nil
	}
	return t
}

// join gives the turn of an invocation to one of the two sides; the first of
// them makes it. An invocation that is tried again has the same request id; an
// event without one is of the invocation that is new.
func (e *extension) join(requestID string, side func(*turn) *bool) *turn {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t := e.turn; t == nil || *side(t) || t.requestID != requestID && t.requestID != "" && requestID != "" {
		e.turn = &turn{requestID: requestID, begun: make(chan struct{}), ended: make(chan struct{})}
	}
	*side(e.turn) = true
	return e.turn
}

// end lets Lambda freeze the process.
func (t *turn) end() { t.once.Do(func() { close(t.ended) }) }
