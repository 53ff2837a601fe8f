package browser

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/chromedp/chromedp"
)

// TestLive has rows appear, without a reload, while three processes log.
func TestLive(t *testing.T) {
	s := newServer(t)
	p := open(t, s)
	p.run(`window.sameDocument = true`)
	end := openShop(t, s)
	for _, function := range []string{"checkout", "payment", "shipping"} {
		p.await(fmt.Sprintf(`[...document.querySelectorAll("#rows .function")].some((f) => f.textContent === %q)`, function))
	}
	before := eval[int](p, `Number(document.querySelector("#counts b").textContent.replaceAll(/\D/g, ""))`)
	p.await(fmt.Sprintf(`Number(document.querySelector("#counts b").textContent.replaceAll(/\D/g, "")) >= %d`, before+20))
	end()
	// When all is quiet, what the page shows is what the stream has.
	want := s.Messages(group, stream)
	p.await(fmt.Sprintf(`Number(document.querySelector("#counts b").textContent.replaceAll(/\D/g, "")) === %d`, len(want)))
	p.await(`document.querySelector("#rows").lastElementChild.event !== undefined`)
	if !eval[bool](p, `window.sameDocument === true`) {
		t.Error("the page was loaded again")
	}
	// The colours of functions differ.
	colours := eval[[]string](p, `[...new Set([...document.querySelectorAll("#rows .function")].map((f) => f.textContent + " " + getComputedStyle(f).color))]`)
	seen := make(map[string]bool)
	for _, c := range colours {
		_, colour, _ := strings.Cut(c, " ")
		if seen[colour] {
			t.Errorf("two functions have one colour: %q", colours)
		}
		seen[colour] = true
	}
}

// story is what the filters are tried on.
func story() []string {
	var texts []string
	for i := range 30 {
		texts = append(texts,
			fmt.Sprintf("INFO: checkout: order received\t{\"order\": \"A-%d\"}", 1000+i),
			fmt.Sprintf(`{"level":"WARNING","location":"payment.charge:12","message":"slow gateway","order":"A-%d","attempt":%d}`, 1000+i, i),
		)
	}
	return append(texts,
		`{"level":"ERROR","location":"payment.charge:14","message":"card declined","order":"A-1007","attempt":9}`,
		`ERROR: shipping: label failed`+"\ngoroutine 1 [running]:\nmain.main()\n\tmain.go:12",
		`zapcw: 2 events went to the writer's fallback instead of here: 2 INFO, from 2026-01-02T15:04:05.000Z to 2026-01-02T15:04:06.120Z, because of "refused"`,
	)
}

// TestFilters types, and clicks on levels and functions.
func TestFilters(t *testing.T) {
	s := newServer(t)
	put(t, s, time.Now().Add(-time.Minute), story()...)
	p := open(t, s)
	p.countIs("63 events")

	for _, tt := range []struct{ text, count string }{
		{"declined", "1 of 63 events"},
		{"DECLINED", "0 of 63 events"},
		{"a-1007", "3 of 63 events"},
		{"{ $.attempt > 26 }", "3 of 63 events"},
		{`{ $.level = "ERROR" && $.attempt = 9 }`, "1 of 63 events"},
		{"%A-100[1-3]%", "6 of 63 events"},
	} {
		p.run(`document.querySelector("#search").value = ""`)
		p.do(chromedp.SendKeys("#search", tt.text))
		p.countIs(tt.count)
		n, _, _ := strings.Cut(tt.count, " ")
		p.await(fmt.Sprintf(`document.querySelectorAll("#rows .row:not(.waiting)").length === %s`, n))
	}
	p.run(`const i = document.querySelector("#search"); i.value = ""; i.dispatchEvent(new Event("input"))`)
	p.countIs("63 events")

	chip := func(in, name string) {
		t.Helper()
		p.run(fmt.Sprintf(`[...document.querySelectorAll("#%s button")].find((b) => b.textContent.includes(%q)).click()`, in, name))
	}
	chip("levels", "WARNING")
	p.countIs("33 of 63 events")
	chip("functions", "checkout")
	p.countIs("3 of 63 events")
	if rows := p.rows(); len(rows) != 3 || !strings.Contains(rows[0], "card declined") || !strings.Contains(rows[2], "went to the writer's fallback") {
		t.Errorf("rows are %q", rows)
	}
	// The gap notice stands out.
	if row, gap := eval[string](p, `getComputedStyle(document.querySelector("#rows .row")).backgroundColor`),
		eval[string](p, `getComputedStyle(document.querySelector("#rows .row.gap")).backgroundColor`); row == gap {
		t.Errorf("a gap notice has the same background as an error, %s", row)
	}
	// The address holds the filters: a reload shows the same.
	p.do(chromedp.Reload())
	p.countIs("3 of 63 events")
}

