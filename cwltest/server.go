package cwltest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// account is the AWS account in which everything lives.
const account = "123456789012"

// Server is an in-memory CloudWatch Logs server. Its zero value is ready to use and
// enforces every limit of the service; the exported fields change that. Set them
// before the first request and the first Client.
//
// A Server opens a socket only when [Server.URL] or [Server.Listen] asks for
// one. Until then it is reached through [Server.Client] and
// [Server.Transport], which need neither sockets nor lasting goroutines, so
// that it works inside a testing/synctest bubble and with its virtual time.
//
// All methods are safe for concurrent use.
type Server struct {
	// Region is where the methods of Server look for groups and where Client
	// sends its requests. It defaults to "us-east-1". The region of a request
	// is that of its signature; each region has its own groups.
	Region string

	// MaxEventBytes is the maximum size of an event as the service counts it:
	// the length of the message in UTF-8 plus 26. It defaults to 1,048,576; set
	// 262,144 for the partitions that still have the limit from before April
	// 2025.
	MaxEventBytes int

	// SequenceTokens demands a valid sequence token with each put, as the
	// service did before 2023 and some emulators still do. By default tokens
	// are handed out and ignored.
	SequenceTokens bool

	// RefuseGzip refuses compressed request bodies with a
	// SerializationException. By default they are accepted, up to 16 MiB when
	// unpacked. A [Fault] with a Match on [Request.Encoding] refuses them in
	// other ways.
	RefuseGzip bool

	// AccessKey is the only access key that is accepted; requests signed with
	// another get an UnrecognizedClientException. By default any key will do.
	AccessKey string

	// SecretKey, when set, is the secret that signatures are verified with;
	// a request that was signed with another one, or that was changed after
	// it was signed, gets an InvalidSignatureException. By default only the
	// form of a signature is checked. [Server.Client] signs with it.
	SecretKey string

	// Discard drops events once they were checked and counted, for benchmarks
	// that put more than fits in memory.
	Discard bool

	// KeepEvents is how many events the records of requests keep, see
	// [Request.Events]; beyond it the oldest records lose theirs. It defaults
	// to 100,000. A negative number keeps none.
	KeepEvents int

	// NoPage turns off the web page at / of a listening server, which shows its
	// streams.
	NoPage bool

	// Journal, when set, receives every change in order: groups and streams
	// that are created and deleted, retentions, puts. A change is one line of
	// JSON and one call of Write, which returns before the client gets its
	// response or the method returns, so a killed program loses nothing that it
	// acknowledged. [Server.Replay] reads it, and [Server.Compact] writes a
	// new one without deleted events.
	//
	// A change that cannot be written is not carried out. The client gets a
	// ServiceUnavailableException with the error, and tries again; a method
	// fails as [Server.URL] does when it cannot listen. The journal stays
	// readable even if half a line was written.
	Journal io.Writer

	journal journal

	mu      sync.Mutex
	regions map[string]*region
	faults  []*fault // replaced, never changed in place
	ledger  ledger
	serial  uint64        // of the last request
	arrival uint64        // of the next event
	change  chan struct{} // closed at the next change; nil while nobody waits
	flying  map[*flight]struct{}
	tails   map[*liveTail]struct{}
	web     *web
	closed  bool
	fatalf  func(format string, args ...any)
}

var _ http.Handler = (*Server)(nil)

