package systest

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// TestModel runs random schedules of writers, settlers and faults, and checks
// that every event has one fate: it is in the stream or on the fallback, once.
// A failure names its seed; ZAPCW_SEED=n runs that schedule alone, and
// ZAPCW_SCHEDULES=n as many.
func TestModel(t *testing.T) {
	t.Parallel()
	from, to := schedules(t)
	replay(t, from, to, func(t *testing.T, seed uint64) { newSchedule(t, seed, "s").run() })
}

// TestModelMidnight runs the schedules over midnight UTC, with a stream for each
// day: every event is in that of its own.
func TestModelMidnight(t *testing.T) {
	t.Parallel()
	to := uint64(100)
	if testing.Short() || testkit.RaceEnabled {
		to /= 5
	}
	replay(t, 0, to, func(t *testing.T, seed uint64) {
		m := newSchedule(t, seed, "s-{date}")
		time.Sleep(24*time.Hour - time.Duration(m.rand.IntN(3000))*time.Millisecond)
		m.run()
	})
}

// schedules is which random schedules to run.
func schedules(t *testing.T) (from, to uint64) {
	to = 500
	if v := os.Getenv("ZAPCW_SCHEDULES"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatalf("ZAPCW_SCHEDULES=%q: want a number", v)
		}
		to = n
	}
	if testing.Short() || testkit.RaceEnabled {
		to /= 5
	}
	return 0, to
}

// replay runs schedules by their seeds, or the one of ZAPCW_SEED alone, until one
// fails, which prints how to run it again.
func replay(t *testing.T, from, to uint64, run func(t *testing.T, seed uint64)) {
	name := t.Name()
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
					t.Logf("replay with: ZAPCW_SEED=%d go test -run %s ./internal/systest", seed, name)
				}
			}()
			run(t, seed)
		})
	}
}

// A schedule is one run and what must hold after it.
type schedule struct {
	*testing.T
	rand   *rand.Rand
	server *cwltest.Server
	syncer *zapcw.Syncer
	spill  testkit.Buffer
	stats  zapcw.Stats // of all lives

	mu        sync.Mutex
	logged    map[string]string // texts as the service stores them, by what they begin with
	days      map[string]string // the day of each
	steps     bool              // the clock is set back
	ambiguous bool              // an answer may get lost, so an event may be there twice
	poisoned  bool
}

func newSchedule(t *testing.T, seed uint64, stream string) *schedule {
	r := rand.New(rand.NewPCG(seed, 2))
	m := &schedule{T: t, rand: r, server: cwltest.NewServer(t), logged: make(map[string]string), days: make(map[string]string), steps: r.IntN(2) == 0}
	pick := func(v ...int) int { return v[r.IntN(len(v))] }
	m.syncer = &zapcw.Syncer{
		Client: m.server.Client(), Group: "/model", Stream: stream, Fallback: &m.spill,
		MaxEvents:   pick(0, 1, 3, 1000),
		MaxAge:      time.Duration(pick(0, 10, 1000, 100_000)) * time.Millisecond,
		MaxPending:  pick(0, 0, 2_000, 50_000, 1_000_000),
		WhenFull:    zapcw.Overflow(pick(0, 0, 1)),
		Concurrency: pick(0, 1, 2, 3),
		// Long entries are split only here, so that the rest can be told by
		// their whole text.
		MaxEventBytes: pick(0, 0, 0, 500),
		Timeout:       time.Duration(pick(0, 50, 2000)) * time.Millisecond,
	}
	if r.IntN(2) == 0 {
		testkit.Widen(m.syncer)
	}
	return m
}

// run is a life of the Syncer, and with a spool a second one.
func (m *schedule) run() {
	m.live()
	if m.syncer.Spool != "" {
		m.inherit()
	}
	m.check()
	time.Sleep(time.Minute) // a gap notice may be on its way alone, and nobody waits for it
	m.server.Close()
}

