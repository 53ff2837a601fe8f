package zapcw_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// Every field but the first three has a default that suits most programs.
func ExampleSyncer() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{
		Client: srv.Client(), // cloudwatchlogs.NewFromConfig(cfg)
		Group:  "/acme/prod",
		Stream: "orders",

		MaxEvents:     100,
		MaxAge:        5 * time.Second,
		MaxPending:    64 << 20,
		WhenFull:      zapcw.Spill,
		MaxEventBytes: 262_144, // partitions like aws-cn
		Concurrency:   2,
		Compress:      true, // for thin links
		Timeout:       3 * time.Second,
		Fallback:      zapcore.Lock(os.Stderr),
		Entity:        &zapcw.Entity{Service: "orders", Environment: "prod"},
	}
	defer s.Close()
	fmt.Fprintln(s, "hello")
	fmt.Println(s.Sync(), srv.Messages("/acme/prod", "orders"))
	// Output: <nil> [hello]
}

// A Syncer also takes lines, from one of zap's own cores for example. NewCore is
// better: it keeps the time and level of each entry.
func ExampleSyncer_Write() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()

	cfg := zap.NewProductionEncoderConfig()
	cfg.TimeKey = "" // for the sake of the output below
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(cfg), s, zap.InfoLevel))
	log.Info("order placed", zap.Int("items", 3))
	_ = log.Sync()
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	// Output: [{"level":"info","msg":"order placed","items":3}]
}

// Check finds a missing or invalid field before the first event.
func ExampleSyncer_Check() {
	s := &zapcw.Syncer{Client: new(cloudwatchlogs.Client), Group: "/acme/prod", Stream: "orders:eu"}
	fmt.Println(s.Check())
	// Output: syncer for group "/acme/prod": Stream "orders:eu": want UTF-8 without : and *
}

// Sync returns an error if events could not be delivered. They are on the Fallback.
func ExampleSyncer_Sync() {
	var srv cwltest.Server
	defer srv.Close()
	srv.Fail(cwltest.Fault{Break: cwltest.BlackHole}) // it never answers
	var fallback strings.Builder
	s := &zapcw.Syncer{
		Client: srv.Client(), Group: "/acme/prod", Stream: "orders",
		Timeout: 50 * time.Millisecond, Fallback: zapcore.AddSync(&fallback),
	}
	defer s.Close()

	fmt.Fprintln(s, "order placed")
	err := s.Sync()
	text, _, _ := strings.Cut(err.Error(), ": context deadline exceeded") // and words of the SDK
	fmt.Println(errors.Is(err, context.DeadlineExceeded), text)
	fmt.Println(strings.HasPrefix(fallback.String(), "zapcw: put events to /acme/prod/orders: "))
	fmt.Println(strings.HasSuffix(fallback.String(), "\norder placed\n"))
	// Output:
	// true sync /acme/prod/orders: 1 event is on the fallback: put events to /acme/prod/orders: the Timeout of 50ms is exceeded
	// true
	// true
}

// Close is the last Sync. Events that are logged later are not lost either.
func ExampleSyncer_Close() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Fallback: zapcw.Stdout()}
	fmt.Fprintln(s, "in time")
	fmt.Println(s.Close(), srv.Messages("/acme/prod", "orders"))
	_, err := fmt.Fprintln(s, "too late")
	fmt.Println(errors.Is(err, os.ErrClosed))
	// Output:
	// <nil> [in time]
	// zapcw: write to /acme/prod/orders after Close: file already closed: not delivered, and written below; close the Syncer last
	// too late
	// true
}

// A missing group is created, here with a retention, a key and tags. An existing
// group is left as it is.
func ExampleSyncer_newGroup() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{
		Client: srv.Client(), Group: "/acme/prod", Stream: "orders",
		Retention: 30,
		NewGroup: func(in *cloudwatchlogs.CreateLogGroupInput) {
			in.KmsKeyId = aws.String("arn:aws:kms:us-east-1:123456789012:key/4711")
			in.Tags = map[string]string{"team": "orders"}
			in.LogGroupClass = types.LogGroupClassInfrequentAccess
		},
	}
	fmt.Fprintln(s, "the first")
	_ = s.Close()

	out, err := srv.Client().DescribeLogGroups(context.Background(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, g := range out.LogGroups {
		fmt.Println(*g.LogGroupName, *g.RetentionInDays, "days", g.LogGroupClass)
	}
	// Output: /acme/prod 30 days INFREQUENT_ACCESS
}

// When CloudWatch is back, a notice in the stream says which events are missing.
func ExampleSyncer_gap() {
	var srv cwltest.Server
	defer srv.Close()
	var fallback bytes.Buffer
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Fallback: zapcore.AddSync(&fallback)}
	log := zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.InfoLevel))

	srv.Fail(cwltest.Deny("logs:PutLogEvents"))
	log.Info("not in the stream")
	log.Error("nor this")
	fmt.Println(s.Sync() != nil, strings.Contains(fallback.String(), "\nnot in the stream\nnor this\n"))

	srv.Heal()
	log.Info("in the stream")
	_ = s.Close()
	for _, m := range srv.Messages("/acme/prod", "orders") {
		m, _, _ = strings.Cut(m, ", from ") // and a time
		fmt.Println(m)
	}
	// Output:
	// true true
	// zapcw: 2 events went to the writer's fallback instead of here: 1 INFO, 1 ERROR
	// in the stream
}

