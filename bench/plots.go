package main

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"os"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"example.com/zapcw/bench/internal/load"
	"example.com/zapcw/bench/internal/micro"
)

// A figure is a plot in a file.
type figure struct {
	name, title string
	plot        *plot.Plot
	height      vg.Length
}

func (f figure) save(path string) error {
	const width, margin = 18 * vg.Centimeter, 10
	canvas := vgsvg.New(width, f.height)
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	f.plot.Draw(draw.Crop(all, margin, -margin, margin, -margin))
	var text bytes.Buffer
	if _, err := canvas.WriteTo(&text); err != nil {
		return err
	}
	// For who has not got the font.
	svg := bytes.ReplaceAll(text.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
	return os.WriteFile(path, svg, 0o644)
}

var (
	ink   = color.RGBA{0x24, 0x29, 0x2f, 0xff}
	faint = color.RGBA{0xc8, 0xd0, 0xd8, 0xff}
	// highlight is zapcw's; others are told apart by the rest.
	highlight = color.RGBA{0xd6, 0x45, 0x0a, 0xff}
	second    = color.RGBA{0xf2, 0x9d, 0x4b, 0xff}
	palette   = []color.RGBA{
		{0x1f, 0x6f, 0xb4, 0xff}, {0x7a, 0xb6, 0xe0, 0xff}, {0x2c, 0x8c, 0x5a, 0xff}, {0x8a, 0x63, 0xb8, 0xff}, {0x8c, 0x95, 0x9f, 0xff},
	}
)

func isOurs(name string) bool { return strings.HasPrefix(name, "zapcw") }

// colorOf gives ours the warm colours, the strong one first.
func colorOf(name string, others int) color.RGBA {
	switch {
	case !isOurs(name):
		return palette[others%len(palette)]
	case strings.Contains(name, "prefix"):
		return second
	}
	return highlight
}

func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.BackgroundColor = color.White
	p.Title.Padding = vg.Points(8)
	for _, s := range []*draw.TextStyle{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		s.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 11}
		s.Color = ink
	}
	p.Title.TextStyle.Font.Size = 13
	p.Title.TextStyle.Font.Weight = 2
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Color, a.Tick.LineStyle.Color = ink, ink
	}
	return p
}

// goroutinesFigure is entries a second by goroutines.
func goroutinesFigure(res load.Result) figure {
	p := newPlot("Calls of Info with 3 fields, by goroutines", "goroutines", "million entries/s")
	p.Y.Min = 0
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = faint
	p.Add(grid)
	names := []string{ours, "zapcw, prefix", "zap, discarded", "zap, buffered file", "slog, discarded", "zerolog, discarded"}
	var labels []string
	for _, g := range micro.Goroutines {
		labels = append(labels, fmt.Sprint(g))
	}
	p.NominalX(labels...)
	others := 0
	for _, name := range names {
		var xy plotter.XYs
		for i, g := range micro.Goroutines {
			xy = append(xy, plotter.XY{X: float64(i), Y: 1e3 / median(res[micro.Cell(name, 3, g)])})
		}
		line, points, err := plotter.NewLinePoints(xy)
		if err != nil {
			panic(err) // of series that are empty or not numbers
		}
		c := colorOf(name, others)
		if !isOurs(name) {
			others++
		}
		line.Color, points.Color, points.Shape, points.Radius = c, c, draw.CircleGlyph{}, vg.Points(3)
		line.Width = vg.Points(1.5)
		if isOurs(name) {
			line.Width, points.Radius = vg.Points(3), vg.Points(4.5)
		}
		p.Add(line, points)
		p.Legend.Add(name, line, points)
	}
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding = vg.Points(3)
	p.X.Min, p.X.Max = -0.3, float64(len(labels))-0.7
	p.Y.Max *= 1.45
	return figure{"throughput.svg", p.Title.Text, p, 11 * vg.Centimeter}
}

// A waiting is how long entries took to arrive at a rate, in seconds.
type waiting struct {
	rate     int
	p50, p99 float64
}

// waitFigure is the time to the service by rate.
func waitFigure(waits []waiting) figure {
	p := newPlot("From the call to the service: p50 and p99 by rate", "entries/s, log scale", "ms, log scale")
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker = plot.TickerFunc(func(float64, float64) []plot.Tick {
		var ticks []plot.Tick
		for _, w := range waits {
			ticks = append(ticks, plot.Tick{Value: float64(w.rate), Label: count(float64(w.rate))})
		}
		return ticks
	})
	p.Y.Tick.Marker = plot.TickerFunc(func(from, to float64) []plot.Tick { return decades(from, to, true) })
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = faint
	p.Add(grid)
	for _, line := range []struct {
		name string
		of   func(waiting) float64
		c    color.RGBA
	}{{"p99", func(w waiting) float64 { return w.p99 }, highlight}, {"p50", func(w waiting) float64 { return w.p50 }, second}} {
		var xy plotter.XYs
		for _, w := range waits {
			xy = append(xy, plotter.XY{X: float64(w.rate), Y: max(1, 1e3*line.of(w))}) // what is counted is full ms
		}
		l, points, err := plotter.NewLinePoints(xy)
		if err != nil {
			panic(err) // of series that are empty or not numbers
		}
		l.Color, points.Color, points.Shape, points.Radius = line.c, line.c, draw.CircleGlyph{}, vg.Points(4.5)
		l.Width = vg.Points(3)
		p.Add(l, points)
		p.Legend.Add(line.name, l, points)
	}
	p.Legend.Top = true
	p.Legend.Padding = vg.Points(3)
	p.Y.Min, p.Y.Max = 1, max(1000, 1.2*p.Y.Max)
	return figure{"wait.svg", p.Title.Text, p, 9 * vg.Centimeter}
}