func (m *schedule) live() {
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
	m.server.Heal()
	m.balance()
	m.stats = m.syncer.Stats()
	if m.stats.Pending != 0 || m.stats.PendingBytes != 0 {
		m.Errorf("%d events, %d bytes pending after Close", m.stats.Pending, m.stats.PendingBytes)
	}
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
		id := fmt.Sprintf("%d.%d", w, i)
		text := id
		switch r.IntN(80) {
		case 0:
			text += " poison"
		case 1:
			text += " " + strings.Repeat("x", r.IntN(20_000))
		case 2:
			text += " \xff\xfe"
		case 3:
			text += " \x00\x1f"
		case 4:
			if r.IntN(100) == 0 {
				text += " " + strings.Repeat("ž", r.IntN(3<<19))
			}
		}
		ent := zapcore.Entry{Message: text, Time: time.Now(), Level: zapcore.Level(r.IntN(5) - 1)}
		switch k := r.IntN(100); {
		case k == 0 && m.steps:
			ent.Time = ent.Time.Add(-time.Duration(r.IntN(3600_000)) * time.Millisecond)
		case k == 1 && m.steps:
			ent.Time = ent.Time.Add(-15 * 24 * time.Hour)
		case k == 2 && m.steps:
			ent.Time = ent.Time.Add(3 * time.Hour)
		case k == 3 && m.steps:
			ent.Time = ent.Time.Add(-25 * time.Hour)
		case k == 4:
			ent.Time = time.Time{}
		case k == 5:
			ent.Level = zapcore.DPanicLevel
		case k == 6:
			core = core.With([]zapcore.Field{zap.Skip()})
		}
		m.mu.Lock()
		m.logged[id], m.days[id] = string([]rune(text)), cmp.Or(ent.Time, time.Now()).UTC().Format(time.DateOnly)
		m.mu.Unlock()
		var fields []zapcore.Field
		if r.IntN(80) == 0 {
			fields = append(fields, zapcw.Flush())
		}
		_ = core.Write(ent, fields)
		if r.IntN(100) == 0 {
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
	if st.Accepted != st.Delivered+st.Rejected+st.Spilled+st.Spooled+st.Pending {
		m.Errorf("%d accepted, but %d delivered, %d rejected, %d spilled, %d spooled, %d pending", st.Accepted, st.Delivered, st.Rejected, st.Spilled, st.Spooled, st.Pending)
	}
	limit := m.syncer.MaxPending
	if limit == 0 {
		limit = 32 << 20
	}
	if m.syncer.Spool != "" {
		limit += 64 << 10 // one chunk may come back from the disk, however little MaxPending is
	}
	if st.PendingBytes > uint64(limit) {
		m.Errorf("%d bytes pending of %d", st.PendingBytes, limit)
	}
}

// check compares what was logged with where it is now.
func (m *schedule) check() {
	st := m.stats
	accepted := 0
	for _, text := range m.logged {
		accepted += m.parts(text)
	}
	if st.Accepted != uint64(accepted) {
		m.Errorf("%d accepted of %d", st.Accepted, accepted)
	}
	where := make(map[string]int)
	last := make(map[string]int)
	inStream := 0
	for text, stream := range m.streams() {
		inStream++
		id, ok := m.find(text, where)
		if !ok {
			continue
		}
		if day, ok := strings.CutPrefix(stream, "s-"); ok && day != m.days[id] {
			m.Errorf("%s, of %s, is in stream %s", id, m.days[id], stream)
		}
		// The order of each writer, if nothing turned it around.
		var w, n int
		if _, err := fmt.Sscanf(id, "%d.%d", &w, &n); err != nil {
			m.Errorf("%.40q in the stream: %v", text, err)
		}
		writer := strconv.Itoa(w)
		if next, ok := last[writer]; ok && n <= next && !m.steps && !m.ambiguous && m.syncer.Spool == "" {
			m.Errorf("writer %d: event %d comes behind %d", w, n, next)
		}
		last[writer] = n
	}
	spilled, words := m.spill.Lines()
	for _, l := range spilled {
		m.find(string([]rune(l)), where)
	}
	for id, n := range where {
		if n > 1 && !m.ambiguous {
			m.Errorf("%s is there %d times", id, n)
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

// streams gives the events in all streams, apart from gap notices, and where each
// is.
func (m *schedule) streams() iter.Seq2[string, string] {
	return func(yield func(event, stream string) bool) {
		group := "/model"
		out, err := m.server.Client().DescribeLogStreams(context.Background(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: &group})
		if err != nil {
			return // there is no group
		}
		for _, s := range out.LogStreams {
			for _, e := range m.server.Events(group, *s.LogStreamName) {
				if day, ok := strings.CutPrefix(*s.LogStreamName, "s-"); ok && e.Time().Format(time.DateOnly) != day {
					m.Errorf("%.40q of %s is in stream %s", e.Message, e.Time(), *s.LogStreamName)
				}
				if !strings.HasPrefix(e.Message, "zapcw: ") && !yield(e.Message, *s.LogStreamName) {
					return
				}
			}
		}
	}
}

// find counts an event at the id of the text that it is, or begins. Later parts
// of a text have no id.
func (m *schedule) find(text string, where map[string]int) (id string, ok bool) {
	m.Helper()
	id, rest, _ := strings.Cut(text, " ")
	whole, ok := m.logged[id]
	switch {
	case ok && m.parts(whole) == 1 && text != whole, ok && !strings.HasPrefix(whole, text):
		m.Errorf("%.40q is not what was logged: %.40q", text, whole)
	case !ok && (rest != "" || strings.Trim(text, "xž\ufffd") != ""):
		m.Errorf("nobody logged %.40q", text)
	case ok:
		where[id]++
	}
	return id, ok
}

// parts is how many events a text makes, obviously.
func (m *schedule) parts(text string) int {
	limit := m.syncer.MaxEventBytes
	if limit == 0 {
		limit = 1 << 20
	}
	if len(text) <= limit-26 {
		return 1
	}
	n, size := 1, 0
	for _, r := range text {
		if size += utf8.RuneLen(r); size > limit-26 {
			n, size = n+1, utf8.RuneLen(r)
		}
	}
	return n
}

// TestAnyOrder has eight goroutines call everything in random order.
func TestAnyOrder(t *testing.T) {
	for seed := range uint64(20) {
		testkit.InRig(t, func(r *testkit.Rig) {
			r.Syncer.MaxEvents = 3
			var all sync.WaitGroup
			for g := range uint64(8) {
				rand := rand.New(rand.NewPCG(seed, g))
				core := zapcore.Core(r.Core)
				all.Go(func() {
					for i := range 40 {
						switch rand.IntN(8) {
						case 0:
							_ = r.Syncer.Sync()
						case 1:
							ctx, cancel := context.WithTimeout(r.Context(), time.Duration(rand.IntN(3)-1)*time.Millisecond)
							_ = r.Syncer.Flush(ctx)
							cancel()
						case 2:
							core = core.With([]zapcore.Field{zap.Int("i", i)})
						case 3:
							r.Balance()
						case 4:
							if rand.IntN(20) == 0 {
								_ = r.Syncer.Close()
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
			_ = r.Syncer.Close()
			st := r.Syncer.Stats()
			there, _ := r.Stream()
			here, _ := r.Spill.Lines()
			if st.Pending != 0 || uint64(len(here)) != st.Spilled || uint64(len(there)) < st.Delivered {
				r.Errorf("seed %d: got %d events in the stream, %d on the fallback, %+v", seed, len(there), len(here), st)
			}
		})
	}
}
