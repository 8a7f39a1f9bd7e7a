package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Report is what a run has found.
type Report struct {
	Machine Machine   `json:"machine"`
	Brokers []About   `json:"brokers"`
	Turns   int       `json:"turns"` // the first of them does not count
	Scale   float64   `json:"scale"`
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	Rows    []Row     `json:"rows"`
	// Spent is what each part of the run took, Curves what was found about latency.
	Spent  []Spent `json:"spent"`
	Curves []Curve `json:"curves,omitempty"`
}

// About is a broker of a report.
type About struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

// Row is one figure of one scenario.
type Row struct {
	ID     string  `json:"id"`
	Title  string  `json:"title"`
	Policy string  `json:"policy"`
	Unit   string  `json:"unit,omitempty"`
	More   bool    `json:"more_is_better"`
	Limit  float64 `json:"limit,omitempty"`
	Goal   float64 `json:"goal,omitempty"`
	Cells  []Cell  `json:"cells,omitempty"` // of all brokers
	// Noop is what the driver finds with a responder that does nothing, where that says something.
	Noop   *Cell  `json:"noop,omitempty"`
	Failed string `json:"failed,omitempty"` // why there are no cells
}

// Cell is the figure of one broker.
type Cell struct {
	Broker string `json:"broker"`
	// Value is nil if the broker does not do such work, or if it failed.
	Value *Quartiles `json:"value,omitempty"`
	// Ratio is how many times better the first broker is than this one, turn by turn. Not for the first.
	Ratio *Quartiles `json:"ratio,omitempty"`
	// Turns are those that count, Values what each of them gave.
	Turns  int       `json:"turns,omitempty"`
	Values []float64 `json:"values,omitempty"`
	// UserShare is the part of the broker's processor time outside the kernel, DriverShare the rig's own processor time
	// in relation to it, Calls the system calls that read or write per request, where requests are counted; medians.
	UserShare   float64 `json:"user_share"`
	DriverShare float64 `json:"driver_share"`
	Calls       float64 `json:"calls_per_request"`
	// Failed is why there are not all turns, Note what is different with this broker. "": nothing.
	Failed string `json:"failed,omitempty"`
	Note   string `json:"note,omitempty"`
}