// A stream for each day. An entry of yesterday goes to yesterday's.
func ExampleSyncer_date() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders-{date}"}
	core := zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.InfoLevel)
	today := time.Now().UTC()
	yesterday := today.AddDate(0, 0, -1)
	_ = core.Write(zapcore.Entry{Time: today, Message: "order placed"}, nil)
	_ = core.Write(zapcore.Entry{Time: yesterday, Message: "import done"}, nil)
	_ = s.Close()
	for _, day := range []time.Time{yesterday, today} {
		fmt.Println(srv.Messages("/acme/prod", "orders-"+day.Format(time.DateOnly)))
	}
	// Output:
	// [import done]
	// [order placed]
}

// An entry that is too long for one event is split between characters. The default
// limit is that of the service: 1 MiB.
func ExampleSyncer_longEntry() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", MaxEventBytes: 26 + 8}
	fmt.Fprintln(s, "grüße aus Köln")
	_ = s.Close()
	for _, m := range srv.Messages("/acme/prod", "orders") {
		fmt.Printf("%q\n", m)
	}
	// Output:
	// "grüße "
	// "aus Köl"
	// "n"
}

// The clock steps back while the program logs. CloudWatch would refuse such a batch
// as a whole, so it is sorted first.
func ExampleSyncer_clock() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	core := zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.InfoLevel)
	now := time.Now()
	for i, at := range []time.Time{now, now.Add(-time.Second), now} {
		_ = core.Write(zapcore.Entry{Time: at, Message: fmt.Sprint(i)}, nil)
	}
	fmt.Println(s.Close(), srv.Messages("/acme/prod", "orders"))
	// Output: <nil> [1 0 2]
}

// If CloudWatch refuses one event, its neighbours are still delivered.
func ExampleSyncer_badEvent() {
	var srv cwltest.Server
	defer srv.Close()
	srv.Fail(cwltest.Poison(func(e cwltest.Event) bool { return e.Message == "bad" }))
	var fallback bytes.Buffer
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Fallback: zapcore.AddSync(&fallback)}
	for _, line := range []string{"one", "two", "bad", "four"} {
		fmt.Fprintln(s, line)
	}
	_ = s.Close()
	fmt.Println(srv.Messages("/acme/prod", "orders"))
	_, events, _ := strings.Cut(fallback.String(), "\n") // the first line says why
	fmt.Print(events)
	// Output:
	// [one two four]
	// bad
}

// With Spill nobody waits when the memory is full: new events go to the Fallback.
// The last eighth of the memory is kept for errors. With Block the caller waits.
func ExampleOverflow() {
	var srv cwltest.Server
	defer srv.Close()
	var fallback bytes.Buffer
	s := &zapcw.Syncer{
		Client: srv.Client(), Group: "/acme/prod", Stream: "orders",
		MaxPending: 1000, WhenFull: zapcw.Spill, Fallback: zapcore.AddSync(&fallback),
	}
	log := zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.InfoLevel))
	log.Info(strings.Repeat("x", 850))
	log.Info("does not fit")
	log.Error("fits")
	_ = s.Close()
	st := s.Stats()
	fmt.Println(st.Delivered, st.Spilled, strings.HasSuffix(fallback.String(), "\ndoes not fit\n"))

	s = &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", MaxPending: 1000, WhenFull: zapcw.Block}
	for range 1000 {
		fmt.Fprintln(s, "each waits until there is room")
	}
	_ = s.Close()
	st = s.Stats()
	fmt.Println(st.Delivered, st.Spilled)
	// Output:
	// 2 1 true
	// 1000 0
}

// printer is a Client that prints what it gets.
type printer struct{ zapcw.Client }

func (printer) PutLogEvents(_ context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	for _, e := range in.LogEvents {
		fmt.Println(*in.LogStreamName, *e.Message)
	}
	return new(cloudwatchlogs.PutLogEventsOutput), nil
}

// A test may replace the SDK's client. Package cwltest does more: it behaves like the
// service.
func ExampleClient() {
	s := &zapcw.Syncer{Client: printer{}, Group: "/acme/prod", Stream: "orders"}
	fmt.Fprintln(s, "placed")
	_ = s.Close()
	// Output: orders placed
}

// Every event is counted once. Set an alarm on Rejected and Spilled.
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
	// true 3 27
	// alarm: true
	// puts: 3 1 35 bytes
	// last: true true
}

// Rejections counts, by reason, the events that the service refused.
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

// Spills counts, by reason, the events that could not be delivered.
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
