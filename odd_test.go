package zapcw_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
	"weak"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go/logging"
	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// A fakeClient puts into memory: it keeps every input as it came.
type fakeClient struct {
	mu   sync.Mutex
	puts []*cloudwatchlogs.PutLogEventsInput
	// put, if set, answers in place of success.
	put func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error)
}

var _ zapcw.Client = (*fakeClient)(nil)

func (c *fakeClient) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	c.mu.Lock()
	c.puts = append(c.puts, in)
	c.mu.Unlock()
	if c.put != nil {
		return c.put(ctx)
	}
	return new(cloudwatchlogs.PutLogEventsOutput), nil
}

func (*fakeClient) CreateLogStream(context.Context, *cloudwatchlogs.CreateLogStreamInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	return nil, errors.New("no stream is missing")
}

func (*fakeClient) CreateLogGroup(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	return nil, errors.New("no group is missing")
}

func (*fakeClient) PutRetentionPolicy(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	return nil, errors.New("no group is new")
}

// messages gives what was put, in the order of the puts.
func (c *fakeClient) messages() (texts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, in := range c.puts {
		for _, e := range in.LogEvents {
			texts = append(texts, *e.Message)
		}
	}
	return texts
}

// wrapped hides that a client is the SDK's.
type wrapped struct{ zapcw.Client }

// TestBadFields has Syncers that lack something: that is said clearly and once,
// the events are on the fallback, and no request is made.
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
	} {
		t.Run(tt.name, func(t *testing.T) {
			inRig(t, func(r *rig) {
				tt.set(r.syncer)
				if err := r.syncer.Sync(); err != nil {
					r.Errorf("Sync before the first event = %v, want nil", err)
				}
				r.info("one", strings.Repeat("🐎", 10), "")
				err := r.syncer.Sync()
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "3 events") {
					r.Errorf("Sync = %v, want %q for 3 events", err, tt.want)
				}
				r.mustSync()
				r.wantSpill("one", strings.Repeat("🐎", 10), " ")
				if _, words := r.spill.lines(); len(words) != 1 || !strings.Contains(words[0], tt.want) {
					r.Errorf("got %q on the fallback, want one line with %q", words, tt.want)
				}
				if st := r.syncer.Stats(); st.SpilledAs.Unusable != 3 || st.Accepted != 3 {
					r.Errorf("got %+v, want 3 events that were not usable", st)
				}
				if calls := r.server.Stats().Calls; len(calls) > 0 {
					r.Errorf("got requests %v, want none", calls)
				}
			})
		})
	}
}

// TestBadFieldsSlowFallback has somebody wait in Sync while an event of a Syncer
// that cannot be used is being written.
func TestBadFieldsSlowFallback(t *testing.T) {
	inRig(t, func(r *rig) {
		r.syncer.Concurrency = -1
		r.syncer.Fallback = &oddFallback{safeBuffer: r.spill, takes: time.Second}
		go r.at(zapcore.InfoLevel, "one")
		synctest.Wait()
		if err := r.syncer.Sync(); err == nil || !strings.Contains(err.Error(), "Concurrency is -1") {
			r.Errorf("Sync = %v, want what is wrong", err)
		}
		r.wantSpill("one")
	})
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
			inRig(t, func(r *rig) {
				tt.set(r.syncer)
				r.info("one", "two")
				r.mustSync()
				if got := r.server.Messages(r.syncer.Group, r.syncer.Stream); !slices.Equal(got, []string{"one", "two"}) {
					r.Errorf("got %q in the stream, want both events", got)
				}
			})
		})
	}
}

// TestStderr has no fallback: events that cannot be delivered are on stderr.
func TestStderr(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stderr := os.Stderr
	os.Stderr = f
	defer func() { os.Stderr = stderr }()
	inRig(t, func(r *rig) {
		r.syncer.Fallback = nil
		r.server.Fail(cwltest.Deny("logs:PutLogEvents"))
		r.info("one")
		_ = r.syncer.Sync()
	})
	got, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(string(got), "\n"); len(lines) != 3 || !strings.Contains(lines[0], "AccessDenied") || lines[1] != "one" {
		t.Errorf("got %q on stderr, want the cause and the event", lines)
	}
}

// An oddFallback fails, panics or takes its time.
type oddFallback struct {
	*safeBuffer
	takes  time.Duration
	fails  func(n int) error // of the n-th write
	panics bool
	mu     sync.Mutex
	n      int
}

