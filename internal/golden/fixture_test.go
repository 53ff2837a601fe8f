package golden_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap/zapcore"
)

const (
	adminKey = "AKIAADMIN"
	own      = "zapcw: " // begins what zapcw says itself
)

// A fixture is a server, a logger and their clocks, in virtual time.
type fixture struct {
	c           *testCase
	srv         *cwltest.Server
	admin       *cloudwatchlogs.Client
	start, base time.Time // by the server's clock, and by the logger's
	now         time.Duration
	out         *zapcw.Syncer // nil if a Config made it
	fallback    bytes.Buffer
	refused     int
}

func newFixture(t *testing.T, c *testCase) *fixture {
	l := &fixture{c: c, srv: cwltest.NewServer(t), start: time.Now()}
	l.base = l.start.Add(time.Duration(c.Base * float64(time.Second)))
	l.admin = l.srv.Client(func(o *cloudwatchlogs.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(adminKey, "secret", "")
	})
	l.prepare(t, c.Setup)
	l.fail()
	return l
}

// prepare changes things on the server.
func (l *fixture) prepare(t *testing.T, steps []step) {
	t.Helper()
	for _, s := range steps {
		for what, arg := range s {
			var group, stream string
			var msgs []string
			if what == "group" || what == "delete_group" {
				_ = json.Unmarshal(arg, &group)
			} else if err := json.Unmarshal(arg, &[]any{&group, &stream, &msgs}); err != nil {
				t.Fatalf("%s %s: %v", what, arg, err)
			}
			switch what {
			case "group":
				_, err := l.admin.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group})
				if err != nil {
					t.Fatal(err)
				}
			case "stream":
				l.srv.CreateStream(group, stream)
			case "delete_stream":
				l.srv.DeleteStream(group, stream)
			case "delete_group":
				l.srv.DeleteGroup(group)
			case "seed":
				l.seed(t, group, stream, msgs)
			default:
				t.Fatalf("setup %q is not known", what)
			}
		}
	}
}

func (l *fixture) seed(t *testing.T, group, stream string, msgs []string) {
	t.Helper()
	var in []types.InputLogEvent
	for _, msg := range msgs {
		in = append(in, types.InputLogEvent{Message: &msg, Timestamp: aws.Int64(l.base.Add(-time.Second).UnixMilli())})
	}
	l.srv.CreateStream(group, stream)
	_, err := l.admin.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: in})
	if err != nil {
		t.Fatal(err)
	}
}

// fail puts the faults in force.
func (l *fixture) fail() {
	for _, f := range l.c.Faults {
		fault := cwltest.Fault{
			Op: f.Op, Skip: f.Skip, Times: f.times(),
			Code: f.Code, Message: f.Message, Status: f.Status, Extra: f.Extra,
			Reject: f.Merge.Rejected, Keep: f.Merge.Rejected != nil,
			Match: func(r *cwltest.Request) bool { return r.AccessKey != adminKey },
		}
		if f.Body != nil {
			fault.Status, fault.Body = cmp.Or(f.Status, http.StatusOK), string(f.Body)
		}
		if f.Drop {
			fault.Break = cwltest.ResetAfterBody
		}
		if (f.Skip > 0 || fault.Keep) && f.Op == "PutLogEvents" && !l.c.streamExists() {
			fault.Skip++ // Q1: the put that finds that there is no stream
		}
		l.srv.Fail(fault)
	}
}

// client is the one that the case has, possibly without credentials or a way to
// the server.
func (l *fixture) client() *cloudwatchlogs.Client {
	return l.srv.Client(func(o *cloudwatchlogs.Options) {
		if l.c.Endpoint != "" {
			o.HTTPClient = &http.Client{Transport: refusing{}}
		}
		if len(l.c.Unset) > 0 {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, errors.New("no credentials in the environment")
			})
		}
	})
}

// A refusing transport stands for a port on which nobody listens.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}
}

// core builds what the case is about.
func (l *fixture) core(t *testing.T) (zapcore.Core, error) {
	c := &l.c.Config
	format, err := goFormat(c.Format)
	if err != nil {
		return nil, err
	}
	for _, v := range []value{c.Group, c.Stream, c.Function} {
		if _, ok := v.str(); !ok && !v.none() {
			return nil, errKey // which does not compile
		}
	}
	to := zapcw.Destination{Group: c.Group.strOr(""), Stream: c.Stream.strOr(""), Function: c.Function.strOr(""), Format: format}
	if l.c.plain() {
		return l.plain(to)
	}
	cfg := zapcw.Config{Class: "cloud-watch"}
	if err := cfg.Decode(map[string]any{"class": "#null", "level": c.Level.decoded()}); err != nil {
		return nil, err
	}
	cfg = zapcw.Config{Class: "cloud-watch", Level: cfg.Level, CloudWatch: to}
	if c.Via == "factory" {
		class, err := goMap(c.Class)
		if err != nil {
			return nil, err
		}
		cfg.Class = ""
		if err := cfg.Decode(class); err != nil {
			return nil, err
		}
	}
	log, err := cfg.Build(t.Context(), l.client())
	if err != nil {
		return nil, err
	}
	return log.Core(), nil
}

