package zapcw_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// A rig is a Syncer before a server that can be made to fail.
type rig struct {
	*testing.T
	server *cwltest.Server
	syncer *zapcw.Syncer
	core   zapcore.Core
	spill  *safeBuffer
}

// inRig runs a test with a rig whose stream exists, in virtual time.
func inRig(t *testing.T, f func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, server: cwltest.NewServer(t), spill: new(safeBuffer)}
		r.syncer = &zapcw.Syncer{Client: r.server.Client(), Group: rigGroup, Stream: rigStream, Fallback: r.spill}
		r.core = zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), r.syncer, zap.DebugLevel)
		r.server.CreateStream(rigGroup, rigStream)
		f(r)
		r.server.Heal()
		_ = r.syncer.Close()
		r.balance()
		r.server.Close()
	})
}

const rigGroup, rigStream = "/rig", "s"

// at logs an event of now, and tells how long that took.
func (r *rig) at(lvl zapcore.Level, text string) time.Duration {
	r.Helper()
	begin := time.Now()
	err := r.core.Write(zapcore.Entry{Level: lvl, Time: begin, Message: text}, nil)
	if err != nil && !errors.Is(err, os.ErrClosed) && lvl <= zapcore.ErrorLevel {
		r.Errorf("Write(%.30q) = %v, want nil", text, err)
	}
	return time.Since(begin)
}

func (r *rig) info(texts ...string) {
	r.Helper()
	for _, text := range texts {
		if took := r.at(zapcore.InfoLevel, text); took > 0 {
			r.Errorf("Write(%.30q) took %s, want no time", text, took)
		}
	}
}

func (r *rig) mustSync() {
	r.Helper()
	if err := r.syncer.Sync(); err != nil {
		r.Errorf("Sync = %v, want nil", err)
	}
}

// stream gives the events in the stream, apart from those that tell of a gap.
func (r *rig) stream() (events, gaps []string) {
	for _, m := range r.server.Messages(rigGroup, rigStream) {
		if strings.HasPrefix(m, "zapcw: ") {
			gaps = append(gaps, m)
			continue
		}
		events = append(events, m)
	}
	return events, gaps
}

func (r *rig) wantStream(want ...string) {
	r.Helper()
	if got, _ := r.stream(); !slices.Equal(got, want) {
		r.Errorf("got %.200q in the stream, want %.200q", got, want)
	}
}

func (r *rig) wantGaps(want ...string) {
	r.Helper()
	if _, got := r.stream(); !slices.Equal(got, want) {
		r.Errorf("got gaps %q, want %q", got, want)
	}
}

func (r *rig) wantSpill(want ...string) {
	r.Helper()
	if got, _ := r.spill.lines(); !slices.Equal(got, want) {
		r.Errorf("got %.200q on the fallback, want %.200q", got, want)
	}
}

// balance checks what holds at every moment.
func (r *rig) balance() {
	r.Helper()
	st := r.syncer.Stats()
	if st.Accepted != st.Delivered+st.Rejected+st.Spilled+st.Pending {
		r.Errorf("got %d accepted, but %d delivered, %d rejected, %d spilled, %d pending",
			st.Accepted, st.Delivered, st.Rejected, st.Spilled, st.Pending)
	}
	if most := uint64(r.syncer.MaxPending); most > 0 && st.PendingBytes > most {
		r.Errorf("got %d bytes pending, want at most %d", st.PendingBytes, most)
	}
}

func numbered(format string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(format, i)
	}
	return out
}

var outage = cwltest.Fault{Op: "PutLogEvents", Code: "ServiceUnavailableException"}

