package micro

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/rs/zerolog"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/bench/internal/load"
)

// A Target takes entries.
type Target struct {
	Name string
	// Log logs one entry with so many fields.
	Log func(fields int)
	// Settle gets rid of what was logged, outside of the time.
	Settle func() error
}

// Paths are the ways of an entry into a logger: Core.Write is the part that a
// core can be quick or slow at, with the fields made before; Info is the call of
// the application; With is an Info after three fields of context; Off is a call
// below the level.
var Paths = []string{"Core.Write", "Info", "With", "Off"}

// Held is the Target that a Hold keeps back, in one scope for all goroutines.
const Held = "zapcw, zap's JSON, held"

// Spooled is the Target whose events are in files that outlive the process.
const Spooled = "zapcw, zap's JSON, spool"

// Fields are the numbers of fields that a path is measured with.
func Fields(path string) []int {
	if path == "With" || path == "Off" {
		return []int{0}
	}
	return []int{0, 3, 10}
}

// Goroutines are the numbers of goroutines that log at once.
var Goroutines = []int{1, 2, 8}

// A null is a network that takes every put at once. Above it is the client that
// users have: another one would get copies of all events, and their garbage would
// be collected while the next Target has its turn.
type null struct{}

func (null) Do(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, r.Body.Close()
}

// buffering gives a Syncer that sends when it is told to.
func buffering() *zapcw.Syncer {
	client := cloudwatchlogs.New(cloudwatchlogs.Options{
		Region: "us-east-1", HTTPClient: null{},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
	return &zapcw.Syncer{Client: client, Group: load.Group, Stream: load.Stream, MaxEvents: 1 << 30, MaxPending: 1 << 30}
}

// Targets are what is measured on a path. Those of zapcw buffer less than what
// makes them send, see Time, and are settled outside of the time: what sending
// costs is measured by itself.
func Targets(path string) ([]Target, error) {
	file, err := load.TempFile()
	if err != nil {
		return nil, err
	}
	buffered := &zapcore.BufferedWriteSyncer{WS: file}
	template, err := zapcw.ParsePrefix("{level} {logger}> ")
	if err != nil {
		return nil, err
	}
	callback := zapcw.PrefixFunc(func(_ zapcore.Level, function, _, _ string) string { return function })
	cfg := zap.NewProductionEncoderConfig()
	syncers := []struct {
		name string
		enc  zapcore.Encoder
	}{
		{"zapcw, zap's JSON", load.JSON()},
		{"zapcw, its own JSON", zapcw.NewJSONEncoder(zapcw.NewEncoderConfig())},
		{"zapcw, prefix", zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, cfg)},
		{"zapcw, template", zapcw.NewPrefixEncoder("checkout", template, cfg)},
		{"zapcw, callback", zapcw.NewPrefixEncoder("checkout", callback, cfg)},
	}
	level := zap.InfoLevel
	if path == "Off" {
		level = zap.WarnLevel
	}
	targets := []Target{
		onZap(path, "zap, discarded", zapcore.NewCore(load.JSON(), zapcore.AddSync(io.Discard), level), nil),
		onZap(path, "zap, buffered file", zapcore.NewCore(load.JSON(), buffered, level), func() error {
			return empty(buffered, file)
		}),
	}
	if path != "Core.Write" {
		syncers = syncers[:3] // prefixes differ no more than there
	}
	for _, s := range syncers {
		out := buffering()
		targets = append(targets, onZap(path, s.name, zapcw.NewCore(s.enc, out, level), out.Sync))
	}
	if path == "Core.Write" {
		// The same as the first of zapcw, but in files, and kept back.
		out := buffering()
		out.Spool = load.Spool()
		targets = append(targets, onZap(path, Spooled, zapcw.NewCore(load.JSON(), out, level), out.Sync))
		quiet := zapcw.NewCore(load.JSON(), buffering(), zap.WarnLevel)
		return append(targets, onZap(path, Held, zapcw.Hold{}.Wrap(quiet), nil)), nil
	}
	sl := slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelInfo + slog.Level(4*level)}))
	zl := zerolog.New(io.Discard).Level(zerolog.InfoLevel + zerolog.Level(level)).With().Timestamp().Logger()
	if path == "With" {
		sl = sl.With(slog.String("user", "alice"), slog.Int("items", 3), slog.Duration("took", took))
		zl = zl.With().Str("user", "alice").Int("items", 3).Dur("took", took).Logger()
	}
	return append(targets,
		Target{Name: "slog, discarded", Log: func(n int) { callSlog(sl, n) }},
		Target{Name: "zerolog, discarded", Log: func(n int) { callZerolog(zl, n) }},
	), nil
}