func (f *oddFallback) Write(p []byte) (int, error) {
	time.Sleep(f.takes)
	f.mu.Lock()
	f.n++
	n := f.n
	f.mu.Unlock()
	if f.panics {
		panic("fallback is broken")
	}
	if f.fails != nil {
		if err := f.fails(n); err != nil {
			return 0, err
		}
	}
	return f.safeBuffer.Write(p)
}

func TestOddFallback(t *testing.T) {
	full := errors.New("no space left on device")
	lines := numbered("%03d"+strings.Repeat(".", 997), 200)
	for _, tt := range []struct {
		name string
		f    *oddFallback
		want func(err error) bool // of Sync
		here int                  // events that are there nevertheless
	}{
		{"fails", &oddFallback{fails: func(int) error { return full }}, isA(full), 0},
		{"fails once", &oddFallback{fails: func(n int) error {
			if n == 1 {
				return full
			}
			return nil
		}}, isA(full), 150},
		{"panics", &oddFallback{panics: true}, said("fallback is broken"), 0},
		{"blocks", &oddFallback{takes: 300 * time.Millisecond}, coded("AccessDeniedException"), 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inRig(t, func(r *rig) {
				f := tt.f
				f.safeBuffer = r.spill
				r.syncer.Fallback, r.syncer.MaxEvents = f, 1000
				r.server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", For: time.Second})
				r.info(lines...)
				done := make(chan error)
				go func() { done <- r.syncer.Sync() }()
				synctest.Wait()
				r.info("who logs does not wait for the fallback")
				if err := <-done; err == nil || !tt.want(err) || codeOf(err) != "AccessDeniedException" {
					r.Errorf("Sync = %v, want the refusal and what is wrong with the fallback", err)
				}
				if events, _ := r.spill.lines(); len(events) < tt.here || tt.here == 0 && len(events) > 0 {
					r.Errorf("got %d events on the fallback, want %d or more", len(events), tt.here)
				}
				r.balance()
				if st := r.syncer.Stats(); st.SpilledAs.Refused < 200 {
					r.Errorf("got %+v, want 200 events refused", st.SpilledAs)
				}
				// Life goes on.
				time.Sleep(2 * time.Minute)
				f.panics, f.fails = false, nil
				r.info("later")
				_ = r.syncer.Sync()
				if got, _ := r.stream(); !slices.Contains(got, "later") {
					r.Errorf("got %q in the stream, want the later event", got)
				}
			})
		})
	}
}

func TestOddClient(t *testing.T) {
	for _, tt := range []struct {
		name string
		put  func(release <-chan struct{}) func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error)
		want func(error) bool // nil if the events are delivered
		fate func(zapcw.Stats) uint64
	}{
		{"nil, nil", func(<-chan struct{}) func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
			return func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) { return nil, nil }
		}, nil, func(st zapcw.Stats) uint64 { return st.Delivered }},
		{"panics", func(<-chan struct{}) func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
			return func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) { panic("client is broken") }
		}, said("client is broken"), func(st zapcw.Stats) uint64 { return st.SpilledAs.Refused }},
		{"panics with an error", func(<-chan struct{}) func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
			return func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) { panic(os.ErrInvalid) }
		}, isA(os.ErrInvalid), func(st zapcw.Stats) uint64 { return st.SpilledAs.Refused }},
		{"never comes back", func(release <-chan struct{}) func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
			return func(context.Context) (*cloudwatchlogs.PutLogEventsOutput, error) {
				<-release
				return nil, errors.New("too late")
			}
		}, isA(context.DeadlineExceeded), func(st zapcw.Stats) uint64 { return st.SpilledAs.Late }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inRig(t, func(r *rig) {
				release := make(chan struct{})
				defer close(release)
				r.syncer.Client = &fakeClient{put: tt.put(release)}
				r.info("one", "two")
				begin := time.Now()
				err := r.syncer.Sync()
				if took := time.Since(begin); took > timeout+grace {
					r.Errorf("Sync took %s, want at most %s", took, timeout+grace)
				}
				if tt.want == nil && err != nil || tt.want != nil && (err == nil || !tt.want(err)) {
					r.Errorf("Sync = %v, want what the client did", err)
				}
				if got := tt.fate(r.syncer.Stats()); got != 2 {
					r.Errorf("got %+v, want 2 events with their fate", r.syncer.Stats())
				}
				if tt.want != nil {
					r.wantSpill("one", "two")
				}
				r.info("three")
				_ = r.syncer.Close()
				if st := r.syncer.Stats(); st.Pending != 0 {
					r.Errorf("got %d events pending after Close, want none", st.Pending)
				}
			})
		})
	}
}

