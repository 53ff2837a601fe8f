package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go/middleware"
	"go.uber.org/goleak"

	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/batch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A recorder takes down what a Stream reports.
type recorder struct {
	mu      sync.Mutex
	fates   map[string]Fate
	whys    []error
	runs    []string // fate and number
	puts    int
	trouble []error // that people hear of
	errs    []error // all of it
}

var _ Observer = (*recorder)(nil)

func (r *recorder) Put(int, int, bool) { r.mu.Lock(); defer r.mu.Unlock(); r.puts++ }
func (r *recorder) Trouble(err error, tell bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
	if tell {
		r.trouble = append(r.trouble, err)
	}
}

func (r *recorder) settle(evs batch.List, f Fate, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fates == nil {
		r.fates = make(map[string]Fate)
	}
	for e := range evs.All() {
		text := string(e.Text())
		if old, ok := r.fates[text]; ok {
			panic(fmt.Sprintf("%s is %s and %s", text, old, f))
		}
		r.fates[text] = f
	}
	r.runs = append(r.runs, fmt.Sprintf("%d %s", evs.Len(), f))
	if err != nil {
		r.whys = append(r.whys, err)
	}
}

// count tells how many events have a fate.
func (r *recorder) count(f Fate) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.fates {
		if f == g {
			n++
		}
	}
	return n
}

// inStream runs a test with a Stream before a server, in virtual time.
func inStream(t *testing.T, f func(*testing.T, *Stream, *recorder, *cwltest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv, r := cwltest.NewServer(t), new(recorder)
		f(t, &Stream{Client: srv.Client(), Group: "/g", Name: "s", Observer: r}, r, srv)
		srv.Heal()
		srv.Close()
	})
}

func texts(format string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(format, i)
	}
	return out
}

// TestRejected maps what the service reports to the events: the ends of the old
// ones are exclusive, the start of the new ones is inclusive.
func TestRejected(t *testing.T) {
	at := func(i int32) *int32 { return &i }
	for _, tt := range []struct {
		name                string
		old, expired, fresh *int32
		want                string
	}{
		{"nothing", nil, nil, nil, "6 delivered"},
		{"old", at(2), nil, nil, "2 more than 14 days old, 4 delivered"},
		{"expired", nil, at(2), nil, "2 older than the group's retention, 4 delivered"},
		{"old, then expired", at(1), at(3), nil, "1 more than 14 days old, 2 older than the group's retention, 3 delivered"},
		{"expired less than old", at(3), at(1), nil, "3 more than 14 days old, 3 delivered"},
		{"new", nil, nil, at(4), "4 delivered, 2 more than 2 hours ahead"},
		{"all three", at(1), at(2), at(5), "1 more than 14 days old, 1 older than the group's retention, 3 delivered, 1 more than 2 hours ahead"},
		{"all old", at(6), nil, nil, "6 more than 14 days old"},
		{"all new", nil, nil, at(0), "6 more than 2 hours ahead"},
		{"none left", at(3), nil, at(3), "3 more than 14 days old, 3 more than 2 hours ahead"},
		{"overlap", at(4), nil, at(2), "4 more than 14 days old, 2 more than 2 hours ahead"},
		{"zero is none", at(0), at(0), nil, "6 delivered"},
		{"new starts behind the end", nil, nil, at(6), "6 delivered"},
		{"beyond", at(100), at(100), at(100), "6 more than 14 days old"},
		{"new beyond", nil, nil, at(1 << 30), "6 delivered"},
		{"negative", at(-1), at(-2), nil, "6 delivered"},
		{"negative start", nil, nil, at(-5), "6 more than 2 hours ahead"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				srv.CreateStream("/g", "s")
				srv.Fail(cwltest.Fault{Op: "PutLogEvents", Reject: &types.RejectedLogEventsInfo{
					TooOldLogEventEndIndex: tt.old, ExpiredLogEventEndIndex: tt.expired, TooNewLogEventStartIndex: tt.fresh,
				}, Keep: true})
				s.Deliver(t.Context(), chunked(texts("%d", 6)...), r.settle)
				if got := strings.Join(r.runs, ", "); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				for _, err := range r.whys {
					if !strings.Contains(err.Error(), "/g/s") {
						t.Errorf("got the reason %q, want the stream's name in it", err)
					}
				}
			})
		})
	}
}

