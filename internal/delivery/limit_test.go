package delivery

import (
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// An idler has the first put go out on a connection that lay idle and is dead.
type idler struct {
	next http.RoundTripper
	n    atomic.Int32
}

func (i *idler) RoundTrip(r *http.Request) (*http.Response, error) {
	if i.n.Add(1) == 1 {
		httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{Reused: true, WasIdle: true, IdleTime: time.Hour})
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return i.next.RoundTrip(r)
}