// TestSpill fills the memory in an outage: what is too much goes to the fallback
// at once, and the last eighth is for errors.
func TestSpill(t *testing.T) {
	inRig(t, func(r *rig) {
		r.syncer.MaxPending = 8000
		r.server.Fail(outage)
		// An event of 83 bytes takes 100 in memory: 70 fit into seven eighths.
		pad := strings.Repeat(".", 79)
		infos, errs := numbered("i%03d"+pad, 100), numbered("e%03d"+pad, 20)
		for i, text := range infos {
			r.info(text)
			r.balance()
			st := r.syncer.Stats()
			if want := uint64(min(i+1, 70)); st.Pending != want || st.SpilledAs.Full != uint64(i+1)-want {
				r.Fatalf("after %d events: got %d pending, %d spilled, want %d pending", i+1, st.Pending, st.SpilledAs.Full, want)
			}
			time.Sleep(time.Millisecond)
		}
		for i, text := range errs {
			if took := r.at(zapcore.ErrorLevel, text); took > 0 {
				r.Errorf("Write of an error took %s, want no time", took)
			}
			r.balance()
			if got, want := r.syncer.Stats().Pending, uint64(70+min(i+1, 10)); got != want {
				r.Fatalf("after %d errors: got %d pending, want %d", i+1, got, want)
			}
			time.Sleep(time.Millisecond)
		}
		r.info("no room for this at all either" + pad)
		spilled := slices.Concat(infos[70:], errs[10:], []string{"no room for this at all either" + pad})
		r.wantSpill(spilled...)
		if _, words := r.spill.lines(); !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, "memory full") }) {
			r.Errorf("got %q on the fallback, want that the memory is full", words)
		}
		r.server.Heal()
		time.Sleep(time.Minute)
		r.wantStream(slices.Concat(infos[:70], errs[:10])...)
		if err := r.syncer.Sync(); err == nil || !strings.Contains(err.Error(), "41 events are on the fallback") {
			r.Errorf("Sync = %v, want 41 events on the fallback", err)
		}
		r.info("after")
		r.mustSync()
		r.wantGaps(`zapcw: 41 events went to the writer's fallback instead of here: 31 INFO, 10 ERROR, from 2000-01-01T00:00:00.070Z to 2000-01-01T00:00:00.120Z, because of "memory full"`)
		r.wantSpill(spilled...)
	})
}

// TestSpillOversize has events that could never fit.
func TestSpillOversize(t *testing.T) {
	for _, whenFull := range []zapcw.Overflow{zapcw.Spill, zapcw.Block} {
		inRig(t, func(r *rig) {
			r.syncer.MaxPending, r.syncer.WhenFull = 1000, whenFull
			big := strings.Repeat("x", 900)
			r.info(big)
			if took := r.at(zapcore.ErrorLevel, big); took > 0 {
				r.Errorf("Write of an error took %s, want no time", took)
			}
			if st := r.syncer.Stats(); st.SpilledAs.Full != 1 || st.Pending != 1 {
				r.Errorf("WhenFull %d: got %d spilled, %d pending, want the info spilled and the error pending", whenFull, st.SpilledAs.Full, st.Pending)
			}
			r.wantSpill(big)
		})
	}
}

