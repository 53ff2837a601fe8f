package systest

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go/middleware"
	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// A prank is what code of the user does that zapcw calls. It stops when it is off.
type prank struct {
	do  func(release <-chan struct{})
	off chan struct{}
	ran atomic.Bool
}

func (p *prank) play() {
	select {
	case <-p.off:
	default:
		p.ran.Store(true)
		p.do(p.off)
	}
}

var pranks = []struct {
	name string
	do   func(release <-chan struct{})
}{
	{"panics", func(<-chan struct{}) { panic("prank") }},
	{"panics with nil", func(<-chan struct{}) { panic(nil) }},
	{"ends its goroutine", func(<-chan struct{}) { runtime.Goexit() }},
	{"blocks", func(release <-chan struct{}) { <-release }},
}

// A prankClient plays in one of its methods.
type prankClient struct {
	zapcw.Client
	*prank
	in string
}

func (c prankClient) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, o ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	if c.in == "PutLogEvents" {
		c.play()
	}
	return c.Client.PutLogEvents(ctx, in, o...)
}

func (c prankClient) CreateLogStream(ctx context.Context, in *cloudwatchlogs.CreateLogStreamInput, o ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	if c.in == "CreateLogStream" {
		c.play()
	}
	return c.Client.CreateLogStream(ctx, in, o...)
}

func (c prankClient) CreateLogGroup(ctx context.Context, in *cloudwatchlogs.CreateLogGroupInput, o ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	if c.in == "CreateLogGroup" {
		c.play()
	}
	return c.Client.CreateLogGroup(ctx, in, o...)
}

func (c prankClient) PutRetentionPolicy(ctx context.Context, in *cloudwatchlogs.PutRetentionPolicyInput, o ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	if c.in == "PutRetentionPolicy" {
		c.play()
	}
	return c.Client.PutRetentionPolicy(ctx, in, o...)
}

// A prankError plays when it is read.
type prankError struct{ *prank }

func (e prankError) Error() string { e.play(); return "prank" }

// A prankFallback plays in Write or in Sync.
type prankFallback struct {
	zapcore.WriteSyncer
	write, sync func()
}

func (f prankFallback) Write(b []byte) (int, error) { f.write(); return f.WriteSyncer.Write(b) }
func (f prankFallback) Sync() error                 { f.sync(); return f.WriteSyncer.Sync() }

// A prankEncoder plays when it encodes.
type prankEncoder struct {
	zapcore.Encoder
	*prank
}

func (e prankEncoder) Clone() zapcore.Encoder { return prankEncoder{e.Encoder.Clone(), e.prank} }

func (e prankEncoder) EncodeEntry(ent zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	e.play()
	return e.Encoder.EncodeEntry(ent, fields)
}

