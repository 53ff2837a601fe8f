package zapcw_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

func TestSyncerWrite(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{MessageKey: "m"}), s, zap.InfoLevel))
		log.Info("through zap's own core")
		p := []byte("reused\n")
		if n, err := s.Write(p); n != len(p) || err != nil {
			t.Errorf("Write gave %d, %v", n, err)
		}
		copy(p, "XXXXXX")
		if err := log.Sync(); err != nil {
			t.Error(err)
		}
		testkit.WantEvents(t, srv.Messages("/g", "s"), `{"m":"through zap's own core"}`, "reused")
	})
}

func TestSyncerClose(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer) {
		log := zap.New(zapcw.NewCore(testkit.Plain(), s, zap.InfoLevel))
		log.Info("before")
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		_, err := s.Write([]byte("after"))
		if !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), "/g/s") {
			t.Errorf("Write after Close: %v", err)
		}
		if err := s.Sync(); err != nil {
			t.Errorf("Sync after Close: %v", err)
		}
		testkit.WantEvents(t, srv.Messages("/g", "s"), "before")
		spilled, _ := s.Fallback.(*testkit.Buffer).Lines()
		testkit.WantEvents(t, spilled, "after")
		if st := s.Stats(); st.Accepted != 2 || st.Delivered != 1 || st.SpilledAs.AfterClose != 1 {
			t.Errorf("stats are %+v", st)
		}
	})
}

// wrapped hides that a client is the SDK's, so that the SDK's serialiser is used.
type wrapped struct{ zapcw.Client }

