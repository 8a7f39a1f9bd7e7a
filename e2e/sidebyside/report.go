package sidebyside

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Row is one step and what came of it: Outcomes of Apache Kafka with its tools, of Thalweg with them, of Thalweg with ours.
type Row struct {
	Step     Step
	Outcomes [3][]string
	differs  [2]string // by pair; "" if there is no deviation but the excepted ones
	missing  [2]string // by pair: what Thalweg, or its command line, has not got, and says so
	excepted [2][]int  // by pair: the exceptions that were needed
}

func (r *Row) equal() bool { return r.differs[brokers] == "" && r.differs[tools] == "" }

// compare fills in the verdicts.
func (r *Row) compare() {
	for _, p := range []pair{brokers, tools} {
		want, got := r.Outcomes[p], r.Outcomes[p+1]
		r.differs[p], r.excepted[p], r.missing[p] = "", nil, ""
		if p == tools {
			want, got = spoken(want), spoken(got)
		}
		if slices.Equal(want, got) {
			continue
		}
		if r.missing[p] = missing(p, r.Outcomes[brokers+1], got); r.missing[p] != "" {
			continue
		}
		if p == brokers {
			want, got = withoutUnserved(want, got)
		}
		for i, e := range exceptions {
			if slices.Equal(want, got) {
				break
			}
			if e.pair != p || !e.step.MatchString(r.Step.Line) {
				continue
			}
			w, g := without(want, e), without(got, e)
			if len(w) != len(want) || len(g) != len(got) {
				want, got, r.excepted[p] = w, g, append(r.excepted[p], i)
			}
		}
		if !slices.Equal(want, got) {
			r.differs[p] = difference(want, got)
		}
	}
}

var (
	notServed = regexp.MustCompile(`The node does not support (\w+)|does not support the (broker unregistration) API|type=(TRANSACTION)\)` + "`" + ` failed due to an unexpected error`)
	noTool    = regexp.MustCompile(`there is no command "([\w-]+)"|(--\w+) is not available yet`)
	unserved  = regexp.MustCompile(`^ (\w+\(\d+\)): UNSUPPORTED`)
)

// missing names the API that Thalweg does not serve, as Apache Kafka's tools tell, or the tool that it has not got. Such a
// step counts as missing, and is compared as soon as it is not.
func missing(p pair, java, got []string) string {
	if m := notServed.FindStringSubmatch(strings.Join(java, "\n")); m != nil {
		return strings.Join(m[1:], "")
	}
	if m := noTool.FindStringSubmatch(strings.Join(got, "\n")); m != nil && p == tools {
		return strings.Join(m[1:], "")
	}
	return ""
}

// withoutUnserved takes out of two lists of APIs those that the second does not serve.
func withoutUnserved(want, got []string) ([]string, []string) {
	no := map[string]bool{}
	for _, l := range got {
		if m := unserved.FindStringSubmatch(l); m != nil {
			no[m[1]] = true
		}
	}
	isOne := func(l string) bool {
		name, _, _ := strings.Cut(strings.TrimSpace(l), ":")
		return no[name]
	}
	return slices.DeleteFunc(slices.Clone(want), isOne), slices.DeleteFunc(slices.Clone(got), isOne)
}

func without(lines []string, e exception) []string {
	return slices.DeleteFunc(slices.Clone(lines), e.line.MatchString)
}

// difference shows the lines that only one of two outcomes has: "-" wanted, "+" got.
func difference(want, got []string) string {
	var b strings.Builder
	for len(want) > 0 && len(got) > 0 && want[0] == got[0] {
		want, got = want[1:], got[1:]
	}
	for len(want) > 0 && len(got) > 0 && want[len(want)-1] == got[len(got)-1] {
		want, got = want[:len(want)-1], got[:len(got)-1]
	}
	for _, l := range want {
		fmt.Fprintf(&b, "- %s\n", l)
	}
	for _, l := range got {
		fmt.Fprintf(&b, "+ %s\n", l)
	}
	return b.String()
}

// Report is what came of a whole script.
type Report struct {
	Version string // of Apache Kafka
	Rows    []Row
}

func (r *Report) add(row Row) { r.Rows = append(r.Rows, row) }

// Err tells of the deviations that are not excepted, and of exceptions without work.
func (r *Report) Err() error {
	var b strings.Builder
	used := map[int]bool{}
	for _, row := range r.Rows {
		for _, p := range []pair{brokers, tools} {
			if row.differs[p] != "" {
				fmt.Fprintf(&b, "%v: %d: %s\n%s", p, row.Step.number, row.Step.Line, row.differs[p])
			}
			for _, i := range row.excepted[p] {
				used[i] = true
			}
		}
	}
	for i, e := range exceptions {
		if !used[i] {
			fmt.Fprintf(&b, "%v: no step needs the exception of %q in %q: %s\n", e.pair, e.line, e.step, e.reason)
		}
	}
	if b.Len() > 0 {
		return fmt.Errorf("deviations:\n%s", b.String())
	}
	return nil
}

// Counts are steps, those whose outcomes are equal in each pair, those that need exceptions, and those for which an API or a
// tool is missing.
func (r *Report) Counts() (steps int, equal, excepted, lacking, differ [2]int) {
	for _, row := range r.Rows {
		for _, p := range []pair{brokers, tools} {
			switch {
			case row.differs[p] != "":
				differ[p]++
			case row.missing[p] != "":
				lacking[p]++
			case len(row.excepted[p]) > 0:
				excepted[p]++
			default:
				equal[p]++
			}
		}
	}
	return len(r.Rows), equal, excepted, lacking, differ
}

// Exception is one for the page.
type Exception struct {
	Pair, Reason string
	Steps        []int
}

// Exceptions lists the exceptions and the steps that needed them.
func (r *Report) Exceptions() []Exception {
	out := make([]Exception, len(exceptions))
	for i, e := range exceptions {
		out[i] = Exception{Pair: e.pair.String(), Reason: e.reason}
	}
	for _, row := range r.Rows {
		for _, p := range []pair{brokers, tools} {
			for _, i := range row.excepted[p] {
				out[i].Steps = append(out[i].Steps, row.Step.number)
			}
		}
	}
	return out
}

// Verdict is a row's word for a pair: equal, excepted or DIFFERS.
func (r *Row) Verdict(p int) string {
	switch {
	case r.differs[p] != "":
		return "**DIFFERS**"
	case r.missing[p] != "":
		return "no " + r.missing[p]
	case len(r.excepted[p]) > 0:
		return "excepted"
	}
	return "equal"
}

// Number of the step in the script, from 1.
func (s Step) Number() int { return s.number }
