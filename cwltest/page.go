package cwltest

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// pageFiles is the page: HTML, CSS and JavaScript as they are written.
//
//go:embed page
var pageFiles embed.FS

// webPage serves, on a listening server, the page that shows its streams, and what
// the page asks for.
type webPage struct {
	server *Server
	guard  guard
	mux    *http.ServeMux
}

var _ http.Handler = (*webPage)(nil)

func newPage(s *Server, g guard) *webPage {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the name is a good one
	}
	p := &webPage{server: s, guard: g, mux: http.NewServeMux()}
	assets := http.FileServerFS(files)
	p.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		assets.ServeHTTP(w, r)
	})
	p.mux.HandleFunc("GET /page/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		http.StripPrefix("/page", assets).ServeHTTP(w, r)
	})
	p.mux.HandleFunc("GET /page/events", p.events)
	p.mux.HandleFunc("GET /page/event", p.event)
	p.mux.HandleFunc("GET /page/tail", p.tail)
	return p
}

// ServeHTTP serves the page to those who ask for it and leaves the rest to the
// API. Browsers get neither unless they ask from the page itself.
func (p *webPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := p.guard.check(r); err != nil {
		http.Error(w, "cwltest: "+err.Error(), http.StatusForbidden)
		return
	}
	if p.server.NoPage || r.Method != http.MethodGet && r.Method != http.MethodHead {
		p.server.ServeHTTP(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	p.mux.ServeHTTP(w, r)
}

// events answers with a window of a stream's events, those that pass the
// filter.
func (p *webPage) events(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	st, events := p.server.snapshot(q.Get("region"), q.Get("group"), q.Get("stream"))
	if st == nil {
		http.Error(w, "no such stream", http.StatusNotFound)
		return
	}
	f, hint := filterOf(q)
	window := windowSize{
		from:    atoi(q, "from", -1),
		n:       min(max(atoi(q, "n", 200), 0), maxWindow),
		buckets: min(max(atoi(q, "buckets", 0), 0), maxBuckets),
	}
	if at, ok := parseID(q.Get("at")); ok {
		window.at = &at
	}
	out := st.shown.window(events, f, window)
	out.Hint = hint
	writeJSON(w, out)
}

// event answers with the whole of one event.
func (p *webPage) event(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	st, events := p.server.snapshot(q.Get("region"), q.Get("group"), q.Get("stream"))
	at, ok := parseID(q.Get("id"))
	if st == nil || !ok {
		http.Error(w, "no such stream", http.StatusNotFound)
		return
	}
	if e := find(events, at); e != nil {
		writeJSON(w, shown(e, len(e.Message)))
		return
	}
	http.Error(w, "no such event", http.StatusNotFound)
}

// snapshot returns a stream and its events in order, which can be read without
// a lock, or nil.
func (s *Server) snapshot(region, group, stream string) (*stream, []entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.regions[region]
	if r == nil || r.groups[group] == nil || r.groups[group].streams[stream] == nil {
		return nil, nil
	}
	st := r.groups[group].streams[stream]
	return st, st.sorted()
}

// filterOf reads a filter. Text that looks like a pattern and is none is
// searched for as it is. The hint is that of textMatcher.
func filterOf(q url.Values) (f viewFilter, hint string) {
	f.levels = parseLevels(q.Get("levels"))
	f.without = strings.Join(q["no"], "\n")
	f.text = strings.TrimSpace(q.Get("q"))
	_, hint = textMatcher(f.text)
	return f, hint
}

func writeJSON(w http.ResponseWriter, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // a browser that is gone is none of our business
}

func atoi(q url.Values, name string, otherwise int) int {
	if n, err := strconv.Atoi(q.Get(name)); err == nil {
		return n
	}
	return otherwise
}
