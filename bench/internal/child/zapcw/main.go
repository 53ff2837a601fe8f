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
		load.Library{Name: load.Posts, Open: load.OpenPosts},
		load.Library{Name: "zapcw", Open: zapcwOf(load.JSON(), flatOut)},
		load.Library{Name: "zapcw, prefix", Open: zapcwOf(zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig()), flatOut)},
		load.Library{Name: "zapcw, defaults", Open: zapcwOf(load.JSON(), byDefault)},
		load.Library{Name: "zapcw, spool", Open: zapcwOf(load.JSON(), spooled)},
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

// A setting is what a row of zapcw changes of a Syncer. One that is to be measured
// beside the others is a setting, a Library above, and a row in the program that
// starts this one.
type setting func(*zapcw.Syncer)

// byDefault has all defaults, except that who logs faster than can be sent waits:
// nothing is to be spilled.
func byDefault(s *zapcw.Syncer) { s.WhenFull = zapcw.Block }

// spooled is byDefault with a directory that outlives the process.
func spooled(s *zapcw.Syncer) {
	byDefault(s)
	s.Spool = load.Spool()
}

// flatOut sends full puts only.
func flatOut(s *zapcw.Syncer) {
	s.MaxEvents, s.MaxPending, s.WhenFull = load.MaxEvents, 4<<20, zapcw.Block
}

func zapcwOf(enc zapcore.Encoder, set setting) func(*load.Receiver) (load.Sink, error) {
	return func(r *load.Receiver) (load.Sink, error) {
		s := &zapcw.Syncer{Client: r.Client(), Group: load.Group, Stream: load.Stream}
		set(s)
		return load.Sink{Core: zapcw.NewCore(enc, s, zap.InfoLevel), Close: func() error {
			err := s.Close()
			if st := s.Stats(); err == nil && st.Delivered != st.Accepted {
				err = fmt.Errorf("%d of %d events delivered", st.Delivered, st.Accepted)
			}
			return err
		}}, nil
	}
}