// TestBadFields has Syncers with an invalid field: one line names it, the events
// are on the fallback, and no request is made.
func TestBadFields(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*zapcw.Syncer)
		want string
	}{
		{"no Client", func(s *zapcw.Syncer) { s.Client = nil }, "no Client"},
		{"nil *cloudwatchlogs.Client", func(s *zapcw.Syncer) { s.Client = (*cloudwatchlogs.Client)(nil) }, "no Client"},
		{"no Group", func(s *zapcw.Syncer) { s.Group = "" }, "no Group"},
		{"no Stream", func(s *zapcw.Syncer) { s.Stream = "" }, "no Stream"},
		{"nothing at all", func(s *zapcw.Syncer) { s.Client, s.Group, s.Stream = nil, "", "" }, "no Client"},
		{"Group with a colon", func(s *zapcw.Syncer) { s.Group = "a:b" }, `"a:b"`},
		{"Group with a star", func(s *zapcw.Syncer) { s.Group = "a*b" }, `"a*b"`},
		{"Group with a space", func(s *zapcw.Syncer) { s.Group = "a b" }, `"a b"`},
		{"Group of 513", func(s *zapcw.Syncer) { s.Group = strings.Repeat("g", 513) }, "513"},
		{"Stream with a colon", func(s *zapcw.Syncer) { s.Stream = "a:b" }, `"a:b"`},
		{"Stream with a star", func(s *zapcw.Syncer) { s.Stream = "a*b" }, `"a*b"`},
		{"Stream of 513", func(s *zapcw.Syncer) { s.Stream = strings.Repeat("ž", 513) }, "513"},
		{"Stream that is not UTF-8", func(s *zapcw.Syncer) { s.Stream = "a\xff" }, `"a\xff"`},
		{"MaxEvents", func(s *zapcw.Syncer) { s.MaxEvents = -1 }, "MaxEvents is -1"},
		{"MaxAge", func(s *zapcw.Syncer) { s.MaxAge = -time.Second }, "MaxAge is -1s"},
		{"MaxPending", func(s *zapcw.Syncer) { s.MaxPending = -1 }, "MaxPending is -1"},
		{"MaxEventBytes below", func(s *zapcw.Syncer) { s.MaxEventBytes = 29 }, "MaxEventBytes is 29"},
		{"MaxEventBytes above", func(s *zapcw.Syncer) { s.MaxEventBytes = 1<<20 + 1 }, "MaxEventBytes is 1048577"},
		{"MaxEventBytes below all", func(s *zapcw.Syncer) { s.MaxEventBytes = 10 }, "MaxEventBytes is 10"},
		{"MaxEventBytes negative", func(s *zapcw.Syncer) { s.MaxEventBytes = -1 }, "MaxEventBytes is -1"},
		{"MaxEventBytes very negative", func(s *zapcw.Syncer) { s.MaxEventBytes = math.MinInt }, "MaxEventBytes is -"},
		{"Concurrency", func(s *zapcw.Syncer) { s.Concurrency = -1 }, "Concurrency is -1"},
		{"Timeout", func(s *zapcw.Syncer) { s.Timeout = -1 }, "Timeout is -1ns"},
		{"WhenFull", func(s *zapcw.Syncer) { s.WhenFull = 7 }, "WhenFull is 7"},
		{"Retention", func(s *zapcw.Syncer) { s.Retention = 2 }, "Retention is 2 days"},
		{"no Service", func(s *zapcw.Syncer) { s.Entity = &zapcw.Entity{Environment: "prod"} }, "Service of Entity has 0 characters"},
		{"Environment of 513", func(s *zapcw.Syncer) { s.Entity = &zapcw.Entity{Service: "s", Environment: strings.Repeat("e", 513)} }, "Environment of Entity has 513"},
		{"Service that is not UTF-8", func(s *zapcw.Syncer) { s.Entity = &zapcw.Entity{Service: "a\xff", Environment: "e"} }, `Service of Entity is "a\xff"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.InRig(t, func(r *testkit.Rig) {
				tt.set(r.Syncer)
				wrong := r.Syncer.Check()
				if wrong == nil || !strings.Contains(wrong.Error(), tt.want) {
					r.Fatalf("Check = %v, want %q", wrong, tt.want)
				}
				if err := r.Syncer.Sync(); err != nil {
					r.Errorf("Sync before the first event = %v, want nil", err)
				}
				r.Info("one", strings.Repeat("🐎", 10), "")
				err := r.Syncer.Sync()
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "3 events") {
					r.Errorf("Sync = %v, want %q for 3 events", err, tt.want)
				}
				r.MustSync()
				r.WantSpill("one", strings.Repeat("🐎", 10), " ")
				if _, words := r.Spill.Lines(); len(words) != 1 || !strings.Contains(words[0], wrong.Error()) {
					r.Errorf("got %q on the fallback, want one line with %q", words, wrong)
				}
				if st := r.Syncer.Stats(); st.SpilledAs.Unusable != 3 || st.Accepted != 3 {
					r.Errorf("got %+v, want 3 events that were not usable", st)
				}
				if calls := r.Server.Stats().Calls; len(calls) > 0 {
					r.Errorf("got requests %v, want none", calls)
				}
			})
		})
	}
}

// TestExtremeFields has values that are allowed and unusual.
func TestExtremeFields(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*zapcw.Syncer)
	}{
		{"Concurrency", func(s *zapcw.Syncer) { s.Concurrency = math.MaxInt }},
		{"MaxPending", func(s *zapcw.Syncer) { s.MaxPending = math.MaxInt }},
		{"MaxEvents", func(s *zapcw.Syncer) { s.MaxEvents = math.MaxInt }},
		{"MaxAge", func(s *zapcw.Syncer) { s.MaxAge = math.MaxInt64 }},
		{"short MaxAge", func(s *zapcw.Syncer) { s.MaxAge = 1 }},
		{"Timeout", func(s *zapcw.Syncer) { s.Timeout = math.MaxInt64 }},
		{"MaxEventBytes", func(s *zapcw.Syncer) { s.MaxEventBytes = 30 }},
		{"Group of 512", func(s *zapcw.Syncer) { s.Group = strings.Repeat("g", 512) }},
		{"Group of all letters", func(s *zapcw.Syncer) { s.Group = "/aA0.-_/#" }},
		{"Stream of 512", func(s *zapcw.Syncer) { s.Stream = strings.Repeat("s", 512) }},
		{"Stream of 512 in UTF-8", func(s *zapcw.Syncer) { s.Stream = strings.Repeat("ž", 512) }},
		{"Stream with spaces and quotes", func(s *zapcw.Syncer) { s.Stream = `a "b" \c [$LATEST] 日本語 🐎` }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.InRig(t, func(r *testkit.Rig) {
				tt.set(r.Syncer)
				if err := r.Syncer.Check(); err != nil {
					r.Errorf("Check = %v, want nil", err)
				}
				r.Info("one", "two")
				r.MustSync()
				if got := r.Server.Messages(r.Syncer.Group, r.Syncer.Stream); !slices.Equal(got, []string{"one", "two"}) {
					r.Errorf("got %q in the stream, want both events", got)
				}
			})
		})
	}
}

// TestEntity: every put has the entity, whoever makes its body. A rejected one is
// told once, and no event is lost by it.
func TestEntity(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*zapcw.Syncer)
	}{
		{"the SDK's client", func(*zapcw.Syncer) {}},
		{"compressed", func(s *zapcw.Syncer) { s.Compress = true }},
		{"another client", func(s *zapcw.Syncer) { s.Client = wrapped{s.Client} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.InRig(t, func(r *testkit.Rig) {
				tt.set(r.Syncer)
				r.Syncer.Entity = &zapcw.Entity{Service: `"orders" <ž>`, Environment: "prod"}
				want := map[string]string{"Type": "Service", "Name": `"orders" <ž>`, "Environment": "prod"}
				r.Info("one", strings.Repeat("1", 2000))
				r.MustSync()
				r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", RejectEntity: types.EntityRejectionErrorTypeInvalidEntity})
				for range 3 {
					r.Info("rejected")
					r.MustSync()
				}
				puts := 0
				for _, req := range r.Server.Stats().Requests {
					if req.Op != "PutLogEvents" {
						continue
					}
					puts++
					if req.Entity == nil || !maps.Equal(req.Entity.KeyAttributes, want) || req.Stored != req.N {
						r.Errorf("got the entity %+v and %d of %d events stored, want %v and all", req.Entity, req.Stored, req.N, want)
					}
				}
				events, words := r.Spill.Lines()
				const line = `entity of service "\"orders\" <ž>" in environment "prod" rejected: InvalidEntity: no events were lost; check Entity`
				if puts != 4 || len(events) != 0 || len(words) != 1 || !strings.HasSuffix(words[0], line) {
					r.Errorf("%d puts, got %q, %q on the fallback, want 4 and one line that ends in %s", puts, events, words, line)
				}
				if st := r.Syncer.Stats(); st.Delivered != 5 {
					r.Errorf("%d events delivered, want 5", st.Delivered)
				}
			})
		})
	}
}

// TestStderr has no Fallback: events that cannot be delivered go to stderr.
func TestStderr(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stderr := os.Stderr
	os.Stderr = f
	defer func() { os.Stderr = stderr }()
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.Fallback = nil
		r.Server.Fail(cwltest.Deny("logs:PutLogEvents"))
		r.Info("one")
		_ = r.Syncer.Sync()
	})
	got, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(string(got), "\n"); len(lines) != 3 || !strings.Contains(lines[0], "AccessDenied") || lines[1] != "one" {
		t.Errorf("got %q on stderr, want the cause and the event", lines)
	}
}

// TestTexts puts empty, broken and very long messages through both ways to make a
// request: the SDK's serialiser and our own.
func TestTexts(t *testing.T) {
	const most = 1<<20 - 26
	rand := rand.New(rand.NewPCG(1, 2))
	runes := []rune("až日🐎\x00\ufffd")
	var b strings.Builder
	for b.Len() < 3<<20 {
		b.WriteRune(runes[rand.IntN(len(runes))])
	}
	for _, tt := range []struct {
		name, text string
		parts      int
	}{
		{"empty", "", 1},
		{"a newline", "\n", 1},
		{"NUL", "\x00", 1},
		{"control characters", "\x00\x01\x07\x08\t\v\f\r\x1b\x1f\x7f\u0080\u2028\u2029\ufeff", 1},
		{"JSON", `{"a": "\u0000\"\\", "b": </script>&}`, 1},
		{"invalid", "a\xffb\xc3\xed\xa0\x80\xf0\x9f\x90", 1},
		{"the largest", strings.Repeat("x", most), 1},
		{"one more", strings.Repeat("x", most+1), 2},
		{"the largest in runes of 4", strings.Repeat("🐎", most/4), 1},
		{"one rune more", strings.Repeat("🐎", most/4+1), 2},
		{"a rune on the edge", strings.Repeat("x", most-1) + "🐎", 2},
		{"the largest of invalid bytes", strings.Repeat("\xff", most/3), 1},
		{"one invalid byte more", strings.Repeat("\xff", most/3+1), 2},
		{"quotes", strings.Repeat(`"`, most), 1},
		{"control characters that take six", strings.Repeat("\x01", most), 1},
		{"3 MiB", strings.Repeat("x", 3<<20), 4},
		{"3 MiB of runes", b.String(), 4},
	} {
		for _, sdk := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/sdk %t", tt.name, sdk), func(t *testing.T) {
				testkit.InRig(t, func(r *testkit.Rig) {
					if !sdk {
						r.Syncer.Client = wrapped{r.Syncer.Client}
					}
					r.Info("before", tt.text, "after")
					if err := r.Syncer.Sync(); err != nil {
						r.Errorf("Sync = %.500v, want nil", err)
					}
					evs := r.Server.Events(testkit.RigGroup, testkit.RigStream)
					if len(evs) != tt.parts+2 || evs[0].Message != "before" || evs[len(evs)-1].Message != "after" {
						r.Fatalf("got %d events, want %d parts between two others, in order", len(evs), tt.parts)
					}
					got := ""
					for _, e := range evs[1 : len(evs)-1] {
						if !utf8.ValidString(e.Message) || e.Timestamp != evs[0].Timestamp {
							r.Errorf("got a part of %d bytes at %d, want UTF-8 at %d", len(e.Message), e.Timestamp, evs[0].Timestamp)
						}
						got += e.Message
					}
					want := string([]rune(tt.text))
					if want == "" {
						want = " "
					}
					if got != want {
						r.Errorf("the parts are %d bytes, want the original of %d", len(got), len(want))
					}
					if errs := r.Server.Stats().Errors; len(errs) > 0 {
						r.Errorf("got errors %v of the service, want none", errs)
					}
				})
			})
		}
	}
}

