package cwltest_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
)

// browser asks a listening server as a browser does.
type browser struct {
	t      *testing.T
	url    string
	client *http.Client
}

func newBrowser(t *testing.T, s *cwltest.Server) *browser {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t, s.URL(), &http.Client{Transport: transport}}
}

// do returns the status and the body. Headers are name, value, name, value.
func (b *browser) do(method, path string, header ...string) (*http.Response, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(body)
}

type shownEvent struct {
	ID         string
	T          int64
	L, F, C, M string
	H, Size    int
}

type shownWindow struct {
	Total, Matched, From, At int
	Events                   []shownEvent
	Levels                   map[string]int
	Functions                []struct {
		Name string
		N    int
	}
	Histogram *struct {
		From, To int64
		Counts   [][4]int
	}
	Hint string
}

// events asks for a window. The query is name, value, name, value.
func (b *browser) events(query ...string) shownWindow {
	b.t.Helper()
	q := url.Values{"region": {"us-east-1"}, "group": {group}, "stream": {stream}}
	for i := 0; i < len(query); i += 2 {
		q.Add(query[i], query[i+1])
	}
	resp, body := b.do("GET", "/page/events?"+q.Encode())
	if resp.StatusCode != 200 {
		b.t.Fatal(resp.Status, body)
	}
	var w shownWindow
	if err := json.Unmarshal([]byte(body), &w); err != nil {
		b.t.Fatal(err)
	}
	return w
}

func (w shownWindow) texts() string {
	var texts []string
	for _, e := range w.Events {
		texts = append(texts, e.M)
	}
	return strings.Join(texts, "|")
}

