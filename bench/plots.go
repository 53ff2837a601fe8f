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
	canvas := &fitted{Canvas: vgsvg.New(width, f.height)}
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	f.plot.Draw(draw.Crop(all, margin, -margin, margin, -margin))
	text, err := canvas.svg()
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// fitted is a picture whose texts keep their widths also for who has not got the
// font, and sees another that is wider.
type fitted struct {
	*vgsvg.Canvas
	widths []vg.Length
}

var _ vg.CanvasSizer = (*fitted)(nil)

// FillString notes the width of a text.
func (f *fitted) FillString(face font.Face, at vg.Point, text string) {
	f.widths = append(f.widths, face.Width(text))
	f.Canvas.FillString(face, at, text)
}

func (f *fitted) svg() ([]byte, error) {
	var out bytes.Buffer
	if _, err := f.WriteTo(&out); err != nil {
		return nil, err
	}
	parts := strings.Split(out.String(), "<text ")
	if len(parts) != len(f.widths)+1 {
		return nil, fmt.Errorf("%d texts in a picture: want %d", len(parts)-1, len(f.widths))
	}
	for i, w := range f.widths {
		parts[i+1] = fmt.Sprintf(`textLength="%.1f" lengthAdjust="spacingAndGlyphs" %s`, w.Points(), parts[i+1])
	}
	const family = "font-family:Liberation Sans"
	return []byte(strings.ReplaceAll(strings.Join(parts, "<text "), family, family+",Arial,Helvetica,sans-serif")), nil
}

var (
	ink   = color.RGBA{0x24, 0x29, 0x2f, 0xff}
	faint = color.RGBA{0xc8, 0xd0, 0xd8, 0xff}
)

// A look is how a library appears in every plot.
type look struct {
	name  string // in full
	color color.RGBA
}

// looks is by the first word of a row's name.
var looks = map[string]look{
	"zapcw":   {"zapcw", color.RGBA{0xd6, 0x45, 0x0a, 0xff}},
	"zap":     {"zap", color.RGBA{0x1f, 0x6f, 0xb4, 0xff}},
	"slog":    {"log/slog", color.RGBA{0x2c, 0x8c, 0x5a, 0xff}},
	"zerolog": {"zerolog", color.RGBA{0x8a, 0x63, 0xb8, 0xff}},
	"mec07":   {"mec07/cloudwatchwriter", color.RGBA{0x00, 0x8b, 0x8b, 0xff}},
	"lzap":    {"lzap/cloudwatchwriter2", color.RGBA{0x9a, 0x6b, 0x2f, 0xff}},
	"awslogs": {"Docker's awslogs", color.RGBA{0x6e, 0x77, 0x81, 0xff}},
}

func isOurs(name string) bool { return strings.HasPrefix(name, "zapcw") }

// lookOf is how a row appears: its library's colour, and its name in full.
func lookOf(row string) look {
	library, variation, _ := strings.Cut(row, ",")
	l := looks[library]
	if variation != "" {
		l.name += "," + variation
	}
	return l
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
	names := []string{"zerolog, discarded", "zapcw, prefix", "zap, discarded", ours, "zap, buffered file", "slog, discarded"}
	var labels []string
	for _, g := range micro.Goroutines {
		labels = append(labels, fmt.Sprint(g))
	}
	p.NominalX(labels...)
	drawn := make(map[color.RGBA]bool)
	for _, name := range names {
		var xy plotter.XYs
		for i, g := range micro.Goroutines {
			xy = append(xy, plotter.XY{X: float64(i), Y: 1e3 / median(res[micro.Cell(name, 3, g)])})
		}
		l := lookOf(name)
		addLine(p, l.name, xy, l.color, isOurs(name), drawn[l.color])
		drawn[l.color] = true
	}
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding = vg.Points(3)
	p.X.Min, p.X.Max = -0.3, float64(len(labels))-0.7
	p.Y.Max *= 1.45
	return figure{"throughput.svg", p.Title.Text, p, 11 * vg.Centimeter}
}

// addLine adds points and the line through them, bold or thin, with dashes if
// another has the same colour.
func addLine(p *plot.Plot, name string, xy plotter.XYs, c color.RGBA, bold, dashed bool) {
	line, points, err := plotter.NewLinePoints(xy)
	if err != nil {
		panic(err) // of series that are empty or not numbers
	}
	line.Color, points.Color, points.Shape, points.Radius = c, c, draw.CircleGlyph{}, vg.Points(3)
	line.Width = vg.Points(1.5)
	if bold {
		line.Width, points.Radius = vg.Points(2.5), vg.Points(4.5)
	}
	if dashed {
		line.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		points.Shape = draw.RingGlyph{}
	}
	p.Add(line, points)
	p.Legend.Add(name, line, points)
}

// A waiting is how long entries took to arrive at a rate, in seconds.
type waiting struct {
	rate     int
	p50, p99 float64
}