// TestSmallEvents splits a text by the smallest MaxEventBytes.
func TestSmallEvents(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Syncer.MaxEventBytes = 30
		text := "až日🐎\xffbcdefg"
		r.Info(text)
		r.MustSync()
		got, _ := r.Stream()
		if want := string([]rune(text)); strings.Join(got, "") != want {
			r.Errorf("got %q, want the parts of %q", got, want)
		}
		for _, part := range got {
			if len(part) > 4 || !utf8.ValidString(part) {
				r.Errorf("got the part %q, want at most 4 bytes of UTF-8", part)
			}
		}
	})
}

// TestSyncNothing calls Sync, Flush and Close with nothing logged: no request is made.
func TestSyncNothing(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		done, cancel := context.WithCancel(r.Context())
		cancel()
		for range 3 {
			r.MustSync()
			if err := r.Syncer.Flush(done); err != nil {
				r.Errorf("Flush of nothing = %v, want nil", err)
			}
		}
		if err := r.Syncer.Close(); err != nil {
			r.Errorf("Close = %v, want nil", err)
		}
		if calls := r.Server.Stats().Calls; len(calls) > 0 {
			r.Errorf("got requests %v, want none", calls)
		}
		var zero zapcw.Syncer
		if err := errors.Join(zero.Sync(), zero.Close(), zero.Close()); err != nil {
			r.Errorf("Sync and Close of the zero Syncer = %v, want nil", err)
		}
	})
}

