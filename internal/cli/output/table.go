package output

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Column is a column of a table.
type Column struct {
	Name  string // lower case with underscores, as in JSON; in a heading upper case with blanks
	Right bool   // numbers
}

// Table is rows of cells. A cell is a string, a number, a bool, a time, a duration, a list of numbers or
// strings, or nil for a value that is missing.
type Table struct {
	Columns []Column
	Rows    [][]any
}

// New makes a table. A column whose name begins with '>' holds numbers and is aligned to the right.
func New(columns ...string) *Table {
	t := &Table{}
	for _, c := range columns {
		name, right := strings.CutPrefix(c, ">")
		t.Columns = append(t.Columns, Column{name, right})
	}
	return t
}

// Add adds a row with one cell for each column.
func (t *Table) Add(cells ...any) {
	if len(cells) != len(t.Columns) {
		panic(fmt.Sprintf("BUG: %d cells in a table of %d columns", len(cells), len(t.Columns)))
	}
	t.Rows = append(t.Rows, cells)
}

// Write shows the table.
func (t *Table) Write(w io.Writer, f Format) error {
	switch f {
	case AsJSON:
		return WriteJSON(w, t.Objects())
	case AsPlain:
		return t.plain(w)
	}
	return t.table(w)
}

func (t *Table) plain(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, row := range t.Rows {
		for i, cell := range row {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(Text(cell))
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}

// table aligns the columns, two blanks between them, a heading above.
func (t *Table) table(w io.Writer) error {
	width := make([]int, len(t.Columns))
	lines := make([][]string, 0, len(t.Rows)+1)
	var heading []string
	for _, c := range t.Columns {
		heading = append(heading, Heading(c.Name))
	}
	lines = append(lines, heading)
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = Text(cell)
		}
		lines = append(lines, cells)
	}
	for _, line := range lines {
		for i, cell := range line {
			width[i] = max(width[i], Width(cell))
		}
	}
	b := bufio.NewWriter(w)
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			gap := strings.Repeat(" ", width[i]-Width(cell))
			if t.Columns[i].Right {
				text.WriteString(gap + cell)
			} else {
				text.WriteString(cell + gap)
			}
			text.WriteString("  ")
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	return b.Flush()
}

// Heading is a column's name as a heading.
func Heading(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "_", " ")) }

// Text is a cell in words: one line without control characters.
func Text(cell any) string {
	switch v := cell.(type) {
	case nil:
		return "-"
	case string:
		return clean(v)
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.000Z")
	case time.Duration:
		return Duration(v)
	case []int32:
		return joined(v)
	case []string:
		if len(v) == 0 {
			return "-"
		}
		return clean(strings.Join(v, ","))
	case bool:
		if v {
			return "yes"
		}
		return "no"
	}
	return clean(fmt.Sprint(cell))
}

func joined(list []int32) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ",")
}

// clean keeps a text on its line: control characters become their escapes, an empty text "-".
func clean(s string) string {
	if s == "" {
		return "-"
	}
	if strings.IndexFunc(s, unprintable) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !utf8.ValidString(s[i:min(i+utf8.UTFMax, len(s))]) && s[i] >= utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case unprintable(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

// Width is how many columns of a terminal a text fills: two for each wide character of Chinese, Japanese
// and Korean.
func Width(s string) (n int) {
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) || r >= 0xff01 && r <= 0xff60 || r >= 0x3000 && r <= 0x303f:
			n += 2
		default:
			n++
		}
	}
	return n
}

// WithoutEmpty is the table without a column, if no row has a value in it.
func (t *Table) WithoutEmpty(column string) *Table {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == column })
	if i < 0 || slices.ContainsFunc(t.Rows, func(row []any) bool { return row[i] != nil }) {
		return t
	}
	out := &Table{Columns: slices.Delete(slices.Clone(t.Columns), i, i+1)}
	for _, row := range t.Rows {
		out.Rows = append(out.Rows, slices.Delete(slices.Clone(row), i, i+1))
	}
	return out
}