// TB is the part of [testing.TB] that [NewServer] needs. It keeps package
// testing out of programs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// NewServer returns a Server that is closed when the test ends.
func NewServer(t TB) *Server {
	t.Helper()
	s := &Server{fatalf: t.Fatalf}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Start returns a Server that listens on a TCP address like "127.0.0.1:4586";
// port 0 picks a free one. The caller closes it.
func Start(addr string) (*Server, error) {
	s := new(Server)
	if err := s.Listen(addr); err != nil {
		return nil, err
	}
	return s, nil
}

// Client returns an SDK client that reaches the server through memory. It has
// static credentials, the server's Region and the SDK's own retries; optFns
// may change each.
//
// To go over a socket set BaseEndpoint to [Server.URL] and HTTPClient to
// [http.DefaultClient] or the SDK's own.
func (s *Server) Client(optFns ...func(*cloudwatchlogs.Options)) *cloudwatchlogs.Client {
	key, secret := s.AccessKey, s.SecretKey
	if key == "" {
		key = "AKIACWLTEST"
	}
	if secret == "" {
		secret = "cwltest-secret-access-key" // FIPS wants 14 bytes or more for an HMAC key
	}
	return cloudwatchlogs.New(cloudwatchlogs.Options{
		// A reserved name: should HTTPClient be replaced and BaseEndpoint
		// not, nothing reaches AWS.
		BaseEndpoint: aws.String("http://cwltest.invalid"),
		Credentials:  credentials.NewStaticCredentialsProvider(key, secret, ""),
		HTTPClient:   &http.Client{Transport: s.Transport()},
		Region:       s.region(),
	}, optFns...)
}

// CreateStream creates a log stream, and its group if that is missing. If they
// exist they are left as they are. Names are not checked.
func (s *Server) CreateStream(group, stream string) {
	s.lockChanges()
	defer s.unlockChanges()
	ch := change{Op: opCreateGroup, Time: time.Now().UnixMilli(), Region: s.region(), Group: group}
	if s.in(ch.Region).groups[group] == nil {
		s.must(ch)
	}
	if s.lookup(group, stream) == nil {
		ch.Op, ch.Stream = opCreateStream, stream
		s.must(ch)
	}
}

// DeleteStream removes a log stream with its events, if there is one.
func (s *Server) DeleteStream(group, stream string) {
	s.lockChanges()
	defer s.unlockChanges()
	if s.lookup(group, stream) != nil {
		s.must(change{Op: opDeleteStream, Region: s.region(), Group: group, Stream: stream})
	}
}

// DeleteGroup removes a log group with its streams, if there is one.
func (s *Server) DeleteGroup(group string) {
	s.lockChanges()
	defer s.unlockChanges()
	if s.in(s.region()).groups[group] != nil {
		s.must(change{Op: opDeleteGroup, Region: s.region(), Group: group})
	}
}

// must commits for a method that returns no error.
func (s *Server) must(ch change) {
	if err := s.commit(&ch); err != nil {
		s.errorf("cwltest: %s: %v", ch.Op, err)
	}
}

// Events returns the stored events of a log stream in the order in which
// GetLogEvents reports them: by timestamp, ties by arrival. A stream that
// does not exist has none.
func (s *Server) Events(group, stream string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.lookup(group, stream)
	if st == nil {
		return nil
	}
	events := make([]Event, 0, len(st.events))
	for _, e := range st.sorted() {
		events = append(events, e.Event)
	}
	return events
}

// Messages returns the messages of what Events returns.
func (s *Server) Messages(group, stream string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.lookup(group, stream)
	if st == nil {
		return nil
	}
	messages := make([]string, 0, len(st.events))
	for _, e := range st.sorted() {
		messages = append(messages, e.Message)
	}
	return messages
}

// Close stops the server: black-holed and delayed requests and live tails end
// with a broken connection, the socket is closed, and later requests are
// refused. Stored events and counts can still be read. Close waits for running
// requests; closing again does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	flying := make([]*flight, 0, len(s.flying))
	for f := range s.flying {
		flying = append(flying, f)
	}
	web := s.web
	s.mu.Unlock()
	for _, f := range flying {
		f.cancel(errClosed)
	}
	for _, f := range flying {
		<-f.done
	}
	if web == nil {
		return nil
	}
	return web.close()
}

func (s *Server) region() string {
	if s.Region == "" {
		return "us-east-1"
	}
	return s.Region
}

func (s *Server) maxEventBytes() int {
	if s.MaxEventBytes <= 0 {
		return maxEventBytes
	}
	return s.MaxEventBytes
}

// changed returns a channel that is closed at the next change.
func (s *Server) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.change == nil {
		s.change = make(chan struct{})
	}
	return s.change
}

// wake tells whoever waits for a change; s.mu is held.
func (s *Server) wake() {
	if s.change != nil {
		close(s.change)
		s.change = nil
	}
}

// in returns a region; s.mu is held.
func (s *Server) in(name string) *region {
	r := s.regions[name]
	if r == nil {
		if s.regions == nil {
			s.regions = make(map[string]*region)
		}
		r = &region{name: name, groups: make(map[string]*group)}
		s.regions[name] = r
	}
	return r
}

// lookup returns a stream of the server's own region or nil; s.mu is held.
func (s *Server) lookup(group, stream string) *stream {
	if g := s.in(s.region()).groups[group]; g != nil {
		return g.streams[stream]
	}
	return nil
}

// errorf ends the test, or the program where there is none, as
// httptest.NewServer does when it cannot listen.
func (s *Server) errorf(format string, args ...any) {
	if s.fatalf != nil {
		s.fatalf(format, args...)
	}
	panic(fmt.Sprintf(format, args...))
}

// sortedNames returns the keys of m in order.
func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
