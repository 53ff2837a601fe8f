package jsonenc

import (
	"math"
	"slices"
	"strconv"
	"time"
	"unsafe"
)

// AppendKey appends a member's name and the colon behind it, and a comma in front
// if there is a member before.
func AppendKey(b []byte, key string, spaced bool) []byte {
	const around = len(`, "": `)
	if cap(b)-len(b) < len(key)+around {
		b = slices.Grow(b, len(key)+around)
	}
	b = appendSep(b, spaced)
	n := len(b)
	d := b[:n+len(key)+around-2]
	d[n] = '"'
	n++
	if i := copyPlain(d[n:n+len(key)], key); i < len(key) {
		d = append(AppendEscaped(d[:n+i], key[i:]), '"', ':')
		if spaced {
			d = append(d, ' ')
		}
		return d
	}
	n += len(key)
	d[n], d[n+1] = '"', ':'
	n += 2
	if spaced {
		d[n] = ' '
		n++
	}
	return d[:n]
}

// appendSep appends a comma if b ends with a value. It looks at the last byte:
// that works across marshalers, namespaces and reflected encoders without state.
func appendSep(b []byte, spaced bool) []byte {
	if len(b) == 0 {
		return b
	}
	switch b[len(b)-1] {
	case '{', '[', ':', ',', ' ':
		return b
	}
	if spaced {
		return append(b, ',', ' ')
	}
	return append(b, ',')
}

func appendQuoted(b []byte, s string) []byte {
	n := len(b) + 1
	if cap(b)-len(b) < len(s)+2 {
		b = slices.Grow(b, len(s)+2)
	}
	b = b[:n+len(s)+1]
	b[n-1] = '"'
	if i := copyPlain(b[n:], s); i < len(s) {
		b = AppendEscaped(b[:n+i], s[i:])
		return append(b, '"')
	}
	b[n+len(s)] = '"'
	return b
}

func appendBool(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

func appendInt(b []byte, v int64) []byte {
	if 0 <= v && v < 10 {
		return append(b, byte('0'+v))
	}
	return strconv.AppendInt(b, v, 10)
}

func appendUint(b []byte, v uint64) []byte { return strconv.AppendUint(b, v, 10) }

func appendFloat(b []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(b, `"+Inf"`...)
	case math.IsInf(v, -1):
		return append(b, `"-Inf"`...)
	}
	return strconv.AppendFloat(b, v, 'f', -1, bits)
}

func appendComplex(b []byte, v complex128, bits int) []byte {
	b = append(b, '"')
	b = strconv.AppendFloat(b, real(v), 'f', -1, bits)
	if imag(v) >= 0 {
		b = append(b, '+') // strconv writes no plus; zap writes ++Inf, and so does this
	}
	b = strconv.AppendFloat(b, imag(v), 'f', -1, bits)
	return append(b, 'i', '"')
}

// iso8601 is the layout of zap's ISO 8601 time encoder.
const iso8601 = "2006-01-02T15:04:05.000Z0700"

func appendTime(b []byte, t time.Time, layout string) []byte {
	b = append(b, '"')
	start := len(b)
	if layout == iso8601 {
		var ok bool
		if b, ok = appendISO8601(b, t); ok {
			return append(b, '"')
		}
	}
	b = t.AppendFormat(b, layout)
	// A layout or the name of a zone may contain anything.
	if s := asString(b[start:]); firstSpecial(s) < len(s) {
		b = AppendEscaped(b[:start], string(b[start:]))
	}
	return append(b, '"')
}

// maxOffset is the first offset from UTC, in seconds, that needs three digits
// for its hours.
const maxOffset = 100 * 60 * 60

// appendISO8601 appends what [time.Time.AppendFormat] does for that layout, but
// does not parse it, and looks up the zone once. It reports false, and appends
// nothing, for years outside of 0 to 9999 and for offsets of 100 hours or more.
func appendISO8601(b []byte, t time.Time) ([]byte, bool) {
	_, offset := t.Zone()
	local := time.Unix(t.Unix()+int64(offset), 0).UTC()
	year, month, day := local.Date()
	if year < 0 || year > 9999 || offset <= -maxOffset || offset >= maxOffset {
		return b, false
	}
	hour, minute, second := local.Clock()
	b = append2(b, year/100)
	b = append2(b, year%100)
	b = append(b, '-')
	b = append2(b, int(month))
	b = append(b, '-')
	b = append2(b, day)
	b = append(b, 'T')
	b = append2(b, hour)
	b = append(b, ':')
	b = append2(b, minute)
	b = append(b, ':')
	b = append2(b, second)
	milli := t.Nanosecond() / int(time.Millisecond)
	b = append(b, '.', byte('0'+milli/100))
	b = append2(b, milli%100)
	if offset == 0 {
		return append(b, 'Z'), true
	}
	zone, sign := offset/60, byte('+')
	if zone < 0 {
		zone, sign = -zone, '-'
	}
	b = append(b, sign)
	b = append2(b, zone/60)
	return append2(b, zone%60), true
}

// append2 appends two digits.
func append2(b []byte, v int) []byte {
	return append(b, byte('0'+v/10), byte('0'+v%10))
}

// asString returns b as a string without a copy. It is valid as long as b does
// not change.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
