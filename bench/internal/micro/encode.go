package micro

import (
	"fmt"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/bench/internal/load"
)

// Cell names a measurement.
func Cell(name string, fields, goroutines int) string {
	return fmt.Sprintf("%s/%d/%d", name, fields, goroutines)
}

// An Encoder is one that is measured.
type Encoder struct {
	Name string
	Enc  zapcore.Encoder
}

// Encoders gives zap's JSON encoder, the yardstick, and those of zapcw.
func Encoders() ([]Encoder, error) {
	template, err := zapcw.ParsePrefix("{level} {func} {caller} {logger} {line}: ")
	if err != nil {
		return nil, err
	}
	cfg := zap.NewProductionEncoderConfig()
	list := []Encoder{
		{"zap JSON", zapcore.NewJSONEncoder(cfg)},
		{"zap console", zapcore.NewConsoleEncoder(cfg)},
		{"zapcw JSON", zapcw.NewJSONEncoder(zapcw.NewEncoderConfig())},
	}
	for _, p := range []struct {
		name string
		p    zapcw.Prefix
	}{
		{"StandardPrefix", zapcw.StandardPrefix},
		{"ShortPrefix", zapcw.ShortPrefix},
		{"SimplePrefix", zapcw.SimplePrefix},
		{"MiniPrefix", zapcw.MiniPrefix},
		{"template", template},
		{"PrefixFunc", zapcw.PrefixFunc(func(_ zapcore.Level, function, _, _ string) string { return function })},
	} {
		list = append(list, Encoder{p.name, zapcw.NewPrefixEncoder("checkout", p.p, cfg)})
	}
	return list, nil
}

// Encode makes n texts of one entry and frees them.
func (e Encoder) Encode(n int, ent zapcore.Entry, fields []zapcore.Field) error {
	for range n {
		buf, err := e.Enc.EncodeEntry(ent, fields)
		if err != nil {
			return err
		}
		buf.Free()
	}
	return nil
}

// EncoderFields are the numbers of fields that encoders are measured with.
var EncoderFields = []int{0, 3, 10}

// encode measures EncodeEntry and Free, in ns, of entries with or without their
// caller.
func encode(j load.Job) (load.Result, error) {
	encoders, err := Encoders()
	if err != nil {
		return nil, err
	}
	ent, res := Entry(), make(load.Result)
	if j.Name == "caller" {
		ent.Caller = caller
	}
	for i := range j.Rounds {
		for _, n := range EncoderFields {
			for k := range encoders {
				e := encoders[(k+i)%len(encoders)]
				const some = 500
				begin, calls := time.Now(), 0
				for time.Since(begin) < j.Time {
					if err := e.Encode(some, ent, EntryFields[:n]); err != nil {
						return nil, err
					}
					calls += some
				}
				res.Add(Cell(e.Name, n, 1), float64(time.Since(begin).Nanoseconds())/float64(calls))
			}
		}
	}
	for _, e := range encoders {
		for _, n := range EncoderFields {
			var err error
			_, allocs := load.Garbage(func() { err = e.Encode(10_000, ent, EntryFields[:n]) })
			if err != nil {
				return nil, err
			}
			// Garbage itself, and the collector, allocate a little.
			res.Add(Cell(e.Name, n, 1)+"/allocs", float64(allocs/10_000))
		}
	}
	return res, nil
}
