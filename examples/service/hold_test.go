package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func (f *fixture) order(id string, items int) int {
	rec := httptest.NewRecorder()
	req := httptest.NewRequest("POST", "/orders", strings.NewReader(fmt.Sprintf(`{"id": %q, "items": %d}`, id, items)))
	req.Header.Set("X-Request-Id", id)
	req.Header.Set("User-Agent", "curl/8.5.0")
	f.ServeHTTP(rec, req)
	return rec.Code
}

// A request that fails has its Debug lines sent, and one that is slow. Those of
// the others stay where they are.
func TestScopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.stock.items = 6
		for _, tt := range []struct {
			id     string
			items  int
			status int
			want   []string
		}{
			{"A-1", 4, http.StatusCreated, []string{"order placed", "request"}},
			{"A-2", 3, http.StatusServiceUnavailable, []string{"request received", "order read", "order failed", "request"}},
			{"A-3", 2, http.StatusCreated, []string{"order placed", "request"}},
		} {
			if got := f.order(tt.id, tt.items); got != tt.status {
				t.Errorf("order %s: status %d, want %d", tt.id, got, tt.status)
			}
			var got []string
			for _, e := range f.events(t) {
				if e["request_id"] == tt.id {
					got = append(got, fmt.Sprint(e["message"]))
				}
			}
			if strings.Join(got, ", ") != strings.Join(tt.want, ", ") {
				t.Errorf("order %s: events are %q, want %q", tt.id, got, tt.want)
			}
		}
		wait := func(http.ResponseWriter, *http.Request) { time.Sleep(slow + time.Millisecond) }
		logRequests(f.logger, http.HandlerFunc(wait)).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		events := f.events(t)
		if e := events[len(events)-2]; e["message"] != "request received" {
			t.Errorf("the slow request has %v, want its Debug line", e)
		}
	})
}

// TestSavings sends the same orders with Debug sent at once and held, and wants
// README.md to have the difference. One order in 100 fails.
func TestSavings(t *testing.T) {
	const orders = 2_000
	sent := func(level zapcore.Level) (bytes float64) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			f.level.SetLevel(level)
			r := rand.New(rand.NewPCG(1, 2))
			for i := range orders {
				f.stock.items = 10
				items, want := 1+r.IntN(5), http.StatusCreated
				if i%100 == 0 {
					items, want = 11, http.StatusServiceUnavailable
				}
				if got := f.order(fmt.Sprintf("%08x-%04d", r.Uint32(), i), items); got != want {
					t.Fatalf("status %d, want %d", got, want)
				}
				time.Sleep(time.Millisecond)
			}
			if err := f.logger.Sync(); err != nil {
				t.Error(err)
			}
			st := f.out.Stats()
			bytes = float64(st.BytesSent)
			t.Logf("level %s: %d events, %d bytes; held %d, evicted %d", level, st.Delivered, st.BytesSent, st.Held, st.Evicted)
		})
		return bytes
	}
	debug, info, warn := sent(zap.DebugLevel), sent(zap.InfoLevel), sent(zap.WarnLevel)
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`(\d+) per cent fewer bytes than at debug, at level warn (\d+) per cent`).FindStringSubmatch(string(text))
	want := []string{fmt.Sprintf("%.0f", 100*(1-info/debug)), fmt.Sprintf("%.0f", 100*(1-warn/debug))}
	if len(said) != 3 || said[1] != want[0] || said[2] != want[1] {
		t.Errorf("README.md says %q, want %q", said, want)
	}
}
