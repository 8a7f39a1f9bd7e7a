package bench

import (
	"errors"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Plots are pictures of a report, by file name: how many times better, what each unit costs, and how long things took. Each says on what
// machine, of which commit and with which settings.
func (r *Report) Plots() map[string]string {
	plots := map[string]string{}
	if p := r.ratioPlot(); p != "" {
		plots["ratios.svg"] = p
	}
	units := map[string]string{"CPU s/GiB": "cpu-per-gib.svg", "CPU s/M records": "cpu-per-million-records.svg", "CPU µs/request": "cpu-per-request.svg"}
	for unit, file := range units {
		if p := r.unitPlot(unit); p != "" {
			plots[file] = p
		}
	}
	for _, c := range r.Curves {
		if file := "latency-" + c.ID + ".svg"; plots[file] == "" {
			plots[file] = r.curvePlot(c.ID)
		}
	}
	return plots
}

// WritePlots writes them into a directory, which is made.
func (r *Report) WritePlots(dir string) error {
	err := os.MkdirAll(dir, 0o755)
	for name, text := range r.Plots() {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return err
}

// Sizes of a plot, in pixels.
const (
	plotWidth   = 1040
	plotLeft    = 410 // where the axis begins in plots of bars: names stand before it
	plotRight   = 110 // for the values behind the bars
	plotTop     = 64
	barHeight   = 14
	barGap      = 10
	footHeight  = 20 // of a line of small print
	curveHeight = 360
	curveLeft   = 80
)

// plotColours are those of brokers, in the order of the report. They differ for those who do not see all colours.
var plotColours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999"}

func plotColour(i int) string { return plotColours[i%len(plotColours)] }

// svg is a picture that is being drawn.
type svg struct{ strings.Builder }

func (s *svg) text(x, y float64, anchor, style, text string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s" style="%s">%s</text>`+"\n", x, y, anchor, style, html.EscapeString(text))
}

func (s *svg) line(x1, y1, x2, y2 float64, colour string) {
	fmt.Fprintf(s, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, colour)
}

func (s *svg) rect(x, y, width, height float64, colour, title string) {
	fmt.Fprintf(s, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s</title></rect>`+"\n", x, y, max(width, 0.5), height, colour, html.EscapeString(title))
}

// draw makes a whole picture: a title, a legend, what body draws in a height, and small print.
func (r *Report) draw(title string, legend []string, height float64, body func(s *svg)) string {
	var s svg
	foot := append(r.heading(), r.settings()...)
	total := plotTop + height + float64(len(foot)+1)*footHeight
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%.0f" viewBox="0 0 %d %.0f" font-family="sans-serif" font-size="12">`+"\n", plotWidth, total, plotWidth, total)
	fmt.Fprintf(&s, `<rect width="%d" height="%.0f" fill="white"/>`+"\n", plotWidth, total)
	s.text(12, 24, "start", "font-size:16px;font-weight:bold", title)
	x := 12.0
	for i, name := range legend {
		if name == "" { // it has nothing of its own here
			continue
		}
		s.rect(x, 36, 12, 12, plotColour(i), name)
		s.text(x+18, 46, "start", "", name)
		x += 18 + 8*float64(len([]rune(name))) + 20
	}
	body(&s)
	for i, line := range foot {
		s.text(12, plotTop+height+float64(i+1)*footHeight, "start", "font-size:10px;fill:#555", line)
	}
	s.WriteString("</svg>\n")
	return s.String()
}

// settings are the brokers, a line each.
func (r *Report) settings() []string {
	var lines []string
	for _, b := range r.Brokers {
		lines = append(lines, b.Name+": "+b.About)
	}
	return lines
}

func (r *Report) names() []string {
	var names []string
	for _, b := range r.Brokers {
		names = append(names, b.Name)
	}
	return names
}

// axis is a scale of values along a line of pixels.
type axis struct {
	low, high float64 // of values
	from, to  float64 // pixels
	log       bool
}

// logFrom is how many times the largest value must be the smallest one for the scale to be logarithmic.
const logFrom = 20

// newAxis has room for all values, which are more than 0; linear ones begin at 0.
func newAxis(values []float64, from, to float64) axis {
	a := axis{low: slices.Min(values), high: slices.Max(values), from: from, to: to}
	if a.log = a.high/a.low >= logFrom; a.log {
		a.low = math.Pow(10, math.Floor(math.Log10(a.low)))
		a.high = math.Pow(10, math.Ceil(math.Log10(a.high)))
		return a
	}
	a.low, a.high = 0, a.high*1.05
	return a
}

func (a axis) at(v float64) float64 {
	share := (v - a.low) / (a.high - a.low)
	if a.log {
		share = math.Log10(max(v, a.low)/a.low) / math.Log10(a.high/a.low)
	}
	return a.from + share*(a.to-a.from)
}

// ticks are where the axis is labelled.
func (a axis) ticks() []float64 {
	var list []float64
	if a.log {
		for v := a.low; v <= a.high*1.001; v *= 10 {
			list = append(list, v)
		}
		return list
	}
	step := math.Pow(10, math.Floor(math.Log10(a.high)))
	for a.high/step < 4 {
		step /= 2
	}
	for v := 0.0; v <= a.high; v += step {
		list = append(list, v)
	}
	return list
}

// label is a number without what it does not need.
func label(v float64) string {
	rounded, err := strconv.ParseFloat(fmt.Sprintf("%.4g", v), 64)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

func (a axis) name(unit string) string {
	if a.log {
		return unit + " (logarithmic)"
	}
	return unit
}

// bar is one value of a row; the colour is that of a broker.
type bar struct {
	broker int
	value  Quartiles
}

type barRow struct {
	name string
	bars []bar
}

// bars draws rows of bars over one axis. They begin at mark, which gets a line of its own, if it is not 0.
func (r *Report) bars(title, unit string, legend []string, rows []barRow, mark float64) string {
	var values []float64
	count := 0
	for _, row := range rows {
		for _, b := range row.bars {
			values = append(values, b.value.Q1, b.value.Median, b.value.Q3)
			count++
		}
	}
	values = slices.DeleteFunc(values, func(v float64) bool { return !(v > 0) || math.IsInf(v, 1) })
	if len(values) == 0 {
		return ""
	}
	if mark > 0 {
		values = append(values, mark)
	}
	height := float64(count*barHeight + len(rows)*barGap + 50)
	return r.draw(title, legend, height, func(s *svg) {
		a := newAxis(values, plotLeft, plotWidth-plotRight)
		bottom := plotTop + height - 40
		for _, v := range a.ticks() {
			s.line(a.at(v), plotTop, a.at(v), bottom, "#ddd")
			s.text(a.at(v), bottom+14, "middle", "fill:#555", label(v))
		}
		s.text((a.from+a.to)/2, bottom+32, "middle", "", a.name(unit))
		base := a.from
		if mark > 0 {
			base = a.at(mark)
		}
		y := float64(plotTop) + barGap/2
		for _, row := range rows {
			s.text(plotLeft-8, y+float64(len(row.bars)*barHeight)/2+4, "end", "font-size:11px", row.name)
			for _, b := range row.bars {
				end := a.at(b.value.Median)
				s.rect(min(base, end), y+1, math.Abs(end-base), barHeight-2, plotColour(b.broker), r.Brokers[b.broker].Name+" "+b.value.String())
				s.line(a.at(b.value.Q1), y+barHeight/2, a.at(b.value.Q3), y+barHeight/2, "black")
				s.text(max(base, end, a.at(b.value.Q3))+5, y+barHeight-3, "start", "font-size:11px", digits(b.value.Median))
				y += barHeight
			}
			y += barGap
		}
		if mark > 0 {
			s.line(a.at(mark), plotTop, a.at(mark), bottom, "black")
		}
	})
}

// nameOf is a row's name that has room before the axis.
func (row *Row) nameOf(withUnit bool) string {
	const room = 66 // letters
	name := row.ID + " " + row.Title
	unit := ""
	if withUnit {
		unit = ", " + row.Unit
	}
	if letters := []rune(name); len(letters)+len([]rune(unit)) > room {
		name = string(letters[:max(0, room-len([]rune(unit))-1)]) + "…"
	}
	return name + unit
}

// ratioPlot is how many times better the first broker is than each of the others.
func (r *Report) ratioPlot() string {
	var rows []barRow
	for _, row := range r.Rows {
		if row.More || strings.HasPrefix(row.Unit, "p99.9") || strings.HasPrefix(row.Unit, "max") { // throughput is only told; the curves have the tails
			continue
		}
		bars := barRow{name: row.nameOf(true)}
		for i, c := range row.Cells {
			if c.Ratio != nil && c.Ratio.Median > 0 && c.Failed == "" {
				bars.bars = append(bars.bars, bar{i, *c.Ratio})
			}
		}
		if len(bars.bars) > 0 {
			rows = append(rows, bars)
		}
	}
	if len(r.Brokers) == 0 {
		return ""
	}
	legend := r.names()
	legend[0] = ""
	return r.bars("How many times better than each peer "+r.Brokers[0].Name+" is", "times better, median and quartiles of the ratios within turns", legend, rows, 1)
}

// unitPlot is what all rows of a unit cost with each broker.
func (r *Report) unitPlot(unit string) string {
	var rows []barRow
	for _, row := range r.Rows {
		if row.Unit != unit {
			continue
		}
		bars := barRow{name: row.nameOf(false)}
		for i, c := range row.Cells {
			if c.Value != nil && c.Value.Median > 0 {
				bars.bars = append(bars.bars, bar{i, *c.Value})
			}
		}
		if len(bars.bars) > 0 {
			rows = append(rows, bars)
		}
	}
	return r.bars("Processor time of the broker: "+unit, unit+", median and quartiles; less is better", r.names(), rows, 0)
}

// curvePlot is the latency of one scenario by percentile. To the right each nine takes as much room as the one before.
func (r *Report) curvePlot(id string) string {
	var curves []Curve
	var values []float64
	title := ""
	for _, c := range r.Curves {
		if c.ID != id {
			continue
		}
		curves, title = append(curves, c), c.ID+" "+c.Title
		for _, p := range c.Points {
			values = append(values, max(1, p.Microseconds))
		}
	}
	legend, colour := r.names(), map[string]int{}
	for i, name := range legend {
		colour[name] = i
	}
	for _, c := range curves {
		if _, ok := colour[c.Broker]; !ok {
			colour[c.Broker] = len(legend)
			legend = append(legend, c.Broker)
		}
	}
	return r.draw(title, legend, curveHeight, func(s *svg) {
		const top, bottom, right = plotTop + 10.0, plotTop + curveHeight - 50.0, plotWidth - 40.0
		y := newAxis(values, bottom, top)
		last := 90.0
		for _, c := range curves {
			if n := len(c.Points); n > 1 {
				last = max(last, c.Points[n-2].Percentile)
			}
		}
		nines := func(p float64) float64 { return -math.Log10(1 - min(p, last)/100) }
		x := func(p float64) float64 {
			if p == 100 { // the maximum stands behind the last percentile
				return right
			}
			return curveLeft + nines(p)/nines(last)*(right-40-curveLeft)
		}
		for _, v := range y.ticks() {
			s.line(curveLeft, y.at(v), right, y.at(v), "#ddd")
			s.text(curveLeft-6, y.at(v)+4, "end", "fill:#555", label(v))
		}
		for _, p := range []float64{0, 50, 90, 99, 99.9, 99.99, 99.999} {
			if p <= last {
				s.line(x(p), top, x(p), bottom, "#ddd")
				s.text(x(p), bottom+14, "middle", "fill:#555", label(p))
			}
		}
		s.text(right, bottom+14, "middle", "fill:#555", "max")
		s.text((curveLeft+right)/2, bottom+34, "middle", "", "percentile")
		fmt.Fprintf(s, `<text transform="translate(16 %.1f) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (top+bottom)/2, html.EscapeString(y.name("µs")))
		for _, c := range curves {
			var points strings.Builder
			for _, p := range c.Points {
				fmt.Fprintf(&points, "%.1f,%.1f ", x(p.Percentile), y.at(max(1, p.Microseconds)))
			}
			fmt.Fprintf(s, `<polyline fill="none" stroke-width="2" stroke="%s" points="%s"><title>%s, %d values</title></polyline>`+"\n",
				plotColour(colour[c.Broker]), strings.TrimSpace(points.String()), html.EscapeString(c.Broker), c.Count)
		}
	})
}