// TestTokens puts side by side to a server that wants sequence tokens.
func TestTokens(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.SequenceTokens = true
		var lanes sync.WaitGroup
		for l := range 4 {
			lanes.Go(func() {
				for b := range 15 {
					s.Deliver(t.Context(), chunked(texts(fmt.Sprintf("%d.%d.%%d", l, b), 3)...), r.settle)
				}
			})
		}
		lanes.Wait()
		got := srv.Messages("/g", "s")
		slices.Sort(got)
		for l := range 4 {
			for b := range 15 {
				for _, text := range texts(fmt.Sprintf("%d.%d.%%d", l, b), 3) {
					from, _ := slices.BinarySearch(got, text)
					to, _ := slices.BinarySearch(got, text+"!")
					if to-from != 1 {
						t.Errorf("got %s %d times in the stream, want it once", text, to-from)
					}
				}
			}
		}
		if n := r.count(Delivered); n != 4*15*3 {
			t.Errorf("got %d delivered, want %d", n, 4*15*3)
		}
		// At the worst three others were faster, each time.
		if got := srv.Stats().Calls["PutLogEvents"]; got > 4*60+10 {
			t.Errorf("got %d puts for 60 batches, want at most %d", got, 4*60+10)
		}
	})
}

// TestTokenAlone learns the token once and then needs no detour.
func TestTokenAlone(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.SequenceTokens = true
		srv.CreateStream("/g", "s")
		for b := range 10 {
			s.Deliver(t.Context(), chunked(fmt.Sprint(b)), r.settle)
		}
		if got := srv.Stats().Calls["PutLogEvents"]; got != 11 {
			t.Errorf("got %d puts for 10 batches, want 11", got)
		}
		// The new stream knows nothing of the old one's token.
		srv.DeleteStream("/g", "s")
		s.Deliver(t.Context(), chunked("after the stream was deleted"), r.settle)
		if n := r.count(Delivered); n != 11 {
			t.Errorf("got %d delivered, want 11", n)
		}
	})
}

// retention asks for how many days a group keeps its events.
func retention(t *testing.T, srv *cwltest.Server) int32 {
	t.Helper()
	out, err := srv.Client().DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil || len(out.LogGroups) != 1 {
		t.Fatalf("DescribeLogGroups = %v, %v, want one group", out, err)
	}
	if d := out.LogGroups[0].RetentionInDays; d != nil {
		return *d
	}
	return 0
}

// TestRetention is about groups that a Stream creates, and no others.
func TestRetention(t *testing.T) {
	for _, tt := range []struct {
		name    string
		days    int32
		prepare func(*cwltest.Server)
		want    int32 // in the end
		calls   int   // of PutRetentionPolicy
		trouble string
	}{
		{"new group", 7, func(*cwltest.Server) {}, 7, 1, ""},
		{"new group, for ever", 0, func(*cwltest.Server) {}, 0, 0, ""},
		{"group of somebody else", 7, func(s *cwltest.Server) { s.CreateStream("/g", "another") }, 0, 0, ""},
		{"stream of somebody else", 7, func(s *cwltest.Server) { s.CreateStream("/g", "s") }, 0, 0, ""},
		{"somebody is faster", 7, func(s *cwltest.Server) {
			s.Fail(cwltest.Fault{Op: "CreateLogStream", Times: 1, Code: "ResourceNotFoundException"})
			s.CreateStream("/g", "another")
		}, 0, 0, ""},
		{"throttled twice", 7, func(s *cwltest.Server) {
			s.Fail(cwltest.Fault{Op: "PutRetentionPolicy", Times: 2, Code: "ThrottlingException"})
		}, 7, 3, ""},
		{"throttled", 7, func(s *cwltest.Server) {
			s.Fail(cwltest.Fault{Op: "PutRetentionPolicy", Code: "ThrottlingException"})
		}, 0, 3, "ThrottlingException"},
		{"not allowed", 7, func(s *cwltest.Server) { s.Fail(cwltest.Deny("logs:PutRetentionPolicy")) }, 0, 1, "AccessDeniedException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				s.Retention = tt.days
				tt.prepare(srv)
				for i := range 3 {
					s.Deliver(t.Context(), chunked(fmt.Sprint(i)), r.settle)
					srv.DeleteStream("/g", "s") // and it is created again
				}
				if n := r.count(Delivered); n != 3 {
					t.Errorf("got %d events delivered, want 3", n)
				}
				if got := srv.Stats().Calls["PutRetentionPolicy"]; got != tt.calls {
					t.Errorf("got %d calls of PutRetentionPolicy, want %d", got, tt.calls)
				}
				srv.Heal()
				if got := retention(t, srv); got != tt.want {
					t.Errorf("got a retention of %d days, want %d", got, tt.want)
				}
				if tt.trouble == "" && len(r.trouble) > 0 || tt.trouble != "" && (len(r.trouble) != 1 || Code(r.trouble[0]) != tt.trouble || !strings.Contains(r.trouble[0].Error(), "/g")) {
					t.Errorf("got trouble %q, want %q with the group's name", r.trouble, tt.trouble)
				}
			})
		})
	}
}

