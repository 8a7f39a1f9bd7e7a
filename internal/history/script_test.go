package history

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestScripts judges small histories, written in EDN without times. Each shows one rule. Arguments:
// no-final-reads; log-start=(…) by key.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			h, err := ReadEDN(strings.NewReader(d.Input))
			if err != nil {
				return err.Error() + "\n"
			}
			o := Options{NoFinalReads: d.HasArg("no-final-reads")}
			for _, arg := range d.CmdArgs {
				if arg.Key == "log-start" {
					for i := range arg.Vals {
						var at int64
						arg.Scan(t, i, &at)
						o.LogStart = append(o.LogStart, at)
					}
				}
			}
			r, err := Check(h, o)
			if err != nil {
				return err.Error() + "\n"
			}
			return script(r)
		})
	})
}

func script(r *Report) string {
	if len(r.Anomalies) == 0 {
		return "nothing\n"
	}
	var b strings.Builder
	for _, a := range r.Anomalies {
		fmt.Fprintf(&b, "%s %v at %s/%d: %s", a.Kind, a.Ops, a.Where.Topic, a.Where.Partition, a.Explanation)
		if a.Allowed != "" {
			fmt.Fprintf(&b, " (allowed: %s)", a.Allowed)
		}
		b.WriteString("\n")
	}
	return b.String()
}
