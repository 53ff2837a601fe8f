package golden_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the same everywhere
)

// zoneOf is what the C library makes of the environment's TZ: the name of a
// place, or a rule like AEST-10AEDT,M10.1.0,M4.1.0/3. It takes what it does not
// understand for UTC.
func zoneOf(tz value) (*time.Location, error) {
	name, ok := tz.str()
	if !ok && !tz.none() {
		return nil, fmt.Errorf("time zone %s: want a name or a rule", tz.raw)
	}
	name = strings.TrimPrefix(name, ":")
	if name == "" {
		return time.UTC, nil
	}
	if zone, err := time.LoadLocation(name); err == nil {
		return zone, nil
	}
	return ruleZone(name)
}

// ruleZone makes a zone of a rule. Package time reads rules where the files of
// zones have them: behind their last transition.
func ruleZone(rule string) (*time.Location, error) {
	header := func(transitions, zones, chars uint32) []byte {
		b := append([]byte("TZif2"), make([]byte, 15)...)
		for _, n := range []uint32{0, 0, 0, transitions, zones, chars} {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		return b
	}
	first := int64(-1) << 56 // before all
	b := append(header(0, 0, 0), header(1, 1, 4)...)
	b = binary.BigEndian.AppendUint64(b, uint64(first))
	b = append(b, 0)                // the transition's zone
	b = append(b, 0, 0, 0, 0, 0, 0) // that zone: no offset, no summer time, name at 0
	b = append(b, "UTC\x00"...)     // the name
	b = append(b, "\n"+rule+"\n"...)
	return time.LoadLocationFromTZData(rule, b)
}

func TestZone(t *testing.T) {
	for _, tt := range []struct{ tz, want string }{
		{"UTC", "2023-11-14T22:13:20Z"},
		{"", "2023-11-14T22:13:20Z"},
		{"Asia/Tokyo", "2023-11-15T07:13:20+09:00"},
		{":Asia/Tokyo", "2023-11-15T07:13:20+09:00"},
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", "2023-11-15T09:13:20+11:00"},
		{"EST5EDT", "2023-11-14T17:13:20-05:00"},
		{"<+0545>-5:45", "2023-11-15T03:58:20+05:45"},
		{"Nowhere/Land", "2023-11-14T22:13:20Z"},
	} {
		zone, err := zoneOf(valueOf(quote(tt.tz)))
		if err != nil {
			t.Errorf("%q: %v", tt.tz, err)
			continue
		}
		if got := time.Unix(1_700_000_000, 0).In(zone).Format(time.RFC3339); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.tz, got, tt.want)
		}
	}
}