// A bar is a number of a library.
type bar struct {
	name  string
	value float64
}

// cpuFigure is CPU of a million events by library.
func cpuFigure(bars []bar) figure {
	p := newPlot("CPU of a million entries of 5 fields, delivered", "CPU seconds, log scale", "")
	slices.Reverse(bars)
	var rows []span
	for _, b := range bars {
		rows = append(rows, span{name: b.name, p50: b.value, p99: b.value, worst: b.value})
	}
	logRows(p, rows, func(s span) string { return digits(s.worst) + " s" }, true)
	return figure{"cpu.svg", p.Title.Text, p, 9 * vg.Centimeter}
}

// A span is the latency of a library, in seconds.
type span struct {
	name            string
	p50, p99, worst float64
	lost            string // share of the events
}

// outageFigure is the latency of calls during an outage.
func outageFigure(rows []span) figure {
	p := newPlot("A logging call during an outage: p50, p99 and the worst", "time of a call, log scale", "")
	slices.Reverse(rows)
	logRows(p, rows, func(s span) string {
		if s.lost == "0" {
			return seconds(s.worst)
		}
		return fmt.Sprintf("%s, %s lost", seconds(s.worst), s.lost)
	}, false)
	return figure{"outage.svg", p.Title.Text, p, 8 * vg.Centimeter}
}

// logRows fills a plot with a row for each span on a logarithmic axis.
func logRows(p *plot.Plot, rows []span, label func(span) string, bars bool) {
	room := 0.3 // for labels
	if bars {
		room = 0.14
	}
	low, high := math.Inf(1), 0.0
	var names []string
	for _, r := range rows {
		low, high = min(low, r.p50), max(high, r.worst)
		names = append(names, r.name)
	}
	p.NominalY(names...)
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(func(from, to float64) []plot.Tick { return decades(from, to, bars) })
	grid := plotter.NewGrid()
	grid.Horizontal.Width = 0
	grid.Vertical.Color = faint
	p.Add(grid)
	p.Add(spans{rows, label, bars})
	p.X.Min = math.Pow(10, math.Floor(math.Log10(low)+0.01))
	p.X.Max = high * math.Pow(high/p.X.Min, room)
	p.Y.Min, p.Y.Max = -0.6, float64(len(rows))-0.4
}

func decades(from, to float64, plain bool) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(from)); ; e++ {
		v := math.Pow(10, e)
		if v > to*1.001 {
			return ticks
		}
		text := seconds(v * 1.0000001)
		if plain {
			text = digits(v)
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: text})
		for k := 2.0; k < 10; k++ {
			ticks = append(ticks, plot.Tick{Value: k * v})
		}
	}
}

// spans draws rows: bars from the left, or a line from p50 to the worst.
type spans struct {
	rows  []span
	label func(span) string
	bars  bool
}

var _ plot.Plotter = spans{}

func (s spans) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	style := p.X.Tick.Label
	style.XAlign, style.YAlign = draw.XLeft, draw.YCenter
	others := 0
	for i, r := range s.rows {
		col := colorOf(r.name, others)
		if !isOurs(r.name) {
			others++
		}
		y, end := ty(float64(i)), tx(r.worst)
		style.Color = ink
		if isOurs(r.name) {
			style.Color = highlight
			style.Font.Weight = 2
		} else {
			style.Font.Weight = 0
		}
		if s.bars {
			half := (ty(float64(i)+0.34) - y)
			c.FillPolygon(col, []vg.Point{{X: c.Min.X, Y: y - half}, {X: end, Y: y - half}, {X: end, Y: y + half}, {X: c.Min.X, Y: y + half}})
			c.FillText(style, vg.Point{X: end + vg.Points(5), Y: y}, s.label(r))
			continue
		}
		c.StrokeLine2(draw.LineStyle{Color: col, Width: vg.Points(4)}, tx(r.p50), y, end, y)
		for _, m := range []struct {
			at     float64
			radius vg.Length
		}{{r.p50, 5}, {r.p99, 4}, {r.worst, 7}} {
			at := vg.Point{X: tx(m.at), Y: y}
			c.DrawGlyph(draw.GlyphStyle{Color: color.White, Radius: m.radius + 1, Shape: draw.CircleGlyph{}}, at)
			c.DrawGlyph(draw.GlyphStyle{Color: col, Radius: m.radius, Shape: draw.CircleGlyph{}}, at)
		}
		c.FillText(style, vg.Point{X: end + vg.Points(12), Y: y}, s.label(r))
	}
}