// TestNewGroup lets somebody have a say in a new group.
func TestNewGroup(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    func(*cloudwatchlogs.CreateLogGroupInput)
		want Fate
	}{
		{"tags", func(in *cloudwatchlogs.CreateLogGroupInput) { in.Tags = map[string]string{"team": "orders"} }, Delivered},
		{"another name", func(in *cloudwatchlogs.CreateLogGroupInput) { in.LogGroupName = nil }, Delivered},
		{"panic", func(*cloudwatchlogs.CreateLogGroupInput) { panic(os.ErrInvalid) }, Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				s.NewGroup = tt.f
				s.Deliver(t.Context(), chunked("a", "b"), r.settle)
				if n := r.count(tt.want); n != 2 {
					t.Errorf("got fates %v, want 2 %s", r.fates, tt.want)
				}
				if tt.want == Refused && (len(r.whys) != 1 || !errors.Is(r.whys[0], os.ErrInvalid)) {
					t.Errorf("got reasons %v, want the panic's error", r.whys)
				}
			})
		})
	}
}

// TestCreateRace has 16 batches of one Stream miss the stream at the same time:
// one creates it, the others wait for that.
func TestCreateRace(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.Fail(cwltest.Fault{Op: "CreateLogStream", Times: 1, Code: "ServiceUnavailableException", Before: time.Second})
		srv.Fail(cwltest.Fault{Op: "Create*", Before: time.Second})
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() { s.Deliver(t.Context(), chunked(fmt.Sprint(i)), r.settle) })
		}
		all.Wait()
		if n := r.count(Delivered); n != 16 {
			t.Errorf("got %d delivered, want 16", n)
		}
		// The first fails; then group missing, group, stream.
		calls := srv.Stats().Calls
		if calls["CreateLogGroup"] != 1 || calls["CreateLogStream"] != 3 {
			t.Errorf("got %v, want 1 creation of the group and 3 of the stream", calls)
		}
	})
}

// TestCreateWaitCancelled gives up while another batch creates the stream.
func TestCreateWaitCancelled(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.Fail(cwltest.Fault{Op: "Create*", Before: 10 * time.Second})
		var all sync.WaitGroup
		all.Go(func() { s.Deliver(t.Context(), chunked("patient"), r.settle) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		s.Deliver(ctx, chunked("in a hurry"), r.settle)
		if took := time.Since(begin); took != time.Second || r.count(Late) != 1 {
			t.Errorf("got %d late after %s, want 1 after a second", r.count(Late), took)
		}
		if err := r.whys[0]; !strings.HasPrefix(err.Error(), "create stream /g/s: ") || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got the reason %v, want what it waited for, and that time ran out", err)
		}
		all.Wait()
		if got := r.fates["patient"]; got != Delivered {
			t.Errorf("got %s for who waited, want delivered", got)
		}
	})
}

