package micro

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/bench/internal/load"
	"example.com/zapcw/cwlambda"
)

// invoke measures what an invocation takes that logs N entries and does nothing
// else: until its response may go out, and until its log was sent.
func invoke(j load.Job) (load.Result, error) {
	r, err := load.NewReceiver(load.Plain)
	if err != nil {
		return nil, err
	}
	if err := r.Set(load.Up, j.Delay); err != nil {
		return nil, err
	}
	api := newExtensionAPI()
	defer api.Close()
	if err := os.Setenv("AWS_LAMBDA_RUNTIME_API", strings.TrimPrefix(api.URL, "http://")); err != nil {
		return nil, err
	}
	var options []cwlambda.Option
	if j.Name == "after the response" {
		options = append(options, cwlambda.AfterResponse())
	}
	s := &zapcw.Syncer{Client: r.Client(), Group: load.Group, Stream: load.Stream}
	l := load.Sink{Core: zapcw.NewCore(load.JSON(), s, zap.InfoLevel)}.Logger()
	handle := cwlambda.Wrap(l, func(context.Context) error {
		for n := range j.N {
			load.Entry(l, n)
		}
		return nil
	}, options...).(func(context.Context) (any, error))

	res := make(load.Result)
	for i := range j.Rounds + 1 {
		ctx, responseIsOut := context.WithTimeout(context.Background(), time.Minute)
		begin := time.Now()
		if _, err := handle(ctx); err != nil {
			responseIsOut()
			return nil, err
		}
		response := time.Since(begin)
		responseIsOut()
		if len(options) > 0 {
			if err := api.event(); err != nil {
				return nil, err
			}
		}
		if i > 0 { // the first one connects
			res.Add("response", response.Seconds())
			res.Add("over", time.Since(begin).Seconds())
		}
	}
	if st := s.Stats(); st.Delivered != uint64(j.N*(j.Rounds+1)) {
		return nil, fmt.Errorf("%d of %d events delivered when the last invocation was over", st.Delivered, j.N*(j.Rounds+1))
	}
	return res, r.Close()
}

// extensionAPI is Lambda as an extension sees it.
type extensionAPI struct {
	*httptest.Server
	asked chan struct{}
	next  chan struct{}
	gone  chan struct{} // closed by Close
	first bool
}

func newExtensionAPI() *extensionAPI {
	a := &extensionAPI{asked: make(chan struct{}), next: make(chan struct{}), gone: make(chan struct{}), first: true}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Lambda-Extension-Identifier", "7a3b")
			return
		}
		select {
		case a.asked <- struct{}{}:
		case <-a.gone:
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		select {
		case <-a.next:
			fmt.Fprint(w, `{"eventType":"INVOKE","requestId":""}`)
		case <-a.gone:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	return a
}

// event tells the extension of an invocation and returns when it has asked for
// what is next.
func (a *extensionAPI) event() error {
	if a.first {
		a.first = false
		if err := a.await(); err != nil {
			return err
		}
	}
	a.next <- struct{}{}
	return a.await()
}

func (a *extensionAPI) await() error {
	select {
	case <-a.asked:
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("the extension did not ask for the next event within a minute")
	}
}

// Close lets the extension go, which waits for an event.
func (a *extensionAPI) Close() {
	close(a.gone)
	a.Server.Close()
}
