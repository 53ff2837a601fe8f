// Package decode reads what JSON, YAML and the like make of a configuration, with
// errors that read as a path: which key, what would be right, what is there.
package decode

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Map gives the members of a map of any type; its keys must be known.
func Map(path, want string, v any, known ...string) (map[string]any, error) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Map {
		return nil, At(path, Wrong(want, v))
	}
	m := make(map[string]any, rv.Len())
	var unknown []string
	for _, key := range rv.MapKeys() {
		name := fmt.Sprint(key)
		m[name] = rv.MapIndex(key).Interface()
		if !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, At(path, fmt.Errorf("unknown key %q: known are %s", slices.Min(unknown), strings.Join(known, ", ")))
	}
	return m, nil
}

// Size gives a number of bytes, up to most: a whole number, or a text that may
// have a unit, like 64KiB.
func Size(v any, most int64) (int64, error) {
	n, ok := Number(v)
	if text, isText := v.(string); isText {
		n, ok = parseSize(text)
	}
	switch {
	case ok && (n > float64(most) || n >= math.MaxInt64):
		return 0, Wrong(sizeText(most)+" at most", v)
	case !ok || !(n >= 0) || n != math.Trunc(n):
		return 0, Wrong("a number of bytes, or a size like 64KiB or 1MiB", v)
	}
	return int64(n), nil
}

// Number gives what is a number, as decoders give them.
func Number(v any) (n float64, ok bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

var units = [...]struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}

// parseSize reads a whole number of bytes, which may have a unit.
func parseSize(text string) (n float64, ok bool) {
	unit := 1.0
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			text, unit = strings.TrimSuffix(number, " "), u.bytes
			break
		}
	}
	whole, err := strconv.ParseUint(text, 10, 63)
	return float64(whole) * unit, err == nil
}

// sizeText writes n in the largest unit that it is a multiple of.
func sizeText(n int64) string {
	for _, u := range slices.Backward(units[:]) {
		if n >= int64(u.bytes) && n%int64(u.bytes) == 0 {
			return fmt.Sprint(n/int64(u.bytes), u.name)
		}
	}
	return strconv.FormatInt(n, 10)
}

// Wrong is an error that says what is wanted, and what is there.
func Wrong(want string, v any) error { return fmt.Errorf("want %s, not %#v", want, v) }

// At puts a path before an error.
func At(path string, err error) error {
	if path == "" || err == nil {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// Join is the path of a key below another path.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
