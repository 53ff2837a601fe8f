package zapcw_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
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

// TestModel runs random schedules of writers, settlers and faults, and checks
// that every event has one fate: it is in the stream or on the fallback, once.
// A failure names its seed; ZAPCW_SEED=n runs that schedule alone.
func TestModel(t *testing.T) {
	from, to := uint64(0), uint64(600)
	if testing.Short() {
		to = 60
	}
	if v := os.Getenv("ZAPCW_SEED"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatalf("ZAPCW_SEED=%q: want a number", v)
		}
		from, to = n, n+1
	}
	for seed := from; seed < to && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("replay with: ZAPCW_SEED=%d go test -run TestModel .", seed)
				}
			}()
			newSchedule(t, seed).run()
		})
	}
}

// A schedule is one run and what must hold after it.
type schedule struct {
	*testing.T
	rand   *rand.Rand
	server *cwltest.Server
	syncer *zapcw.Syncer
	spill  safeBuffer

	mu        sync.Mutex
	logged    map[string]bool
	ambiguous bool // an answer may get lost, so an event may be there twice
	poisoned  bool
}

// safeBuffer is a fallback to look into.
type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *safeBuffer) Sync() error { return nil }

// lines gives the events that were written, without what was said about them.
func (b *safeBuffer) lines() (events, words []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range strings.Lines(b.String()) {
		l = strings.TrimSuffix(l, "\n")
		if strings.HasPrefix(l, "zapcw: ") {
			words = append(words, l)
			continue
		}
		events = append(events, l)
	}
	return events, words
}

func newSchedule(t *testing.T, seed uint64) *schedule {
	r := rand.New(rand.NewPCG(seed, 2))
	m := &schedule{T: t, rand: r, server: cwltest.NewServer(t), logged: make(map[string]bool)}
	pick := func(v ...int) int { return v[r.IntN(len(v))] }
	m.syncer = &zapcw.Syncer{
		Client: m.server.Client(), Group: "/model", Stream: "s", Fallback: &m.spill,
		MaxEvents:   pick(0, 1, 3, 1000),
		MaxAge:      time.Duration(pick(0, 10, 1000, 100_000)) * time.Millisecond,
		MaxPending:  pick(0, 0, 2_000, 50_000, 1_000_000),
		WhenFull:    zapcw.Overflow(pick(0, 0, 1)),
		Concurrency: pick(0, 1, 2, 3),
		Timeout:     time.Duration(pick(0, 50, 2000)) * time.Millisecond,
	}
	return m
}

func (m *schedule) run() {
	m.arm()
	// Who is blocked by an outage waits for its end.
	heal := time.AfterFunc(10*time.Minute, m.server.Heal)
	defer heal.Stop()
	var writers sync.WaitGroup
	n := 1 + m.rand.IntN(8)
	if m.rand.IntN(10) == 0 {
		n = 64
	}
	each := 1 + m.rand.IntN(600)/n
	for w := range n {
		r := rand.New(rand.NewPCG(m.rand.Uint64(), 3))
		writers.Go(func() { m.write(w, each, r) })
	}
	stop := make(chan struct{})
	var settlers sync.WaitGroup
	for range m.rand.IntN(3) {
		r := rand.New(rand.NewPCG(m.rand.Uint64(), 4))
		settlers.Go(func() { m.settle(stop, r) })
	}
	if m.rand.IntN(5) == 0 {
		time.Sleep(time.Duration(m.rand.IntN(2000)) * time.Millisecond)
		_ = m.syncer.Close() // in the middle
	}
	writers.Wait()
	close(stop)
	settlers.Wait()
	if m.rand.IntN(2) == 0 {
		time.Sleep(time.Duration(m.rand.IntN(90)) * time.Second)
		m.balance()
	}
	if m.rand.IntN(3) > 0 {
		m.server.Heal()
	}
	begin := time.Now()
	_ = m.syncer.Close()
	limit := m.syncer.Timeout
	if limit == 0 {
		limit = 10 * time.Second
	}
	if took := time.Since(begin); took > limit+200*time.Millisecond {
		m.Errorf("Close took %s of %s", took, limit)
	}
	m.check()
	m.server.Heal()
	m.server.Close()
}

// arm installs some faults.
func (m *schedule) arm() {
	r := m.rand
	ops := []string{"PutLogEvents", "CreateLogStream", "CreateLogGroup", "Create*", ""}
	codes := []string{
		"ThrottlingException", "ServiceUnavailableException", "InternalFailure", "ExpiredTokenException",
		"AccessDeniedException", "UnrecognizedClientException", "InvalidParameterException",
		"ResourceNotFoundException", "OperationAbortedException", "LimitExceededException", "WhateverException",
	}
	for range r.IntN(4) {
		f := cwltest.Fault{Op: ops[r.IntN(len(ops))], Skip: r.IntN(4)}
		switch r.IntN(3) {
		case 0:
			f.Times = 1 + r.IntN(5)
		case 1:
			f.For = time.Duration(r.IntN(30_000)) * time.Millisecond
		}
		switch r.IntN(10) {
		case 0:
			f.Break, m.ambiguous = cwltest.Break(1+r.IntN(5)), true
			f.Commit = r.IntN(2) == 0
		case 1:
			f.Status, f.Body, f.ContentType, m.ambiguous = 502, "<html>bad gateway</html>", "text/html", true
		case 2:
			f.Status, f.Body, m.ambiguous = 200, `{"nextSeq`, true
			f.Commit = r.IntN(2) == 0
		case 3:
			f.Before = time.Duration(r.IntN(40_000)) * time.Millisecond
			m.ambiguous = true
		case 4:
			f.After = time.Duration(r.IntN(40_000)) * time.Millisecond
			m.ambiguous = true
		case 5:
			f.Op, f.PerSecond = "PutLogEvents", float64(1+r.IntN(20))
		default:
			f.Code = codes[r.IntN(len(codes))]
		}
		m.server.Fail(f)
	}
	if r.IntN(3) == 0 {
		m.poisoned = true
		m.server.Fail(cwltest.Poison(func(e cwltest.Event) bool { return strings.Contains(e.Message, "poison") }))
	}
}