// TestTexts puts odd messages through both ways to make a request.
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
				inRig(t, func(r *rig) {
					if !sdk {
						r.syncer.Client = wrapped{r.syncer.Client}
					}
					r.info("before", tt.text, "after")
					if err := r.syncer.Sync(); err != nil {
						r.Errorf("Sync = %.500v, want nil", err)
					}
					evs := r.server.Events(rigGroup, rigStream)
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
					if errs := r.server.Stats().Errors; len(errs) > 0 {
						r.Errorf("got errors %v of the service, want none", errs)
					}
				})
			})
		}
	}
}

// TestSmallEvents splits by a limit of its own.
func TestSmallEvents(t *testing.T) {
	inRig(t, func(r *rig) {
		r.syncer.MaxEventBytes = 30
		text := "až日🐎\xffbcdefg"
		r.info(text)
		r.mustSync()
		got, _ := r.stream()
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

// TestNamespaces nests fields deeply.
func TestNamespaces(t *testing.T) {
	const depth = 40
	for name, enc := range map[string]zapcore.Encoder{
		"prefix": zapcw.NewPrefixEncoder("f", zapcw.StandardPrefix, zapcw.NewEncoderConfig()),
		"JSON":   zapcw.NewJSONEncoder(zapcw.NewEncoderConfig()),
	} {
		t.Run(name, func(t *testing.T) {
			inRig(t, func(r *rig) {
				l := zap.New(zapcw.NewCore(enc, r.syncer, zap.DebugLevel))
				for i := range depth {
					l = l.With(zap.Int("i", i), zap.Namespace("n"))
				}
				l.Info("deep", zap.Bool("bottom", true))
				l.Info("deeper", zap.Namespace("last"), zap.Namespace("empty"))
				r.mustSync()
				got, _ := r.stream()
				if len(got) != 2 {
					r.Fatalf("got %d events, want 2", len(got))
				}
				for k, text := range got {
					var m map[string]any
					if err := json.Unmarshal([]byte(text[strings.Index(text, "{"):]), &m); err != nil {
						r.Fatalf("%v in %s", err, text)
					}
					for i := range depth {
						if m["i"] != float64(i) {
							r.Fatalf("event %d, level %d: got %v, want %d", k, i, m["i"], i)
						}
						m = m["n"].(map[string]any)
					}
					if k == 0 && m["bottom"] != true {
						r.Errorf("got %v at the bottom, want true", m["bottom"])
					}
				}
			})
		})
	}
}

func TestPrefixPanics(t *testing.T) {
	inRig(t, func(r *rig) {
		prefix := zapcw.PrefixFunc(func(zapcore.Level, string, string, string) string { panic("prefix is broken") })
		zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("f", prefix, zapcw.NewEncoderConfig()), r.syncer, zap.DebugLevel)).Info("hello")
		r.mustSync()
		r.wantStream("hello")
	})
}

// brokenEncoder cannot encode any entry.
type brokenEncoder struct{ zapcore.Encoder }

func (brokenEncoder) EncodeEntry(zapcore.Entry, []zapcore.Field) (*buffer.Buffer, error) {
	return nil, os.ErrInvalid
}

func TestEncoderFails(t *testing.T) {
	inRig(t, func(r *rig) {
		core := zapcw.NewCore(brokenEncoder{}, r.syncer, zap.DebugLevel)
		if err := core.Write(zapcore.Entry{Message: "hello"}, nil); !errors.Is(err, os.ErrInvalid) {
			r.Errorf("Write = %v, want the encoder's error", err)
		}
		r.mustSync()
		r.wantStream("hello")
	})
}

// TestTimes has entries with odd times: each keeps its own, the stream is in
// order, no put breaks a rule, and what the service rejects is on the fallback.
func TestTimes(t *testing.T) {
	const hour, day = time.Hour, 24 * time.Hour
	for _, tt := range []struct {
		name  string
		steps []time.Duration // of each event from now
		bad   func(d time.Duration) bool
		as    func(zapcw.Rejections) uint64
	}{
		{"backwards", []time.Duration{0, -time.Millisecond, -time.Second, -time.Minute, -hour, 0, 1}, nil, nil},
		{"a day apart", []time.Duration{0, -25 * hour, hour, -24 * hour, -23 * hour, -24*hour - time.Millisecond, -3 * day}, nil, nil},
		{"25 hours ahead", []time.Duration{0, 25 * hour, -hour, 3 * hour, time.Millisecond},
			func(d time.Duration) bool { return d > 2*hour }, func(r zapcw.Rejections) uint64 { return r.TooNew }},
		{"2 hours ahead", []time.Duration{0, 2*hour - time.Minute, 2*hour + time.Minute},
			func(d time.Duration) bool { return d > 2*hour }, func(r zapcw.Rejections) uint64 { return r.TooNew }},
		{"14 days old", []time.Duration{0, -14*day + time.Minute, -14*day - time.Minute},
			func(d time.Duration) bool { return d < -14*day }, func(r zapcw.Rejections) uint64 { return r.TooOld }},
		{"before 1970", []time.Duration{0, -100 * 365 * day},
			func(d time.Duration) bool { return d < -14*day }, func(r zapcw.Rejections) uint64 { return r.Invalid }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inRig(t, func(r *rig) {
				now := time.Now()
				var good []time.Duration
				var bad []string
				for _, d := range tt.steps {
					if tt.bad != nil && tt.bad(d) {
						bad = append(bad, d.String())
					} else {
						good = append(good, d)
					}
					_ = r.core.Write(zapcore.Entry{Time: now.Add(d), Message: d.String()}, nil)
				}
				err := r.syncer.Sync()
				if (err == nil) != (len(bad) == 0) {
					r.Errorf("Sync = %v, want an error for %d bad events", err, len(bad))
				}
				slices.Sort(good)
				var want []cwltest.Event
				for _, d := range good {
					want = append(want, cwltest.Event{Timestamp: now.Add(d).UnixMilli(), Message: d.String()})
				}
				if got := r.server.Events(rigGroup, rigStream); !slices.Equal(got, want) {
					r.Errorf("got %v in the stream, want %v", got, want)
				}
				events, _ := r.spill.lines()
				slices.Sort(events)
				slices.Sort(bad)
				if !slices.Equal(events, bad) {
					r.Errorf("got %q on the fallback, want %q", events, bad)
				}
				if st := r.syncer.Stats(); len(bad) > 0 && tt.as(st.RejectedAs) != uint64(len(bad)) {
					r.Errorf("got %+v, want %d for this reason", st.RejectedAs, len(bad))
				}
			})
		})
	}
	t.Run("none", func(t *testing.T) {
		inRig(t, func(r *rig) {
			_ = r.core.Write(zapcore.Entry{Message: "no time"}, nil)
			r.mustSync()
			if got := r.server.Events(rigGroup, rigStream); len(got) != 1 || got[0].Timestamp != time.Now().UnixMilli() {
				r.Errorf("got %v, want one event of now", got)
			}
		})
	})
	t.Run("absurd", func(t *testing.T) {
		inRig(t, func(r *rig) {
			for _, at := range []time.Time{time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0), time.UnixMilli(math.MaxInt64), time.UnixMilli(math.MinInt64), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)} {
				_ = r.core.Write(zapcore.Entry{Time: at, Message: "absurd"}, nil)
			}
			r.info("good")
			if err := r.syncer.Sync(); err == nil {
				r.Error("Sync = nil, want what the service says to such times")
			}
			r.wantStream("good")
			r.wantSpill("absurd", "absurd", "absurd", "absurd", "absurd")
		})
	})
}