func onZap(path, name string, core zapcore.Core, settle func() error) Target {
	t := Target{Name: name, Settle: settle}
	if path == "Core.Write" {
		ent := Entry()
		t.Log = func(n int) { _ = core.Write(ent, EntryFields[:n]) }
		return t
	}
	l := zap.New(core).Named("orders")
	if path == "With" {
		l = l.With(EntryFields[:3]...)
	}
	t.Log = func(n int) { callZap(l, n) }
	return t
}

// empty keeps the file from filling the disk.
func empty(w *zapcore.BufferedWriteSyncer, f *os.File) error {
	if err := w.Sync(); err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// round is how many entries are logged before a Target is settled. With ten
// fields it is a little less than what fills a put, which would be sent.
const round = 1800

// Time logs n entries from so many goroutines at once and gives the time that
// it took, without the settling in between.
func (t Target) Time(fields, goroutines, n int) (time.Duration, error) {
	var sum time.Duration
	for ; n > 0; n -= round {
		sum += t.time(fields, goroutines, min(n, round))
		if t.Settle != nil {
			if err := t.Settle(); err != nil {
				return 0, err
			}
		}
	}
	return sum, nil
}

func (t Target) time(fields, goroutines, n int) time.Duration {
	if goroutines == 1 {
		begin := time.Now()
		for range n {
			t.Log(fields)
		}
		return time.Since(begin)
	}
	var ready atomic.Int64
	begin, done := make([]time.Time, goroutines), make(chan time.Time, goroutines)
	for g := range goroutines {
		go func() {
			growStack()
			// Nobody begins before all are there.
			for ready.Add(1); ready.Load() < int64(goroutines); {
				runtime.Gosched()
			}
			begin[g] = time.Now()
			for i := g; i < n; i += goroutines {
				t.Log(fields)
			}
			done <- time.Now()
		}()
	}
	var last time.Time
	for range goroutines {
		if d := <-done; d.After(last) {
			last = d
		}
	}
	first := begin[0]
	for _, b := range begin {
		if b.Before(first) {
			first = b
		}
	}
	return last.Sub(first)
}

// growStack gives a goroutine the stack that one which logged before has: to grow
// it takes as long as several entries.
//
//go:noinline
func growStack() (sum byte) {
	var stack [16 << 10]byte
	for i := range stack {
		sum += stack[i]
	}
	return sum
}

// hot measures one path, in ns an entry. Everything gets its turn of a
// millisecond or so, many times, so that what else the machine does meets all
// alike, and few of the turns.
func hot(j load.Job) (load.Result, error) {
	targets, err := Targets(j.Name)
	if err != nil {
		return nil, err
	}
	const warm = 5
	res, order := make(load.Result), rand.New(rand.NewPCG(1, 1))
	for _, g := range Goroutines {
		for i := range warm + j.Rounds {
			// Nobody always comes after the same neighbour, whose file or sender
			// may have something left to do.
			for _, k := range order.Perm(len(targets)) {
				t := targets[k]
				took, err := t.Time(j.Fields, g, round)
				if err != nil {
					return nil, err
				}
				if i >= warm {
					res.Add(Cell(t.Name, j.Fields, g), float64(took.Nanoseconds())/round)
				}
			}
		}
	}
	for _, t := range targets {
		const n = 10 * round
		var bytes, allocs uint64
		for range n / round {
			b, a := load.Garbage(func() { t.time(j.Fields, 1, round) })
			bytes, allocs = bytes+b, allocs+a
			if t.Settle != nil {
				if err := t.Settle(); err != nil {
					return nil, err
				}
			}
		}
		res.Add(t.Name+"/bytes", float64(bytes)/n)
		res.Add(t.Name+"/allocs", float64(allocs)/n)
	}
	return res, nil
}
