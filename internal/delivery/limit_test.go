package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
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

// A hole is a proxy for TCP that from one moment on swallows whatever comes on the
// connections it has, and lets new ones through.
type hole struct {
	net.Listener
	to string

	mu    sync.Mutex
	conns []*holeConn
}

type holeConn struct {
	in, out net.Conn
	dead    atomic.Bool
}

func newHole(t *testing.T, to string) *hole {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{Listener: l, to: to}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				t.Error(err)
				_ = in.Close()
				continue
			}
			c := &holeConn{in: in, out: out}
			h.mu.Lock()
			h.conns = append(h.conns, c)
			h.mu.Unlock()
			all.Go(func() { c.copy(out, in) })
			all.Go(func() { c.copy(in, out) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		h.mu.Lock()
		for _, c := range h.conns {
			_, _ = c.in.Close(), c.out.Close()
		}
		h.mu.Unlock()
		all.Wait()
	})
	return h
}

// copy ends with its connection, but does not tell the other side of a dead one.
func (c *holeConn) copy(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if !c.dead.Load() {
			_, _ = to.Write(buf[:n])
		}
		if err != nil {
			if !c.dead.Load() {
				_ = to.Close()
			}
			return
		}
	}
}

// swallow kills the connections there are, and tells how many.
func (h *hole) swallow() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		c.dead.Store(true)
	}
	return len(h.conns)
}

// TestDeadConnection has the connection die without a word while new ones would
// work: the put that is not answered in time takes another, in HTTP/2, too, where
// to cancel a request does not end its connection. It takes the first time-out in
// real time, since a bubble knows no sockets.
func TestDeadConnection(t *testing.T) {
	for _, tt := range []struct {
		name  string
		http2 bool
		sdk   bool // the SDK's own client, or a user's
	}{
		{"HTTP/2, client of the SDK", true, true},
		{"HTTP/2, client of the user", true, false},
		{"HTTP/1.1, client of the SDK", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var srv cwltest.Server
			srv.CreateStream("/g", "s")
			var protocols sync.Map
			web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				protocols.Store(r.Proto, true)
				srv.ServeHTTP(w, r)
			}))
			web.EnableHTTP2 = tt.http2
			web.StartTLS()
			t.Cleanup(web.Close)
			h := newHole(t, web.Listener.Addr().String())
			endpoint := "https://" + h.Addr().String()
			roots := x509.NewCertPool()
			roots.AddCert(web.Certificate())
			trust := func(tr *http.Transport) {
				tr.TLSClientConfig = &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12}
				t.Cleanup(tr.CloseIdleConnections)
			}
			var client cloudwatchlogs.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(trust)
			if !tt.sdk {
				own := &http.Transport{ForceAttemptHTTP2: true}
				trust(own)
				client = &http.Client{Transport: own}
			}
			r := new(recorder)
			s := &Stream{Name: "s", Service: &Service{Group: "/g", Recorder: r, Client: srv.Client(func(o *cloudwatchlogs.Options) {
				o.BaseEndpoint, o.HTTPClient = &endpoint, client
			})}}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			s.Deliver(ctx, chunked("before"), "", r.report)
			if n := h.swallow(); n != 1 || r.count(Delivered) != 1 {
				t.Fatalf("got %d connections and fates %v, want one and an event delivered", n, r.fates)
			}
			s.Deliver(ctx, chunked("after"), "", r.report)
			want := "HTTP/1.1"
			if tt.http2 {
				want = "HTTP/2.0"
			}
			if _, ok := protocols.Load(want); !ok {
				t.Errorf("no request by %s", want)
			}
			if r.count(Delivered) != 2 || r.puts != 3 || len(r.errs) != 1 || Code(r.errs[0]) != "timeout" {
				t.Errorf("got fates %v after %d puts with errors %v, want it delivered by the put after one time-out", r.fates, r.puts, r.errs)
			}
		})
	}
}