// workers gives the stacks of goroutines that a Syncer started.
func workers() (stacks []string) {
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "created by example.com/zapcw.") || strings.Contains(stack, "created by example.com/zapcw/internal/delivery.") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// TestIdle checks that a Syncer with nothing to do has no goroutine.
func TestIdle(t *testing.T) {
	inRig(t, func(r *rig) {
		idle := func(when string) {
			r.Helper()
			synctest.Wait()
			if got := workers(); len(got) > 0 {
				r.Errorf("%s: got %d goroutines, want none:\n%s", when, len(got), strings.Join(got, "\n\n"))
			}
		}
		r.info("one")
		idle("with an event in the buffer")
		time.Sleep(2 * time.Minute)
		idle("after MaxAge")
		r.wantStream("one")
		r.info("two")
		r.mustSync()
		idle("after Sync")
		puts := r.server.Stats().Calls["PutLogEvents"]
		for range 3 {
			r.mustSync()
		}
		time.Sleep(24 * time.Hour)
		if got := r.server.Stats().Calls["PutLogEvents"]; got != puts {
			r.Errorf("got %d requests with nothing to send, want none", got-puts)
		}
		r.server.Fail(outage)
		r.info("three")
		go func() { _ = r.syncer.Sync() }()
		if synctest.Wait(); len(workers()) == 0 {
			r.Error("got no goroutine while Sync waits, want the sender")
		}
		time.Sleep(timeout + grace)
		idle("after a Sync that ran out of time")
	})
}

