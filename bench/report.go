package bench

import (
	"encoding/json"
	"fmt"
	"io"
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
}

// About is a broker of a report.
type About struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

// Row is one figure of one scenario.
type Row struct {
	ID     string   `json:"id"`
	Title  string   `json:"title"`
	Policy string   `json:"policy"`
	Unit   string   `json:"unit,omitempty"`
	More   bool     `json:"more_is_better"`
	Limit  float64  `json:"limit,omitempty"`
	Goal   float64  `json:"goal,omitempty"`
	Cells  []Cell   `json:"cells,omitempty"`
	Failed string   `json:"failed,omitempty"` // why there are no cells
	Sample []Sample `json:"-"`
}

// Cell is the figure of one broker.
type Cell struct {
	Broker string    `json:"broker"`
	Value  Quartiles `json:"value"`
	// Ratio is how many times better the first broker is than this one, turn by turn. Not for the first.
	Ratio *Quartiles `json:"ratio,omitempty"`
	// UserShare is the part of the broker's processor time outside the kernel, DriverShare the rig's own processor time
	// in relation to it, Calls the system calls that read or write per request; medians.
	UserShare   float64 `json:"user_share"`
	DriverShare float64 `json:"driver_share"`
	Calls       float64 `json:"calls_per_request"`
}

// rowsOf are the rows of a scenario; samples are by broker and turn.
func rowsOf(s scenario, makers []Maker, samples [][]Sample) []Row {
	var rows []Row
	for _, m := range s.measures {
		row := Row{ID: s.id, Title: s.title, Policy: s.policy, Unit: m.unit, More: m.more, Limit: m.limit, Goal: m.goal}
		for i := range samples {
			cell := Cell{Broker: makers[i].Name, Value: quartiles(each(samples[i], m.of))}
			if i > 0 {
				r := quartiles(ratios(m, samples[0], samples[i]))
				cell.Ratio = &r
			}
			cell.UserShare = median(samples[i], func(s Sample) float64 { return s.CPU.userShare() })
			cell.DriverShare = median(samples[i], func(s Sample) float64 { return share(s.Driver.Total, s.CPU.Total) })
			cell.Calls = median(samples[i], func(s Sample) float64 { return float64(s.Calls) / float64(max(1, s.Requests)) })
			row.Cells = append(row.Cells, cell)
		}
		rows = append(rows, row)
	}
	return rows
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

// WriteJSON writes the whole report.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteMarkdown writes the report as docs/performance.md shows it.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "%s, %d cores, %d MiB, Linux %s, %s, commit %s, load before the run %s.\n", m.Processor, m.Cores, m.MemoryMiB, m.Kernel, m.Go, m.Commit, m.Load)
	fmt.Fprintf(&b, "%d turns that count, scale %g, %.0f s, %s.\n\n", r.Turns-1, r.Scale, r.Seconds, r.Began.UTC().Format("2006-01-02 15:04 MST"))
	for _, a := range r.Brokers {
		fmt.Fprintf(&b, "- **%s**: %s\n", a.Name, a.About)
	}
	b.WriteString("\n| # | workload | policy | unit | limit | goal |")
	line := "|---|---|---|---|---:|---:|"
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
		for _, text := range row.Texts(2*len(r.Brokers) + 4) {
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Texts are a row's n cells as text: limit, goal, each broker's value and (but for the first) ratio, then the first one's
// share of user time, the driver's share and system calls.
func (row *Row) Texts(n int) []string {
	if row.Failed != "" {
		texts := make([]string, n)
		texts[2] = "failed"
		return texts
	}
	texts := []string{orBlank(row.Limit), orBlank(row.Goal)}
	for _, c := range row.Cells {
		texts = append(texts, c.Value.String())
		if c.Ratio != nil {
			texts = append(texts, c.Ratio.String())
		}
	}
	first := row.Cells[0]
	return append(texts, fmt.Sprintf("%.0f %%", 100*first.UserShare), fmt.Sprintf("%.0f %%", 100*first.DriverShare), fmt.Sprintf("%.2f", first.Calls))
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
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

func (q Quartiles) String() string {
	return fmt.Sprintf("%s (%s–%s)", digits(q.Median), digits(q.Q1), digits(q.Q3))
}
