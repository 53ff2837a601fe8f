package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/zapcw/cwltest"
)

// probe checks the health every ten seconds for d, as a monitor would, and
// returns the last answer.
func (f *fixture) probe(d time.Duration) (status int, text string) {
	for end := time.Now().Add(d); ; time.Sleep(10 * time.Second) {
		rec := httptest.NewRecorder()
		f.ServeHTTP(rec, httptest.NewRequest("GET", "/healthz", nil))
		if !time.Now().Before(end) {
			return rec.Code, rec.Body.String()
		}
	}
}

func TestHealth(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault cwltest.Fault
		want  []string
	}{
		{
			"down", cwltest.Fault{Code: "ServiceUnavailableException"},
			[]string{"nothing was delivered for 3m0s: 1 events pending, 0 on the fallback: put 1 event to /acme/prod/orders: ", "ServiceUnavailableException"},
		},
		{
			"black hole", cwltest.Fault{Break: cwltest.BlackHole},
			[]string{"nothing was delivered for 3m0s: 1 events pending, 0 on the fallback: ", "no answer in "},
		},
		{
			"no right", cwltest.Deny("PutLogEvents"),
			[]string{"nothing was delivered for 3m0s: 0 events pending, 1 on the fallback: ", "AccessDeniedException"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				if status, text := f.probe(time.Hour); status != 200 || text != "ok\n" {
					t.Fatalf("before the first event: %d %s", status, text)
				}
				f.logger.Info("first")
				if err := f.logger.Sync(); err != nil {
					t.Fatal(err)
				}
				if status, text := f.probe(time.Hour); status != 200 {
					t.Fatalf("after an hour in which nothing was logged: %d %s", status, text)
				}

				remove := f.srv.Fail(tt.fault)
				f.logger.Info("second")
				if status, text := f.probe(f.patience - 10*time.Second); status != 200 {
					t.Fatalf("before patience is over: %d %s", status, text)
				}
				time.Sleep(10 * time.Second)
				status, text := f.probe(0)
				if status != 503 {
					t.Fatalf("after %s without a delivery: %d %s", f.patience, status, text)
				}
				for _, want := range tt.want {
					if !strings.Contains(text, want) {
						t.Errorf("reason is %s, want %s", text, want)
					}
				}
				// Nobody logs but the check itself.
				remove()
				if status, text := f.probe(3 * time.Minute); status != 200 {
					t.Errorf("after the end of the fault: %d %s", status, text)
				}
			})
		})
	}
}

// Events that wait as long as they may are no fault, however many checks see
// some of them.
func TestHealthSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		for range 600 {
			f.logger.Info("one every second")
			if status, text := f.probe(0); status != 200 {
				t.Fatal(status, text)
			}
			time.Sleep(time.Second)
		}
		for range 600 {
			f.logger.Info("one every 50 seconds: pending at each check")
			time.Sleep(50 * time.Second)
			if status, text := f.probe(0); status != 200 {
				t.Fatal(status, text)
			}
		}
	})
}

// Less than patience is no fault.
func TestHealthPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.srv.Fail(cwltest.Fault{Code: "ServiceUnavailableException", For: f.patience - 40*time.Second})
		f.logger.Info("late")
		for range 60 {
			if status, text := f.probe(0); status != 200 {
				t.Fatal(status, text)
			}
			time.Sleep(10 * time.Second)
		}
		if st := f.out.Stats(); st.Delivered != 1 || st.LastError == nil {
			t.Errorf("%+v", st)
		}
	})
}