// waitFigure is the time to the service by rate.
func waitFigure(waits []waiting) figure {
	p := newPlot("zapcw with its defaults: from the call to the service, p50 and p99 by rate", "entries/s, log scale", "ms, log scale")
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker = plot.TickerFunc(func(float64, float64) []plot.Tick {
		var ticks []plot.Tick
		for _, w := range waits {
			ticks = append(ticks, plot.Tick{Value: float64(w.rate), Label: count(float64(w.rate))})
		}
		return ticks
	})
	p.Y.Tick.Marker = plot.TickerFunc(func(from, to float64) []plot.Tick { return decades(from, to, digits) })
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = faint
	p.Add(grid)
	var p50, p99 plotter.XYs
	for _, w := range waits { // what is counted is full ms
		p50 = append(p50, plotter.XY{X: float64(w.rate), Y: max(1, 1e3*w.p50)})
		p99 = append(p99, plotter.XY{X: float64(w.rate), Y: max(1, 1e3*w.p99)})
	}
	addLine(p, "p99", p99, looks["zapcw"].color, true, false)
	addLine(p, "p50", p50, looks["zapcw"].color, true, true)
	p.Legend.Top = true
	p.Legend.Padding = vg.Points(3)
	p.Y.Min, p.Y.Max = math.Pow(10, math.Floor(math.Log10(p.Y.Min))), max(1000, 1.2*p.Y.Max)
	return figure{"wait.svg", p.Title.Text, p, 9 * vg.Centimeter}
}

// cpuFigure is CPU of a million events by library.
func cpuFigure(rows []span) figure {
	p := newPlot("CPU of a million entries of 5 fields, delivered", "CPU seconds, log scale", "")
	slices.Reverse(rows)
	logRows(p, rows, func(s span) string { return digits(s.worst) + " s" }, digits)
	return figure{"cpu.svg", p.Title.Text, p, 9 * vg.Centimeter}
}

// A span is what was measured of a row: the latency of calls, in seconds, or one
// number three times.
type span struct {
	name            string
	p50, p99, worst float64
	lost            string // share of the events
}

// outageFigure is the latency of calls during an outage.
func outageFigure(rows []span) figure {
	p := newPlot("A logging call during an outage: the median, p99 and the worst", "time of a call, log scale", "")
	slices.Reverse(rows)
	logRows(p, rows, func(s span) string {
		if s.lost == "0" {
			return seconds(s.worst)
		}
		return fmt.Sprintf("%s, %s lost", seconds(s.worst), s.lost)
	}, seconds)
	return figure{"outage.svg", p.Title.Text, p, 8 * vg.Centimeter}
}

// logRows fills a plot with a row for each span on a logarithmic axis, whose
// ticks unit writes.
func logRows(p *plot.Plot, rows []span, label func(span) string, unit func(float64) string) {
	low, high := math.Inf(1), 0.0
	var names []string
	room := vg.Length(0) // for the longest label
	for _, r := range rows {
		low, high = min(low, r.p50), max(high, r.worst)
		names = append(names, lookOf(r.name).name)
		room = max(room, p.X.Tick.Label.Width(label(r)))
	}
	p.NominalY(names...)
	p.X.Min = math.Pow(10, math.Floor(math.Log10(low)+0.01))
	// Most of the width is between the names and the labels.
	share := float64(room+vg.Points(20)) / float64(11*vg.Centimeter)
	p.X.Max = high * math.Pow(high/p.X.Min, share/(1-share))
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(func(from, _ float64) []plot.Tick { return decades(from, high, unit) })
	grid := plotter.NewGrid()
	grid.Horizontal.Width = 0
	grid.Vertical.Color = faint
	p.Add(grid)
	p.Add(spans{rows, label})
	p.Y.Min, p.Y.Max = -0.6, float64(len(rows))-0.4
}

func decades(from, to float64, unit func(float64) string) []plot.Tick {
	var ticks []plot.Tick
	first := math.Floor(math.Log10(from) + 0.01)
	every := 1
	if math.Log10(to)-first > 5 {
		every = 2 // or labels touch
	}
	for i := 0; ; i++ {
		v := math.Pow(10, first+float64(i))
		if v > to*1.001 {
			return ticks
		}
		tick := plot.Tick{Value: v, Label: unit(v * 1.0000001)}
		if i%every > 0 {
			tick.Label = " " // a long one, all the same
		}
		ticks = append(ticks, tick)
		for k := 2.0; k < 10 && k*v <= to; k++ {
			ticks = append(ticks, plot.Tick{Value: k * v})
		}
	}
}

// spans draws rows: dots at the median, p99 and the worst, and a line from the
// first to the last. A bar would say that the axis begins at nothing.
type spans struct {
	rows  []span
	label func(span) string
}

var _ plot.Plotter = spans{}

func (s spans) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	style := p.X.Tick.Label
	style.XAlign, style.YAlign = draw.XLeft, draw.YCenter
	for i, r := range s.rows {
		col, y, end := lookOf(r.name).color, ty(float64(i)), tx(r.worst)
		c.StrokeLine2(draw.LineStyle{Color: faint, Width: vg.Points(0.5)}, c.Min.X, y, end, y)
		style.Color, style.Font.Weight = ink, 0
		if isOurs(r.name) {
			style.Color, style.Font.Weight = col, 2
		}
		c.StrokeLine2(draw.LineStyle{Color: col, Width: vg.Points(4)}, tx(r.p50), y, end, y)
		for _, m := range []struct {
			at     float64
			radius vg.Length
		}{{r.p50, 5}, {r.p99, 4}, {r.worst, 6.5}} {
			at := vg.Point{X: tx(m.at), Y: y}
			c.DrawGlyph(draw.GlyphStyle{Color: color.White, Radius: m.radius + 1, Shape: draw.CircleGlyph{}}, at)
			c.DrawGlyph(draw.GlyphStyle{Color: col, Radius: m.radius, Shape: draw.CircleGlyph{}}, at)
		}
		c.FillText(style, vg.Point{X: end + vg.Points(12), Y: y}, s.label(r))
	}
}
