package zapcw_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zapio"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// The sampler passes the first few entries with the same message in each second.
func ExampleNewCore_sampler() {
	var srv cwltest.Server // in place of the service
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())
	core := zapcore.NewSamplerWithOptions(zapcw.NewCore(enc, s, zap.InfoLevel), time.Second, 2, 0)

	log := zap.New(core)
	for i := range 1000 {
		log.Info("retry", zap.Int("n", i))
	}
	_ = log.Sync()
	for _, m := range srv.Messages("/acme/prod", "orders") {
		fmt.Println(m)
	}
	// Output:
	// INFO: checkout: retry	{"n": 0}
	// INFO: checkout: retry	{"n": 1}
}

// A hook counts entries by level. It runs after the Core has written the entry.
func ExampleNewCore_hooks() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())

	counts := map[zapcore.Level]int{}
	log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel), zap.Hooks(func(ent zapcore.Entry) error {
		counts[ent.Level]++
		return nil
	}))
	log.Info("placed")
	log.Error("declined")
	log.Error("declined")
	fmt.Println(counts)
	// Output: map[info:1 error:2]
}

// Expensive fields are encoded with the first entry that is logged. A Flush among
// them applies to every entry.
func ExampleNewCore_withLazy() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())
	log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel))

	audit := log.WithLazy(zap.Strings("items", []string{"tea", "cup"}), zapcw.Flush())
	audit.Info("paid") // is delivered when the call returns
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	// Output: [INFO: checkout: paid	{"items": ["tea", "cup"]}]
}

// One part of the program logs less than the rest.
func ExampleNewCore_increaseLevel() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())
	log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel))

	cache := log.Named("cache").WithOptions(zap.IncreaseLevel(zap.ErrorLevel))
	cache.Info("miss")
	cache.Error("away")
	log.Info("placed")
	_ = log.Sync()
	for _, m := range srv.Messages("/acme/prod", "orders") {
		fmt.Println(m)
	}
	// Output:
	// ERROR: checkout: away
	// INFO: checkout: placed
}

// All entries go to one stream, and errors also to another. Sync returns the errors
// of both.
func ExampleNewCore_twoStreams() {
	var srv cwltest.Server
	defer srv.Close()
	all := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	errs := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "errors"}
	defer all.Close()
	defer errs.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())

	log := zap.New(zapcore.NewTee(zapcw.NewCore(enc, all, zap.InfoLevel), zapcw.NewCore(enc, errs, zap.ErrorLevel)))
	log.Info("placed")
	log.Error("declined")
	fmt.Println(log.Sync())
	fmt.Println(len(srv.Messages("/acme/prod", "orders")), len(srv.Messages("/acme/prod", "errors")))
	// Output:
	// <nil>
	// 2 1
}

// The hook that ends the process runs after the entry, and everything before it, was
// delivered.
func ExampleNewCore_fatalHook() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())

	log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel), zap.WithFatalHook(zapcore.WriteThenPanic))
	defer func() {
		fmt.Println(recover())
		fmt.Println(srv.Messages("/acme/prod", "orders"))
	}()
	log.Fatal("no database")
	// Output:
	// no database
	// [CRITICAL: checkout: no database]
}

// goodbye is a hook that does not panic.
type goodbye struct{}

func (goodbye) OnWrite(ce *zapcore.CheckedEntry, _ []zapcore.Field) { fmt.Println("ends:", ce.Message) }

// A hook replaces the panic.
func ExampleNewCore_panicHook() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())

	log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel), zap.WithPanicHook(goodbye{}))
	log.Panic("no database")
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	// Output:
	// ends: no database
	// [CRITICAL: checkout: no database]
}

// In development DPanic panics, but only after the entry was delivered.
func ExampleNewCore_development() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())

	log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel), zap.Development())
	defer func() {
		fmt.Println(recover(), srv.Messages("/acme/prod", "orders"))
	}()
	log.DPanic("negative price")
	// Output: negative price [CRITICAL: checkout: negative price]
}

// The level is changed over HTTP while the program runs.
func ExampleNewCore_atomicLevel() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())

	level := zap.NewAtomicLevel() // serve it with http.Handle("/level", level)
	log := zap.New(zapcw.NewCore(enc, s, level))
	log.Debug("not yet")
	level.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPut, "/level", strings.NewReader(`{"level": "debug"}`)))
	log.Debug("now")
	_ = log.Sync()
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	// Output: [DEBUG: checkout: now]
}

// Lines from a writer, such as a child process, become entries.
func ExampleNewCore_zapio() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())
	log := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel))

	w := &zapio.Writer{Log: log, Level: zap.WarnLevel} // as the Stderr of an exec.Cmd
	fmt.Fprint(w, "one line\nanother")
	_ = w.Close() // the last line has no end
	_ = log.Sync()
	for _, m := range srv.Messages("/acme/prod", "orders") {
		fmt.Println(m)
	}
	// Output:
	// WARNING: checkout: one line
	// WARNING: checkout: another
}

// Output of the standard library's logger goes to the stream too. Its Fatal ends the
// process before anything is sent: use zap's instead.
func ExampleNewCore_redirectStdLog() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())
	logger := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel))

	restore := zap.RedirectStdLog(logger)
	defer restore()
	log.Print("from a package that knows no zap")
	_ = logger.Sync()
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	// Output: [INFO: checkout: from a package that knows no zap]
}

// The ErrorLog of an http.Server is a logger of the standard library.
func ExampleNewCore_stdLog() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("checkout", zapcw.ShortPrefix, zapcw.NewEncoderConfig())
	logger := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel))

	errorLog, err := zap.NewStdLogAt(logger, zap.ErrorLevel)
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &http.Server{ErrorLog: errorLog}
	server.ErrorLog.Print("http: TLS handshake error")
	_ = logger.Sync()
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	// Output: [ERROR: checkout: http: TLS handshake error]
}
