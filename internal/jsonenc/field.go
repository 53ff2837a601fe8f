package jsonenc

import (
	"math"
	"sync"

	"go.uber.org/zap/zapcore"
)

var pool = sync.Pool{New: func() any { return new(Encoder) }}

// Append appends the members of e to dst, then those of fields, and closes all
// namespaces. It does not change e.
func (e *Encoder) Append(dst []byte, fields []zapcore.Field) []byte {
	dst = append(dst, e.buf...)
	for i := range fields {
		var ok bool
		if dst, ok = appendField(dst, &fields[i], e.spaced); ok {
			continue
		}
		// From here on somebody wants to see an encoder.
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
	b, ok := appendField(e.buf, f, e.spaced)
	if !ok {
		f.AddTo(e)
		return
	}
	e.buf = b
}

// appendField appends the kinds that are written without the configuration and
// without a user's code, which is most of what a program logs. Others it leaves
// to zapcore: they may recover from panics, open namespaces, and more.
func appendField(b []byte, f *zapcore.Field, spaced bool) ([]byte, bool) {
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
	case zapcore.SkipType:
		return b, true
	}
	return b, false
}