func (m *schedule) write(w, n int, r *rand.Rand) {
	core := zapcore.Core(zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), m.syncer, zap.DebugLevel))
	slow := r.IntN(3)
	for i := range n {
		text := fmt.Sprintf("%d.%d", w, i)
		switch r.IntN(60) {
		case 0:
			text += " poison"
		case 1:
			text += " " + strings.Repeat("x", r.IntN(60_000))
		case 2:
			text += " \xff\xfe"
		}
		ent := zapcore.Entry{Message: text, Time: time.Now(), Level: zapcore.Level(r.IntN(5) - 1)}
		switch r.IntN(100) {
		case 0:
			ent.Time = ent.Time.Add(-time.Duration(r.IntN(3600)) * time.Second)
		case 1:
			ent.Time = ent.Time.Add(-15 * 24 * time.Hour)
		case 2:
			ent.Time = ent.Time.Add(3 * time.Hour)
		case 3:
			ent.Time = time.Time{}
		case 4:
			ent.Level = zapcore.DPanicLevel
		case 5:
			core = core.With([]zapcore.Field{zap.Skip()})
		}
		m.mu.Lock()
		m.logged[string([]rune(text))] = true
		m.mu.Unlock()
		var fields []zapcore.Field
		if r.IntN(80) == 0 {
			fields = append(fields, zapcw.Flush())
		}
		_ = core.Write(ent, fields)
		if r.IntN(20) == 0 {
			m.balance()
		}
		switch {
		case slow == 0 && r.IntN(10) == 0:
			time.Sleep(time.Duration(r.IntN(2000)) * time.Millisecond)
		case slow == 1:
			time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
		}
	}
}

func (m *schedule) settle(stop <-chan struct{}, r *rand.Rand) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(r.IntN(3000)) * time.Millisecond):
		}
		switch r.IntN(3) {
		case 0:
			_ = m.syncer.Sync()
		case 1:
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(1000))*time.Millisecond)
			_ = m.syncer.Flush(ctx)
			cancel()
		case 2:
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_ = m.syncer.Flush(ctx)
		}
		m.balance()
	}
}

// balance checks contract 1 and the bound on memory, at any moment.
func (m *schedule) balance() {
	m.Helper()
	st := m.syncer.Stats()
	if st.Accepted != st.Delivered+st.Rejected+st.Spilled+st.Pending {
		m.Errorf("%d accepted, but %d delivered, %d rejected, %d spilled, %d pending", st.Accepted, st.Delivered, st.Rejected, st.Spilled, st.Pending)
	}
	limit := m.syncer.MaxPending
	if limit == 0 {
		limit = 32 << 20
	}
	if st.PendingBytes > uint64(limit) {
		m.Errorf("%d bytes pending of %d", st.PendingBytes, limit)
	}
}

// check compares what was logged with where it is now.
func (m *schedule) check() {
	m.balance()
	st := m.syncer.Stats()
	if st.Pending != 0 || st.PendingBytes != 0 {
		m.Errorf("%d events, %d bytes pending after Close", st.Pending, st.PendingBytes)
	}
	if st.Accepted != uint64(len(m.logged)) {
		m.Errorf("%d accepted of %d", st.Accepted, len(m.logged))
	}
	where := make(map[string]int)
	last := make(map[string]int)
	for _, e := range m.server.Events("/model", "s") {
		if strings.HasPrefix(e.Message, "zapcw: ") {
			continue
		}
		where[e.Message]++
		_ = last
	}
	inStream := len(where)
	spilled, words := m.spill.lines()
	for _, l := range spilled {
		where[string([]rune(l))]++
	}
	for l, n := range where {
		if !m.logged[l] {
			m.Errorf("nobody logged %.40q", l)
		}
		if n > 1 && !m.ambiguous {
			m.Errorf("%.40q is there %d times", l, n)
		}
	}
	missing := 0
	for l := range m.logged {
		if where[l] == 0 {
			if missing++; missing < 5 {
				m.Errorf("%.40q is lost", l)
			}
		}
	}
	if uint64(len(spilled)) != st.Rejected+st.Spilled {
		m.Errorf("%d events on the fallback, stats say %d rejected, %d spilled", len(spilled), st.Rejected, st.Spilled)
	}
	if !m.ambiguous && uint64(inStream) != st.Delivered {
		m.Errorf("%d events in the stream, stats say %d delivered", inStream, st.Delivered)
	}
	if len(spilled) > 0 && len(words) == 0 {
		m.Error("events on the fallback, and no word why")
	}
	for _, r := range m.server.Stats().Requests {
		if r.Op == "PutLogEvents" && r.Code == "InvalidParameterException" && !r.Fault {
			m.Errorf("a put broke the service's rules: %+v", r)
		}
	}
	if m.Failed() {
		m.Logf("%+v", st)
		m.Logf("%s", strings.Join(slices.Compact(words), "\n"))
	}
}