// TestCall is about clients that do not behave.
func TestCall(t *testing.T) {
	type out struct{}
	boom := errors.New("boom")
	cause := errors.New("nobody waits")
	for _, tt := range []struct {
		name   string
		f      func(context.Context) (*out, error)
		cancel time.Duration // 0: never
		takes  time.Duration
		want   []error // that errors.Is finds
		text   string
	}{
		{"answers", func(context.Context) (*out, error) { return new(out), nil }, 0, 0, nil, ""},
		{"fails", func(context.Context) (*out, error) { return nil, boom }, 0, 0, []error{boom}, "boom"},
		{"panics", func(context.Context) (*out, error) { panic("oh") }, 0, 0, []error{}, "client panicked: oh"},
		{"panics with an error", func(context.Context) (*out, error) { panic(boom) }, 0, 0, []error{boom}, "client panicked: boom"},
		{"waits for its context", func(ctx context.Context) (*out, error) { <-ctx.Done(); return nil, ctx.Err() }, 0,
			3 * time.Second, []error{context.DeadlineExceeded}, "no answer in 3s"},
		{"is cancelled", func(ctx context.Context) (*out, error) { <-ctx.Done(); return nil, ctx.Err() }, time.Second,
			time.Second, []error{cause, context.Canceled}, "nobody waits"},
		{"comes late", func(ctx context.Context) (*out, error) { <-ctx.Done(); time.Sleep(grace / 2); return new(out), nil }, 0,
			3*time.Second + grace/2, nil, ""},
		{"panics late", func(ctx context.Context) (*out, error) { <-ctx.Done(); time.Sleep(grace / 2); panic(boom) }, 0,
			3*time.Second + grace/2, []error{boom, context.DeadlineExceeded}, "no answer in 3s"},
		{"does not come back", func(context.Context) (*out, error) { time.Sleep(time.Hour); panic(boom) }, 0,
			3*time.Second + grace, []error{context.DeadlineExceeded}, "no answer in 3s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, func() { cancel(cause) })
				}
				begin := time.Now()
				_, err := call(ctx, new(atomic.Int32), 3*time.Second, tt.f)
				if took := time.Since(begin); took != tt.takes {
					t.Errorf("it took %s, want %s", took, tt.takes)
				}
				if (err == nil) != (tt.want == nil) {
					t.Fatalf("got %v, want %v", err, tt.want)
				}
				for _, want := range tt.want {
					if !errors.Is(err, want) {
						t.Errorf("got %v, want %v in it", err, want)
					}
				}
				if err != nil && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("got %q, want %q in it", err, tt.text)
				}
				time.Sleep(2 * time.Hour) // let the stuck one go
			})
		})
	}
}

// TestAway leaves calls behind that do not come back, up to a number, and goes on
// when they are back.
func TestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			away atomic.Int32
			let  = make(chan struct{})
			made atomic.Int32
		)
		try := func() error {
			_, err := call(t.Context(), &away, time.Second, func(context.Context) (int, error) {
				made.Add(1)
				<-let
				return 0, nil
			})
			return err
		}
		for i := range maxAway {
			if err := try(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("call %d = %v, want a time-out", i, err)
			}
		}
		if err := try(); !errors.Is(err, errAway) || classify(err) != again || made.Load() != maxAway {
			t.Errorf("got %v with %d calls made, want %v, which passes, with %d", err, made.Load(), errAway, maxAway)
		}
		close(let)
		synctest.Wait()
		if err := try(); err != nil || away.Load() != 0 {
			t.Errorf("got %v with %d away, want nil with none", err, away.Load())
		}
	})
}

// A deaf transport does not return as long as it is not let go, whatever its
// request's context says.
type deaf struct {
	next http.RoundTripper
	let  <-chan struct{}
}

func (d deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	<-d.let
	return d.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
}

// TestAwayBodies has the SDK's own client stuck: when it is back, it still gets
// bodies that were made here.
func TestAwayBodies(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		let := make(chan struct{})
		s.Client = srv.Client(func(o *cloudwatchlogs.Options) {
			o.HTTPClient = &http.Client{Transport: deaf{srv.Transport(), let}}
		})
		time.AfterFunc(time.Hour, func() { close(let) })
		s.Deliver(t.Context(), chunked("one"), r.settle)
		if n := r.count(Delivered); n != 1 {
			t.Errorf("got %d delivered, want 1", n)
		}
		if !s.bodies.Load() {
			t.Error("got no more bodies after an outage, want them")
		}
	})
}

// TestHurry makes attempts for somebody who waits, one a second at most.
func TestHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{jitter: func(d time.Duration) time.Duration { return d }}
		p.done(0, errDown, false)
		p.fails, p.until = 20, time.Now().Add(time.Hour)
		n, begin := 0, time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var waiting sync.WaitGroup
		waiting.Go(func() {
			for ctx.Err() == nil {
				p.hurry(time.Now().Add(time.Second))
				time.Sleep(time.Millisecond)
			}
		})
		for {
			round, err := p.wait(ctx)
			if err != nil {
				break
			}
			n++
			p.done(round, errDown, false)
		}
		waiting.Wait()
		if n < 30 || n > 61 {
			t.Errorf("got %d attempts in %s of hurry, want about one a second", n, time.Since(begin))
		}
		p.done(p.fails, nil, false)
		if p.hurry(time.Now().Add(time.Second)); p.fails != 0 {
			t.Errorf("got %d rounds after a success, want 0", p.fails)
		}
	})
}

