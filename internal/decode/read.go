package decode

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// These make the Read of a Parameter. A text may stand for every value: that is
// what a URL has, and a file with variables of the environment.

// Text reads a string.
func Text(to *string) func(any) error {
	return func(v any) error {
		s, ok := v.(string)
		if !ok {
			return Wrong("a string", v)
		}
		*to = s
		return nil
	}
}

// Whole reads a whole number that fits.
func Whole[T int | int32](to *T) func(any) error {
	bits := reflect.TypeFor[T]().Bits()
	most := int64(1)<<(bits-1) - 1
	return func(v any) error {
		if text, ok := v.(string); ok {
			n, err := strconv.ParseInt(text, 10, bits)
			switch {
			case errors.Is(err, strconv.ErrRange):
				return Wrong(fmt.Sprintf("%d at most", most), v)
			case err != nil:
				return Wrong("a whole number", v)
			}
			*to = T(n)
			return nil
		}
		n, ok := Number(v)
		switch {
		case !ok || n != math.Trunc(n):
			return Wrong("a whole number", v)
		case math.Abs(n) > float64(most) || math.Abs(n) >= math.MaxInt64:
			return Wrong(fmt.Sprintf("%d at most", most), v)
		}
		*to = T(n)
		return nil
	}
}

// Bytes reads a number of bytes as Size does.
func Bytes[T int | int64](to *T, most T) func(any) error {
	return func(v any) error {
		n, err := Size(v, int64(most))
		if err == nil {
			*to = T(n)
		}
		return err
	}
}

// Duration reads a text like 5s.
func Duration(to *time.Duration) func(any) error {
	return func(v any) error {
		text, _ := v.(string)
		d, err := time.ParseDuration(text)
		if err != nil {
			return Wrong("a duration like 5s", v)
		}
		*to = d
		return nil
	}
}

// Bool reads true or false.
func Bool(to *bool) func(any) error {
	return func(v any) error {
		switch v {
		case true, "true":
			*to = true
		case false, "false":
			*to = false
		default:
			return Wrong("true or false", v)
		}
		return nil
	}
}

// MayBe reads true or false where nil is neither.
func MayBe(to **bool) func(any) error {
	return func(v any) error {
		b := new(bool)
		if err := Bool(b)(v); err != nil {
			return err
		}
		*to = b
		return nil
	}
}

// Word reads one of some words; the value of each is its index.
func Word[T ~int8](to *T, words ...string) func(any) error {
	return func(v any) error {
		for i, w := range words {
			if v == w {
				*to = T(i)
				return nil
			}
		}
		return Wrong(strings.Join(words, " or "), v)
	}
}

// Endpoint reads the URL of a server, or nothing.
func Endpoint(to *string) func(any) error {
	return func(v any) error {
		text, ok := v.(string)
		u, err := url.Parse(text)
		if !ok || text != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return Wrong("a URL like http://127.0.0.1:4586", v)
		}
		*to = text
		return nil
	}
}