// TestScript has text be text, whatever it is, in rows and in the panel of an event.
func TestScript(t *testing.T) {
	evil := []string{
		`<script>window.evil = 1</script>`,
		`INFO: checkout: <img src=x onerror="window.evil = 2">`,
		`{"level":"<b>INFO</b>","location":"<i>pay.x:1","message":"<svg onload=window.evil=3>","<u>key":"<script>window.evil = 4</script>","error":"javascript:window.evil=5"}`,
		"</div></body><script>window.evil = 6</script>\n<script>window.evil = 7</script>",
	}
	s := newServer(t)
	put(t, s, time.Now().Add(-time.Minute), evil...)
	s.CreateStream("/acme/<script>window.evil=8</script>", `<img src=x onerror="window.evil=9">`)
	p := open(t, s)
	p.countIs("4 events")
	p.await(`document.querySelectorAll("#rows .row:not(.waiting)").length === 4`)
	rows := strings.Join(p.rows(), "\n")
	for _, want := range []string{evil[0], `<img src=x onerror="window.evil = 2">`, "<svg onload=window.evil=3>"} {
		if !strings.Contains(rows, want) {
			t.Errorf("no %q in\n%s", want, rows)
		}
	}
	for i := range evil {
		p.run(fmt.Sprintf(`document.querySelectorAll("#rows .row")[%d].click()`, i))
		p.await(fmt.Sprintf(`!document.querySelector("#detail").hidden && document.querySelector("#detail").textContent.includes("window.evil%s")`, []string{" = 1", " = 2", "=3", " = 7"}[i]))
	}
	if made := eval[int](p, `document.querySelectorAll("#rows script, #rows svg, #rows img, #detail script, #detail svg, #detail img, #groups img, #groups script").length`); made != 0 {
		t.Errorf("%d elements were made of text", made)
	}
	if evil := eval[string](p, `String(window.evil)`); evil != "undefined" {
		t.Errorf("script %s of an event ran", evil)
	}
}

// TestMany has the page ask for windows of a large stream, and hold few rows.
func TestMany(t *testing.T) {
	const n = 100_000
	s := newServer(t)
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("INFO: checkout: order received\t{\"number\": %d}", i)
	}
	put(t, s, time.Now().Add(-time.Hour), texts...)
	p := open(t, s)
	asked := p.listen()
	p.countIs("100,000 events")
	has := func(number int) {
		t.Helper()
		p.await(fmt.Sprintf(`[...document.querySelectorAll("#rows .row:not(.waiting)")].some((r) => r.event.m.includes('"number": %d}'))`, number))
	}
	has(n - 1)
	p.run(`document.activeElement.blur()`)
	p.do(chromedp.KeyEvent("g"))
	has(0)
	for i := 1; i < 10; i++ {
		p.run(fmt.Sprintf(`const s = document.querySelector("#scroller"); s.scrollTop = s.scrollHeight * %d / 10`, i))
		has(n * i / 10)
	}
	p.do(chromedp.SendKeys("#search", `"number": 4711}`))
	p.countIs("1 of 100,000 events")

	elements := eval[int](p, `document.querySelectorAll("*").length`)
	calls, bytes, most := asked.sum()
	if elements > 3000 {
		t.Errorf("the document has %d elements", elements)
	}
	if calls > 60 || most > 256<<10 {
		t.Errorf("the page asked %d times for %d bytes, for %d at once", calls, bytes, most)
	}
}

