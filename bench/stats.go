package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// median of an empty series is NaN.
func median(s []float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	s = slices.Sorted(slices.Values(s))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func worst(s []float64) float64 { return slices.Max(s) }

// ratio is the median of the ratios in each round.
func ratio(a, b []float64) float64 {
	r := make([]float64, 0, len(a))
	for i := range min(len(a), len(b)) {
		r = append(r, a[i]/b[i])
	}
	return median(r)
}

// digits writes v with three significant digits, and commas.
func digits(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	prec := 0
	if a := math.Abs(v); a > 0 && a < 100 {
		prec = min(2-int(math.Floor(math.Log10(a))), 4)
	} else if a >= 1000 {
		unit := math.Pow(10, math.Floor(math.Log10(a))-2)
		v = math.Round(v/unit) * unit
	}
	text := strconv.FormatFloat(v, 'f', prec, 64)
	if strings.Contains(text, ".") {
		return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return comma(text)
}

func comma(text string) string {
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// count writes a whole number.
func count(v float64) string { return comma(strconv.FormatFloat(math.Round(v), 'f', 0, 64)) }

func times(v float64) string { return fmt.Sprintf("%.2fx", v) }

// nth is the part that v is of another.
func nth(v float64) string { return fmt.Sprintf("1/%.1f", 1/v) }

// seconds writes a time in the unit that suits it.
func seconds(v float64) string {
	switch {
	case v < 1e-6:
		return digits(v*1e9) + " ns"
	case v < 1e-3:
		return digits(v*1e6) + " µs"
	case v < 1:
		return digits(v*1e3) + " ms"
	}
	return digits(v) + " s"
}

func kib(bytes float64) string { return digits(bytes/(1<<10)) + " KiB" }

func mib(bytes float64) string { return digits(bytes/(1<<20)) + " MiB" }
func mb(bytes float64) string  { return digits(bytes/1e6) + " MB" }

func date(t time.Time) string { return t.UTC().Format("2006-01-02") }
