package cwlambda

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// newExtension is one that hears nothing by itself.
func newExtension(f *function) *extension {
	f.ext = new(extension)
	return f.ext
}

// The response does not wait for the flush; the extension does.
func TestAfterResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newDouble()
		ext := newExtension(f)
		d.set(time.Second, false)
		for _, first := range []string{"extension", "function"} {
			ctx, cancel := invocationContext(t, "r-1", time.Minute)
			begin := time.Now()
			waited := make(chan time.Duration)
			wait := func() {
				if !ext.await("r-1") {
					t.Error("the extension did not wait")
				}
				waited <- time.Since(begin)
			}
			if first == "extension" {
				go wait()
				synctest.Wait()
			}
			_, _ = f.invoke(ctx, func(context.Context) (any, error) { return nil, nil })
			if took := time.Since(begin); took != 0 {
				t.Errorf("the function took %s, want no time", took)
			}
			if first == "function" {
				go wait()
			}
			if took := <-waited; took != time.Second {
				t.Errorf("the extension waited %s, want the time of the flush", took)
			}
			cancel()
		}
		if n, _ := d.counts(); n != 2 {
			t.Errorf("%d drains, want one an invocation", n)
		}
	})
}

// Errors are flushed before they are reported.
func TestErrorBeforeResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newDouble()
		ext := newExtension(f)
		d.set(time.Second, false)
		ctx, cancel := invocationContext(t, "r-1", time.Minute)
		defer cancel()
		begin := time.Now()
		_, _ = f.invoke(ctx, func(context.Context) (any, error) { return nil, errDark })
		if took := time.Since(begin); took != time.Second {
			t.Errorf("took %s, want the time of the flush", took)
		}
		if !ext.await("r-1") {
			t.Error("the extension did not wait")
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("the extension waited for %s, want for nothing more", took)
		}
	})
}

// An extension that hears of an invocation that does not begin gives up, and one
// that begins afterwards flushes for itself.
func TestLateBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newDouble()
		ext := newExtension(f)
		d.set(time.Second, false)
		begin := time.Now()
		if ext.await("r-1") {
			t.Error("it waited to the end of what never began")
		}
		if took := time.Since(begin); took != beginTime {
			t.Errorf("it waited %s, want %s", took, beginTime)
		}
		if extra := invocations(t, f, 1, time.Minute)[0]; extra != time.Second {
			t.Errorf("took %s more, want the flush before the response", extra)
		}
	})
}

func TestRegistration(t *testing.T) {
	for _, test := range []struct {
		name    string
		serve   http.HandlerFunc
		warning string
	}{
		{"refused", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"errorType":"Extension.RegistrationClosed"}`)
		}, `register extension zapcw: status 403 Forbidden: {"errorType":"Extension.RegistrationClosed"}`},
		{"refused without a word", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
		}, "register extension zapcw: status 500 Internal Server Error: no text"},
		{"ends", func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			body, _ := io.ReadAll(r.Body)
			if string(body) != `{"events":["INVOKE"]}` || r.Header.Get("Lambda-Extension-Name") != "zapcw" {
				t.Errorf("registered is %s by %q", body, r.Header.Get("Lambda-Extension-Name"))
			}
			w.Header().Set("Lambda-Extension-Identifier", "7a3b")
		}, "wait for the next event as extension zapcw: status 500 Internal Server Error: no text"},
		{"no JSON", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "bye")
		}, "wait for the next event as extension zapcw: invalid character 'b' looking for beginning of value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			web := httptest.NewServer(test.serve)
			defer web.Close()
			t.Setenv(runtimeAPI, strings.TrimPrefix(web.URL, "http://"))
			core, logs := observer.New(zap.InfoLevel)
			told := make(chan struct{}, 1)
			logger := zap.New(core, zap.Hooks(func(e zapcore.Entry) error { told <- struct{}{}; return nil }))
			f := newFunction(logger, []Option{AfterResponse()})
			<-told
			if all := logs.All(); len(all) != 1 || all[0].Level != zap.WarnLevel || all[0].ContextMap()["error"] != test.warning {
				t.Errorf("logged is %v, want a warning: %s", all, test.warning)
			}
			// It is as without the option.
			d := new(double)
			f.out = &outputs{streams: []*output{{drainer: d}}}
			invocations(t, f, 1, time.Minute)
			if n, _ := d.counts(); n != 1 {
				t.Errorf("%d drains before the response, want 1", n)
			}
			if f.ext != nil {
				f.ext.client.CloseIdleConnections()
			}
		})
	}
	t.Run("not in Lambda", func(t *testing.T) {
		t.Setenv(runtimeAPI, "")
		if f := newFunction(nil, []Option{AfterResponse()}); f.ext != nil {
			t.Error("there is an extension, want none")
		}
	})
	t.Run("no address", func(t *testing.T) {
		if _, err := register("\x00"); err == nil {
			t.Error("no error")
		}
	})
}
