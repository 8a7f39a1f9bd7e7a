package option

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Widths of the help text, in characters: as Kafka's, so that it fits an 80-column terminal.
const (
	left  = 39
	right = 39
)

// Help writes the table of options, sorted by name.
func (p *Parser) Help(w io.Writer) {
	options := p.all()
	slices.SortFunc(options, func(a, b Option) int { return strings.Compare(a.Name, b.Name) })
	fmt.Fprintf(w, "%-*s %s\n%-*s %s\n", left, "Option", "Description", left, "------", "-----------")
	for _, o := range options {
		row(w, fold(o.usage(), left), fold(o.describe(), right))
	}
}

func (o Option) usage() string {
	text := "--" + o.Name
	if o.Short != "" {
		text = "-" + o.Short + ", " + text
	}
	kind := map[Type]string{Text: "String: ", Int: "Integer: ", Long: "Long: ", Float: "Double: "}[o.Type]
	switch {
	case o.Arg == "":
		return text
	case o.Optional:
		return text + " [" + kind + o.Arg + "]"
	}
	return text + " <" + kind + o.Arg + ">"
}

func (o Option) describe() string {
	text := o.Help
	if o.Instead != "" {
		text = strings.TrimSpace(text + " (DEPRECATED: use --" + o.Instead + ")")
	}
	if o.Default != "" {
		text += " (default: " + o.Default + ")"
	}
	return text
}

func row(w io.Writer, a, b []string) {
	for i := 0; i < max(len(a), len(b)); i++ {
		var l, r string
		if i < len(a) {
			l = a[i]
		}
		if i < len(b) {
			r = b[i]
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-*s %s", left, l, r), " "))
	}
}

// fold breaks a text into lines of at most width characters, between words.
func fold(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = "  "
		}
		if strings.TrimSpace(line) != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
