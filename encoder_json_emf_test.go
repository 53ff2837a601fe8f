package zapcw_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// checkEMF says what keeps an event from being a document of CloudWatch's
// embedded metric format. The rules are those of the specification and its
// schema; what the schema leaves open is judged as strictly as the text allows.
func checkEMF(event string) error {
	root, err := readJSON(event)
	if err != nil {
		return err
	}
	meta, err := object(root["_aws"], "Timestamp", "CloudWatchMetrics")
	if err != nil {
		return fmt.Errorf("_aws: %w", err)
	}
	if err := integer(meta["Timestamp"], 0, math.MaxInt64); err != nil {
		return fmt.Errorf("_aws.Timestamp: %w", err)
	}
	directives, err := array(meta["CloudWatchMetrics"], 0, math.MaxInt)
	if err != nil {
		return fmt.Errorf("_aws.CloudWatchMetrics: %w", err)
	}
	for i, d := range directives {
		if err := checkDirective(d, root); err != nil {
			return fmt.Errorf("_aws.CloudWatchMetrics[%d]: %w", i, err)
		}
	}
	return nil
}

func checkDirective(v any, root map[string]any) error {
	d, err := object(v, "Namespace", "Dimensions", "Metrics")
	if err != nil {
		return err
	}
	if _, err := text(d["Namespace"], 1024); err != nil {
		return fmt.Errorf("Namespace: %w", err)
	}
	sets, err := array(d["Dimensions"], 1, math.MaxInt)
	if err != nil {
		return fmt.Errorf("Dimensions: %w", err)
	}
	for i, set := range sets {
		keys, err := array(set, 0, 30)
		if err != nil {
			return fmt.Errorf("Dimensions[%d]: %w", i, err)
		}
		for k, key := range keys {
			if err := checkDimension(key, root); err != nil {
				return fmt.Errorf("Dimensions[%d][%d]: %w", i, k, err)
			}
		}
	}
	metrics, err := array(d["Metrics"], 0, 100)
	if err != nil {
		return fmt.Errorf("Metrics: %w", err)
	}
	for i, m := range metrics {
		if err := checkMetric(m, root); err != nil {
			return fmt.Errorf("Metrics[%d]: %w", i, err)
		}
	}
	return nil
}

func checkDimension(key any, root map[string]any) error {
	name, err := text(key, 250)
	if err != nil {
		return err
	}
	if _, err := text(root[name], 1024); err != nil {
		return fmt.Errorf("member %q: %w", name, err)
	}
	return nil
}

func checkMetric(v any, root map[string]any) error {
	m, err := object(v, "Name", "Unit?", "StorageResolution?")
	if err != nil {
		return err
	}
	name, err := text(m["Name"], 1024)
	if err != nil {
		return fmt.Errorf("Name: %w", err)
	}
	if unit, ok := m["Unit"]; ok && !slices.Contains(units, unit) {
		return fmt.Errorf("Unit: %v is no unit of CloudWatch", unit)
	}
	if res, ok := m["StorageResolution"]; ok && res != json.Number("1") && res != json.Number("60") {
		return fmt.Errorf("StorageResolution: got %v, want 1 or 60", res)
	}
	values, isArray := root[name].([]any)
	if !isArray {
		values = []any{root[name]}
	}
	if len(values) > 100 {
		return fmt.Errorf("member %q: got %d values, want 100 at most", name, len(values))
	}
	for _, v := range values {
		if _, ok := v.(json.Number); !ok {
			return fmt.Errorf("member %q: got %v, want numbers", name, v)
		}
	}
	return nil
}

// units are those of CloudWatch's MetricDatum.
var units = func() (all []any) {
	all = append(all, "Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None")
	for _, scale := range []string{"", "Kilo", "Mega", "Giga", "Tera"} {
		for _, of := range []string{"bytes", "bits"} {
			if scale == "" {
				of = strings.ToUpper(of[:1]) + of[1:]
			}
			all = append(all, scale+of, scale+of+"/Second")
		}
	}
	return all
}()

// readJSON reads an object that has all of the text and each member once.
func readJSON(doc string) (map[string]any, error) {
	dec := json.NewDecoder(strings.NewReader(doc))
	dec.UseNumber()
	v, err := readValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("text after the object: %.20q", doc[dec.InputOffset():])
	}
	root, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("got %v, want an object", v)
	}
	return root, nil
}