// TestDropped forgets a Syncer without Close, once it has nothing to send.
func TestDropped(t *testing.T) {
	srv := cwltest.NewServer(t)
	s := &zapcw.Syncer{Client: srv.Client(), Group: rigGroup, Stream: rigStream, MaxAge: time.Hour}
	p := weak.Make(s)
	if _, err := s.Write([]byte("one")); err != nil {
		t.Errorf("Write = %v, want nil", err)
	}
	if err := s.Sync(); err != nil {
		t.Errorf("Sync = %v, want nil", err)
	}
	runtime.KeepAlive(s)
	s = nil
	for range 1000 {
		runtime.GC()
		if p.Value() == nil {
			return
		}
		runtime.Gosched()
	}
	t.Error("the Syncer is still there, want it collected")
}

// TestSyncNothing settles nothing.
func TestSyncNothing(t *testing.T) {
	inRig(t, func(r *rig) {
		done, cancel := context.WithCancel(r.Context())
		cancel()
		for range 3 {
			r.mustSync()
			if err := r.syncer.Flush(done); err != nil {
				r.Errorf("Flush of nothing = %v, want nil", err)
			}
		}
		if err := r.syncer.Close(); err != nil {
			r.Errorf("Close = %v, want nil", err)
		}
		if calls := r.server.Stats().Calls; len(calls) > 0 {
			r.Errorf("got requests %v, want none", calls)
		}
		var zero zapcw.Syncer
		if err := errors.Join(zero.Sync(), zero.Close(), zero.Close()); err != nil {
			r.Errorf("Sync and Close of the zero Syncer = %v, want nil", err)
		}
	})
}

// TestBlackHole settles into nowhere.
func TestBlackHole(t *testing.T) {
	for _, timeout := range []time.Duration{time.Millisecond, time.Second, 10 * time.Second, time.Minute} {
		t.Run(timeout.String(), func(t *testing.T) {
			inRig(t, func(r *rig) {
				r.server.Fail(cwltest.Fault{Break: cwltest.BlackHole})
				r.syncer.Timeout = timeout
				texts := numbered("%04d"+strings.Repeat(".", 2000), 2000) // four puts
				r.info(texts...)
				for name, f := range map[string]func() error{"Sync": r.syncer.Sync, "Close": r.syncer.Close} {
					begin := time.Now()
					err := f()
					if took := time.Since(begin); took > timeout+grace {
						r.Errorf("%s took %s, want at most %s", name, took, timeout+grace)
					}
					if st := r.syncer.Stats(); err == nil && st.Pending > 0 || st.SpilledAs.Late != 2000 {
						r.Errorf("%s = %v with %d late and %d pending, want 2000 late", name, err, st.SpilledAs.Late, st.Pending)
					}
				}
				got, _ := r.spill.lines()
				slices.Sort(got)
				if !slices.Equal(got, texts) {
					r.Errorf("got %d events on the fallback, want all %d", len(got), len(texts))
				}
			})
		})
	}
}

// TestFlushContext ends a Flush from outside.
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
			inRig(t, func(r *rig) {
				r.server.Fail(cwltest.Fault{Op: "PutLogEvents", After: 3 * time.Second, Break: cwltest.BlackHole})
				r.info("one")
				ctx, cancel := tt.ctx(r.Context())
				defer cancel()
				begin := time.Now()
				if err := r.syncer.Flush(ctx); !errors.Is(err, tt.want) {
					r.Errorf("Flush = %v, want %v", err, tt.want)
				}
				if took := time.Since(begin); took > time.Second+grace {
					r.Errorf("Flush took %s, want at most %s", took, time.Second+grace)
				}
				r.wantSpill("one")
			})
		})
	}
}

// TestFlushTooShort gives a service that is well too little time, again and
// again: that must not be held against it.
func TestFlushTooShort(t *testing.T) {
	inRig(t, func(r *rig) {
		r.server.Fail(cwltest.Fault{Op: "PutLogEvents", Before: 80 * time.Millisecond})
		for range 30 {
			r.info("x")
			ctx, cancel := context.WithTimeout(r.Context(), 50*time.Millisecond)
			_ = r.syncer.Flush(ctx)
			cancel()
		}
		r.info("y")
		begin := time.Now()
		r.mustSync()
		if took := time.Since(begin); took > 100*time.Millisecond {
			r.Errorf("Sync took %s, want the 80 ms of a put", took)
		}
	})
}

