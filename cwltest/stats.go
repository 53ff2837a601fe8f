package cwltest

import (
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// maxRecords bounds the records of requests that are held.
const maxRecords = 10_000

// Stats is a consistent snapshot of what a server has seen so far.
type Stats struct {
	// Calls counts requests by operation, whatever became of them. A request
	// without an operation counts as "".
	Calls map[string]int

	// Errors counts answers by error code. A scripted answer without a code
	// counts as "HTTP 503" or the like unless its status is 2xx, a broken
	// connection as the name of its [Break], and a client that gave up
	// before it was answered, other than on a black hole, as "gone".
	Errors map[string]int

	Puts     int   // puts that were carried out
	Events   int64 // events stored
	Bytes    int64 // of these: messages in UTF-8 plus 26 for each
	Rejected int64 // events of such puts that were not stored

	// Requests holds the last 10,000 requests in order of arrival, including
	// those without a response yet.
	Requests []Request
}

// Peak returns the largest number of requests to an operation, "" for all, that
// arrived within any window of time, by the records in Requests. The window is
// half open: a window of a second holds only one of two requests that are exactly a
// second apart.
func (s Stats) Peak(op string, window time.Duration) int {
	var times []time.Time
	peak, from := 0, 0
	for _, r := range s.Requests {
		if op != "" && r.Op != op {
			continue
		}
		times = append(times, r.Time)
		for r.Time.Sub(times[from]) >= window && from < len(times)-1 {
			from++
		}
		peak = max(peak, len(times)-from)
	}
	return peak
}

// Request is the record of a request. Group, Stream, Events, N and Bytes are set
// once the body was read and could be decoded.
type Request struct {
	Time      time.Time // of arrival
	ID        string    // as in the x-amzn-RequestId of the response
	Op        string    // like "PutLogEvents"
	Region    string    // of the signature, as is AccessKey
	AccessKey string
	Group     string // its name, even if the request has an ARN
	Stream    string
	Events    []Event // of a put; nil when they are not kept, see Server.KeepEvents
	N         int     // number of events of a put
	Bytes     int     // length of the body as it was sent
	Encoding  string  // of the body, as the Content-Encoding says: "gzip" or ""

	Status   int    // of the response; 0 if there is none yet, or the connection broke
	Code     string // as in Stats.Errors; "" for success, or if there is no response yet
	Stored   int    // events that were stored
	Rejected *types.RejectedLogEventsInfo
	// Entity is that of a put as it was sent, RejectedEntity why it was rejected; the
	// events are still stored.
	Entity         *types.Entity
	RejectedEntity types.EntityRejectionErrorType
	Fault          bool // a Fault struck

	tagged bool // a group is to be created with tags
}

// resource is the ARN by which IAM knows what the request is about.
func (r *Request) resource() string {
	return "arn:" + partition(r.Region) + ":logs:" + r.Region + ":" + account +
		":log-group:" + r.Group + ":log-stream:" + r.Stream
}

// Stats returns the counts and records so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.ledger.Stats
	st.Calls = maps.Clone(st.Calls)
	st.Errors = maps.Clone(st.Errors)
	st.Requests = s.ledger.requests()
	return st
}

// ledger is where a server keeps its Stats; the server's mutex guards it.
type ledger struct {
	Stats
	records []*record // at most twice maxRecords
	held    int       // events that records hold
	oldest  int       // no record before this index holds events
}

// record is a Request in the ledger. A handler works on a copy of its own and
// enters what it knows so far.
type record struct {
	Request
	lean bool // may not hold events
}

// open enters a request that arrived.
func (l *ledger) open(req Request) *record {
	if l.Calls == nil {
		l.Calls = make(map[string]int)
		l.Errors = make(map[string]int)
	}
	l.Calls[req.Op]++
	if len(l.records) == 2*maxRecords {
		for _, old := range l.records[:maxRecords] {
			l.lighten(old)
		}
		n := copy(l.records, l.records[maxRecords:])
		clear(l.records[n:])
		l.records = l.records[:n]
		l.oldest = max(0, l.oldest-maxRecords)
	}
	rec := &record{Request: req}
	l.records = append(l.records, rec)
	return rec
}

// update enters what is known of a request by now, and holds no more than
// keep events over all records.
func (l *ledger) update(rec *record, req Request, keep int) {
	if rec.lean {
		req.Events = nil
	} else {
		l.held += len(req.Events) - len(rec.Events)
	}
	rec.Request = req
	for ; l.held > keep && l.oldest < len(l.records); l.oldest++ {
		l.lighten(l.records[l.oldest])
	}
}

// put counts a put that was carried out.
func (l *ledger) put(stored []Event, rejected int) {
	l.Puts++
	l.Events += int64(len(stored))
	l.Bytes += sizeOf(stored)
	l.Rejected += int64(rejected)
}

func (l *ledger) lighten(rec *record) {
	l.held -= len(rec.Events)
	rec.Events = nil
	rec.lean = true
}

func (l *ledger) requests() []Request {
	records := l.records[max(0, len(l.records)-maxRecords):]
	requests := make([]Request, len(records))
	for i, rec := range records {
		requests[i] = rec.Request
	}
	return requests
}
