package cwltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// How often the page is told of a change, at most.
const (
	tailPause = 100 * time.Millisecond // of the stream that it shows
	listPause = time.Second            // of the list of streams
)

// listing is all groups and streams, for the page's list and for what it says
// when there are none.
type listing struct {
	Region    string        `json:"region"`    // of the server
	AccessKey string        `json:"accessKey"` // that is let in; "" for any
	Secret    bool          `json:"secret"`    // that clients need is not any
	Groups    []listedGroup `json:"groups"`
}

type listedGroup struct {
	Region    string         `json:"region"`
	Name      string         `json:"name"`
	Retention int32          `json:"retention,omitempty"` // days
	Bytes     int64          `json:"bytes"`
	Streams   []listedStream `json:"streams"`
}

type listedStream struct {
	Name     string `json:"name"`
	Events   int    `json:"events"`
	Last     int64  `json:"last,omitempty"`     // timestamp
	Ingested int64  `json:"ingested,omitempty"` // time of the last put
}

// tail sends server-sent events until the browser goes or the server closes:
// "list" with a listing, and "tail" when the stream that is shown has grown or
// is gone. The page then asks for what is on its screen.
func (p *webPage) tail(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	sent := -2
	var listed time.Time
	for {
		changed := p.server.changed() // before the look, so that nothing is missed
		total := p.server.count(q.Get("region"), q.Get("group"), q.Get("stream"))
		if total != sent {
			sent = total
			fmt.Fprintf(w, "event: tail\ndata: {\"total\":%d}\n\n", total)
		}
		now := time.Now()
		due := now.Sub(listed) >= listPause
		if due {
			listed = now
			data, _ := json.Marshal(p.server.list()) // of strings and numbers
			fmt.Fprintf(w, "event: list\ndata: %s\n\n", data)
		}
		if out.Flush() != nil {
			return
		}
		if !p.pause(r, changed, due, listed.Add(listPause).Sub(now)) {
			return
		}
	}
}

// pause waits for a change, or until the list is due, if that was put off. It
// reports whether to go on.
func (p *webPage) pause(r *http.Request, changed <-chan struct{}, listed bool, due time.Duration) bool {
	var late <-chan time.Time
	if !listed {
		timer := time.NewTimer(due)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-changed:
	case <-late:
	case <-r.Context().Done():
		return false
	}
	rest := time.NewTimer(tailPause)
	defer rest.Stop()
	select {
	case <-rest.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// count returns how many events a stream has, -1 if there is none.
func (s *Server) count(region, group, stream string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.regions[region]; r != nil && r.groups[group] != nil && r.groups[group].streams[stream] != nil {
		return len(r.groups[group].streams[stream].events)
	}
	return -1
}

func (s *Server) list() listing {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := listing{Region: s.region(), AccessKey: s.AccessKey, Secret: s.SecretKey != "", Groups: []listedGroup{}}
	for _, name := range sortedNames(s.regions) {
		r := s.regions[name]
		for _, name := range sortedNames(r.groups) {
			g := r.groups[name]
			listed := listedGroup{Region: r.name, Name: g.name, Retention: g.retention, Bytes: g.bytes, Streams: []listedStream{}}
			for _, name := range sortedNames(g.streams) {
				st := g.streams[name]
				listed.Streams = append(listed.Streams, listedStream{st.name, len(st.events), st.last, st.ingested})
			}
			l.Groups = append(l.Groups, listed)
		}
	}
	return l
}
