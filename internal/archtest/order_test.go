package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// order is a partial order of packages, written in the language of Go's own deps_test.go:
//
//	a, b < c, d < e;     # c and d may import a and b; e may import all four
//	a/{b,c} < d;         # short for a/b, a/c < d
//	a < b/...;           # b stands for itself and for everything below it
//	a, b < GROUP < c;    # names in capitals are no packages, only names for what is to their left
//	NONE < a;            # a may import nothing of ours
//
// Every name is defined by the single rule that has it on a right side, and that rule stands
// before all rules that have it on a left side. So the text reads from the bottom upwards.
type order struct {
	below map[string]map[string]bool // name → all names that it may import
}

func parseOrder(text string) (*order, error) {
	o := &order{below: map[string]map[string]bool{"NONE": {}}}
	for _, rule := range strings.Split(uncomment(text), ";") {
		if strings.TrimSpace(rule) == "" {
			continue
		}
		if err := o.define(rule); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func uncomment(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(line, "#")
		b.WriteString(code + "\n")
	}
	return b.String()
}

func (o *order) define(rule string) error {
	sides := strings.Split(rule, "<")
	if len(sides) < 2 {
		return fmt.Errorf("rule without <: %q", strings.TrimSpace(rule))
	}
	var lower []string
	for i, side := range sides {
		names, err := expand(side)
		if err != nil {
			return err
		}
		if i == 0 {
			for _, n := range names {
				if o.below[n] == nil {
					return fmt.Errorf("%s is used before it is defined", n)
				}
			}
			lower = names
			continue
		}
		for _, n := range names {
			if o.below[n] != nil {
				return fmt.Errorf("%s is defined twice", n)
			}
			o.below[n] = o.closure(lower)
		}
		lower = names
	}
	return nil
}

func (o *order) closure(names []string) map[string]bool {
	all := map[string]bool{}
	for _, n := range names {
		all[n] = true
		for below := range o.below[n] {
			all[below] = true
		}
	}
	return all
}

// expand splits "a, b/{c,d}" into a, b/c, b/d.
func expand(side string) ([]string, error) {
	var names []string
	for side = strings.TrimSpace(side); side != ""; side = strings.TrimLeft(side, ", \t\n") {
		end := strings.IndexAny(side, ",{")
		if end >= 0 && side[end] == '{' {
			inner, rest, ok := strings.Cut(side[end+1:], "}")
			if !ok {
				return nil, fmt.Errorf("brace without end: %q", side)
			}
			tail, rest, _ := strings.Cut(rest, ",")
			for _, n := range strings.Split(inner, ",") {
				names = append(names, side[:end]+strings.TrimSpace(n)+strings.TrimSpace(tail))
			}
			side = rest
			continue
		}
		if end < 0 {
			end = len(side)
		}
		names = append(names, strings.TrimSpace(side[:end]))
		side = side[end:]
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("a side of a rule is empty")
	}
	for _, n := range names {
		if n == "" || strings.ContainsAny(n, " \t\n{}") {
			return nil, fmt.Errorf("bad name %q", n)
		}
	}
	return names, nil
}

// node is the name in the order that stands for a directory: the longest pattern that matches.
func (o *order) node(dir string) (string, bool) {
	best := ""
	for n := range o.below {
		if n != strings.ToUpper(n) && matches(dir, n) && len(n) > len(best) {
			best = n
		}
	}
	return best, best != ""
}

// names returns all names of the order, sorted.
func (o *order) names() []string {
	var names []string
	for n := range o.below {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func TestOrderLanguage(t *testing.T) {
	o, err := parseOrder(`
		NONE < base, kafka;            # two roots
		base < vfs < storage;
		kafka, kafka/none < X;`)
	if err == nil {
		t.Fatalf("a name that nobody defined was accepted: %v", o.names())
	}
	for _, bad := range []string{
		"NONE < a; NONE < a;", "a < b;", "NONE a;", "NONE < ;", "NONE < a/{b,c;", "NONE < a b;",
	} {
		if o, err := parseOrder(bad); err == nil {
			t.Errorf("%q was accepted: %v", bad, o.names())
		}
	}
	o, err = parseOrder(`
		NONE < base, kafka;
		base, kafka < ALL < api/{data, admin}/..., log;
		log < broker;`)
	if err != nil {
		t.Fatal(err)
	}
	may := func(from, to string, want bool) {
		t.Helper()
		a, okA := o.node(from)
		b, okB := o.node(to)
		if !okA || !okB {
			t.Fatalf("no name for %s or %s", from, to)
		}
		if o.below[a][b] != want {
			t.Errorf("%s may import %s = %v", from, to, !want)
		}
	}
	may("log", "base", true)
	may("broker", "log", true)
	may("broker", "kafka", true)
	may("broker", "api/data", false)
	may("api/data/deep", "kafka", true)
	may("api/data", "api/admin", false)
	may("kafka", "base", false)
	may("base", "broker", false)
	if n, ok := o.node("kafka/wire"); ok {
		t.Errorf("kafka/wire is %q, but only kafka itself was named", n)
	}
}