// TestFlushContext ends a Flush by its context.
func TestFlushContext(t *testing.T) {
	mine := errors.New("the function is about to freeze")
	for _, tt := range []struct {
		name string
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		{"cancelled before", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx, cancel
		}, context.Canceled},
		{"cancelled with a cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(mine)
			return ctx, func() {}
		}, mine},
		{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, context.DeadlineExceeded},
		{"deadline in the past", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, -time.Second)
		}, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.InRig(t, func(r *testkit.Rig) {
				r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", After: 3 * time.Second, Break: cwltest.BlackHole})
				r.Info("one")
				ctx, cancel := tt.ctx(r.Context())
				defer cancel()
				begin := time.Now()
				if err := r.Syncer.Flush(ctx); !errors.Is(err, tt.want) {
					r.Errorf("Flush = %v, want %v", err, tt.want)
				}
				if took := time.Since(begin); took > time.Second+testkit.Grace {
					r.Errorf("Flush took %s, want at most %s", took, time.Second+testkit.Grace)
				}
				r.WantSpill("one")
			})
		})
	}
}

// TestFlushTooShort gives a healthy service too little time, again and again: the
// next Sync must not wait for a back-off.
func TestFlushTooShort(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Before: 80 * time.Millisecond})
		for range 30 {
			r.Info("x")
			ctx, cancel := context.WithTimeout(r.Context(), 50*time.Millisecond)
			_ = r.Syncer.Flush(ctx)
			cancel()
		}
		r.Info("y")
		begin := time.Now()
		r.MustSync()
		if took := time.Since(begin); took > 100*time.Millisecond {
			r.Errorf("Sync took %s, want the 80 ms of a put", took)
		}
	})
}

