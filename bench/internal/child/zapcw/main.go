// Command zapcw is zapcw, and what it is measured against, under load.
package main

import (
	"fmt"
	"io"
	"maps"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/bench/internal/load"
	"example.com/zapcw/bench/internal/micro"
)

func main() {
	kinds := load.Kinds(
		load.Library{Name: "zap, discarded", Open: local(func() (zapcore.WriteSyncer, func() error, error) {
			return zapcore.AddSync(io.Discard), func() error { return nil }, nil
		}), Local: true},
		load.Library{Name: "zap, to a file", Open: local(func() (zapcore.WriteSyncer, func() error, error) {
			f, err := load.TempFile()
			if err != nil {
				return nil, nil, err
			}
			w := &zapcore.BufferedWriteSyncer{WS: f}
			return w, w.Stop, nil
		}), Local: true},
		load.Library{Name: "nothing", Open: func(*load.Receiver) (load.Sink, error) {
			return load.Sink{Core: zapcore.NewNopCore(), Close: func() error { return nil }}, nil
		}, Local: true},
		load.Library{Name: "zapcw", Open: zapcwOf(load.JSON(), flatOut)},
		load.Library{Name: "zapcw, prefix", Open: zapcwOf(zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig()), flatOut)},
		load.Library{Name: "zapcw, defaults", Open: zapcwOf(load.JSON(), settings{full: zapcw.Block})},
	)
	maps.Copy(kinds, micro.Kinds())
	load.Main(kinds)
}

func local(open func() (zapcore.WriteSyncer, func() error, error)) func(*load.Receiver) (load.Sink, error) {
	return func(*load.Receiver) (load.Sink, error) {
		w, closer, err := open()
		if err != nil {
			return load.Sink{}, err
		}
		return load.Sink{Core: zapcore.NewCore(load.JSON(), w, zap.InfoLevel), Close: closer}, nil
	}
}

type settings struct {
	events, pending int
	full            zapcw.Overflow
}

// flatOut sends full puts, and who logs faster than can be sent waits: nothing is
// to be spilled.
var flatOut = settings{events: load.MaxEvents, pending: 4 << 20, full: zapcw.Block}

func zapcwOf(enc zapcore.Encoder, with settings) func(*load.Receiver) (load.Sink, error) {
	return func(r *load.Receiver) (load.Sink, error) {
		s := &zapcw.Syncer{
			Client: r.Client(), Group: load.Group, Stream: load.Stream,
			MaxEvents: with.events, MaxPending: with.pending, WhenFull: with.full,
		}
		return load.Sink{Core: zapcw.NewCore(enc, s, zap.InfoLevel), Close: func() error {
			err := s.Close()
			if st := s.Stats(); err == nil && st.Delivered != st.Accepted {
				err = fmt.Errorf("%d of %d events delivered", st.Delivered, st.Accepted)
			}
			return err
		}}, nil
	}
}