// The page is complete: what it names is there, and nothing of it is elsewhere or
// made of text.
func TestPageFiles(t *testing.T) {
	b := newBrowser(t, cwltest.NewServer(t))
	resp, body := b.do("GET", "/")
	if resp.StatusCode != 200 || !strings.Contains(body, "<title>zapcw</title>") {
		t.Fatal(resp.Status, body)
	}
	if got := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'") {
		t.Error(got)
	}
	files, err := fs.ReadDir(os.DirFS("."), "page")
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	text := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|setHTML`)
	outside := regexp.MustCompile(`(?:src|href|url|import|from|fetch)[\s=("']+(?:https?:)?//`)
	for _, f := range files {
		resp, body := b.do("GET", "/page/"+f.Name())
		if resp.StatusCode != 200 && f.Name() != "index.html" {
			t.Errorf("%s: %s", f.Name(), resp.Status)
		}
		if found := text.FindString(body); found != "" {
			t.Errorf("%s makes markup of text: %s", f.Name(), found)
		}
		if found := outside.FindString(body); found != "" {
			t.Errorf("%s needs something from elsewhere: %s", f.Name(), found)
		}
		if lines := strings.Count(body, "\n"); lines > 350 {
			t.Errorf("%s has %d lines", f.Name(), lines)
		}
		known["/page/"+f.Name()] = true
	}
	for _, name := range regexp.MustCompile(`/page/[a-z]+\.[a-z]+`).FindAllString(body, -1) {
		if !known[name] {
			t.Errorf("the page names %s, which is not there", name)
		}
	}
	if resp, _ := b.do("HEAD", "/"); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	if resp, _ := b.do("GET", "/page/nothing.js"); resp.StatusCode != 404 {
		t.Error(resp.Status)
	}
}

func TestNoPage(t *testing.T) {
	s := cwltest.NewServer(t)
	s.NoPage = true
	s.CreateStream(group, stream)
	b := newBrowser(t, s)
	for _, path := range []string{"/", "/page/app.js", "/page/events?region=us-east-1&group=" + group + "&stream=" + stream} {
		if resp, body := b.do("GET", path); resp.StatusCode != 404 {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	wantCode(t, putNow(t, s.Client(once, loopback(s)), "a"), "")
}

// No web page but its own reads what is logged here.
func TestPageOrigins(t *testing.T) {
	s := cwltest.NewServer(t)
	s.CreateStream(group, stream)
	wantCode(t, putNow(t, s.Client(once), "a secret"), "")
	b := newBrowser(t, s)
	host := strings.TrimPrefix(b.url, "http://")
	_, port, _ := strings.Cut(host, ":")
	data := "/page/events?region=us-east-1&group=" + url.QueryEscape(group) + "&stream=" + stream
	for _, c := range []struct {
		path   string
		header []string
		want   int
	}{
		{data, nil, 200},
		{data, []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{data, []string{"Sec-Fetch-Site", "none"}, 200},
		{data, []string{"Origin", "http://" + host}, 200},
		{data, []string{"Host", "localhost:" + port}, 200},
		{data, []string{"Host", "LOCALHOST."}, 200},
		{data, []string{"Host", "app.localhost:" + port}, 200},
		{data, []string{"Host", "[::1]:" + port}, 200},
		{data, []string{"Host", "127.1.2.3"}, 200},

		{data, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{data, []string{"Sec-Fetch-Site", "same-site"}, 403}, // another port of localhost
		{data, []string{"Sec-Fetch-Site", "anything"}, 403},
		{data, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403},
		{data, []string{"Origin", "http://evil.example"}, 403},
		{data, []string{"Origin", "null"}, 403},
		{data, []string{"Origin", "http://localhost:1"}, 403},
		{data, []string{"Host", "evil.example:" + port}, 403},
		{data, []string{"Host", "evil.example", "Origin", "http://evil.example", "Sec-Fetch-Site", "same-origin"}, 403},
		{data, []string{"Host", "localhost.evil.example"}, 403},
		{data, []string{"Host", "127.0.0.1.evil.example"}, 403},
		{data, []string{"Host", "notlocalhost"}, 403},
		{data, []string{"Host", "10.1.2.3:" + port}, 403},
		{data, []string{"Host", "0.0.0.0:" + port}, 403},
		{data, []string{"Host", " "}, 403},

		{"/", []string{"Host", "evil.example"}, 403},
		{"/", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200}, // a link
	} {
		resp, body := b.do("GET", c.path, c.header...)
		if resp.StatusCode != c.want || c.want != 200 && strings.Contains(body, "secret") {
			t.Errorf("%s %q: %s %q, want %d", c.path, c.header, resp.Status, body, c.want)
		}
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s %q: Access-Control-Allow-Origin %s", c.path, c.header, got)
		}
	}
	// Nor does one reach the API, which knows browsers by their headers only:
	// containers call it by names of their own.
	for want, header := range map[int][]string{
		403: {"Host", "evil.example", "Origin", "http://evil.example"},
		400: {"Host", "logs.test", "X-Amz-Target", "Logs_20140328.DescribeLogGroups"}, // not signed
	} {
		if resp, body := b.do("POST", "/", header...); resp.StatusCode != want {
			t.Errorf("POST %q: %s %s", header, resp.Status, body)
		}
	}
	if resp, body := b.do("OPTIONS", "/", "Origin", "http://evil.example", "Access-Control-Request-Method", "POST"); resp.StatusCode != 403 {
		t.Error(resp.Status, body)
	}
}

// A server on all addresses answers to each of them, and to no other name.
func TestPageOnAllAddresses(t *testing.T) {
	s := cwltest.NewServer(t)
	if err := s.Listen(":0"); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, s)
	_, port, _ := strings.Cut(strings.TrimPrefix(b.url, "http://[::]"), ":")
	b.url = "http://127.0.0.1:" + port
	for host, want := range map[string]int{"192.0.2.1:" + port: 200, "localhost": 200, "[2001:db8::1]": 200, "evil.example": 403} {
		if resp, body := b.do("GET", "/", "Host", host); resp.StatusCode != want {
			t.Errorf("%s: %s %s", host, resp.Status, body)
		}
	}
}

func TestPageWindows(t *testing.T) {
	s := cwltest.NewServer(t)
	s.CreateStream(group, stream)
	c := s.Client(once)
	const n = 2000
	first := fill(t, c, n)
	b := newBrowser(t, s)
	w := b.events("n", "3")
	if w.Total != n || w.Matched != n || w.From != n-3 || w.texts() != "1997|1998|1999" || w.At != -1 {
		t.Errorf("the end: %+v", w)
	}
	if w = b.events("n", "2", "from", "7"); w.From != 7 || w.texts() != "7|8" {
		t.Errorf("from 7: %+v", w)
	}
	if w = b.events("n", "100000", "from", "0"); len(w.Events) != 1000 {
		t.Errorf("%d events in a window", len(w.Events))
	}
	id := b.events("n", "1", "from", "1500").Events[0].ID
	if w = b.events("n", "5", "at", id); w.At != 1500 || w.From != 1498 || w.Events[w.At-w.From].ID != id {
		t.Errorf("at 1500: %+v", w)
	}
	if w = b.events("n", "5", "at", id, "q", "99"); w.texts() != "1399|1499|1599|1699|1799" || w.Events[w.At-w.From].M != "1599" {
		t.Errorf("the next that passes: %+v", w)
	}
	if w = b.events("n", "5", "q", "99", "buckets", "10"); w.Histogram == nil || w.Histogram.From != first+99 || len(w.Histogram.Counts) != 10 {
		t.Errorf("histogram: %+v", w.Histogram)
	} else {
		sum := 0
		for _, c := range w.Histogram.Counts {
			sum += c[0]
		}
		if sum != w.Matched || w.Matched != 38 {
			t.Errorf("%d events in the histogram of %d", sum, w.Matched)
		}
	}
	// What comes late stands where it belongs, in all views.
	if _, err := put(t, c, event(first+1499, "late 1499")); err != nil {
		t.Fatal(err)
	}
	if w = b.events("n", "3", "from", "1499"); w.texts() != "1499|late 1499|1500" {
		t.Errorf("late: %+v", w)
	}
	if w = b.events("n", "3", "from", "23", "q", "99"); w.texts() != "1499|late 1499|1599" || w.Matched != 39 {
		t.Errorf("late, filtered: %s of %d", w.texts(), w.Matched)
	}
	if w = b.events("n", "3", "q", "nothing like it"); w.Matched != 0 || w.Total != n+1 || len(w.Events) != 0 {
		t.Errorf("nothing: %+v", w)
	}
	for _, path := range []string{"/page/events?region=us-east-1&group=g&stream=s", "/page/event?region=us-east-1&group=g&stream=s&id=1"} {
		if resp, _ := b.do("GET", path); resp.StatusCode != 404 {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

func TestPageFacets(t *testing.T) {
	s := cwltest.NewServer(t)
	s.CreateStream(group, stream)
	const gap = "zapcw: 3 events went to the writer's fallback instead of here"
	lines := []string{
		"INFO: orders: charge: <script>alert(1)</script>\t{\"order\": 1}",
		"WARNING: payments: card is slow",
		"error: Orders: lower-case level",
		"orders: no level",
		"https://example.com is no function",
		`{"level":"ERROR","location":"payments.refuse:12","message":"refused","items":4}`,
		`{"level":"info","function":"größe","msg":"x"}`,
		`{"level":"DEBUG","location":"main.go:7"`,
		gap,
		"𝕗: " + strings.Repeat("ä", 5000),
	}
	wantCode(t, putNow(t, s.Client(once), lines...), "")
	b := newBrowser(t, s)
	w := b.events()
	var got []string
	for i, e := range w.Events {
		if i < len(lines)-1 && e.M != lines[i] {
			t.Errorf("%q, want %q", e.M, lines[i])
		}
		got = append(got, fmt.Sprintf("%s/%s/%s/%d", e.L, e.F, e.C, e.H))
	}
	if want := "INFO/orders/charge/22 WARNING/payments//19 ERROR/Orders//15 /orders//8 ///0 ERROR/payments/refuse/0 INFO/größe//0 ///0 GAP///7 /𝕗//4"; strings.Join(got, " ") != want {
		t.Errorf("%s\nwant\n%s", strings.Join(got, " "), want)
	}
	last := w.Events[len(lines)-1]
	if len(last.M) > 4<<10 || !strings.HasPrefix(lines[9], last.M) || last.Size != len(lines[9]) {
		t.Errorf("%d bytes of %d", len(last.M), last.Size)
	}
	q := url.Values{"region": {"us-east-1"}, "group": {group}, "stream": {stream}, "id": {last.ID}}
	if _, body := b.do("GET", "/page/event?"+q.Encode()); !strings.Contains(body, strings.Repeat("ä", 5000)) {
		t.Errorf("not the whole event: %d bytes", len(body))
	}
	if fmt.Sprint(w.Levels) != "map[:4 CRITICAL:0 DEBUG:0 ERROR:2 GAP:1 INFO:2 WARNING:1]" {
		t.Error(w.Levels)
	}
	for query, want := range map[string]int{
		"levels=ERROR,GAP": 3, "levels=-": 4, "levels=none": 0, "no=orders": 8, "no=orders&no=payments": 6,
		"q=orders": 3, "q=Orders": 1, "q=slow&levels=ERROR": 0, "q=GRÖSSE": 0, "q=größe": 1,
		"q={ $.items > 3 }": 1, "q={ $.items > 4 }": 0, `q={"level":"info","function":"größe","msg":"x"}`: 1, "q=%5Bcs%5Dlow%": 1,
	} {
		var pairs []string
		for part := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(part, "=")
			if value == "%5Bcs%5Dlow%" {
				value = "%[sc]low%"
			}
			pairs = append(pairs, name, value)
		}
		if w := b.events(pairs...); w.Matched != want {
			t.Errorf("%s: %d events, want %d: %s", query, w.Matched, want, w.texts())
		} else if (w.Hint != "") != strings.HasPrefix(query, `q={"`) {
			t.Errorf("%s: hint %q", query, w.Hint)
		}
	}
}

// TestPageSignedTerms reads -term and ?term as filter patterns have them, says so, and
// leaves text alone that only looks like it.
func TestPageSignedTerms(t *testing.T) {
	s := cwltest.NewServer(t)
	s.CreateStream(group, stream)
	wantCode(t, putNow(t, s.Client(once), "orders: x-ray slow", "Orders: refused -5", "payments: no level ?slow,"), "")
	b := newBrowser(t, s)
	for _, tt := range []struct {
		text string
		want int
		hint string
	}{
		{"?slow ?refused", 3, "a filter pattern: "},
		{"-orders", 2, "a filter pattern: "},
		{"-orders -Orders", 1, "a filter pattern: "},
		{`slow -"no level"`, 1, "a filter pattern: "},
		{"slow ?refused", 2, "a filter pattern: "}, // in CloudWatch ?terms mean nothing beside others
		{"-5", 1, ""},
		{"x-ray", 1, ""},
		{"?slow,", 1, "searched as text: "},
	} {
		w := b.events("q", tt.text)
		if w.Matched != tt.want || !strings.HasPrefix(w.Hint, tt.hint) || (w.Hint == "") != (tt.hint == "") {
			t.Errorf("%s: %d events, want %d; hint %q, want %q: %s", tt.text, w.Matched, tt.want, w.Hint, tt.hint, w.texts())
		}
	}
}

// sse reads server-sent events.
func sse(body io.Reader, got chan<- [2]string) {
	defer close(got)
	var name string
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = rest
		} else if rest, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			got <- [2]string{name, rest}
		}
	}
}

// The tail tells of what is new, in the stream and in the list, and ends when the
// server does.
func TestPageTail(t *testing.T) {
	s := cwltest.NewServer(t)
	b := newBrowser(t, s)
	q := url.Values{"region": {"us-east-1"}, "group": {group}, "stream": {stream}}
	resp, err := b.client.Get(b.url + "/page/tail?" + q.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got := make(chan [2]string, 100)
	go sse(resp.Body, got)
	await := func(name, part string) {
		t.Helper()
		deadline := time.After(time.Minute)
		for {
			select {
			case e, ok := <-got:
				if !ok {
					t.Fatalf("the tail ended before %s %s", name, part)
				}
				if e[0] == name && strings.Contains(e[1], part) {
					return
				}
			case <-deadline:
				t.Fatalf("no %s %s", name, part)
			}
		}
	}
	await("tail", `{"total":-1}`)
	await("list", `"region":"us-east-1"`)
	s.CreateStream(group, stream)
	await("tail", `{"total":0}`)
	await("list", `"name":"`+stream+`","events":0`)
	wantCode(t, putNow(t, s.Client(once), "a", "b"), "")
	await("tail", `{"total":2}`)
	await("list", `"name":"`+stream+`","events":2`)
	if _, err := s.Client(once).DeleteLogStream(t.Context(), &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: ptr(group), LogStreamName: ptr(stream)}); err != nil {
		t.Fatal(err)
	}
	await("tail", `{"total":-1}`)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range got {
	}
}
