package load

import (
	"cmp"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// A Library is a way from zap to the service, as its documentation shows it.
type Library struct {
	Name string
	Open func(*Receiver) (Sink, error)
	// Local is for what sends nothing.
	Local bool
}

// start opens the library with a receiver of its own, that of the job.
func (l Library) start(j Job) (*Receiver, Sink, error) {
	r, err := NewReceiver(cmp.Or(j.Transport, Plain))
	if err != nil {
		return nil, Sink{}, err
	}
	s, err := l.Open(r)
	return r, s, err
}

// A Sink is where a logger writes; Close delivers what is left, if the library
// can do that.
type Sink struct {
	zapcore.Core
	Close func() error
}

// JSON is the encoder that all libraries are measured with: zap's own.
func JSON() zapcore.Encoder { return zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()) }

// ToWriter is a Sink for a library that takes lines, without line endings, so
// that everybody's events have the same bytes.
func ToWriter(w io.Writer, closer func() error) Sink {
	cfg := zap.NewProductionEncoderConfig()
	cfg.SkipLineEnding = true
	return Sink{zapcore.NewCore(zapcore.NewJSONEncoder(cfg), zapcore.AddSync(w), zap.InfoLevel), closer}
}

// Logger is what the application has. What libraries say about errors while
// they log is not shown: what is lost is counted where it does not arrive.
func (s Sink) Logger() *zap.Logger {
	return zap.New(s.Core, zap.ErrorOutput(zapcore.AddSync(io.Discard))).Named("checkout")
}

// Entry logs the entry of the loads: five fields, about 210 bytes of JSON.
func Entry(l *zap.Logger, i int) {
	l.Info("order placed",
		zap.String("customer", "alice@example.com"),
		zap.Int("order", 1_000_000+i%1_000_000),
		zap.Duration("took", 12_345*time.Microsecond),
		zap.String("city", "Lisbon"),
		zap.String("request", "0c3f2a9e-8d15-4b7c-9a66-2f1e5d7b8c90"))
}

// Kinds are the jobs that every library can be put to.
func Kinds(libs ...Library) map[string]Kind {
	with := func(f func(Library, Job) (Result, error)) Kind {
		return func(j Job) (Result, error) {
			for _, l := range libs {
				if l.Name == j.Name {
					return f(l, j)
				}
			}
			return nil, errUnknown
		}
	}
	return map[string]Kind{"flat": with(flat), "paced": with(paced), "outage": with(outage)}
}