func readValue(dec *json.Decoder) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		members := make(map[string]any)
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			name := key.(string)
			if _, ok := members[name]; ok {
				return nil, fmt.Errorf("member %q is there twice", name)
			}
			if members[name], err = readValue(dec); err != nil {
				return nil, err
			}
		}
		_, err = dec.Token()
		return members, err
	case json.Delim('['):
		elements := []any{}
		for dec.More() {
			v, err := readValue(dec)
			if err != nil {
				return nil, err
			}
			elements = append(elements, v)
		}
		_, err = dec.Token()
		return elements, err
	}
	return tok, nil
}

// object wants these members and no others; those with a question mark may be
// missing.
func object(v any, members ...string) (map[string]any, error) {
	o, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("got %v, want an object", v)
	}
	for name := range o {
		if !slices.Contains(members, name) && !slices.Contains(members, name+"?") {
			return nil, fmt.Errorf("member %q has no meaning", name)
		}
	}
	for _, name := range members {
		if _, ok := o[name]; !ok && !strings.HasSuffix(name, "?") {
			return nil, fmt.Errorf("no member %q", name)
		}
	}
	return o, nil
}

func array(v any, least, most int) ([]any, error) {
	a, ok := v.([]any)
	if !ok || len(a) < least || len(a) > most {
		return nil, fmt.Errorf("got %.40v, want an array of %d to %d", v, least, most)
	}
	return a, nil
}

func text(v any, most int) (string, error) {
	s, ok := v.(string)
	if n := utf8.RuneCountInString(s); !ok || n < 1 || n > most {
		return "", fmt.Errorf("got %.40v, want a string of 1 to %d", v, most)
	}
	return s, nil
}

func integer(v any, least, most int64) error {
	n, ok := v.(json.Number)
	i, err := strconv.ParseInt(string(n), 10, 64)
	if !ok || err != nil || i < least || i > most {
		return fmt.Errorf("got %v, want an integer", v)
	}
	return nil
}

