package zapcw

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/testkit/race"
)

// TestMain has examples find keys in the environment, and nothing of whoever runs them.
func TestMain(m *testing.M) {
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") {
			_ = os.Unsetenv(name)
		}
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		_ = os.Setenv(name, value)
	}
	goleak.VerifyTestMain(m)
}

// benchEntry is what a handler of a service logs, with its caller.
func benchEntry() zapcore.Entry {
	return zapcore.Entry{
		Level:      zapcore.InfoLevel,
		Time:       time.Date(2023, 11, 14, 22, 13, 20, 123e6, time.UTC),
		LoggerName: "orders",
		Message:    "the order was accepted by the warehouse",
		Caller: zapcore.EntryCaller{
			Defined:  true,
			File:     "/src/acme/orders/checkout.go",
			Line:     42,
			Function: "example.com/acme/orders.(*Handler).Checkout",
		},
	}
}

// benchFields are the first n of ten fields.
func benchFields(n int) []zapcore.Field {
	return []zapcore.Field{
		zap.String("order", "A-10045"),
		zap.Int("items", 3),
		zap.Bool("express", true),
		zap.Float64("total", 129.95),
		zap.Duration("took", 17*time.Millisecond),
		zap.Time("due", time.Date(2023, 11, 16, 8, 0, 0, 0, time.UTC)),
		zap.Error(errors.New("nothing in stock")),
		zap.Uint64("id", 1<<40),
		zap.ByteString("tag", []byte("blue")),
		zap.String("customer", "Müller & Söhne"),
	}[:n]
}