// TestThemes looks at both, and has the page keep the one that was chosen.
func TestThemes(t *testing.T) {
	s := newServer(t)
	put(t, s, time.Now().Add(-time.Minute), story()...)
	background := func(p *page) string { return eval[string](p, `getComputedStyle(document.body).backgroundColor`) }
	p := open(t, s, scheme("light"))
	p.countIs("63 events")
	light := background(p)
	contrast(t, p, "light")
	p.do(scheme("dark"))
	dark := background(p)
	contrast(t, p, "dark")
	if light == dark {
		t.Errorf("both themes have the background %s", light)
	}
	p.do(scheme("light"))
	for range 3 { // its choices may be more than two
		p.do(chromedp.Click("#theme"))
		if background(p) == dark {
			p.do(chromedp.Reload())
			p.countIs("63 events")
			if background(p) != dark {
				t.Error("the theme that was chosen is forgotten")
			}
			return
		}
	}
	t.Error("the button does not lead to the dark theme")
}

// contrast has the text of rows be readable: what is to be read as WCAG 2.2 has it for
// level AA, what is only to be found as it has it for the parts of an interface.
func contrast(t *testing.T, p *page, theme string) {
	t.Helper()
	bad := eval[[]string](p, `(() => {
		const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
		const parse = (c) => { // whatever notation it has
			canvas.clearRect(0, 0, 1, 1);
			canvas.fillStyle = c;
			canvas.fillRect(0, 0, 1, 1);
			const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
			return { rgb: [r, g, b], a: a / 255 };
		};
		const over = (top, under) => top.rgb.map((v, i) => v * top.a + under[i] * (1 - top.a));
		const luminance = (rgb) => rgb.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; })
			.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
		const background = (e) => e ? over(parse(getComputedStyle(e).backgroundColor), background(e.parentElement)) : [255, 255, 255];
		const bad = [];
		for (const e of document.querySelectorAll("#rows .row span, #rows .row b")) {
			if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
			const under = background(e);
			const [a, b] = [luminance(over(parse(getComputedStyle(e).color), under)), luminance(under)].sort((x, y) => y - x);
			const ratio = (a + 0.05) / (b + 0.05);
			const side = e.matches(".time b, .rest, .rest b, .caller, .more");
			if (ratio < (side ? 3 : 4.5)) bad.push(e.className + " " + e.textContent.slice(0, 20) + ": " + ratio.toFixed(2));
		}
		return [...new Set(bad)];
	})()`)
	slices.Sort(bad)
	if len(bad) > 0 {
		t.Errorf("%s: text has too little contrast: %q", theme, bad)
	}
}

// TestLink has the address of an event open that event, in another browser too.
func TestLink(t *testing.T) {
	s := newServer(t)
	put(t, s, time.Now().Add(-time.Minute), story()...)
	p := open(t, s)
	p.countIs("63 events")
	p.run(`document.activeElement.blur()`)
	p.do(chromedp.KeyEvent("g"))
	p.await(`document.querySelector("#rows .row")?.event?.m.includes("A-1000")`)
	p.run(`document.querySelectorAll("#rows .row")[2].click()`)
	p.await(`!document.querySelector("#detail").hidden && document.querySelector("#detail").textContent.includes("A-1001")`)
	p.await(`location.hash.includes("event=")`)
	link := eval[string](p, `location.href`)

	other := open(t, s)
	other.countIs("63 events")
	other.do(chromedp.Navigate("about:blank"), chromedp.Navigate(link))
	other.await(`document.querySelector("#detail")?.hidden === false && document.querySelector("#detail").textContent.includes("A-1001")`)
	other.await(`document.querySelector("#rows [aria-selected=true]")?.event.m.includes("A-1001")`)
	other.do(chromedp.KeyEvent("\x1b"))
	other.await(`document.querySelector("#detail").hidden`)
}