// TestCheckEMF shows the validator documents that break one rule each.
func TestCheckEMF(t *testing.T) {
	const good = `{"_aws":{"Timestamp":1574109732004,"CloudWatchMetrics":[{"Namespace":"acme","Dimensions":[["function"]],` +
		`"Metrics":[{"Name":"took","Unit":"Milliseconds","StorageResolution":60}]}]},"function":"checkout","took":100}`
	many := func(n int, f func(i int) string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = f(i)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	same := func(s string) func(int) string { return func(int) string { return s } }
	for _, tt := range []struct {
		name, old, new string // what of the good document is replaced
		want           string // in the error, "" for none
	}{
		{"good", "", "", ""},
		{"empty dimension set", `["function"]]`, `[]]`, ""},
		{"no metrics", `{"Name":"took","Unit":"Milliseconds","StorageResolution":60}`, ``, ""},
		{"name alone", `,"Unit":"Milliseconds","StorageResolution":60`, ``, ""},
		{"resolution of a second", `60`, `1`, ""},
		{"every other unit", `"Milliseconds"`, `"Terabits/Second"`, ""},
		{"unit with a capital", `"Milliseconds"`, `"KiloBytes"`, "Unit: KiloBytes"},
		{"values", `"took":100`, `"took":[1,2.5,-3e3]`, ""},
		{"100 values", `"took":100`, `"took":` + many(100, same("1")), ""},
		{"100 metrics", `{"Name":"took","Unit":"Milliseconds","StorageResolution":60}`, strings.Trim(many(100, same(`{"Name":"took"}`)), "[]"), ""},
		{"30 dimensions", `["function"]`, many(30, same(`"function"`)), ""},
		{"another member", `"took":100`, `"took":100,"more":{"a":[null]}`, ""},

		{"text before", `{"_aws"`, `INFO: {"_aws"`, "invalid character 'I'"},
		{"text after", `"took":100}`, `"took":100} x`, "text after"},
		{"another object after", `"took":100}`, `"took":100}{}`, "text after"},
		{"cut off", `"took":100}`, `"took":100`, "EOF"},
		{"array", good, `[1]`, "want an object"},
		{"member twice", `"took":100`, `"took":100,"took":1`, `"took" is there twice`},
		{"no _aws", `"_aws"`, `"aws"`, "_aws: "},
		{"_aws is text", good, `{"_aws":"x"}`, "_aws: got x"},
		{"unknown in _aws", `"Timestamp"`, `"x":1,"Timestamp"`, `"x" has no meaning`},
		{"no Timestamp", `"Timestamp":1574109732004,`, ``, `no member "Timestamp"`},
		{"timestamp", `"Timestamp"`, `"timestamp"`, `"timestamp" has no meaning`},
		{"Timestamp is text", `1574109732004`, `"2019-11-18"`, "_aws.Timestamp"},
		{"Timestamp in quotes", `1574109732004`, `"1574109732004"`, "_aws.Timestamp"},
		{"Timestamp with a fraction", `1574109732004`, `1574109732.004`, "_aws.Timestamp"},
		{"Timestamp with an exponent", `1574109732004`, `1.574109732004e12`, "_aws.Timestamp"},
		{"negative Timestamp", `1574109732004`, `-1`, "_aws.Timestamp"},
		{"metrics are no array", `[{"Namespace"`, `{"Namespace"`, "invalid character"},
		{"directive is no object", `[{"Namespace"`, `[1,{"Namespace"`, "CloudWatchMetrics[0]: got 1"},
		{"no Namespace", `"Namespace":"acme",`, ``, `no member "Namespace"`},
		{"empty Namespace", `"acme"`, `""`, "Namespace: "},
		{"Namespace of 1025", `"acme"`, `"` + strings.Repeat("x", 1025) + `"`, "Namespace: "},
		{"no Dimensions", `"Dimensions":[["function"]],`, ``, `no member "Dimensions"`},
		{"no dimension set", `[["function"]]`, `[]`, "Dimensions: "},
		{"dimensions are no sets", `[["function"]]`, `["function"]`, "Dimensions[0]: "},
		{"31 dimensions", `["function"]`, many(31, same(`"function"`)), "Dimensions[0]: "},
		{"dimension is a number", `["function"]`, `[1]`, "Dimensions[0][0]: "},
		{"dimension without target", `["function"]`, `["function","region"]`, `Dimensions[0][1]: member "region"`},
		{"dimension of 251", `["function"]`, `["` + strings.Repeat("x", 251) + `"]`, "Dimensions[0][0]: "},
		{"dimension target is a number", `"checkout"`, `7`, `member "function": got 7`},
		{"dimension target is empty", `"checkout"`, `""`, `member "function"`},
		{"dimension target of 1025", `"checkout"`, `"` + strings.Repeat("x", 1025) + `"`, `member "function"`},
		{"no Metrics", `,"Metrics":[{"Name":"took","Unit":"Milliseconds","StorageResolution":60}]`, ``, `no member "Metrics"`},
		{"101 metrics", `{"Name":"took","Unit":"Milliseconds","StorageResolution":60}`, strings.Trim(many(101, same(`{"Name":"took"}`)), "[]"), "Metrics: "},
		{"metric is text", `{"Name":"took","Unit":"Milliseconds","StorageResolution":60}`, `"took"`, "Metrics[0]: got took"},
		{"no Name", `"Name":"took",`, ``, `no member "Name"`},
		{"empty Name", `"Name":"took"`, `"Name":""`, "Name: "},
		{"unknown unit", `"Milliseconds"`, `"ms"`, "Unit: ms"},
		{"unit is a number", `"Milliseconds"`, `1`, "Unit: 1"},
		{"resolution of 30", `60`, `30`, "StorageResolution: got 30"},
		{"resolution in quotes", `60`, `"60"`, "StorageResolution: got 60"},
		{"metric without target", `"took":100`, `"takes":100`, `member "took": got <nil>`},
		{"nested target", `"took":100`, `"app":{"took":100}`, `member "took": got <nil>`},
		{"target is text", `"took":100`, `"took":"100"`, `member "took"`},
		{"target is true", `"took":100`, `"took":true`, `member "took"`},
		{"text among values", `"took":100`, `"took":[1,"2"]`, `member "took"`},
		{"101 values", `"took":100`, `"took":` + many(101, same("1")), `member "took": got 101`},
	} {
		if tt.old != "" && strings.Count(good, tt.old) != 1 {
			t.Errorf("%s: %s is there %d times, want once", tt.name, tt.old, strings.Count(good, tt.old))
		}
		err := checkEMF(strings.Replace(good, tt.old, tt.new, 1))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	if len(units) != 27 {
		t.Errorf("there are %d units, want 27", len(units))
	}
}

// A marshaler is metadata that needs no reflection.
type marshaler struct{ metadata }

var _ zapcore.ObjectMarshaler = marshaler{}

func (m marshaler) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddInt64("Timestamp", m.Timestamp)
	return enc.AddArray("CloudWatchMetrics", arrayOf(m.CloudWatchMetrics, func(d directive, enc zapcore.ArrayEncoder) error {
		return enc.AppendObject(objectOf(d))
	}))
}

func objectOf(d directive) zapcore.ObjectMarshalerFunc {
	return func(enc zapcore.ObjectEncoder) error {
		enc.AddString("Namespace", d.Namespace)
		return errors.Join(
			enc.AddArray("Dimensions", arrayOf(d.Dimensions, func(set []string, enc zapcore.ArrayEncoder) error {
				return enc.AppendArray(arrayOf(set, func(key string, enc zapcore.ArrayEncoder) error {
					enc.AppendString(key)
					return nil
				}))
			})),
			enc.AddArray("Metrics", arrayOf(d.Metrics, func(m metric, enc zapcore.ArrayEncoder) error {
				return enc.AppendObject(zapcore.ObjectMarshalerFunc(func(enc zapcore.ObjectEncoder) error {
					enc.AddString("Name", m.Name)
					enc.AddString("Unit", m.Unit)
					return nil
				}))
			})),
		)
	}
}

func arrayOf[T any](all []T, add func(T, zapcore.ArrayEncoder) error) zapcore.ArrayMarshalerFunc {
	return func(enc zapcore.ArrayEncoder) error {
		for _, v := range all {
			if err := add(v, enc); err != nil {
				return err
			}
		}
		return nil
	}
}

func metricsOf(dimensions []string, metrics ...metric) metadata {
	return metadata{1574109732004, []directive{{"acme", [][]string{dimensions}, metrics}}}
}

// TestEMF logs metrics in all ways in which zap takes them. Each arrives as one
// event with _aws and the encoder's own keys side by side.
func TestEMF(t *testing.T) {
	meta := metricsOf([]string{"function"}, metric{"items", "Count"}, metric{"took", "Seconds"})
	values := []zap.Field{zap.String("function", "checkout"), zap.Int("items", 3), zap.Duration("took", time.Second/4)}
	loose := map[string]any{
		"Timestamp": meta.Timestamp,
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": "acme", "Dimensions": [][]string{{"function"}}, "Metrics": []any{map[string]any{"Name": "items", "StorageResolution": 1}},
		}},
	}
	own := []string{"exception", "level", "location", "message", "timestamp"}
	for _, tt := range []struct {
		name string
		log  func(*zap.Logger)
	}{
		{"Any", func(l *zap.Logger) { l.Error("m", append(values, zap.Any("_aws", meta))...) }},
		{"Reflect", func(l *zap.Logger) { l.Error("m", append(values, zap.Reflect("_aws", loose))...) }},
		{"Object", func(l *zap.Logger) { l.Error("m", append(values, zap.Object("_aws", marshaler{meta}))...) }},
		{"Inline", func(l *zap.Logger) {
			l.Error("m", zap.Inline(zapcore.ObjectMarshalerFunc(func(enc zapcore.ObjectEncoder) error {
				for _, f := range values {
					f.AddTo(enc)
				}
				return enc.AddObject("_aws", marshaler{meta})
			})))
		}},
		{"Dict", func(l *zap.Logger) {
			l.Error("m", append(values, zap.Dict("_aws", zap.Int64("Timestamp", meta.Timestamp), zap.Objects("CloudWatchMetrics", []zapcore.ObjectMarshalerFunc{objectOf(meta.CloudWatchMetrics[0])})))...)
		}},
		{"With", func(l *zap.Logger) { l.With(append(values[:2:2], zap.Any("_aws", meta))...).Error("m", values[2]) }},
		{"sugared", func(l *zap.Logger) {
			l.Sugar().Errorw("m", "_aws", meta, "function", "checkout", "items", 3, "took", time.Second/4)
		}},
		{"values", func(l *zap.Logger) {
			l.Error("m", values[0], zap.Ints("items", []int{1, 2}), zap.Float64s("took", []float64{.5, 2, 1e-9}), zap.Any("_aws", meta))
		}},
		{"numbers of all kinds", func(l *zap.Logger) {
			l.Error("m", values[0], zap.Uint8("items", 255), zap.Float32("took", 1e-9), zap.Any("_aws", meta))
		}},
		{"own keys as dimensions", func(l *zap.Logger) {
			l.Error("m", append(values, zap.Any("_aws", metricsOf(own, metric{"items", "Count"})))...)
		}},
		{"message is JSON", func(l *zap.Logger) { l.Error(`{"_aws": 1}`, append(values, zap.Any("_aws", meta))...) }},
		{"namespace behind", func(l *zap.Logger) {
			l.Error("m", append(values, zap.Any("_aws", meta), zap.Namespace("app"), zap.String("items", "x"))...)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			event := logged(t, zapcw.NewJSONEncoder(zapcw.NewEncoderConfig()), tt.log)
			if err := checkEMF(event); err != nil {
				t.Fatalf("%v: %s", err, event)
			}
			root, err := readJSON(event)
			if err != nil {
				t.Fatal(err)
			}
			delete(root, "app") // the namespace
			want := append([]string{"_aws", "function", "items", "took"}, own...)
			slices.Sort(want)
			if got := slices.Sorted(maps.Keys(root)); !slices.Equal(got, want) {
				t.Errorf("the event has the members %q, want %q", got, want)
			}
		})
	}
}

