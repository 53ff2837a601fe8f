package zapcw_test

import (
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// Every event is in one of the sums. What is alarming is in two of them.
func ExampleStats() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Fallback: zapcore.AddSync(io.Discard)}
	log := zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.InfoLevel))

	log.Info("delivered")
	_ = s.Sync()
	srv.Fail(cwltest.Deny("logs:PutLogEvents"))
	log.Info("spilled")
	_ = s.Sync()
	log.Info("pending")

	st := s.Stats()
	fmt.Println(st.Accepted == st.Delivered+st.Rejected+st.Spilled+st.Pending, st.Accepted, st.PendingBytes)
	fmt.Println("alarm:", st.Rejected > 0 || st.Spilled > 0)
	fmt.Println("puts:", st.Attempts, st.Puts, st.BytesSent, "bytes")
	fmt.Println("last:", st.LastDelivery.Before(st.LastErrorTime), st.LastError != nil)
	srv.Heal()
	_ = s.Close()
	// Output:
	// true 3 24
	// alarm: true
	// puts: 3 1 35 bytes
	// last: true true
}

// Why events are on the Fallback although the service was there.
func ExampleRejections() {
	var srv cwltest.Server
	defer srv.Close()
	srv.Fail(cwltest.Poison(func(e cwltest.Event) bool { return e.Message == "bad" }))
	s := &zapcw.Syncer{
		Client: srv.Client(), Group: "/acme/prod", Stream: "orders",
		Retention: 7, Fallback: zapcore.AddSync(io.Discard),
	}
	core := zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.InfoLevel)
	const day = 24 * time.Hour
	for _, e := range []struct {
		msg string
		age time.Duration
	}{{"good", 0}, {"bad", 0}, {"last month", 30 * day}, {"last week", 8 * day}, {"tomorrow", -day}} {
		_ = core.Write(zapcore.Entry{Time: time.Now().Add(-e.age), Message: e.msg}, nil)
		_ = s.Sync()
	}
	r := s.Stats().RejectedAs
	fmt.Println(r.TooOld, r.Expired, r.TooNew, r.Invalid)
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	// Output:
	// 1 1 1 1
	// [good]
}

// Why events are on the Fallback that the service did not see.
func ExampleSpills() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{
		Client: srv.Client(), Group: "/acme/prod", Stream: "orders",
		MaxPending: 100, Timeout: 50 * time.Millisecond, Fallback: zapcore.AddSync(io.Discard),
	}
	fmt.Fprintf(s, "%100s", "too large for MaxPending")

	srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
	fmt.Fprint(s, "out of time")
	_ = s.Sync()

	srv.Heal()
	srv.Fail(cwltest.Deny("logs:PutLogEvents"))
	fmt.Fprint(s, "refused")
	_ = s.Close()
	_, _ = fmt.Fprint(s, "after Close")

	n := s.Stats().SpilledAs
	fmt.Println(n.Full, n.Late, n.Refused, n.AfterClose, n.Unusable)

	var zero zapcw.Syncer // has no Client
	zero.Fallback = zapcore.AddSync(io.Discard)
	fmt.Fprint(&zero, "nowhere to go")
	fmt.Println(zero.Stats().SpilledAs.Unusable, zero.Sync())
	// Output:
	// 1 1 1 1 0
	// 1 sync: 1 event is on the fallback: syncer for "", "": no Client: want a *cloudwatchlogs.Client
}