// TestFollow stays where the reader looks, and says that there is more.
func TestFollow(t *testing.T) {
	s := newServer(t)
	texts := make([]string, 500)
	for i := range texts {
		texts[i] = fmt.Sprint("INFO: checkout: number ", i)
	}
	put(t, s, time.Now().Add(-time.Minute), texts...)
	p := open(t, s)
	p.countIs("500 events")
	last := func(text string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("#rows .row:not(.waiting)")].some((r) => r.event.m === %q)`, text)
	}
	p.await(last("INFO: checkout: number 499"))
	put(t, s, time.Now().Add(-30*time.Second), "INFO: checkout: the 501st")
	p.await(last("INFO: checkout: the 501st"))

	p.run(`document.querySelector("#scroller").scrollTop = 2400`)
	p.await(last("INFO: checkout: number 100"))
	p.await(`document.querySelector("#follow").getAttribute("aria-pressed") === "false"`)
	put(t, s, time.Now().Add(-20*time.Second), "INFO: checkout: the 502nd")
	p.countIs("502 events")
	p.await(`!document.querySelector("#newer").hidden`)
	if top := eval[int](p, `document.querySelector("#scroller").scrollTop`); top != 2400 {
		t.Errorf("the list has moved to %d", top)
	}
	p.run(`document.querySelector("#newer").click()`)
	p.await(last("INFO: checkout: the 502nd"))
}

// TestKeys selects events that are on the screen, also after an end of the list was
// jumped to.
func TestKeys(t *testing.T) {
	s := newServer(t)
	texts := make([]string, 500)
	for i := range texts {
		texts[i] = fmt.Sprint("INFO: checkout: number ", i)
	}
	put(t, s, time.Now().Add(-time.Minute), texts...)
	p := open(t, s)
	p.countIs("500 events")
	p.run(`document.activeElement.blur()`)
	selected := func(number int) {
		t.Helper()
		p.await(fmt.Sprintf(`document.querySelector("#rows [aria-selected=true]")?.event.m === "INFO: checkout: number %d"`, number))
	}
	first := func(number int) {
		t.Helper()
		p.await(fmt.Sprintf(`document.querySelector("#rows .row")?.event?.m === "INFO: checkout: number %d"`, number))
	}
	p.do(chromedp.KeyEvent("j"))
	selected(499)
	p.do(chromedp.KeyEvent("k"))
	selected(498)
	p.do(chromedp.KeyEvent("g"))
	first(0)
	p.do(chromedp.KeyEvent("j"))
	selected(0)
	p.do(chromedp.KeyEvent("j"))
	selected(1)
	p.do(chromedp.KeyEvent("G"))
	p.await(`[...document.querySelectorAll("#rows .row")].at(-1)?.event?.m === "INFO: checkout: number 499"`)
	p.do(chromedp.KeyEvent("k"))
	selected(499)
}

// TestDeleted shows nothing more of a stream that was deleted, and its successor.
func TestDeleted(t *testing.T) {
	s := newServer(t)
	put(t, s, time.Now().Add(-time.Minute), "ERROR: checkout: before")
	p := open(t, s)
	p.countIs("1 event")
	if _, err := s.Client().DeleteLogStream(t.Context(), &cloudwatchlogs.DeleteLogStreamInput{
		LogGroupName: aws.String(group), LogStreamName: aws.String(stream),
	}); err != nil {
		t.Fatal(err)
	}
	p.await(`document.querySelector("#empty").innerText.includes("There is no such stream")`)
	p.countIs("0 events")
	if n := eval[int](p, `document.querySelectorAll("#rows .row, #levels button, #functions button").length`); n != 0 {
		t.Errorf("%d rows and filters are left", n)
	}
	s.CreateStream(group, stream)
	put(t, s, time.Now(), "INFO: checkout: after")
	p.countIs("1 event")
	p.await(`document.querySelector("#empty").hidden && document.querySelector("#rows").innerText.includes("after")`)
}
