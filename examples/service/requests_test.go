package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

func TestRequests(t *testing.T) {
	for _, tt := range []struct {
		name   string
		handle http.HandlerFunc
		level  string
		status float64
		took   float64
	}{
		{"nothing written", func(http.ResponseWriter, *http.Request) {}, "INFO", 200, 0},
		{"body alone", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }, "INFO", 200, 0},
		{"slow", func(http.ResponseWriter, *http.Request) { time.Sleep(1500 * time.Millisecond) }, "INFO", 200, 1.5},
		{"early hints", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusCreated)
		}, "INFO", 201, 0},
		{"client's fault", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusTeapot) }, "INFO", 418, 0},
		{"own fault", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusBadGateway) }, "ERROR", 502, 0},
		{"flushed", func(w http.ResponseWriter, _ *http.Request) { _ = http.NewResponseController(w).Flush() }, "INFO", 200, 0},
		{"panic", func(http.ResponseWriter, *http.Request) { panic("boom") }, "ERROR", 500, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				rec := httptest.NewRecorder()
				req := httptest.NewRequest("PUT", "/orders/7?secret=1", nil)
				req.Header.Set("X-Request-Id", "mine")
				logRequests(f.logger, tt.handle).ServeHTTP(rec, req)
				// The ResponseRecorder takes hints for the answer.
				if rec.Code != int(tt.status) && rec.Code != http.StatusEarlyHints || rec.Header().Get("X-Request-Id") != "mine" {
					t.Errorf("answer is %d with %v", rec.Code, rec.Header())
				}
				events := f.events(t)
				e := events[len(events)-1]
				for key, want := range map[string]any{
					"level": tt.level, "message": "request", "method": "PUT", "path": "/orders/7",
					"status": tt.status, "duration": tt.took, "request_id": "mine",
				} {
					if e[key] != want {
						t.Errorf("%s is %v, want %v", key, e[key], want)
					}
				}
			})
		})
	}
}

// After the head of an answer a panic breaks the connection. It is logged with
// where it comes from.
func TestRequestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		late := func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			panic("boom")
		}
		v := func() (v any) {
			defer func() { v = recover() }()
			logRequests(f.logger, http.HandlerFunc(late)).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			return nil
		}()
		if v != http.ErrAbortHandler {
			t.Errorf("panic is %v, want %v", v, http.ErrAbortHandler)
		}
		events := f.events(t)
		if len(events) != 3 || events[0]["message"] != "request received" {
			t.Fatalf("events are %v", events)
		}
		events = events[1:]
		if e := events[0]; e["message"] != "panic" || e["panic"] != "boom" || e["level"] != "ERROR" || !strings.Contains(e["stack"].(string), "TestRequestPanic") {
			t.Errorf("first event is %v", e)
		}
		if e := events[1]; e["message"] != "request" || e["status"] != 202. || e["request_id"] != events[0]["request_id"] {
			t.Errorf("second event is %v", e)
		}
	})
}

func TestRequestID(t *testing.T) {
	long := strings.Repeat("x", maxID)
	for id, taken := range map[string]bool{
		"mine": true, "~!": true, long: true,
		"": false, long + "x": false, "two words": false, "tab\t": false, "é": false, "\x7f": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Request-Id"] = []string{id}
		if got := idOf(r); (got == id) != taken || got == "" {
			t.Errorf("%q becomes %q", id, got)
		}
	}
	if loggerOf(t.Context()) == nil {
		t.Error("no logger without a request")
	}
}

func TestOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		for body, status := range map[string]int{
			`{"id": "A-1001", "items": 3}`: http.StatusCreated,
			`{"items": 3}`:                 http.StatusBadRequest,
			`{"id": "A-1001"}`:             http.StatusBadRequest,
			`[]`:                           http.StatusBadRequest,
			``:                             http.StatusBadRequest,
			`{"id": "` + strings.Repeat("x", maxOrder): http.StatusBadRequest,
		} {
			rec := httptest.NewRecorder()
			f.ServeHTTP(rec, httptest.NewRequest("POST", "/orders", strings.NewReader(body)))
			if rec.Code != status {
				t.Errorf("%.50s: %d %s, want %d", body, rec.Code, rec.Body, status)
			}
		}
		// Nobody scrapes his way into the log.
		f.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil))
		count := make(map[any]int)
		for _, e := range f.events(t) {
			count[e["message"]]++
		}
		if len(count) != 3 || count["order placed"] != 1 || count["order refused"] != 5 || count["request"] != 6 {
			t.Errorf("events are %v", count)
		}
	})
}

func TestLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		do := func(method, path, body string) string {
			req := httptest.NewRequest(method, path, strings.NewReader(body))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			rec := httptest.NewRecorder()
			f.ServeHTTP(rec, req)
			return strings.TrimSpace(rec.Body.String())
		}
		var want []string
		for _, tt := range []struct {
			level  string
			logged []string
		}{
			{"info", []string{"order placed", "request"}},
			{"debug", []string{"request received", "order read", "item taken", "item taken", "item taken", "order placed", "request"}},
			{"error", nil},
			{"info", []string{"order placed", "request"}},
		} {
			if got := do("PUT", "/log/level", "level="+tt.level); got != `{"level":"`+tt.level+`"}` {
				t.Errorf("level %s: %s", tt.level, got)
			}
			do("POST", "/orders", `{"id": "A-1001", "items": 3}`)
			want = append(want, tt.logged...)
		}
		if got := do("PUT", "/log/level", "level=loud"); !strings.Contains(got, "error") || f.level.Level() != zap.InfoLevel {
			t.Errorf("level loud: %s, and the level is %s", got, f.level)
		}
		events := f.events(t)
		if len(events) != len(want) {
			t.Fatalf("events are %v, want %q", events, want)
		}
		for i, e := range events {
			if e["message"] != want[i] {
				t.Errorf("event %d is %v, want %s", i, e, want[i])
			}
		}
	})
}