// callbacks are all the places where zapcw runs code of the user.
var callbacks = []struct {
	name string
	set  func(s *zapcw.Syncer, srv *cwltest.Server, p *prank)
	// waits is set where zapcw waits for that code, as is documented.
	waits bool
	// skip has the pranks that end the process.
	skip string
	// never is set for code that zapcw does not run.
	never bool
}{
	{name: "PutLogEvents", set: func(s *zapcw.Syncer, _ *cwltest.Server, p *prank) {
		s.Client = prankClient{s.Client, p, "PutLogEvents"}
	}},
	{name: "CreateLogStream", set: func(s *zapcw.Syncer, _ *cwltest.Server, p *prank) {
		s.Client = prankClient{s.Client, p, "CreateLogStream"}
	}},
	{name: "CreateLogGroup", set: func(s *zapcw.Syncer, _ *cwltest.Server, p *prank) {
		s.Client = prankClient{s.Client, p, "CreateLogGroup"}
	}},
	{name: "PutRetentionPolicy", set: func(s *zapcw.Syncer, _ *cwltest.Server, p *prank) {
		s.Client = prankClient{s.Client, p, "PutRetentionPolicy"}
	}},
	{name: "NewGroup", set: func(s *zapcw.Syncer, _ *cwltest.Server, p *prank) {
		s.NewGroup = func(*cloudwatchlogs.CreateLogGroupInput) { p.play() }
	}},
	{name: "error of the client", set: func(s *zapcw.Syncer, _ *cwltest.Server, p *prank) {
		s.Client = &testkit.FakeClient{Answer: func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
			select {
			case <-p.off:
				return nil, nil
			default:
				return nil, prankError{p}
			}
		}}
	}},
	{name: "credentials", set: func(s *zapcw.Syncer, srv *cwltest.Server, p *prank) { s.Client = prankCredentials(srv, p) }},
	// The SDK's cache ends the process on purpose when its provider panics.
	{name: "credentials in a cache", skip: "panics", set: func(s *zapcw.Syncer, srv *cwltest.Server, p *prank) {
		s.Client = srv.Client(func(o *cloudwatchlogs.Options) {
			o.Credentials = aws.NewCredentialsCache(prankCredentials(srv, p).Options().Credentials)
		})
	}},
	{name: "middleware", set: func(s *zapcw.Syncer, srv *cwltest.Server, p *prank) {
		s.Client = srv.Client(func(o *cloudwatchlogs.Options) {
			o.APIOptions = append(o.APIOptions, func(*middleware.Stack) error { p.play(); return nil })
		})
	}},
	{name: "HTTP client", set: func(s *zapcw.Syncer, srv *cwltest.Server, p *prank) {
		s.Client = srv.Client(func(o *cloudwatchlogs.Options) { o.HTTPClient = prankHTTP{o.HTTPClient, p} })
	}},
	{name: "Fallback.Write", waits: true, set: func(s *zapcw.Syncer, srv *cwltest.Server, p *prank) {
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", For: time.Minute})
		s.Fallback = prankFallback{s.Fallback, p.play, func() {}}
	}},
	{name: "Fallback.Write, out of time", waits: true, set: func(s *zapcw.Syncer, srv *cwltest.Server, p *prank) {
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", Break: cwltest.BlackHole, For: time.Minute})
		s.Fallback = prankFallback{s.Fallback, p.play, func() {}}
	}},
	{name: "Fallback.Write, memory full", waits: true, set: func(s *zapcw.Syncer, _ *cwltest.Server, p *prank) {
		s.MaxPending = 16
		s.Fallback = prankFallback{s.Fallback, p.play, func() {}}
	}},
	{name: "Fallback.Write, of trouble", waits: true, set: func(s *zapcw.Syncer, srv *cwltest.Server, p *prank) {
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "InternalFailure", Times: 3})
		s.Fallback = prankFallback{s.Fallback, p.play, func() {}}
	}},
	{name: "Fallback.Sync", never: true, set: func(s *zapcw.Syncer, srv *cwltest.Server, p *prank) {
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", For: time.Minute})
		s.Fallback = prankFallback{s.Fallback, func() {}, p.play}
	}},
}

// A prankHTTP plays instead of sending.
type prankHTTP struct {
	cloudwatchlogs.HTTPClient
	*prank
}

func (c prankHTTP) Do(r *http.Request) (*http.Response, error) {
	c.play()
	return c.HTTPClient.Do(r)
}

func prankCredentials(srv *cwltest.Server, p *prank) *cloudwatchlogs.Client {
	return srv.Client(func(o *cloudwatchlogs.Options) {
		next := o.Credentials
		o.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			p.play()
			return next.Retrieve(ctx)
		})
	})
}

