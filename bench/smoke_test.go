package main

import (
	"testing"
	"time"

	"example.com/zapcw/bench/internal/load"
)

// TestLibraries has every library deliver a little. The receiver counts what
// came, so nobody can be quick by losing it.
func TestLibraries(t *testing.T) {
	t.Parallel()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{quick: true, bin: dir}
	const n = 2000
	for _, l := range []struct{ program, name string }{
		{"zapcw", "zapcw"}, {"zapcw", "zapcw, prefix"}, {"zapcw", "zapcw, defaults"},
		{"lzap", "lzap, retrying"}, {"lzap", "lzap"}, {"mec07", "mec07"}, {"awslogs", "awslogs"},
	} {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			res, err := b.child(l.program, load.Job{Kind: "flat", Name: l.name, N: n, Producers: 2})
			if err != nil {
				t.Fatal(err)
			}
			delivered, refused := res["delivered"][0], res["refused"][0]
			if l.program == "zapcw" && delivered != n {
				t.Errorf("%v of %d events delivered", delivered, n)
			}
			if delivered+refused == 0 || delivered+refused > n {
				t.Errorf("%v of %d events delivered, %v refused", delivered, n, refused)
			}
			if res["bytes"][0] < 150 && delivered > 0 || res["bytes"][0] > 250 {
				t.Errorf("events of %v bytes", res["bytes"][0])
			}
		})
	}
}

// TestOutage has zapcw deliver everything that is logged while the service is
// away.
func TestOutage(t *testing.T) {
	if testing.Short() {
		t.Skip("an outage takes six seconds")
	}
	t.Parallel()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{quick: true, bin: dir}
	res, err := b.child("zapcw", load.Job{Kind: "outage", Name: "zapcw, defaults", Rate: 500})
	if err != nil {
		t.Fatal(err)
	}
	if lost := res["lost"][0]; lost != 0 {
		t.Errorf("%v of %v events lost", lost, res["calls"][0])
	}
}

func TestNumbers(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{digits(0), "0"}, {digits(0.07654), "0.0765"}, {digits(1.2345), "1.23"}, {digits(12), "12"}, {digits(867.4), "867"},
		{digits(866822), "867,000"}, {digits(1_234_567), "1,230,000"}, {digits(median(nil)), "–"},
		{count(1234567), "1,234,567"}, {count(-1234), "-1,234"}, {count(999), "999"},
		{seconds(4.5e-7), "450 ns"}, {seconds(0.000978), "978 µs"}, {seconds(0.0214), "21.4 ms"}, {seconds(3.25), "3.25 s"},
		{digits(median([]float64{3, 1, 2})), "2"}, {digits(median([]float64{4, 1, 2, 3})), "2.5"},
		{times(ratio([]float64{2, 6, 9}, []float64{1, 2, 3})), "3.00x"}, {nth(0.125), "1/8.0"}, {percent(0.125), "12.5 %"},
		{date(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)), "2026-01-02"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