// logged has a logger of an application log one event, which has a caller and an
// exception.
func logged(t *testing.T, enc zapcore.Encoder, log func(*zap.Logger)) (event string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		var spill testkit.Buffer
		s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Fallback: &spill}
		log(zap.New(zapcw.NewCore(enc, s, zap.InfoLevel), zap.AddCaller(), zap.AddStacktrace(zap.ErrorLevel)))
		if err := s.Close(); err != nil || spill.Len() > 0 {
			t.Errorf("Close = %v, and the fallback has %q", err, spill.String())
		}
		got := srv.Messages("/acme/prod", "orders")
		if len(got) != 1 {
			t.Fatalf("there are %d events, want one", len(got))
		}
		event = got[0]
	})
	return event
}

// TestNotEMF logs metrics in ways that CloudWatch does not understand.
func TestNotEMF(t *testing.T) {
	meta := metricsOf([]string{"function"}, metric{"items", "Count"})
	fields := []zap.Field{zap.Any("_aws", meta), zap.String("function", "checkout"), zap.Int("items", 3)}
	cfg := zapcw.NewEncoderConfig()
	document := func() string {
		b, err := json.Marshal(map[string]any{"_aws": meta, "function": "checkout", "items": 3})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}()
	for _, tt := range []struct {
		name string
		enc  zapcore.Encoder
		log  func(*zap.Logger)
		want string
	}{
		{"prefix", zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, cfg), func(l *zap.Logger) { l.Info("m", fields...) }, "invalid character 'I'"},
		{"no prefix", testkit.Plain(), func(l *zap.Logger) { l.Info("m", fields...) }, "invalid character 'm'"},
		{"document as message behind a prefix", zapcw.NewPrefixEncoder("checkout", zapcw.MiniPrefix, cfg), func(l *zap.Logger) { l.Info(document) }, "invalid character 'c'"},
		{"document as message of JSON", zapcw.NewJSONEncoder(cfg), func(l *zap.Logger) { l.Info(document) }, "_aws: got <nil>"},
		{"document as message, with a field", testkit.Plain(), func(l *zap.Logger) { l.Info(document, zap.Int("n", 1)) }, "text after"},
		{"namespace", zapcw.NewJSONEncoder(cfg), func(l *zap.Logger) { l.Info("m", append([]zap.Field{zap.Namespace("app")}, fields...)...) }, "_aws: got <nil>"},
		{"namespace of the logger", zapcw.NewJSONEncoder(cfg), func(l *zap.Logger) { l.With(zap.Namespace("app")).Info("m", fields...) }, "_aws: got <nil>"},
		{"namespace between", zapcw.NewJSONEncoder(cfg), func(l *zap.Logger) { l.Info("m", fields[0], zap.Namespace("app"), fields[1], fields[2]) }, `member "function": got <nil>`},
		{"metric with an own key", zapcw.NewJSONEncoder(cfg), func(l *zap.Logger) {
			l.Info("m", zap.Any("_aws", metricsOf([]string{}, metric{"level", "Count"})), zap.Int("level", 3))
		}, `"level" is there twice`},
		{"metric that is an own key", zapcw.NewJSONEncoder(cfg), func(l *zap.Logger) { l.Info("m", zap.Any("_aws", metricsOf([]string{}, metric{"level", "Count"}))) }, `member "level": got INFO`},
		{"metadata twice", zapcw.NewJSONEncoder(cfg), func(l *zap.Logger) { l.With(fields[0]).Info("m", fields...) }, `"_aws" is there twice`},
		{"no number", zapcw.NewJSONEncoder(cfg), func(l *zap.Logger) { l.Info("m", fields[0], fields[1], zap.Float64("items", math.NaN())) }, `member "items": got NaN`},
		{"nil dimensions", zapcw.NewJSONEncoder(cfg), func(l *zap.Logger) { l.Info("m", zap.Any("_aws", metricsOf(nil, metric{"items", "Count"})), fields[2]) }, "Dimensions[0]: got <nil>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			event := logged(t, tt.enc, tt.log)
			if err := checkEMF(event); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q: %s", err, tt.want, event)
			}
		})
	}
	// A bare message is the whole event, whatever the encoder.
	event := logged(t, zapcw.NewPrefixEncoder("", zapcw.MiniPrefix, cfg), func(l *zap.Logger) { l.Info(document) })
	if err := checkEMF(event); err != nil {
		t.Errorf("a document as bare message: %v: %s", err, event)
	}
}