// TestSyncsTogether has several callers wait for the same events: each of them
// learns what became of these.
func TestSyncsTogether(t *testing.T) {
	for name, want := range map[string]func(error) bool{
		"AccessDeniedException":       coded("AccessDeniedException"),
		"ServiceUnavailableException": isA(context.DeadlineExceeded),
		"InvalidParameterException":   is[*types.InvalidParameterException],
	} {
		t.Run(name, func(t *testing.T) {
			inRig(t, func(r *rig) {
				r.server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: name, Before: time.Millisecond})
				r.info("one", "two")
				var callers sync.WaitGroup
				for i := range 4 {
					callers.Go(func() {
						if err := r.syncer.Sync(); err == nil || !want(err) || !strings.Contains(err.Error(), "2 events") {
							r.Errorf("Sync %d = %v, want what became of 2 events", i, err)
						}
					})
				}
				callers.Wait()
				r.mustSync()
			})
		})
	}
}

// TestCloseTogether closes from everywhere while others log.
func TestCloseTogether(t *testing.T) {
	inRig(t, func(r *rig) {
		r.server.Fail(cwltest.Fault{Op: "PutLogEvents", Before: 30 * time.Millisecond})
		var all sync.WaitGroup
		for w := range 8 {
			all.Go(func() {
				for i := range 50 {
					text := fmt.Sprintf("%d.%d", w, i)
					if n, err := r.syncer.Write([]byte(text + "\n")); err != nil && (!errors.Is(err, os.ErrClosed) || n != 0) || err == nil && n != len(text)+1 {
						r.Errorf("Write = %d, %v, want all of it or os.ErrClosed", n, err)
					}
					time.Sleep(time.Millisecond)
				}
			})
			all.Go(func() {
				time.Sleep(time.Duration(20+w) * time.Millisecond)
				if err := r.syncer.Close(); err != nil {
					r.Errorf("Close = %v, want nil", err)
				}
			})
		}
		all.Wait()
		st := r.syncer.Stats()
		there, _ := r.stream()
		here, _ := r.spill.lines()
		if len(there)+len(here) != 400 || st.SpilledAs.AfterClose != uint64(len(here)) || len(here) == 0 || len(there) == 0 {
			r.Errorf("got %d events in the stream, %d on the fallback, %+v, want all 400", len(there), len(here), st)
		}
	})
}

// TestAnyOrder calls everything from everywhere in any order.
func TestAnyOrder(t *testing.T) {
	for seed := range uint64(20) {
		inRig(t, func(r *rig) {
			r.syncer.MaxEvents = 3
			var all sync.WaitGroup
			for g := range uint64(8) {
				rand := rand.New(rand.NewPCG(seed, g))
				core := zapcore.Core(r.core)
				all.Go(func() {
					for i := range 40 {
						switch rand.IntN(8) {
						case 0:
							_ = r.syncer.Sync()
						case 1:
							ctx, cancel := context.WithTimeout(r.Context(), time.Duration(rand.IntN(3)-1)*time.Millisecond)
							_ = r.syncer.Flush(ctx)
							cancel()
						case 2:
							core = core.With([]zapcore.Field{zap.Int("i", i)})
						case 3:
							r.balance()
						case 4:
							if rand.IntN(20) == 0 {
								_ = r.syncer.Close()
							}
						case 5:
							time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
						default:
							_ = core.Write(zapcore.Entry{Message: "x", Level: zapcore.Level(rand.IntN(8) - 1)}, nil)
						}
					}
				})
			}
			all.Wait()
			_ = r.syncer.Close()
			st := r.syncer.Stats()
			there, _ := r.stream()
			here, _ := r.spill.lines()
			if st.Pending != 0 || uint64(len(here)) != st.Spilled || uint64(len(there)) < st.Delivered {
				r.Errorf("seed %d: got %d events in the stream, %d on the fallback, %+v", seed, len(there), len(here), st)
			}
		})
	}
}