// TestSyncsTogether has several callers wait for the same events: each of them is
// told what became of these.
func TestSyncsTogether(t *testing.T) {
	for name, want := range map[string]func(error) bool{
		"AccessDeniedException":       testkit.Coded("AccessDeniedException"),
		"ServiceUnavailableException": testkit.Is(context.DeadlineExceeded),
		"InvalidParameterException":   testkit.As[*types.InvalidParameterException],
	} {
		t.Run(name, func(t *testing.T) {
			testkit.InRig(t, func(r *testkit.Rig) {
				r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: name, Before: time.Millisecond})
				r.Info("one", "two")
				var callers sync.WaitGroup
				for i := range 4 {
					callers.Go(func() {
						if err := r.Syncer.Sync(); err == nil || !want(err) || !strings.Contains(err.Error(), "2 events") {
							r.Errorf("Sync %d = %v, want what became of 2 events", i, err)
						}
					})
				}
				callers.Wait()
				r.MustSync()
			})
		})
	}
}

// TestCloseTogether has many goroutines close a Syncer while others log.
func TestCloseTogether(t *testing.T) {
	testkit.InRig(t, func(r *testkit.Rig) {
		r.Server.Fail(cwltest.Fault{Op: "PutLogEvents", Before: 30 * time.Millisecond})
		var all sync.WaitGroup
		for w := range 8 {
			all.Go(func() {
				for i := range 50 {
					text := fmt.Sprintf("%d.%d", w, i)
					if n, err := r.Syncer.Write([]byte(text + "\n")); err != nil && (!errors.Is(err, os.ErrClosed) || n != 0) || err == nil && n != len(text)+1 {
						r.Errorf("Write = %d, %v, want all of it or os.ErrClosed", n, err)
					}
					time.Sleep(time.Millisecond)
				}
			})
			all.Go(func() {
				time.Sleep(time.Duration(20+w) * time.Millisecond)
				if err := r.Syncer.Close(); err != nil {
					r.Errorf("Close = %v, want nil", err)
				}
			})
		}
		all.Wait()
		st := r.Syncer.Stats()
		there, _ := r.Stream()
		here, _ := r.Spill.Lines()
		if len(there)+len(here) != 400 || st.SpilledAs.AfterClose != uint64(len(here)) || len(here) == 0 || len(there) == 0 {
			r.Errorf("got %d events in the stream, %d on the fallback, %+v, want all 400", len(there), len(here), st)
		}
	})
}

// TestFallbackItself checks that a Syncer cannot be its own Fallback.
func TestFallbackItself(t *testing.T) {
	s := &zapcw.Syncer{Client: new(testkit.StuckClient), Group: "/g", Stream: "s"}
	s.Fallback = s
	if err := s.Sync(); err != nil {
		t.Errorf("Sync with nothing logged: %v", err)
	}
	stderr := os.Stderr
	defer func() { os.Stderr = stderr }()
	var err error
	if os.Stderr, err = os.Open(os.DevNull); err != nil {
		t.Fatal(err)
	}
	s = &zapcw.Syncer{Client: new(testkit.StuckClient), Group: "/g", Stream: "s"}
	s.Fallback = s
	_, _ = s.Write([]byte("m"))
	if err := s.Sync(); err == nil || !strings.Contains(err.Error(), "Fallback is the Syncer itself") {
		t.Errorf("Sync gave %v", err)
	}
}