// TestCallbacks has every piece of the user's code that zapcw calls panic, end its
// goroutine and block. Sync and Close come back, no lock stays held, every event
// has one fate, and later events are delivered.
func TestCallbacks(t *testing.T) {
	for _, cb := range callbacks {
		for _, pr := range pranks {
			if cb.skip != "" && pr.name[:6] == cb.skip {
				continue
			}
			t.Run(cb.name+" "+pr.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv, p := cwltest.NewServer(t), &prank{do: pr.do, off: make(chan struct{})}
					s := &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: "s", Fallback: new(testkit.Buffer), Retention: 7, MaxEvents: 1}
					cb.set(s, srv, p)
					log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.DebugLevel))
					// Where zapcw waits for a Fallback that blocks, that must end.
					if pr.name == "blocks" && cb.waits {
						time.AfterFunc(time.Minute, func() { close(p.off) })
					}
					log.Info("one")
					log.Info("two")
					time.Sleep(time.Second)
					for name, f := range map[string]func() error{"Sync": s.Sync, "Flush": func() error { return s.Flush(expired(t)) }} {
						begin := time.Now()
						_ = f()
						if took := time.Since(begin); took > testkit.Timeout+testkit.Grace && !cb.waits {
							t.Errorf("%s took %s, want at most %s", name, took, testkit.Timeout+testkit.Grace)
						}
					}
					if p.ran.Load() == cb.never {
						t.Errorf("the code of the user ran: %t, want %t", p.ran.Load(), !cb.never)
					}
					if st := s.Stats(); st.Pending > 0 || st.Accepted != 2 || st.Delivered+st.Spilled != 2 {
						t.Errorf("got %+v, want both settled", st)
					}
					select {
					case <-p.off:
					default:
						close(p.off)
					}
					time.Sleep(2 * time.Minute) // the faults are over, and the back-off
					log.Info("3")
					_ = s.Sync()
					if err := s.Close(); err != nil && s.MaxPending == 0 {
						t.Errorf("Close = %v, want nil", err)
					}
					if st := s.Stats(); st.Delivered == 0 && cb.name != "Fallback.Write, memory full" || st.Accepted != 3 || st.Pending > 0 {
						t.Errorf("got %+v at the end, want the last delivered", st)
					}
				})
			})
		}
	}
}

// expired is a context whose deadline is near.
func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// TestCallbacksOfCaller has code that runs in the logging call itself go wrong, as
// it would with the cores of zap: the call ends by it. Nothing stays locked.
func TestCallbacksOfCaller(t *testing.T) {
	for _, pr := range pranks {
		if pr.name == "blocks" {
			continue // it is the caller who blocks
		}
		for name, log := range map[string]func(core zapcore.Core, p *prank, s *zapcw.Syncer){
			"encoder": func(_ zapcore.Core, p *prank, s *zapcw.Syncer) {
				zap.New(zapcw.NewCore(prankEncoder{testkit.Plain(), p}, s, zap.DebugLevel)).Info("lost")
			},
			"encoder, held": func(_ zapcore.Core, p *prank, s *zapcw.Syncer) {
				core := zapcw.Hold{}.Wrap(zapcw.NewCore(prankEncoder{testkit.Plain(), p}, s, zap.InfoLevel))
				zap.New(core).With(zapcw.Scope()).Debug("lost")
			},
			"level": func(_ zapcore.Core, p *prank, s *zapcw.Syncer) {
				zap.New(zapcw.NewCore(testkit.Plain(), s, zap.LevelEnablerFunc(func(zapcore.Level) bool { p.play(); return true }))).Info("lost")
			},
			"marshaler": func(core zapcore.Core, p *prank, _ *zapcw.Syncer) {
				zap.New(core).Info("lost", zap.Inline(zapcore.ObjectMarshalerFunc(func(zapcore.ObjectEncoder) error { p.play(); return nil })))
			},
			"marshaler of With": func(core zapcore.Core, p *prank, _ *zapcw.Syncer) {
				zap.New(core).With(zap.Inline(zapcore.ObjectMarshalerFunc(func(zapcore.ObjectEncoder) error { p.play(); return nil }))).Info("lost")
			},
			"tee": func(core zapcore.Core, p *prank, _ *zapcw.Syncer) {
				zap.New(zapcw.Tee(core, zapcore.NewCore(prankEncoder{testkit.Plain(), p}, new(testkit.Buffer), zap.DebugLevel))).Info("lost")
			},
		} {
			t.Run(name+" "+pr.name, func(t *testing.T) {
				testkit.InRig(t, func(r *testkit.Rig) {
					p := &prank{do: pr.do, off: make(chan struct{})}
					ended := make(chan struct{})
					go func() {
						defer close(ended)
						defer func() { _ = recover() }()
						log(r.Core, p, r.Syncer)
					}()
					<-ended
					if !p.ran.Load() {
						r.Error("the code of the user did not run")
					}
					r.Info("next")
					r.MustSync()
					if events, _ := r.Stream(); !slices.Contains(events, "next") {
						r.Errorf("got %q in the stream, want the next event", events)
					}
				})
			})
		}
	}
}
