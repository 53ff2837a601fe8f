package load

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// A server is the receiver on its own side.
type server struct {
	tls *tls.Config // nil for none

	mu     sync.Mutex
	http   *http.Server
	addr   string
	state  State
	delay  time.Duration
	change chan struct{} // closed with the next state
	count  Count
	moved  chan struct{} // closed when count changes
}

// Receive is the receiver's process: it takes commands from the standard input,
// and ends with it.
func Receive() error {
	s := &server{state: Up, addr: "127.0.0.1:0", change: make(chan struct{}), moved: make(chan struct{}), count: Count{Waits: make(map[int]int64)}}
	h := hello{}
	if transport := os.Getenv(receiverEnv); transport != Plain {
		cert, err := certificate()
		if err != nil {
			return err
		}
		h.Cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
		s.tls = &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
		if transport == TLS2 {
			s.tls.NextProtos = []string{"h2"}
		}
	}
	if err := s.listen(); err != nil {
		return err
	}
	h.URL = "http://" + s.addr
	if s.tls != nil {
		h.URL = "https://" + s.addr
	}
	out, in := json.NewEncoder(os.Stdout), json.NewDecoder(os.Stdin)
	if err := out.Encode(h); err != nil {
		return err
	}
	for {
		var c command
		if err := in.Decode(&c); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if c.State != "" {
			if err := s.set(c.State, c.Delay); err != nil {
				return err
			}
		}
		if c.Await > 0 {
			s.await(c.Await, c.Patience)
		}
		s.mu.Lock()
		n := s.count
		n.Waits = maps.Clone(n.Waits)
		s.mu.Unlock()
		if err := out.Encode(n); err != nil {
			return err
		}
	}
}

// certificate makes one that signs itself.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// listen takes up service, always at the same address.
func (s *server) listen() error {
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	s.addr = l.Addr().String()
	srv := &http.Server{Handler: s, TLSConfig: s.tls, ErrorLog: log.New(io.Discard, "", 0)}
	s.http = srv
	go func() { // ends with the process, or when nobody is to be served
		if s.tls != nil {
			_ = srv.ServeTLS(l, "", "")
		} else {
			_ = srv.Serve(l)
		}
	}()
	return nil
}

func (s *server) set(to State, delay time.Duration) error {
	s.mu.Lock()
	from := s.state
	s.state, s.delay = to, delay
	close(s.change)
	s.change = make(chan struct{})
	s.mu.Unlock()
	switch {
	case to == Refused && from != Refused:
		return s.http.Close()
	case from == Refused && to != Refused:
		return s.listen()
	}
	return nil
}

// await returns when n events came, or none for so long.
func (s *server) await(n int64, patience time.Duration) {
	for {
		s.mu.Lock()
		done, moved := s.count.Events+s.count.RefusedEvents >= n, s.moved
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-moved:
		case <-time.After(patience):
			return
		}
	}
}

var bufs = sync.Pool{New: func() any { return new([]byte) }}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	buf := bufs.Get().(*[]byte)
	defer bufs.Put(buf)
	if n := int(r.ContentLength); cap(*buf) < n {
		*buf = make([]byte, n+n/4)
	}
	body := (*buf)[:max(r.ContentLength, 0)]
	if _, err := io.ReadFull(r.Body, body); err != nil {
		panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	state, delay, change := s.state, s.delay, s.change
	s.mu.Unlock()
	switch state {
	case Failing:
		answer(w, http.StatusServiceUnavailable, `{"__type":"ServiceUnavailableException","message":"down"}`)
		return
	case Hanging:
		<-change
		panic(http.ErrAbortHandler)
	}
	if _, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); op != "PutLogEvents" {
		if op == "DescribeLogStreams" {
			answer(w, http.StatusOK, fmt.Sprintf(`{"logStreams":[{"logStreamName":%q}]}`, Stream))
			return
		}
		answer(w, http.StatusOK, "{}")
		return
	}
	if delay > 0 {
		time.Sleep(delay)
	}
	p, err := readPut(body)
	s.add(p, at, err)
	if err != nil {
		answer(w, http.StatusBadRequest, fmt.Sprintf(`{"__type":"InvalidParameterException","message":%q}`, err.Error()))
		return
	}
	answer(w, http.StatusOK, "{}")
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", "0c3f2a9e-8d15-4b7c-9a66-2f1e5d7b8c90") // the service always has one
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// add counts a put that came at a time.
func (s *server) add(p put, at time.Time, refused error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused != nil {
		s.count.RefusedPuts++
		s.count.RefusedEvents += p.events
	} else {
		s.count.Puts++
		s.count.Events += p.events
		s.count.Bytes += p.bytes
		s.count.Last = time.Now()
		for _, m := range p.times {
			s.count.Waits[int(at.UnixMilli()-m.ms)] += m.events
		}
	}
	close(s.moved)
	s.moved = make(chan struct{})
}