// TestCreateTogether has 32 Syncers, as of as many processes, miss one stream.
func TestCreateTogether(t *testing.T) {
	const n, each = 32, 20
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		srv.Fail(cwltest.Fault{Op: "Create*", Before: 5 * time.Millisecond})
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				var spill safeBuffer
				s := &zapcw.Syncer{Client: srv.Client(), Group: rigGroup, Stream: rigStream, Fallback: &spill, Retention: 14}
				for k := range each {
					if _, err := fmt.Fprintf(s, "%d.%d", i, k); err != nil {
						t.Errorf("Write = %v, want nil", err)
					}
				}
				if err := s.Close(); err != nil {
					t.Errorf("Close = %v, want nil", err)
				}
				if spill.Len() > 0 {
					t.Errorf("got %q on a fallback, want nothing", spill.String())
				}
			})
		}
		all.Wait()
		got := srv.Messages(rigGroup, rigStream)
		slices.Sort(got)
		if len(slices.Compact(got)) != n*each {
			t.Errorf("got %d events, want each of %d", len(got), n*each)
		}
		created := make(map[string]int)
		for _, q := range srv.Stats().Requests {
			if q.Status == 200 && q.Op != "PutLogEvents" {
				created[q.Op]++
			}
		}
		for _, op := range []string{"CreateLogGroup", "CreateLogStream", "PutRetentionPolicy"} {
			if created[op] != 1 {
				t.Errorf("got %d that succeeded of %s, want one", created[op], op)
			}
		}
		srv.Close()
	})
}

// TestKeptInputs has a client that looks at its inputs later, when their events
// are long gone from memory.
func TestKeptInputs(t *testing.T) {
	inRig(t, func(r *rig) {
		fake := new(fakeClient)
		r.syncer.Client = fake
		var want []string
		for round := range 50 {
			for i := range 20 {
				text := fmt.Sprintf("%d.%d %s", round, i, strings.Repeat(string(rune('a'+round%26)), 7*i))
				want = append(want, text)
				r.info(text)
			}
			r.mustSync()
		}
		if got := fake.messages(); !slices.Equal(got, want) {
			r.Error("the texts that the client kept have changed, want them as they were")
		}
	})
}

// TestStuckClient checks that a client which never comes back does not gather
// goroutines without bound.
func TestStuckClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		stuck := &stuckClient{let: let}
		s := &zapcw.Syncer{Client: stuck, Group: "/g", Stream: "s", Fallback: new(safeBuffer), MaxEvents: 1}
		if _, err := s.Write([]byte("m")); err != nil {
			t.Error(err)
		}
		time.Sleep(24 * time.Hour)
		if n := stuck.calls.Load(); n != 8 {
			t.Errorf("%d calls in a day are away, want 8", n)
		}
		close(let)
		time.Sleep(time.Minute)
		if st := s.Stats(); st.Delivered != 1 {
			t.Errorf("stats are %+v, want it delivered when the client is back", st)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

type stuckClient struct {
	zapcw.Client
	let   chan struct{}
	calls atomic.Int32
}

func (c *stuckClient) PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	c.calls.Add(1)
	<-c.let
	return nil, nil
}

// TestFallbackItself checks that a Syncer cannot be its own way out.
func TestFallbackItself(t *testing.T) {
	s := &zapcw.Syncer{Client: new(stuckClient), Group: "/g", Stream: "s"}
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
	s = &zapcw.Syncer{Client: new(stuckClient), Group: "/g", Stream: "s"}
	s.Fallback = s
	_, _ = s.Write([]byte("m"))
	if err := s.Sync(); err == nil || !strings.Contains(err.Error(), "Fallback is the Syncer itself") {
		t.Errorf("Sync gave %v", err)
	}
}

// TestSyncAfterMend has the service well again while the Syncer still pauses:
// who waits in Sync has an attempt made at once.
func TestSyncAfterMend(t *testing.T) {
	for _, code := range []string{"AccessDeniedException", "ServiceUnavailableException"} {
		for _, running := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/running %t", code, running), func(t *testing.T) {
				for range 50 {
					inRig(t, func(r *rig) {
						r.syncer.MaxEvents = 1
						r.server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: code})
						for range 30 {
							r.info("before")
							time.Sleep(10 * time.Second)
						}
						if !running {
							_ = r.syncer.Sync()
						}
						r.server.Heal()
						time.Sleep(2 * time.Second)
						r.info("after")
						begin := time.Now()
						_ = r.syncer.Sync()
						if took := time.Since(begin); took > time.Second {
							r.Errorf("Sync took %s, want an attempt at once", took)
						}
						if got, _ := r.stream(); !slices.Contains(got, "after") {
							r.Errorf("got %q in the stream, want the event that was logged when all was well", got)
						}
					})
				}
			})
		}
	}
}