// TestBlock fills the memory in an outage with a Syncer that makes its callers
// wait.
func TestBlock(t *testing.T) {
	const most = 7 // events of 100 bytes in seven eighths of 800
	texts := numbered("%02d"+strings.Repeat(".", 81), 10)
	blocked := func(r *rig) <-chan time.Duration {
		r.syncer.MaxPending, r.syncer.WhenFull = 800, zapcw.Block
		r.server.Fail(outage)
		r.info(texts[:most]...)
		done := make(chan time.Duration, 1)
		go func() { done <- r.at(zapcore.InfoLevel, texts[most]) }()
		time.Sleep(time.Second)
		select {
		case took := <-done:
			r.Fatalf("Write returned after %s, want it to wait for room", took)
		default:
		}
		if got := r.syncer.Stats().Pending; got != most {
			r.Errorf("got %d pending, want %d", got, most)
		}
		return done
	}
	t.Run("outage ends", func(t *testing.T) {
		inRig(t, func(r *rig) {
			done := blocked(r)
			// An error has room left.
			if took := r.at(zapcore.ErrorLevel, texts[8]); took > 0 {
				r.Errorf("Write of an error took %s, want no time", took)
			}
			time.Sleep(time.Minute)
			r.server.Heal()
			if took := <-done; took < time.Minute || took > 2*time.Minute {
				r.Errorf("Write waited for %s, want about the minute of the outage", took)
			}
			r.mustSync()
			got, gaps := r.stream()
			slices.Sort(got)
			if !slices.Equal(got, texts[:9]) || len(gaps) > 0 {
				r.Errorf("got %.200q and gaps %q, want all 9 events and no gap", got, gaps)
			}
			r.wantSpill()
		})
	})
	t.Run("Close", func(t *testing.T) {
		inRig(t, func(r *rig) {
			done := blocked(r)
			if err := r.syncer.Close(); !errors.Is(err, context.DeadlineExceeded) {
				r.Errorf("Close = %v, want a deadline", err)
			}
			if took := <-done; took != time.Second {
				r.Errorf("Write was let go after %s, want with Close", took)
			}
			got, _ := r.spill.lines()
			slices.Sort(got)
			if !slices.Equal(got, texts[:8]) {
				r.Errorf("got %.200q on the fallback, want all 8 events", got)
			}
			if st := r.syncer.Stats(); st.SpilledAs.AfterClose != 1 || st.SpilledAs.Late != most {
				r.Errorf("got %+v, want 1 after Close and %d late", st.SpilledAs, most)
			}
		})
	})
	t.Run("Sync makes room", func(t *testing.T) {
		inRig(t, func(r *rig) {
			done := blocked(r)
			_ = r.syncer.Sync() // spills what is there after 10 s
			if took := <-done; took > 12*time.Second {
				r.Errorf("Write was let go after %s, want with Sync", took)
			}
			r.server.Heal()
			time.Sleep(2 * time.Minute)
			r.wantStream(texts[most])
			r.wantSpill(texts[:most]...)
		})
	})
	t.Run("refused", func(t *testing.T) {
		inRig(t, func(r *rig) {
			r.syncer.MaxPending, r.syncer.WhenFull = 800, zapcw.Block
			r.server.Fail(cwltest.Deny("logs:PutLogEvents"))
			begin := time.Now()
			for _, text := range texts {
				r.at(zapcore.InfoLevel, text)
			}
			// Nobody waits longer than for an attempt or two.
			if took := time.Since(begin); took > time.Minute {
				r.Errorf("%d Writes took %s, want at most a minute", len(texts), took)
			}
		})
	})
	t.Run("many writers", func(t *testing.T) {
		inRig(t, func(r *rig) {
			r.syncer.MaxPending, r.syncer.WhenFull = 2000, zapcw.Block
			r.server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "ThrottlingException", For: 20 * time.Second})
			var writers sync.WaitGroup
			for w := range 16 {
				writers.Go(func() {
					for i := range 25 {
						r.at(zapcore.InfoLevel, fmt.Sprintf("%02d %02d %s", w, i, strings.Repeat(".", w*i%90)))
						r.balance()
					}
				})
			}
			writers.Wait()
			r.mustSync()
			got, gaps := r.stream()
			if len(got) != 16*25 || len(gaps) > 0 {
				r.Errorf("got %d events and gaps %q, want %d and no gap", len(got), gaps, 16*25)
			}
			last := make(map[string]string)
			for _, m := range got {
				if w := m[:2]; last[w] >= m[:5] {
					r.Errorf("got %.5q after %q, want each writer's events in order", m, last[w])
				} else {
					last[w] = m[:5]
				}
			}
			r.wantSpill()
		})
	})
}