// rowsOf are the rows of a scenario; noop has the responder, if there is one.
func rowsOf(s scenario, all, noop []*outcome) []Row {
	var rows []Row
	for _, m := range s.measures {
		row := Row{ID: s.id, Title: s.title, Policy: s.policy, Unit: m.unit, More: m.more, Limit: m.limit, Goal: m.goal}
		for i, o := range all {
			cell := cellOf(m, o)
			if n := min(len(all[0].samples), len(o.samples)); i > 0 && n > 0 && !m.told {
				r := quartiles(ratios(m, all[0].samples[:n], o.samples[:n]))
				cell.Ratio = &r
			}
			row.Cells = append(row.Cells, cell)
		}
		for _, o := range noop {
			if cell := cellOf(m, o); cell.Value != nil || cell.Failed != "" {
				row.Noop = &cell
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func cellOf(m measure, o *outcome) Cell {
	cell := Cell{Broker: o.st.maker.Name, Turns: len(o.samples)}
	if o.failed != nil {
		cell.Failed = o.failed.Error()
	}
	if len(o.samples) == 0 {
		return cell
	}
	cell.Values = each(o.samples, m.of)
	v := quartiles(cell.Values)
	cell.Value = &v
	cell.Note = o.samples[len(o.samples)-1].Note
	cell.UserShare = median(o.samples, func(s Sample) float64 { return s.CPU.userShare() })
	cell.DriverShare = median(o.samples, func(s Sample) float64 { return share(s.Driver.Total, s.CPU.Total) })
	if o.samples[0].Requests > 0 {
		cell.Calls = median(o.samples, func(s Sample) float64 { return float64(s.Calls) / float64(s.Requests) })
	}
	return cell
}

func each(samples []Sample, of func(Sample) float64) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return values
}

func median(samples []Sample, of func(Sample) float64) float64 {
	return quartiles(each(samples, of)).Median
}

func share(part, whole time.Duration) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// ratios are how many times better the first broker is than another one, for each turn.
func ratios(m measure, first, other []Sample) []float64 {
	values := make([]float64, len(first))
	for i := range first {
		a, b := m.of(first[i]), m.of(other[i])
		if m.more {
			a, b = b, a
		}
		if a > 0 {
			values[i] = b / a
		}
	}
	return values
}

// Failures are what could not be measured, each in a line.
func (r *Report) Failures() []string {
	var list []string
	add := func(line string) {
		if !slices.Contains(list, line) { // once for all rows of a scenario
			list = append(list, line)
		}
	}
	for _, row := range r.Rows {
		if row.Failed != "" {
			add(row.ID + ": " + row.Failed)
		}
		for _, c := range row.Cells {
			if c.Failed != "" {
				add(row.ID + ": " + c.Broker + ": " + c.Failed)
			}
		}
		if row.Noop != nil && row.Noop.Failed != "" {
			add(row.ID + ": " + noopName + ": " + row.Noop.Failed)
		}
	}
	return list
}

// Above are latencies less what the driver finds with a responder that does nothing, each in a line.
func (r *Report) Above() []string {
	var list []string
	for _, row := range r.Rows {
		if row.Noop == nil || row.Noop.Value == nil || !strings.HasSuffix(row.Unit, "µs") || strings.HasPrefix(row.Unit, "late") {
			continue
		}
		line := row.ID + " " + row.Unit + ":"
		for _, c := range row.Cells {
			if c.Value != nil {
				line += fmt.Sprintf(" %s %s,", c.Broker, digits(c.Value.Median-row.Noop.Value.Median))
			}
		}
		list = append(list, strings.TrimSuffix(line, ","))
	}
	return list
}

// Notes are what is different with some brokers, each in a line.
func (r *Report) Notes() []string {
	var list []string
	for _, row := range r.Rows {
		for _, c := range row.Cells {
			if line := row.ID + ": " + c.Broker + ": " + c.Note; c.Note != "" && !slices.Contains(list, line) {
				list = append(list, line)
			}
		}
	}
	return list
}

// WriteJSON writes the whole report.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteMarkdown writes the report as docs/performance.md shows it.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	for _, line := range r.heading() {
		b.WriteString(line + "\n")
	}
	b.WriteByte('\n')
	for _, a := range r.Brokers {
		fmt.Fprintf(&b, "- **%s**: %s\n", a.Name, a.About)
	}
	b.WriteString("\n| # | workload | policy | unit | limit | goal | no-op |")
	line := "|---|---|---|---|---:|---:|---:|"
	for i, a := range r.Brokers {
		fmt.Fprintf(&b, " %s |", a.Name)
		line += "---:|"
		if i > 0 {
			fmt.Fprintf(&b, " times better than %s |", a.Name)
			line += "---:|"
		}
	}
	b.WriteString(" user | driver | calls |\n" + line + "---:|---:|---:|\n")
	for _, row := range r.Rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |", row.ID, row.Title, row.Policy, row.Unit)
		for _, text := range row.Texts(r.texts()) {
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteByte('\n')
	}
	list := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(&b, "\n%s:\n\n- %s\n", title, strings.Join(lines, "\n- "))
		}
	}
	list("Less what a responder that does nothing takes", r.Above())
	list("Different with some (*)", r.Notes())
	list("Could not be measured", r.Failures())
	b.WriteString("\n| part of the run | seconds | share of the time | turns | scale |\n|---|---:|---:|---:|---:|\n")
	for _, s := range r.Spent {
		fmt.Fprintf(&b, "| %s | %.1f | %s | %s | %s |\n", s.ID, s.Seconds, orBlank(s.Share), whole(s.Turns), orBlank(s.Scale))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// heading says what was measured where, when and how.
func (r *Report) heading() []string {
	m := r.Machine
	return []string{
		fmt.Sprintf("%s, %d cores, %d MiB, Linux %s, %s, commit %s, load before the run %s.", m.Processor, m.Cores, m.MemoryMiB, m.Kernel, m.Go, m.Commit, m.Load),
		fmt.Sprintf("At most %d turns that count, scale %g, %.0f s, %s.", r.Turns-1, r.Scale, r.Seconds, r.Began.UTC().Format("2006-01-02 15:04 MST")),
	}
}

// texts is how many texts a row has behind its unit.
func (r *Report) texts() int { return 2*len(r.Brokers) + 5 }

// Texts are a row's n cells as text: limit, goal, a responder that does nothing, each broker's value and (but for the first) ratio, then the first one's
// share of user time, the driver's share and system calls.
func (row *Row) Texts(n int) []string {
	if row.Failed != "" {
		texts := make([]string, n)
		texts[3] = "failed"
		return texts
	}
	texts := []string{orBlank(row.Limit), orBlank(row.Goal), ""}
	if row.Noop != nil {
		texts[2] = row.Noop.text()
	}
	for i, c := range row.Cells {
		texts = append(texts, c.text())
		switch {
		case c.Ratio != nil:
			texts = append(texts, c.Ratio.String())
		case i > 0:
			texts = append(texts, "")
		}
	}
	first := row.Cells[0]
	if first.Value == nil {
		return append(texts, "", "", "")
	}
	return append(texts, percent(first.UserShare), percent(first.DriverShare), orBlank(first.Calls))
}

// percent is a share, or nothing where none was measured.
func percent(share float64) string {
	if share == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

func (c *Cell) text() string {
	switch {
	case c.Value == nil && c.Failed != "":
		return "failed"
	case c.Value == nil:
		return ""
	case c.Failed != "" || c.Note != "":
		return c.Value.String() + " *"
	}
	return c.Value.String()
}

func whole(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func orBlank(v float64) string {
	if v == 0 {
		return ""
	}
	return digits(v)
}

// digits writes a number with three digits that mean something.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1 || v < 0:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

func (q Quartiles) String() string {
	return fmt.Sprintf("%s (%s–%s)", digits(q.Median), digits(q.Q1), digits(q.Q3))
}
