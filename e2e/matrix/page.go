package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

const pageHead = `# Clients

What common Kafka clients do with Thalweg. Every cell is observed: the client's own process against the real binary, what it
wrote compared byte for byte by franz-go, and what franz-go wrote read by the client. ` + "`go run ./e2e/matrix`" + ` runs it, prints this
table and fails if it differs; ` + "`-write`" + ` writes it.

✓ it does · w it writes it, r it reads it · – it does not. What is not full is explained below the table.

`

// report prints the matrix, the complaints about it, and compares or writes the page.
func (o *options) report(rows []row) error {
	fmt.Print("\n", table(rows), "\n", groupTable(rows), "\n")
	if err := complain(rows); err != nil {
		return err
	}
	text := page(rows)
	if o.write {
		if len(rows) != len(clients()) {
			return errors.New("not all clients were examined: the page is left as it is")
		}
		return os.WriteFile(o.page, []byte(text), 0o644)
	}
	old, err := os.ReadFile(o.page)
	if err != nil {
		return err
	}
	return compare(string(old), rows)
}

func page(rows []row) string {
	return pageHead + table(rows) + "\n" + columnNotes() + groupHead + groupTable(rows) + clientNotes()
}

// compare wants every row on the page as it came out, and the rest of the page as it would be written.
func compare(page string, rows []row) error {
	lines := strings.Split(page, "\n")
	var errs []error
	for _, r := range rows {
		for _, want := range []string{r.line(), r.groupLine()} {
			if !slices.ContainsFunc(lines, func(line string) bool { return sameLine(line, want, r.of()) }) {
				errs = append(errs, fmt.Errorf("the page has no such line, run it with -write:\n%s", want))
			}
		}
	}
	for _, part := range []string{pageHead, tableHead(), columnNotes(), groupHead, clientNotes()} {
		if !strings.Contains(page, part) {
			errs = append(errs, fmt.Errorf("the page lacks, run it with -write:\n%s", part))
		}
	}
	return errors.Join(errs...)
}

// sameLine leaves out the version of what is the system's.
func sameLine(line, want string, c client) bool {
	if c.system {
		line, want = withoutVersion(line), withoutVersion(want)
	}
	return line == want
}

func withoutVersion(line string) string {
	cells := strings.Split(line, " | ")
	if len(cells) < 3 {
		return line
	}
	return strings.Join(slices.Delete(cells, 1, 2), " | ")
}

func tableHead() string {
	names, _ := columns()
	return "| client | version | " + strings.Join(names, " | ") + " |\n|---|---|" + strings.Repeat("---|", len(names)) + "\n"
}

func table(rows []row) string {
	text := tableHead()
	for _, r := range rows {
		text += r.line() + "\n"
	}
	return text
}

// of is the client of a row.
func (r row) of() client {
	all := clients()
	return all[slices.IndexFunc(all, func(c client) bool { return c.name == r.client })]
}

func (r row) line() string {
	c := r.of()
	cells := []string{fmt.Sprintf("| %s (%s)", c.title, c.language), r.version}
	names, full := columns()
	for _, column := range names {
		cells = append(cells, sign(r.cells[column], full[column]))
	}
	return strings.Join(cells, " | ") + " |"
}

const groupHead = `
## Consumer groups

Three members consume a topic of six partitions that is written to all the time; one is killed (kill -9), then one is added. ✓: each
time the group settles with every partition at one member and every member at work, every record is consumed, the members
leave when they are asked to, and what was consumed is committed. "consumer" is the protocol of KIP-848. An empty cell: the client has no such assignor, or it is not tried.

segmentio/kafka-go is tried with its ConsumerGroup. Its Reader, which is easier to use, commits in the present generation what was consumed
in an earlier one, and so takes back what the partition's owner has committed since: a trace showed one member commit offset 1252 of a partition
less than a millisecond after its new owner had committed 1258. A coordinator cannot tell; with a member that used the Reader and committed every
200 ms, offsets were behind at the end in 8 of 16 trials with Apache Kafka 4.4.0 and in 2 of 6 with Thalweg.

franz-go's static members of KIP-848 groups leave without naming their instance id (1.22.2); Apache Kafka 4.4.0 refuses that like Thalweg, and whoever
comes back with that id waits until the session is over.

`

// groupColumn is the name of a cell about groups.
func groupColumn(assignor string) string { return "group, " + assignor }

// groupTable has the clients that have groups.
func groupTable(rows []row) string {
	text := "| client | version | " + strings.Join(assignors, " | ") + " |\n|---|---|" + strings.Repeat("---|", len(assignors)) + "\n"
	for _, r := range rows {
		if line := r.groupLine(); line != "" {
			text += line + "\n"
		}
	}
	return text
}

// groupLine is empty if the client's groups are not tried.
func (r row) groupLine() string {
	c := r.of()
	if len(c.groups) == 0 {
		return ""
	}
	cells := []string{fmt.Sprintf("| %s (%s)", c.title, c.language), r.version}
	for _, assignor := range assignors {
		text := ""
		if slices.Contains(c.groups, assignor) {
			text = sign(r.cells[groupColumn(assignor)], plain)
		}
		cells = append(cells, text)
	}
	return strings.Join(cells, " | ") + " |"
}

// columns are the columns of a client in both tables, with what a full cell is.
func (c client) columns() (names []string, full map[string]int) {
	names, full = columns()
	for _, assignor := range c.groups {
		names = append(names, groupColumn(assignor))
		full[groupColumn(assignor)] = plain
	}
	return names, full
}

func sign(cell, full int) string {
	switch {
	case cell == full:
		return "✓"
	case cell&writes != 0:
		return "w"
	case cell&reads != 0:
		return "r"
	}
	return "–"
}

// complain wants a note for every cell that is not full, and no other notes.
func complain(rows []row) error {
	var errs []error
	for _, r := range rows {
		names, full := r.of().columns()
		notes := r.of().notes
		for _, column := range names {
			short := r.cells[column] != full[column]
			if _, noted := notes[column]; short != noted {
				errs = append(errs, fmt.Errorf("%s, %s: %s, and a note: %t. It said:\n\t%s", r.client, column,
					sign(r.cells[column], full[column]), noted, strings.Join(r.said[column], "\n\t")))
			}
		}
	}
	return errors.Join(errs...)
}

func columnNotes() string {
	text := "The columns: **create** makes a topic with three partitions; **none** to **zstd** are 51 records with keys and headers,\n" +
		"one of them of 900 KB, in batches of that codec; "
	for _, p := range probes() {
		text += fmt.Sprintf("**%s**: %s; ", p.column, p.purpose)
	}
	return text + "**by time** reads from a time on.\n"
}

// clientNotes has a line for each note of a client, with all the columns that it is about.
func clientNotes() string {
	text := ""
	for _, c := range clients() {
		names, _ := c.columns()
		var notes []string
		about := map[string][]string{}
		for _, column := range names {
			note, ok := c.notes[column]
			if !ok {
				continue
			}
			if about[note] == nil {
				notes = append(notes, note)
			}
			about[note] = append(about[note], column)
		}
		for _, note := range notes {
			text += fmt.Sprintf("- %s, %s: %s\n", c.title, strings.Join(about[note], ", "), note)
		}
	}
	if text == "" {
		return ""
	}
	return "\n" + text
}
