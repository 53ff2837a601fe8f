package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
)

// headerID has the id of a request, in both directions.
const headerID = "X-Request-Id"

// maxID is the length of the longest id that is taken from a client.
const maxID = 64

// slow is the duration from which on all entries of a request are sent.
const slow = time.Second

// logRequests logs each request after next has handled it: at ErrorLevel if the
// status is 500 or more, and at InfoLevel otherwise. A panic is logged too; the
// client gets a status of 500, or a broken connection if it already has the head of
// a response.
//
// What a request logs at DebugLevel stays in its scope. It is sent if something
// is logged at ErrorLevel, or the request was slow.
func logRequests(logger *zap.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := idOf(r)
		w.Header().Set(headerID, id)
		logger := logger.With(zapcw.Scope(), zap.String("request_id", id))
		logger.Debug("request received", zap.String("host", r.Host), zap.String("agent", r.UserAgent()), zap.Int64("bytes", r.ContentLength))
		rec := &recorder{ResponseWriter: w}
		begun := time.Now()
		defer func() {
			v := recover()
			err, _ := v.(error)
			if v != nil && !errors.Is(err, http.ErrAbortHandler) {
				logger.Error("panic", zap.Any("panic", v), zap.Stack("stack"))
				if rec.status == 0 {
					http.Error(rec, "internal server error", http.StatusInternalServerError)
					v = nil
				}
			}
			level := zapcore.InfoLevel
			if rec.status >= 500 {
				level = zapcore.ErrorLevel
			}
			took, release := time.Since(begun), zap.Skip()
			if took > slow {
				release = zapcw.Release()
			}
			logger.Log(level, "request",
				zap.String("method", r.Method),
				zap.String("path", r.URL.Path),
				zap.Int("status", rec.status),
				zap.Duration("duration", took), release)
			if v != nil {
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(rec, r.WithContext(context.WithValue(r.Context(), loggerKey{}, logger)))
		if rec.status == 0 {
			rec.status = http.StatusOK // so does net/http
		}
	})
}

// loggerKey leads to a request's logger in its context.
type loggerKey struct{}

// loggerOf returns the logger that logRequests made for a request.
func loggerOf(ctx context.Context) *zap.Logger {
	if logger, ok := ctx.Value(loggerKey{}).(*zap.Logger); ok {
		return logger
	}
	return zap.NewNop()
}

// idOf returns the id that came with a request, or a new one if that id is too long
// or has unusual characters, which would be a burden to everyone who reads the log.
func idOf(r *http.Request) string {
	id := r.Header.Get(headerID)
	plain := func(c rune) bool { return c > ' ' && c <= '~' }
	if id == "" || len(id) > maxID || strings.ContainsFunc(id, func(c rune) bool { return !plain(c) }) {
		return rand.Text()
	}
	return id
}

// A recorder notes the status of an answer, 0 as long as there is none.
type recorder struct {
	http.ResponseWriter
	status int
}

var _ http.ResponseWriter = (*recorder)(nil)

// WriteHeader implements [http.ResponseWriter].
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 { // others come before the status proper
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
