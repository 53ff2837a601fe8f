package terminal

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestNumbers(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{Number(0), "0"}, {Number(999), "999"}, {Number(1000), "1,000"}, {Number(1234567), "1,234,567"}, {Number(-1234), "-1,234"},
		{Count(1, "line"), "1 line"}, {Count(0, "line"), "0 lines"}, {Count(25000, "line"), "25,000 lines"},
		{Bytes(1), "1 byte"}, {Bytes(999), "999 bytes"}, {Bytes(1200), "1.2 kB"}, {Bytes(22_900_000), "22.9 MB"}, {Bytes(3e9), "3.0 GB"},
		{Duration(1234 * time.Microsecond), "1ms"}, {Duration(4321 * time.Millisecond), "4.3s"}, {Duration(75400 * time.Millisecond), "1m15s"},
		{OneLine("a\nb\x1b"), "a; b\ufffd"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

func TestParseEvent(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Event
	}{
		{"INFO: checkout: place: done\t{\"items\": 3, \"note\": \"a b\"}", Event{Level: "INFO", Function: "checkout", Message: "place: done", Fields: `items=3 note="a b"`}},
		{"WARNING [payment order/pay.go:12] slow", Event{Level: "WARNING", Function: "payment", Where: "order/pay.go:12", Message: "slow"}},
		{"WARNING: payment: [order/pay.go:12] slow [x]", Event{Level: "WARNING", Function: "payment", Where: "order/pay.go:12", Message: "slow [x]"}},
		{"ERROR: shipping: no\ngoroutine 1\n\tmain.go", Event{Level: "ERROR", Function: "shipping", Message: "no", More: []string{"goroutine 1", "\tmain.go"}}},
		{"checkout: done", Event{Function: "checkout", Message: "done"}},
		{"just text", Event{Message: "just text"}},
		{"text\t{no JSON}", Event{Message: "text\t{no JSON}"}},
		{"", Event{}},
		{`{"level":"CRITICAL","location":"shipping.ship:12","message":"crashed","order":"A-1","exception":"boom\nat x"}`,
			Event{Level: "CRITICAL", Function: "shipping", Where: "ship:12", Message: "crashed", Fields: "order=A-1", More: []string{"boom", "at x"}}},
		{`{"level":"info","ts":1.5,"logger":"api","caller":"order/pay.go:12","msg":"hi","n":null,"o":{"a":[1]}}`,
			Event{Level: "INFO", Function: "api", Where: "order/pay.go:12", Message: "hi", Fields: `n=null o={"a":[1]}`}},
		{`{"level":`, Event{Message: `{"level":`}},
		{"zapcw: 2 events went elsewhere", Event{Gap: true, Message: "zapcw: 2 events went elsewhere"}},
	} {
		got := ParseEvent(tt.text)
		if strings.Join(got.More, "|") != strings.Join(tt.want.More, "|") {
			t.Errorf("%q has %q", tt.text, got.More)
		}
		got.More, tt.want.More = nil, nil
		if got.Level != tt.want.Level || got.Function != tt.want.Function || got.Message != tt.want.Message ||
			got.Fields != tt.want.Fields || got.Where != tt.want.Where || got.Gap != tt.want.Gap {
			t.Errorf("%q is %+v, want %+v", tt.text, got, tt.want)
		}
	}
}

func TestPainter(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 6e6, time.UTC)
	for _, tt := range []struct {
		p    Painter
		text string
		want string
	}{
		{Painter{}, "INFO: checkout: done\t{\"a\": 1}", "15:04:05.006  INFO     checkout  done  a=1\n"},
		{Painter{Colour: true}, "ERROR: checkout: no\t{\"a\": 1}",
			"\x1b[2m15:04:05.006\x1b[0m  \x1b[31mERROR\x1b[0m    \x1b[36mcheckout\x1b[0m  \x1b[31mno\x1b[0m  \x1b[2ma=1\x1b[0m\n"},
		{Painter{Colour: true}, "zapcw: gap", "\x1b[2m15:04:05.006\x1b[0m  \x1b[33mzapcw: gap\x1b[0m\n"},
		{Painter{Width: 60}, "INFO: checkout: a message that is longer than fits\t{\"order\": \"A-1001\"}",
			"15:04:05.006  INFO     checkout  a message that is longer\n" +
				"                                 than fits order=A-1001\n"},
		{Painter{Width: 60}, "INFO: checkout: " + strings.Repeat("é", 30) + "\nmore",
			"15:04:05.006  INFO     checkout  " + strings.Repeat("é", 27) + "\n" +
				"                                 ééé\n" +
				"                                 more\n"},
		{Painter{}, "ERROR: payment: [order/pay.go:12] no", "15:04:05.006  ERROR    payment   no  (pay.go:12)\n"},
		{Painter{}, "INFO: payment: [order/pay.go:12] yes", "15:04:05.006  INFO     payment   yes\n"},
		{Painter{}, "", "15:04:05.006                     \n"},
	} {
		tt.p.Zone = time.UTC
		if got := tt.p.Event(at, tt.text); got != tt.want {
			t.Errorf("%q is\n%q, want\n%q", tt.text, got, tt.want)
		}
	}
}

// TestPainterColours gives functions colours of their own.
func TestPainterColours(t *testing.T) {
	p := Painter{Colour: true}
	seen := make(map[Style]string)
	for _, name := range []string{"checkout", "payment", "shipping", "refunds"} {
		st := p.style(name)
		if other, ok := seen[st]; ok || p.style(name) != st {
			t.Errorf("%s looks like %s, or not like before", name, other)
		}
		seen[st] = name
	}
}

// TestNoTerminal has files, and the null device, as what they are.
func TestNoTerminal(t *testing.T) {
	for _, open := range []func() (*os.File, error){
		func() (*os.File, error) { return os.Create(t.TempDir() + "/f") },
		func() (*os.File, error) { return os.OpenFile(os.DevNull, os.O_WRONLY, 0) },
	} {
		f, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if Is(f) || WantsColour(f) || NewProgress(f).Shows() {
			t.Errorf("%s is no terminal", f.Name())
		}
		f.Close()
	}
}

func TestProgress(t *testing.T) {
	var out strings.Builder
	p := ProgressOn(&out)
	p.Show("one")
	p.Show(strings.Repeat("é", 100))
	if _, err := p.Write([]byte("zapcw: \x1b[2Jtrouble\n")); err != nil {
		t.Fatal(err)
	}
	p.Clear() // there is none
	want := "\rone\x1b[K\r" + strings.Repeat("é", 78) + "…\x1b[K\r\x1b[Kzapcw: \ufffd[2Jtrouble\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
