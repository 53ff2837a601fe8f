package zapcw

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

var units = [...]struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}

var errSize = errors.New("not a size")

// parseSize reads a whole number of bytes, which may have a unit, like 64KiB.
func parseSize(text string) (float64, error) {
	unit := 1.0
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			text, unit = strings.TrimSuffix(number, " "), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, errSize
	}
	return float64(n) * unit, nil
}

// readHold gives the Hold with a MaxBytes from a configuration, and the other
// fields of the one that is set already.
func readHold(path string, v any, otherwise *Hold) (*Hold, error) {
	var (
		n   float64
		err error
	)
	switch v := v.(type) {
	case nil:
		return otherwise, nil
	case string:
		n, err = parseSize(v)
	case int:
		n = float64(v)
	case int64:
		n = float64(v)
	case uint64:
		n = float64(v)
	case float64:
		n = v
	default:
		err = errSize
	}
	switch {
	case err == nil && n > maxHoldBytes:
		return nil, at(path, wrong("1GiB at most", v))
	case err != nil || !(n >= 0) || n != math.Trunc(n):
		return nil, at(path, wrong("a number of bytes, or a size like 64KiB or 1MiB", v))
	case n == 0:
		return nil, nil
	}
	var h Hold
	if otherwise != nil {
		h = *otherwise
	}
	h.MaxBytes = int(n)
	return &h, nil
}