// TestGiveUp is about what is said of events for which time ran out.
func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Stream{Group: "/g", Name: "s"}
		if f, err := s.GiveUp(context.Canceled); f != Late || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "/g/s") {
			t.Errorf("GiveUp of a stream that is well = %s, %v, want late, why and the stream's name", f, err)
		}
		s.pace.done(0, errDown, false)
		if f, err := s.GiveUp(context.Canceled); f != Late || !errors.Is(err, context.Canceled) || !errors.Is(err, errDown) {
			t.Errorf("GiveUp in an outage = %s, %v, want late, why and what stood in the way", f, err)
		}
		if f, err := s.GiveUp(ErrHopeless); f != Refused || err != errDown {
			t.Errorf("GiveUp without hope = %s, %v, want refused and by what", f, err)
		}
	})
}

// A lister notes how many options come with each put, and hides them.
type lister struct {
	forgetful
	n []int
}

func (l *lister) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, fs ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	l.n = append(l.n, len(fs))
	return l.forgetful.PutLogEvents(ctx, in, fs...)
}

// TestBodyTwice looks at the put that follows one whose body was not used: it
// must not bring that body along, or back, since it is in use elsewhere.
func TestBodyTwice(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		l := &lister{forgetful: forgetful{srv.Client()}}
		s.Client = l
		s.init.Do(func() { s.bodies.Store(true) })
		s.Deliver(t.Context(), chunked("a", "b"), r.settle)
		if want := []int{2, 1}; !slices.Equal(l.n, want) {
			t.Errorf("got puts with %v options, want %v: the second without a body", l.n, want)
		}
		if n := r.count(Delivered); n != 2 {
			t.Errorf("got %d delivered, want 2", n)
		}
	})
}

// TestBodyMiddleware has something of the user's fail before the SDK asks for a
// body: that is no reason to do without, and no reason to try twice.
func TestBodyMiddleware(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		calls := 0
		s.Client = srv.Client(cloudwatchlogs.WithAPIOptions(func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("limiter",
				func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
					if calls++; calls <= 3 {
						return middleware.InitializeOutput{}, middleware.Metadata{}, errDown
					}
					return next.HandleInitialize(ctx, in)
				}), middleware.Before)
		}))
		s.Deliver(t.Context(), chunked("a", "b"), r.settle)
		if !s.bodies.Load() || calls != 4 || r.puts != 4 {
			t.Errorf("got bodies %t after %d calls for %d attempts, want them and 4 for 4", s.bodies.Load(), calls, r.puts)
		}
		if n := r.count(Delivered); n != 2 {
			t.Errorf("got %d delivered, want 2", n)
		}
	})
}

// TestSlowService has a service that answers steadily, only later than a first
// time-out: after one put that is cut off the others get the time they need.
func TestSlowService(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		srv.CreateStream("/g", "s")
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", After: 8 * time.Second})
		for i := range 5 {
			s.Deliver(t.Context(), chunked(fmt.Sprint(i)), r.settle)
		}
		if got := srv.Stats().Calls["PutLogEvents"]; got != 6 {
			t.Errorf("got %d puts for 5 batches, want 6", got)
		}
	})
}

// An idler has the first put go out on a connection that lay idle and is dead.
type idler struct {
	next http.RoundTripper
	n    atomic.Int32
}

func (i *idler) RoundTrip(r *http.Request) (*http.Response, error) {
	if i.n.Add(1) == 1 {
		httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{Reused: true, WasIdle: true, IdleTime: time.Hour})
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return i.next.RoundTrip(r)
}