func mustPrefix(tb testing.TB, s string) Prefix {
	tb.Helper()
	p, err := ParsePrefix(s)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// callerOf is the caller of an entry that a function of this name logs.
func callerOf(function string) zapcore.EntryCaller {
	return zapcore.EntryCaller{Defined: true, File: "/src/acme/orders/checkout.go", Line: 42, Function: "example.com/acme.v2/orders." + function}
}

// encode gives the text of an entry without its line ending.
func encode(tb testing.TB, enc zapcore.Encoder, ent zapcore.Entry, fields ...zapcore.Field) string {
	tb.Helper()
	buf, err := enc.EncodeEntry(ent, fields)
	if err != nil {
		tb.Fatal(err)
	}
	defer buf.Free()
	ending := "\n"
	if e, ok := enc.(interface{ lineEnding() string }); ok {
		ending = e.lineEnding()
	}
	text, ok := strings.CutSuffix(buf.String(), ending)
	if !ok {
		tb.Errorf("%q does not end with %q", buf, ending)
	}
	return text
}

// testConfigs are configurations that change what fields look like.
func testConfigs() map[string]zapcore.EncoderConfig {
	nothing := NewEncoderConfig()
	nothing.EncodeTime = func(time.Time, zapcore.PrimitiveArrayEncoder) {}
	nothing.EncodeDuration = func(time.Duration, zapcore.PrimitiveArrayEncoder) {}
	production := zap.NewProductionEncoderConfig()
	production.ConsoleSeparator = " | "
	production.LineEnding = "\r\n"
	development := zap.NewDevelopmentEncoderConfig()
	development.NewReflectedEncoder = func(w io.Writer) zapcore.ReflectedEncoder {
		enc := json.NewEncoder(w)
		enc.SetIndent(" ", " ")
		return enc
	}
	development.StacktraceKey = ""
	layout := NewEncoderConfig()
	layout.EncodeTime = zapcore.TimeEncoderOfLayout("Mon 2 Jan")
	layout.SkipLineEnding = true
	return map[string]zapcore.EncoderConfig{
		"stock": NewEncoderConfig(), "zero": {}, "nothing": nothing,
		"production": production, "development": development, "layout": layout,
	}
}

type fieldKind struct {
	name   string
	fields []zapcore.Field
}

// fieldKinds has every kind of field that zap can make, and broken ones.
func fieldKinds() []fieldKind {
	var (
		str     = "text \"\\\n\x01 é\xff"
		now     = time.Date(2023, 11, 14, 22, 13, 20, 123456789, time.FixedZone("X", 3600))
		broken  = errors.New("broken")
		nilText *stringer
		nilErr  *customError
	)
	kinds := []fieldKind{
		{"none", nil},
		{"array error", []zapcore.Field{zap.Array("k", zapcore.ArrayMarshalerFunc(func(a zapcore.ArrayEncoder) error {
			a.AppendInt(1)
			_ = a.AppendReflected(func() {})
			_ = a.AppendReflected(nil)
			return broken
		}))}},
		{"array all", []zapcore.Field{zap.Array("k", zapcore.ArrayMarshalerFunc(appendAll))}},
		{"object all", []zapcore.Field{zap.Object("k", zapcore.ObjectMarshalerFunc(addAll))}},
		{"inline all", []zapcore.Field{zap.Inline(zapcore.ObjectMarshalerFunc(addAll))}},
		{"inline nothing", []zapcore.Field{zap.Inline(zapcore.ObjectMarshalerFunc(func(zapcore.ObjectEncoder) error { return nil }))}},
		{"inline error", []zapcore.Field{zap.Inline(zapcore.ObjectMarshalerFunc(func(zapcore.ObjectEncoder) error { return broken }))}},
		{"inline namespace", []zapcore.Field{zap.Inline(zapcore.ObjectMarshalerFunc(func(o zapcore.ObjectEncoder) error {
			o.OpenNamespace("in")
			return nil
		}))}},
		{"object error", []zapcore.Field{zap.Object("k", zapcore.ObjectMarshalerFunc(func(o zapcore.ObjectEncoder) error {
			o.AddString("a", "b")
			o.OpenNamespace("left open")
			return broken
		}))}},
		{"object empty", []zapcore.Field{zap.Object("k", zapcore.ObjectMarshalerFunc(func(zapcore.ObjectEncoder) error { return nil }))}},
		{"dict", []zapcore.Field{zap.Dict("k", zap.Int("a", 1), zap.Namespace("n"), zap.Int("b", 1))}},
		{"dict empty", []zapcore.Field{zap.Dict("k")}},
		{"stringer nil", []zapcore.Field{zap.Stringer("k", nilText)}},
		{"stringer panics", []zapcore.Field{zap.Stringer("k", stringerFunc(func() string { panic("no text") }))}},
		{"named error", []zapcore.Field{zap.NamedError("k", broken)}},
		{"named error verbose", []zapcore.Field{zap.NamedError("k", verboseError{"short"})}},
		{"named error nil pointer", []zapcore.Field{zap.NamedError("k", nilErr)}},
		{"named error panics", []zapcore.Field{zap.NamedError("k", errorFunc(func() string { panic(broken) }))}},
		{"named error group", []zapcore.Field{zap.NamedError("k", errorGroup{broken, nil, verboseError{"two"}})}},
		{"errors", []zapcore.Field{zap.Errors("k", []error{broken, nil, verboseError{"two"}})}},
		{"reflect unsupported", []zapcore.Field{zap.Reflect("k", make(chan int))}},
		{"reflect broken", []zapcore.Field{zap.Reflect("k", brokenJSON{}), zap.Reflect("l", json.RawMessage(`{`))}},
		{"reflect html", []zapcore.Field{zap.Reflect("k", map[string]string{"<a>": "&\u2028"})}},
		{"namespace", []zapcore.Field{zap.Namespace("k")}},
		{"skip", []zapcore.Field{zap.Skip(), zap.NamedError("k", nil)}},
		{"stack", []zapcore.Field{zap.String("k", "main.main\n\tmain.go:1")}},
		{"key", []zapcore.Field{zap.Int(str, 1), zap.String("", ""), zap.Bool("a fairly long key, with \"quotes\"", true)}},
		{"int overflow", []zapcore.Field{{Key: "k", Type: zapcore.Int32Type, Integer: math.MaxInt64}, {Key: "k", Type: zapcore.Uint32Type, Integer: -1}}},
		{"time location", []zapcore.Field{{Key: "k", Type: zapcore.TimeType, Integer: 1}}},
		{"time far", []zapcore.Field{zap.Time("k", time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)), zap.Time("l", time.Time{})}},
	}
	for name, v := range map[string]any{
		"bool": true, "bool slice": []bool{true, false}, "binary": []byte(str), "complex128": complex(1, -2.5), "complex64": complex64(complex(-1, 2)),
		"complex special": complex(math.NaN(), math.Inf(1)), "float64": 1e21, "float32": float32(0.1), "nan": math.NaN(), "inf": math.Inf(1),
		"-inf": float32(math.Inf(-1)), "int": math.MinInt, "int64": int64(math.MaxInt64), "int32": int32(-5), "int16": int16(-5), "int8": int8(-5),
		"string": str, "uint": uint(math.MaxUint), "uint64": uint64(math.MaxUint64), "uint32": uint32(math.MaxUint32), "uint16": uint16(5), "uint8": uint8(5),
		"uintptr": uintptr(5), "time": now, "times": []time.Time{now, {}}, "duration": -1500 * time.Microsecond, "durations": []time.Duration{1, 2},
		"nil": nil, "nil map": map[string]int(nil), "struct": struct {
			A string
			B *int `json:"b"`
		}{A: str}, "strings": []string{str, ""}, "floats": []float64{1, math.NaN()}, "stringer": stringer{str}, "ints": []int{},
		"bytes": [][]byte{[]byte(str)}, "error slice": []error{broken}, "json": json.Number("12"), "raw": json.RawMessage(`{"a": [1, 2]}`),
		"string pointer": &str, "nil pointer": (*string)(nil), "any slice": []any{1, "a", nil},
	} {
		kinds = append(kinds, fieldKind{"any " + name, []zapcore.Field{zap.Any("k", v)}}, fieldKind{"reflect " + name, []zapcore.Field{zap.Reflect("k", v)}})
	}
	return append(kinds, fieldKind{"byte string", []zapcore.Field{zap.ByteString("k", []byte(str)), zap.ByteString("l", nil), zap.Binary("m", nil)}})
}

