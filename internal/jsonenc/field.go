package jsonenc

import (
	"math"
	"reflect"
	"sync"

	"go.uber.org/zap/zapcore"
)

var pool = sync.Pool{New: func() any { return new(Encoder) }}

// Append appends the members of e to dst, then those of fields, and closes all
// namespaces. It does not change e.
func (e *Encoder) Append(dst []byte, fields []zapcore.Field) []byte {
	if len(e.buf) > 0 {
		dst = append(dst, e.buf...)
	}
	for i := range fields {
		var ok bool
		if dst, ok = e.appendField(dst, &fields[i]); ok {
			continue
		}
		// The rest needs an encoder.
		enc := pool.Get().(*Encoder)
		enc.Reset(e, dst)
		enc.AddFields(fields[i:])
		enc.CloseNamespaces()
		dst = enc.buf
		enc.Reset(&Encoder{}, nil)
		pool.Put(enc)
		return dst
	}
	for range e.open {
		dst = append(dst, '}')
	}
	return dst
}

// AddFields adds every field as [zapcore.Field.AddTo] does.
func (e *Encoder) AddFields(fields []zapcore.Field) {
	for i := range fields {
		e.AddField(&fields[i])
	}
}

// AddField adds f as [zapcore.Field.AddTo] does.
func (e *Encoder) AddField(f *zapcore.Field) {
	b, ok := e.appendField(e.buf, f)
	if !ok {
		f.AddTo(e)
		return
	}
	e.buf = b
}

// appendField appends fields of the types that need neither the configuration nor
// a user's code, which is most of what a program logs, and reports whether f is
// one. Field.AddTo handles the others: it recovers from panics, opens namespaces
// and more.
func (e *Encoder) appendField(b []byte, f *zapcore.Field) ([]byte, bool) {
	spaced := e.spaced
	switch f.Type {
	case zapcore.StringType:
		return appendQuoted(AppendKey(b, f.Key, spaced), f.String), true
	case zapcore.Int64Type:
		return appendInt(AppendKey(b, f.Key, spaced), f.Integer), true
	case zapcore.Int32Type:
		return appendInt(AppendKey(b, f.Key, spaced), int64(int32(f.Integer))), true
	case zapcore.BoolType:
		return appendBool(AppendKey(b, f.Key, spaced), f.Integer == 1), true
	case zapcore.Float64Type:
		v := math.Float64frombits(uint64(f.Integer))
		return appendFloat(AppendKey(b, f.Key, spaced), v, 64), true
	case zapcore.Float32Type:
		v := math.Float32frombits(uint32(f.Integer))
		return appendFloat(AppendKey(b, f.Key, spaced), float64(v), 32), true
	case zapcore.Uint64Type:
		return appendUint(AppendKey(b, f.Key, spaced), uint64(f.Integer)), true
	case zapcore.Uint32Type:
		return appendUint(AppendKey(b, f.Key, spaced), uint64(uint32(f.Integer))), true
	case zapcore.DurationType:
		if e.seconds && -exact < f.Integer && f.Integer < exact {
			return appendSeconds(AppendKey(b, f.Key, spaced), f.Integer), true
		}
	case zapcore.SkipType:
		return b, true
	}
	return b, false
}

// inSeconds reports whether durations are written by zap's SecondsDurationEncoder.
func inSeconds(f zapcore.DurationEncoder) bool {
	return f != nil && reflect.ValueOf(f).Pointer() == reflect.ValueOf(zapcore.SecondsDurationEncoder).Pointer()
}

// exact bounds the durations that appendSeconds handles, 10^15 ns or some eleven
// days: up to fifteen digits, the shortest decimal for a float64 is the one that
// it was converted from.
const exact = 1_000_000_000_000_000

// appendSeconds appends nanoseconds as seconds, with the digits that strconv would
// write for the float64.
func appendSeconds(b []byte, ns int64) []byte {
	if ns < 0 {
		b, ns = append(b, '-'), -ns
	}
	b = appendInt(b, ns/1e9)
	frac := ns % 1e9
	if frac == 0 {
		return b
	}
	b = append3(append(b, '.'), frac/1e6)
	if micros := frac % 1e6; micros != 0 {
		b = append3(b, micros/1e3)
		if nanos := micros % 1e3; nanos != 0 {
			b = append3(b, nanos)
		}
	}
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// append3 appends three digits.
func append3(b []byte, v int64) []byte {
	return append(b, byte('0'+v/100), byte('0'+v/10%10), byte('0'+v%10))
}