// plain is the logger without a Config.
func (l *fixture) plain(to zapcw.Destination) (zapcore.Core, error) {
	enab, err := newThreshold(l.c.Config.Level)
	if err != nil {
		return nil, err
	}
	if to.Format == nil {
		to.Format = zapcw.StandardPrefix
	}
	l.out = &zapcw.Syncer{Client: l.client(), Group: to.Group, Stream: to.Stream, Fallback: zapcore.AddSync(&l.fallback)}
	enc := zapcw.NewPrefixEncoder(to.Function, to.Format, zapcw.NewEncoderConfig())
	return zapcw.Tee(
		zapcw.NewCore(enc, l.out, enab),
		zapcore.NewCore(enc.Clone(), zapcw.Stdout(), zapcore.Level(math.MinInt8)),
	), nil
}

// goFormat is the Prefix of a format.
func goFormat(format value) (zapcw.Prefix, error) {
	switch format.kind() {
	case "none":
		return nil, nil
	case "callable":
		name := format.member("$callable")
		return zapcw.PrefixFunc(func(l zapcore.Level, function, caller, msg string) string {
			return callable(name, ofZap(l), function, caller, msg)
		}), nil
	case "str":
		return zapcw.ParsePrefix(format.strOr(""))
	}
	return nil, errKey
}

// goMap puts a Prefix where the dictionary has a callable.
func goMap(v value) (any, error) {
	if v.kind() == "callable" {
		return goFormat(v)
	}
	m, ok := v.dict()
	if !ok {
		return v.decoded(), nil
	}
	out := make(map[string]any, len(m))
	for key, v := range m {
		var err error
		if out[key], err = goMap(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// do makes a call.
func (l *fixture) do(core zapcore.Core, call call) {
	if call.AtMS != nil {
		l.now = time.Duration(milliseconds(*call.AtMS)) * time.Millisecond
		time.Sleep(time.Until(l.start.Add(l.now)))
		synctest.Wait()
	}
	switch call.Method {
	case "purge":
		_ = core.Sync()
	case "release":
		_ = core.Sync()
		if l.out != nil {
			_ = l.out.Close()
		}
	default:
		if call.known() && call.Msg.given() {
			l.log(core, call)
		}
	}
}

func (l *fixture) log(core zapcore.Core, call call) {
	n, named := methodLevels[call.Method]
	at := numeric(n).zap()
	if !named {
		v, given := call.level()
		if !given {
			return
		}
		var err error
		if at, err = zapLevel(v); err != nil {
			l.refused++
			return
		}
	}
	var fields []zapcore.Field
	if call.flushes() && call.Method != "critical" || call.Purge.truthy() {
		fields = append(fields, zapcw.Flush())
	}
	s, _, _ := l.c.config(rules{})
	msg, _ := call.message(s)
	ent := zapcore.Entry{Level: at, Time: l.base.Add(l.now), Message: msg}
	if name := call.caller(rules{"13": true, "15": true, "16": true}); name != "" {
		ent.Caller = zapcore.EntryCaller{Defined: true, Function: "golden." + name}
	}
	core.Check(ent, nil).Write(fields...)
}

// zapLevel is the level that a Go program would have given.
func zapLevel(v value) (zapcore.Level, error) {
	if name, ok := v.str(); ok {
		return zapcw.ParseLevel(name)
	}
	l, err := levelOf(v, rules{"24b": true})
	return l.zap(), err
}

// batches are the puts that the server took, without what zapcw says in them.
func (l *fixture) batches() (all [][]event) {
	for _, r := range l.srv.Stats().Requests {
		if r.Op != "PutLogEvents" || r.Code != "" || r.AccessKey == adminKey {
			continue
		}
		var b []event
		for i, e := range r.Events {
			if i > 0 || !strings.HasPrefix(e.Message, own) {
				b = append(b, event{e.Message, e.Timestamp - l.base.UnixMilli()})
			}
		}
		if b != nil {
			all = append(all, b)
		}
	}
	return all
}

// compareStored checks what is in the streams.
func (l *fixture) compareStored(r *report) {
	for name, texts := range l.c.Expect.Stored {
		group, stream, _ := strings.Cut(name, " / ")
		there := slices.DeleteFunc(l.srv.Messages(group, stream), func(msg string) bool { return strings.HasPrefix(msg, own) })
		r.equal("stored in "+name, there, texts)
	}
}

// comparePending checks how much is in the buffer.
func (l *fixture) comparePending(r *report, want int) {
	if l.out == nil {
		return
	}
	if n := int(l.out.Stats().Pending); n != want {
		r.errorf("%d pending, want %d", n, want)
	}
}

// compareFates checks that every event has one fate or is pending.
func (l *fixture) compareFates(r *report) {
	if l.out == nil {
		return
	}
	if st := l.out.Stats(); st.Accepted != st.Delivered+st.Rejected+st.Spilled+st.Pending {
		r.errorf("fates do not add up: %+v", st)
	}
}

// redirect puts a file in the place of a standard one, and gives its content
// when asked.
func redirect(t *testing.T, std **os.File) func() string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	old := *std
	*std = f
	t.Cleanup(func() {
		*std = old
		_ = f.Close()
	})
	return func() string {
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}
