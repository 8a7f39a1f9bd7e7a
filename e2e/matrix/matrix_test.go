package main

import (
	"slices"
	"strings"
	"testing"
)

// TestRecordsDiffer: nothing but offset and timestamp may differ unseen, null and empty included.
func TestRecordsDiffer(t *testing.T) {
	base := func() record {
		return record{TS: 1, Key: []byte("k"), Value: []byte{}, Headers: []header{{"a", []byte("1")}, {"b", nil}}}
	}
	f := func(same bool, change func(*record)) {
		t.Helper()
		r := base()
		change(&r)
		if err := recordsDiffer([]record{r}, []record{base()}); (err == nil) != same {
			t.Errorf("%v", err)
		}
	}
	f(true, func(r *record) { r.Offset, r.TS = 9, 9 })
	f(false, func(r *record) { r.Key = []byte("x") })
	f(false, func(r *record) { r.Key = nil })
	f(false, func(r *record) { r.Value = nil })
	f(false, func(r *record) { r.Headers = r.Headers[:1] })
	f(false, func(r *record) { slices.Reverse(r.Headers) })
	f(false, func(r *record) { r.Headers[1].Value = []byte{} })
	if recordsDiffer(nil, []record{base()}) == nil || recordsDiffer([]record{base()}, nil) == nil {
		t.Error("a record that lacks or is too many passed")
	}
}

// TestTimestamps: only the probe that is about them compares them.
func TestTimestamps(t *testing.T) {
	for _, p := range probes() {
		late := slices.Clone(p.records)
		late[0].TS++
		if err := p.differs(late); (err != nil) != (p.column == "timestamp") {
			t.Errorf("%s: %v", p.column, err)
		}
	}
}

// whole is a row of a client that does everything that it has no note about.
func whole(c client) row {
	r := row{client: c.name, version: "1", cells: map[string]int{}, said: map[string][]string{}}
	names, full := c.columns()
	for _, column := range names {
		if _, noted := c.notes[column]; !noted {
			r.cells[column] = full[column]
		}
	}
	return r
}

// TestPage: the page of a run passes, another cell or version does not, but for a client of the system.
func TestPage(t *testing.T) {
	var rows []row
	for _, c := range clients() {
		rows = append(rows, whole(c))
	}
	if err := complain(rows); err != nil {
		t.Fatal(err)
	}
	page := page(rows)
	if err := compare(page, rows); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		r.version = "2"
		if err := compare(page, []row{r}); (err == nil) != r.of().system {
			t.Errorf("another version of %s: %v", r.client, err)
		}
		r = whole(r.of())
		r.cells["lz4"] ^= writes
		if compare(page, []row{r}) == nil {
			t.Errorf("another cell of %s passed", r.client)
		}
		if complain([]row{r}) == nil && r.of().notes["lz4"] == "" {
			t.Errorf("a cell of %s without a note passed", r.client)
		}
	}
	if compare(strings.Replace(page, "by time", "in time", 1), nil) == nil {
		t.Error("another head passed")
	}
}

// TestNotes: a note is about a column.
func TestNotes(t *testing.T) {
	for _, c := range clients() {
		names, _ := c.columns()
		for column := range c.notes {
			if !slices.Contains(names, column) {
				t.Errorf("%s has a note on %q", c.name, column)
			}
		}
	}
}

// TestParseKcat: what kcat prints is read to the byte.
func TestParseKcat(t *testing.T) {
	r, rest, err := parseKcat([]byte("7 1000 2 -1 a=1,b=\nk\n\n8 …"))
	want := record{Offset: 7, TS: 1000, Key: []byte("k\n"), Headers: []header{{"a", []byte("1")}, {"b", []byte{}}}}
	if err != nil || r.differs(want) != nil || r.Offset != 7 || r.TS != 1000 || string(rest) != "8 …" {
		t.Errorf("%+v, %q, %v", r, rest, err)
	}
	for _, out := range []string{"", "7 1000 2 -1\nk", "7 1000 x 1 \n", "7 1000 2 2 \nabc"} {
		if r, _, err := parseKcat([]byte(out)); err == nil {
			t.Errorf("%q passed as %+v", out, r)
		}
	}
}