// TestSDKLogs has the SDK log everything, and to the very stream that it writes.
func TestSDKLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		var log *zap.Logger
		client := srv.Client(func(o *cloudwatchlogs.Options) {
			o.ClientLogMode = aws.LogSigning | aws.LogRetries | aws.LogRequestWithBody | aws.LogResponseWithBody | aws.LogDeprecatedUsage
			o.Logger = logging.LoggerFunc(func(_ logging.Classification, format string, v ...any) {
				log.Info(fmt.Sprintf(format, v...))
			})
		})
		s := &zapcw.Syncer{Client: client, Group: "/g", Stream: "s", MaxEvents: 1}
		log = zap.New(zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.DebugLevel))
		log.Info("alone")
		time.Sleep(time.Hour)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if got := srv.Messages("/g", "s"); !slices.Equal(got, []string{"alone"}) {
			t.Errorf("the stream has %d events, want what was logged and no more: %.200q", len(got), got)
		}
	})
}

// TestTold checks that the same cause is told once a minute, with how often it
// came since.
func TestTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spill safeBuffer
		s := &zapcw.Syncer{Client: new(stuckClient), Group: "/g", Stream: "s", Fallback: &spill}
		_ = s.Close()
		for range 120 {
			_, _ = s.Write([]byte("m"))
			time.Sleep(time.Second)
		}
		spilled, words := spill.lines()
		if len(spilled) != 120 || len(words) != 2 {
			t.Fatalf("%d events and %q, want 120 events and two lines", len(spilled), words)
		}
		if want := "(and 59 times more since 2000-01-01T00:00:00Z)"; !strings.Contains(words[1], want) {
			t.Errorf("got %q, want %s in it", words[1], want)
		}
	})
}

// TestFlushSpillsItsOwn has the deadline of one Flush pass while others go on
// logging: their events have time.
func TestFlushSpillsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spill safeBuffer
		srv := cwltest.NewServer(t)
		srv.CreateStream("/g", "s")
		srv.Fail(cwltest.Fault{Op: "PutLogEvents", After: 1200 * time.Millisecond})
		s := &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: "s", Concurrency: 1, MaxEvents: 20, Fallback: &spill}
		write := func(text string, n int) {
			for i := range n {
				if _, err := fmt.Fprintf(s, "%s %d", text, i); err != nil {
					t.Error(err)
				}
			}
		}
		write("before", 20)
		synctest.Wait()
		write("flushed", 1)
		var flushes sync.WaitGroup
		flush := func(limit time.Duration) {
			flushes.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				_ = s.Flush(ctx)
			})
			synctest.Wait()
		}
		flush(900 * time.Millisecond)
		time.Sleep(100 * time.Millisecond)
		write("patient", 1)
		flush(time.Minute)
		write("after", 500)
		flushes.Wait()
		time.Sleep(2 * time.Minute)
		got := make(map[string]int)
		for _, m := range srv.Messages("/g", "s") {
			word, _, _ := strings.Cut(m, " ")
			got[word]++
		}
		if got["patient"] != 1 || got["after"] != 500 {
			t.Errorf("the stream has %v, want the patient event and all 500 after it", got)
		}
		spilled, _ := spill.lines()
		for _, l := range spilled {
			if word, _, _ := strings.Cut(l, " "); word == "patient" || word == "after" {
				t.Fatalf("%q is on the fallback, with %d others", l, len(spilled)-1)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestFlushOfASpill has somebody wait for an event that is being written to a
// slow fallback, while other events are sent.
func TestFlushOfASpill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		let := make(chan struct{})
		s := &zapcw.Syncer{Client: srv.Client(), Group: "/g", Stream: "s", MaxPending: 2000, Fallback: zapcore.AddSync(gate(let))}
		var others sync.WaitGroup
		others.Go(func() { _, _ = s.Write(make([]byte, 3000)) })
		synctest.Wait()
		others.Go(func() { _ = s.Sync() })
		synctest.Wait()
		for i := range 20 {
			if _, err := fmt.Fprint(s, i); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if n := len(srv.Messages("/g", "s")); n != 20 {
			t.Errorf("%d events are delivered while one is on its way to the fallback, want 20", n)
		}
		close(let)
		others.Wait()
		_ = s.Close()
	})
}

// A gate is a writer that waits to be let go.
type gate <-chan struct{}

func (g gate) Write(p []byte) (int, error) {
	<-g
	return len(p), nil
}
