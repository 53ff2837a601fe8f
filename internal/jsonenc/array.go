package jsonenc

import (
	"time"

	"go.uber.org/zap/zapcore"
)

// AppendBool implements [zapcore.PrimitiveArrayEncoder], and so do those that
// follow. They write what their Add counterparts do, without a key.
func (e *Encoder) AppendBool(v bool)         { e.buf = appendBool(e.sep(), v) }
func (e *Encoder) AppendByteString(v []byte) { e.buf = appendQuoted(e.sep(), asString(v)) }
func (e *Encoder) AppendComplex128(v complex128) {
	e.buf = appendComplex(e.sep(), v, 64)
}
func (e *Encoder) AppendComplex64(v complex64) {
	e.buf = appendComplex(e.sep(), complex128(v), 32)
}
func (e *Encoder) AppendFloat64(v float64) { e.buf = appendFloat(e.sep(), v, 64) }
func (e *Encoder) AppendFloat32(v float32) { e.buf = appendFloat(e.sep(), float64(v), 32) }
func (e *Encoder) AppendInt(v int)         { e.AppendInt64(int64(v)) }
func (e *Encoder) AppendInt64(v int64)     { e.buf = appendInt(e.sep(), v) }
func (e *Encoder) AppendInt32(v int32)     { e.AppendInt64(int64(v)) }
func (e *Encoder) AppendInt16(v int16)     { e.AppendInt64(int64(v)) }
func (e *Encoder) AppendInt8(v int8)       { e.AppendInt64(int64(v)) }
func (e *Encoder) AppendString(v string)   { e.buf = appendQuoted(e.sep(), v) }
func (e *Encoder) AppendUint(v uint)       { e.AppendUint64(uint64(v)) }
func (e *Encoder) AppendUint64(v uint64)   { e.buf = appendUint(e.sep(), v) }
func (e *Encoder) AppendUint32(v uint32)   { e.AppendUint64(uint64(v)) }
func (e *Encoder) AppendUint16(v uint16)   { e.AppendUint64(uint64(v)) }
func (e *Encoder) AppendUint8(v uint8)     { e.AppendUint64(uint64(v)) }
func (e *Encoder) AppendUintptr(v uintptr) { e.AppendUint64(uint64(v)) }

// AppendDuration writes the nanoseconds if the configuration has no
// EncodeDuration, or one that appends nothing.
func (e *Encoder) AppendDuration(v time.Duration) {
	before := len(e.buf)
	if f := e.cfg.EncodeDuration; f != nil {
		f(v, e)
	}
	if len(e.buf) == before {
		e.AppendInt64(int64(v))
	}
}

// AppendTime writes the nanoseconds since the Unix epoch if the configuration
// has no EncodeTime, or one that appends nothing.
func (e *Encoder) AppendTime(v time.Time) {
	before := len(e.buf)
	if f := e.cfg.EncodeTime; f != nil {
		f(v, e)
	}
	if len(e.buf) == before {
		e.AppendInt64(v.UnixNano())
	}
}

// AppendTimeLayout spares zap's time encoders, which check for this method, the
// allocation of a string.
func (e *Encoder) AppendTimeLayout(v time.Time, layout string) {
	e.buf = appendTime(e.sep(), v, layout)
}

// AppendArray implements [zapcore.ArrayEncoder]. If v returns an error, what it
// appended before stays.
func (e *Encoder) AppendArray(v zapcore.ArrayMarshaler) error {
	e.buf = append(e.sep(), '[')
	err := v.MarshalLogArray(e)
	e.buf = append(e.buf, ']')
	return err
}

// AppendObject implements [zapcore.ArrayEncoder]. Namespaces that v opens end
// with it.
func (e *Encoder) AppendObject(v zapcore.ObjectMarshaler) error {
	outer := e.open
	e.open = 0
	e.buf = append(e.sep(), '{')
	err := v.MarshalLogObject(e)
	e.CloseNamespaces()
	e.buf = append(e.buf, '}')
	e.open = outer
	return err
}

// AppendReflected is AddReflected without a key.
func (e *Encoder) AppendReflected(v any) error {
	start := len(e.buf)
	e.buf = e.sep()
	return e.reflect(v, start)
}

func (e *Encoder) sep() []byte { return appendSep(e.buf, e.spaced) }
