package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/thalweg-io/thalweg/internal/cli/doctor"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Call is one run of a command that is written outside this package because it needs the broker.
type Call struct{ c *call }

// Run makes the function that cobra calls, as for the commands in here.
func (e Env) Run(f func(c *Call, args []string) error) func(*cobra.Command, []string) error {
	return e.run(func(c *call, args []string) error { return f(&Call{c}, args) })
}

// ClusterFlags adds the flags of commands that talk to a cluster, and --output.
func (e Env) ClusterFlags(cmd *cobra.Command) {
	e.clusterFlags(cmd)
	outputFlag(cmd)
}

// Context ends with Ctrl-C.
func (c *Call) Context() context.Context { return c.c.ctx }

// Flags are those of the command.
func (c *Call) Flags() *pflag.FlagSet { return c.c.cmd.Flags() }

// Cluster reaches the cluster that the flags and profiles name, and says which that is even if it cannot be reached.
func (c *Call) Cluster() (*kgo.Client, string, error) {
	props, err := c.c.properties()
	if err != nil {
		return nil, "", err
	}
	cl, err := c.c.connectTo(kclient.Admin, props)
	return cl, props["bootstrap.servers"], err
}

// Findings shows findings; an error if something failed.
func (c *Call) Findings(list []doctor.Finding) error {
	if c.c.format == output.AsTable {
		for _, f := range list {
			fmt.Fprintf(c.c.Out, "%-8s %s: %s\n", f.State, f.Check, f.Found)
			if f.Remedy != "" {
				fmt.Fprintf(c.c.Out, "%-8s -> %s\n", "", f.Remedy)
			}
		}
	} else {
		t := output.New("check", "state", "found", "remedy")
		for _, f := range list {
			t.Add(f.Check, string(f.State), f.Found, missing(f.Remedy))
		}
		if err := t.Write(c.c.Out, c.c.format); err != nil {
			return err
		}
	}
	if doctor.Worst(list) != doctor.Failed {
		return nil
	}
	var failed []string
	for _, f := range list {
		if f.State == doctor.Failed {
			failed = append(failed, f.Check)
		}
	}
	return errors.New("not well: " + strings.Join(failed, ", "))
}

// missing is nil for an empty text.
func missing(s string) any {
	if s == "" {
		return nil
	}
	return s
}