// TestTroubleMended: what an attempt mends by itself is counted and is no error.
func TestTroubleMended(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(*Stream, *cwltest.Server)
		puts    int
	}{
		{"no group", func(*Stream, *cwltest.Server) {}, 2},
		{"no stream", func(_ *Stream, srv *cwltest.Server) { srv.CreateStream("/g", "another") }, 2},
		{"token", func(_ *Stream, srv *cwltest.Server) {
			srv.CreateStream("/g", "s")
			srv.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 1, Code: "InvalidSequenceTokenException"})
		}, 2},
		{"no group, then a token", func(_ *Stream, srv *cwltest.Server) {
			srv.SequenceTokens = true
			srv.Fail(cwltest.Fault{Op: "PutLogEvents", Skip: 1, Times: 1, Code: "InvalidSequenceTokenException"})
		}, 3},
		{"idle connection", func(s *Stream, srv *cwltest.Server) {
			srv.CreateStream("/g", "s")
			s.Client = srv.Client(func(o *cloudwatchlogs.Options) {
				o.HTTPClient = &http.Client{Transport: &idler{next: srv.Transport()}}
			})
		}, 2},
		{"delivered before", func(_ *Stream, srv *cwltest.Server) {
			srv.CreateStream("/g", "s")
			srv.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 1, Code: "DataAlreadyAcceptedException", Commit: true})
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				tt.prepare(s, srv)
				s.Deliver(t.Context(), chunked("a", "b"), r.settle)
				if r.count(Delivered) != 2 || r.puts != tt.puts || len(r.errs) > 0 {
					t.Errorf("got %d delivered by %d puts and errors %v, want 2 by %d and none", r.count(Delivered), r.puts, r.errs, tt.puts)
				}
			})
		})
	}
}

// TestTroubleForm: whatever fails, it is reported once and says what for.
func TestTroubleForm(t *testing.T) {
	const put = "put 3 events to /g/s: "
	for _, tt := range []struct {
		name  string
		fault cwltest.Fault
		want  []string // beginnings
	}{
		{"passes", cwltest.Fault{Op: "PutLogEvents", Times: 2, Code: "ThrottlingException"}, []string{put, put}},
		{"is refused", cwltest.Fault{Op: "PutLogEvents", Times: 1, Code: "AccessDeniedException"}, []string{put}},
		{"is bad", cwltest.Fault{Op: "PutLogEvents", Times: 1, Code: "InvalidParameterException"}, []string{put}},
		{"is not answered", cwltest.Fault{Op: "PutLogEvents", Break: cwltest.BlackHole}, []string{put, put}},
		{"never exists", cwltest.Fault{Op: "PutLogEvents", Times: 5, Code: "ResourceNotFoundException"}, []string{put}},
		{"cannot be created", cwltest.Fault{Op: "CreateLogStream", Times: 1, Code: "AccessDeniedException"}, []string{"create stream /g/s: "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
				srv.Fail(tt.fault)
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
				defer cancel()
				s.Deliver(ctx, chunked("a", "b", "c"), r.settle)
				var got []string
				for _, err := range r.errs {
					got = append(got, err.Error())
				}
				if !slices.EqualFunc(got, tt.want, strings.HasPrefix) {
					t.Errorf("got %q, want errors that begin with %q", got, tt.want)
				}
			})
		})
	}
}

// TestSkewedClock has a server that refuses signatures from a clock that is ten
// minutes late: the SDK learns that, and nothing is lost.
func TestSkewedClock(t *testing.T) {
	srv := cwltest.NewServer(t)
	srv.CreateStream("/g", "s")
	const late = 10 * time.Minute
	refused := 0
	c := srv.Client(func(o *cloudwatchlogs.Options) {
		next := o.HTTPClient
		o.HTTPClient = doFunc(func(r *http.Request) (*http.Response, error) {
			signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
			if err != nil {
				t.Error(err)
			}
			if now := time.Now().Add(late); now.Sub(signed) > 5*time.Minute {
				refused++
				text := `{"__type":"InvalidSignatureException","message":"Signature expired"}`
				return &http.Response{StatusCode: 400, Body: io.NopCloser(strings.NewReader(text)), Header: http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}}, nil
			}
			return next.Do(r)
		})
	})
	r := new(recorder)
	s := &Stream{Client: c, Group: "/g", Name: "s", Observer: r}
	s.Deliver(t.Context(), chunked("a", "b"), r.settle)
	if got := fmt.Sprint(srv.Messages("/g", "s")); got != "[a b]" || refused != 1 || r.count(Delivered) != 2 {
		t.Errorf("stored %s after %d refusals, %d delivered, want [a b] after one", got, refused, r.count(Delivered))
	}
}
