package browser

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// picture writes what the page shows to a directory, for somebody who wants to look:
// ZAPCW_PICTURES=/tmp/pictures go test -run TestNarrow
func (p *page) picture(name string) {
	p.t.Helper()
	dir := os.Getenv("ZAPCW_PICTURES")
	if dir == "" {
		return
	}
	data, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(dir+"/"+name+".png", data, 0o644)
	}
	if err != nil {
		p.t.Error(err)
	}
}

// TestNarrow has the page of a telephone show events, and one of them over the list.
func TestNarrow(t *testing.T) {
	s := newServer(t)
	put(t, s, time.Now().Add(-time.Minute), story()...)
	p := open(t, s, chromedp.EmulateViewport(390, 780))
	p.countIs("63 events")
	p.await(`document.querySelectorAll("#rows .row:not(.waiting)").length > 10`)
	p.picture("narrow")
	if wide := eval[int](p, `document.documentElement.scrollWidth`); wide > 390 {
		t.Errorf("the page is %d pixels wide", wide)
	}
	if n := eval[int](p, `document.querySelector("#scroller").clientHeight`); n < 300 {
		t.Errorf("%d pixels are left for events", n)
	}
	// A message begins on the screen and has at least half of it.
	for _, text := range []string{"order received", "slow gateway", "card declined", "went to the writer's fallback"} {
		js := fmt.Sprintf(`[...document.querySelectorAll("#rows .row > span")].filter((e) => e.textContent.includes(%q)).map((e) => e.getBoundingClientRect()).map((r) => Math.min(r.right, 390) - r.left).at(-1) ?? 0`, text)
		if n := eval[float64](p, js); n < 195 {
			t.Errorf("%q has %.0f pixels", text, n)
		}
	}
	p.run(`[...document.querySelectorAll("#rows .row")].find((r) => r.textContent.includes("card declined")).click()`)
	p.await(`!document.querySelector("#detail").hidden`)
	p.picture("narrow-event")
	if n := eval[float64](p, `document.querySelector("#detail").getBoundingClientRect().width`); n != 390 {
		t.Errorf("an open event is %.0f pixels wide", n)
	}
	p.run(`document.querySelector("#detail header button").click()`)
	p.await(`document.querySelector("#detail").hidden`)
}

// TestLongNames has long names of groups and streams take no room from others, and be
// readable whole.
func TestLongNames(t *testing.T) {
	s := newServer(t)
	put(t, s, time.Now(), "INFO: checkout: order received")
	name := "/acme/" + strings.Repeat("production-of-orders/", 20)
	s.CreateStream(name, strings.Repeat("a-stream-of-orders-", 20))
	p := open(t, s)
	p.countIs("1 event")
	p.await(`document.querySelectorAll("#groups h2").length === 2`)
	p.picture("long-names")
	if n := eval[float64](p, `Math.max(...[...document.querySelectorAll("#groups h2, #groups .stream")].map((e) => e.getBoundingClientRect().height))`); n > 40 {
		t.Errorf("a name takes %.0f pixels", n)
	}
	if !eval[bool](p, fmt.Sprintf(`[...document.querySelectorAll("#groups h2")].some((e) => e.title.startsWith(%q))`, name+"\n")) {
		t.Error("no title has the long name whole")
	}
	if eval[bool](p, `document.querySelector("#groups").scrollWidth > document.querySelector("#groups").clientWidth`) {
		t.Error("the list of streams scrolls sideways")
	}
}

// TestControls shows what turns the direction of text, or drives a terminal, and copies
// the event as it was put.
func TestControls(t *testing.T) {
	const evil = "INFO: checkout: paid \u202eRORRE\u202c and \u2066more\u2069 \x1b[31mred \u200fend"
	s := newServer(t)
	put(t, s, time.Now().Add(-time.Minute), evil, `{"level":"INFO","location":"pay:1","message":"ok","us`+"\u202e"+`er":"\u202eevil"}`)
	s.CreateStream("/acme/\u202eprod", "\u202esredro")
	p := open(t, s)
	p.countIs("2 events")
	p.await(`document.querySelectorAll("#rows .row:not(.waiting)").length === 2`)
	p.await(`document.querySelectorAll("#groups h2").length === 2`)
	has := func(where string) {
		t.Helper()
		if eval[bool](p, `/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\x1b]/.test(document.querySelector("`+where+`").textContent)`) {
			t.Errorf("%s has a character that controls others", where)
		}
	}
	p.run(`document.querySelector("#search").value = "more"; document.querySelector("#search").dispatchEvent(new Event("input"))`)
	p.await(`document.querySelectorAll("#rows mark").length === 1`)
	p.picture("controls")
	has("#rows")
	if row := p.rows()[0]; !strings.Contains(row, `paid \u202eRORRE\u202c and \u2066more\u2069 \u001b[31mred \u200fend`) {
		t.Errorf("the row is %q", row)
	}
	p.run(`document.querySelector("#search").value = ""; document.querySelector("#search").dispatchEvent(new Event("input"))`)
	p.countIs("2 events")
	for i := range 2 {
		p.await(fmt.Sprintf(`document.querySelectorAll("#rows .row")[%d]?.event !== undefined`, i))
		p.run(fmt.Sprintf(`document.querySelectorAll("#rows .row")[%d].click()`, i))
		p.await(fmt.Sprintf(`!document.querySelector("#detail").hidden && document.querySelector("#detail").textContent.includes(%q)`, []string{"RORRE", "evil"}[i]))
		has("#detail")
	}
	has("#groups")
	p.run(`[...document.querySelectorAll("#groups .stream")].find((e) => e.textContent.includes("sredro")).click()`)
	p.await(`document.querySelector("#title").textContent.includes("sredro")`)
	has("#title")
	if title := eval[string](p, `document.title + document.querySelector("#title").title`); strings.ContainsRune(title, '\u202e') {
		t.Errorf("the title is %q", title)
	}
}

// TestSignedTerms types filter patterns of terms, and reads how they are understood.
func TestSignedTerms(t *testing.T) {
	s := newServer(t)
	put(t, s, time.Now().Add(-time.Minute), story()...)
	p := open(t, s)
	p.countIs("63 events")
	for _, tt := range []struct{ text, count, hint string }{
		{"-checkout -payment", "2 of 63 events", "-term excludes"},
		{"?declined ?failed", "2 of 63 events", "-term excludes"},
		{"slow -gateway", "0 of 63 events", "-term excludes"},
		{"A-1007", "3 of 63 events", ""},
	} {
		p.run(`document.querySelector("#search").value = ""`)
		p.do(chromedp.SendKeys("#search", tt.text))
		p.countIs(tt.count)
		p.await(fmt.Sprintf(`document.querySelector("#hint").hidden === %t && document.querySelector("#hint").textContent.includes(%q)`, tt.hint == "", tt.hint))
	}
	p.picture("terms")
}