// TestGap makes holes in the stream and looks at what the stream says of them.
func TestGap(t *testing.T) {
	refuse := cwltest.Deny("logs:PutLogEvents")
	for _, tt := range []struct {
		name string
		hole func(r *rig) // leaves a hole, and the service healed
		want string       // at the head of the next batch; %s is there for time
	}{
		{"refused", func(r *rig) {
			r.server.Fail(refuse)
			r.info("a", "b")
			_ = r.syncer.Sync()
		}, `zapcw: 2 events went to the writer's fallback instead of here: 2 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.000Z, because of "refused"`},
		{"late", func(r *rig) {
			r.server.Fail(outage)
			r.info("a")
			time.Sleep(5 * time.Millisecond)
			r.info("b")
			_ = r.syncer.Sync()
		}, `zapcw: 2 events went to the writer's fallback instead of here: 2 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.005Z, because of "out of time"`},
		{"all levels and two reasons", func(r *rig) {
			r.server.Fail(refuse)
			for l := zapcore.DebugLevel - 1; l <= zapcore.FatalLevel+1; l++ {
				r.at(l, "x")
				time.Sleep(time.Millisecond)
			}
			_ = r.syncer.Sync()
			r.server.Heal()
			time.Sleep(time.Minute)
			r.server.Fail(outage)
			ctx, cancel := context.WithTimeout(r.Context(), 0)
			defer cancel()
			r.info("y")
			_ = r.syncer.Flush(ctx)
		}, `zapcw: 10 events went to the writer's fallback instead of here: 2 of other levels, 1 DEBUG, 2 INFO, 1 WARNING, 1 ERROR, 3 CRITICAL, ` +
			`from 2000-01-01T00:00:00.000Z to 2000-01-01T00:01:%s, because of "out of time", "refused"`},
		{"its put is refused", func(r *rig) {
			r.server.Fail(refuse)
			for _, text := range []string{"a", "b", "c"} {
				r.info(text)
				_ = r.syncer.Sync()
				time.Sleep(time.Minute)
			}
		}, `zapcw: 3 events went to the writer's fallback instead of here: 3 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:02:00.000Z, because of "refused"`},
		{"its put runs out of time", func(r *rig) {
			r.server.Fail(outage)
			for _, text := range []string{"a", "b"} {
				r.info(text)
				_ = r.syncer.Sync()
			}
		}, `zapcw: 2 events went to the writer's fallback instead of here: 2 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:10.000Z, because of "out of time"`},
		{"it is rejected for the age of its batch", func(r *rig) {
			remove := r.server.Fail(refuse)
			r.info("a")
			_ = r.syncer.Sync()
			remove()
			time.Sleep(time.Minute)
			_ = r.core.Write(zapcore.Entry{Time: time.Now().Add(-15 * 24 * time.Hour), Message: "too old"}, nil)
			_ = r.syncer.Sync()
		}, `zapcw: 1 event went to the writer's fallback instead of here: 1 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.000Z, because of "refused"`},
		{"it is bad itself", func(r *rig) {
			r.server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", Times: 1})
			r.info("a")
			_ = r.syncer.Sync()
			r.server.Fail(cwltest.Poison(func(e cwltest.Event) bool { return strings.HasPrefix(e.Message, "zapcw:") }))
			time.Sleep(time.Minute)
			r.info("between")
			_ = r.syncer.Sync()
		}, `zapcw: 1 event went to the writer's fallback instead of here: 1 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.000Z, because of "refused"`},
		{"its batch is full", func(r *rig) {
			r.server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", Times: 1})
			r.info("a")
			_ = r.syncer.Sync()
			time.Sleep(time.Minute)
			r.info(strings.Repeat("x", 1<<20-26)) // leaves no room for it
			r.mustSync()
		}, `zapcw: 1 event went to the writer's fallback instead of here: 1 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.000Z, because of "refused"`},
		{"10,000 events follow", func(r *rig) {
			r.syncer.MaxEvents = 1 << 20
			r.server.Fail(cwltest.Fault{Op: "PutLogEvents", Code: "AccessDeniedException", Times: 1})
			r.info("a")
			_ = r.syncer.Sync()
			time.Sleep(time.Minute)
			r.info(numbered("%d", 10_000)...)
		}, `zapcw: 1 event went to the writer's fallback instead of here: 1 INFO, from 2000-01-01T00:00:00.000Z to 2000-01-01T00:00:00.000Z, because of "refused"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inRig(t, func(r *rig) {
				tt.hole(r)
				r.wantGaps()
				r.server.Heal()
				time.Sleep(time.Minute)
				r.info("next")
				r.mustSync()
				r.info("after that")
				r.mustSync()
				_, gaps := r.stream()
				want, tail, _ := strings.Cut(tt.want, "%s")
				if len(gaps) != 1 || !strings.HasPrefix(gaps[0], want) || !strings.HasSuffix(gaps[0], tail) {
					r.Fatalf("got gaps %q, want one %q", gaps, tt.want)
				}
				// It is the first event of the put that tells, with the time
				// of the second.
				for _, q := range r.server.Stats().Requests {
					i := slices.IndexFunc(q.Events, func(e cwltest.Event) bool { return e.Message == gaps[0] })
					if q.Status == 200 && (i > 0 || i == 0 && q.Events[0].Timestamp != q.Events[1].Timestamp) {
						r.Errorf("the gap is event %d of its put, want the first, with the time of the next", i)
					}
					if q.Code == "InvalidParameterException" && !q.Fault {
						r.Error("a put broke the rules of the service")
					}
				}
			})
		})
	}
}
