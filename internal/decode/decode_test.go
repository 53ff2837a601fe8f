package decode

import (
	"strconv"
	"testing"
)

// FuzzParseSize compares sizes with what strconv reads.
func FuzzParseSize(f *testing.F) {
	for _, text := range []string{"64KiB", "1MiB", "0", "+1", "1_000", "0x10", "KiBKiB", "1 GiB", "-0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := parseSize(text)
		if !ok {
			return
		}
		for _, suffix := range []string{"", "KiB", "MiB", "GiB", " KiB", " MiB", " GiB"} {
			digits := len(text) - len(suffix)
			if digits > 0 && text[digits:] == suffix {
				if k, err := strconv.ParseUint(text[:digits], 10, 64); err == nil {
					unit := map[byte]float64{'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}
					want := float64(k)
					if len(suffix) > 0 {
						want *= unit[suffix[len(suffix)-3]]
					}
					if n != want {
						t.Errorf("%q is %v, want %v", text, n, want)
					}
					return
				}
			}
		}
		t.Errorf("%q is %v, want an error", text, n)
	})
}