func addAll(o zapcore.ObjectEncoder) error {
	o.AddBinary("binary", []byte{1, 2, 3, 4})
	o.AddByteString("bytes", []byte("b\t"))
	o.AddBool("bool", true)
	o.AddComplex128("c128", complex(1, 2))
	o.AddComplex64("c64", complex(1, -2))
	o.AddDuration("duration", time.Second)
	o.AddFloat64("f64", 1.5)
	o.AddFloat32("f32", 1.1)
	o.AddInt("int", -1)
	o.AddInt64("i64", -2)
	o.AddInt32("i32", -3)
	o.AddInt16("i16", -4)
	o.AddInt8("i8", -5)
	o.AddString("string", "s\n")
	o.AddTime("time", time.Unix(1700000000, 5e8).UTC())
	o.AddUint("uint", 1)
	o.AddUint64("u64", 2)
	o.AddUint32("u32", 3)
	o.AddUint16("u16", 4)
	o.AddUint8("u8", 5)
	o.AddUintptr("ptr", 6)
	if err := o.AddReflected("reflected", func() {}); err == nil {
		return errors.New("a function was encoded")
	}
	if err := o.AddReflected("reflected", []int{1}); err != nil {
		return err
	}
	if err := o.AddArray("array", zapcore.ArrayMarshalerFunc(appendAll)); err != nil {
		return err
	}
	o.OpenNamespace("ns")
	return o.AddObject("object", zapcore.ObjectMarshalerFunc(func(o zapcore.ObjectEncoder) error {
		o.OpenNamespace("inner")
		o.AddInt("a", 1)
		return nil
	}))
}

func appendAll(a zapcore.ArrayEncoder) error {
	a.AppendBool(false)
	a.AppendByteString([]byte("b\t"))
	a.AppendComplex128(complex(1, 2))
	a.AppendComplex64(complex(1, -2))
	a.AppendFloat64(1.5)
	a.AppendFloat32(1.1)
	a.AppendInt(-1)
	a.AppendInt64(-2)
	a.AppendInt32(-3)
	a.AppendInt16(-4)
	a.AppendInt8(-5)
	a.AppendString("s\n")
	a.AppendUint(1)
	a.AppendUint64(2)
	a.AppendUint32(3)
	a.AppendUint16(4)
	a.AppendUint8(5)
	a.AppendUintptr(6)
	a.AppendDuration(time.Second)
	a.AppendTime(time.Unix(1700000000, 5e8).UTC())
	_ = a.AppendArray(zapcore.ArrayMarshalerFunc(func(zapcore.ArrayEncoder) error { return nil }))
	_ = a.AppendObject(zapcore.ObjectMarshalerFunc(func(o zapcore.ObjectEncoder) error {
		o.OpenNamespace("n")
		return nil
	}))
	return a.AppendReflected(map[string]any{"a": nil})
}

type stringer struct{ s string }

func (s stringer) String() string { return s.s }

type stringerFunc func() string

func (f stringerFunc) String() string { return f() }

type customError struct{ s string }

func (e customError) Error() string { return e.s }

type errorFunc func() string

func (f errorFunc) Error() string { return f() }

// verboseError says more when asked to, like those that carry a stack.
type verboseError struct{ s string }

func (e verboseError) Error() string { return e.s }

func (e verboseError) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, e.s)
	if s.Flag('+') {
		_, _ = io.WriteString(s, "\nat main.go:1")
	}
}

type errorGroup []error

func (g errorGroup) Error() string { return fmt.Sprint(len(g), " errors") }

func (g errorGroup) Errors() []error { return g }

type brokenJSON struct{}

func (brokenJSON) MarshalJSON() ([]byte, error) { return []byte(`{"a"`), nil }

// fuzzFields makes fields of bytes: a kind, a key and a value each.
func fuzzFields(data []byte) (fields []zapcore.Field) {
	next := func() (b byte) {
		if len(data) > 0 {
			b, data = data[0], data[1:]
		}
		return b
	}
	text := func() string {
		n := min(int(next()), len(data))
		s := string(data[:n])
		data = data[n:]
		return s
	}
	for len(data) > 0 {
		kind, key, val := next(), text(), text()
		n := int64(len(val))
		for i := range len(val) {
			n = n<<8 | int64(val[i])
		}
		switch kind % 20 {
		case 0:
			fields = append(fields, zap.String(key, val))
		case 1:
			fields = append(fields, zap.Int64(key, n))
		case 2:
			fields = append(fields, zap.Bool(key, n&1 == 1))
		case 3:
			fields = append(fields, zap.Float64(key, math.Float64frombits(uint64(n))))
		case 4:
			fields = append(fields, zap.Float32(key, math.Float32frombits(uint32(n))))
		case 5:
			fields = append(fields, zap.Uint64(key, uint64(n)))
		case 6:
			fields = append(fields, zap.Duration(key, time.Duration(n)))
		case 7:
			fields = append(fields, zap.Time(key, time.Unix(n%(1<<40), n%1e9)))
		case 8:
			fields = append(fields, zap.Binary(key, []byte(val)))
		case 9:
			fields = append(fields, zap.ByteString(key, []byte(val)))
		case 10:
			fields = append(fields, zap.Reflect(key, map[string]string{val: val}))
		case 11:
			fields = append(fields, zap.Strings(key, strings.Split(val, ",")))
		case 12:
			fields = append(fields, zap.NamedError(key, verboseError{val}))
		case 13:
			fields = append(fields, zap.Complex128(key, complex(float64(n), -float64(n))))
		case 14:
			fields = append(fields, zap.Object(key, zapcore.ObjectMarshalerFunc(addAll)))
		case 15:
			fields = append(fields, zap.Inline(zapcore.ObjectMarshalerFunc(addAll)))
		case 16:
			fields = append(fields, zap.Reflect(key, json.RawMessage(val)))
		case 17:
			fields = append(fields, zap.Error(errors.New(val)))
		case 18:
			fields = append(fields, zap.Namespace(key))
		case 19:
			fields = append(fields, zap.Stringer(key, stringerFunc(func() string { panic(val) })))
		}
	}
	return fields
}

// checkAllocs fails if f allocates more than most times on average.
func checkAllocs(t *testing.T, most float64, f func()) {
	t.Helper()
	if race.Enabled {
		t.Skip("the race detector empties pools at random")
	}
	if got := testing.AllocsPerRun(200, f); got > most {
		t.Errorf("%v allocations, want at most %v", got, most)
	}
}
