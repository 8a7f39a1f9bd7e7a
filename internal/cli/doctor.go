package cli

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/broker"
	"github.com/thalweg-io/thalweg/internal/cli/command"
	"github.com/thalweg-io/thalweg/internal/cli/doctor"
	"github.com/thalweg-io/thalweg/internal/kclient"
)

func doctorCommand(e command.Env, m doctor.Machine) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor [server.properties]",
		Short: "look for what is wrong with this machine, a configuration or a cluster",
		Long: `Examines what a server with the same words would find here: its configuration, the disk of its data (space, speed, how
long a flush takes), the limit of open files, the clock, its ports. Then the cluster: whether it can be reached, and whether
the addresses that its brokers tell clients can be. What is not well comes with a remedy. It exits with 1 if something failed.

A file is written into the data directory, or the one above it, and removed. --cluster-only leaves the machine alone.`,
		Example: "thalweg doctor\nthalweg doctor /etc/thalweg/server.properties --override node.id=2\nthalweg doctor --cluster-only -b broker.example.com:9092",
		Args:    cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"properties"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	cmd.RunE = e.Run(func(c *command.Call, args []string) error { return runDoctor(c, m, args) })
	cmd.Flags().StringArray("override", nil, "a `KEY=VALUE` that is stronger than the file")
	cmd.Flags().Bool("cluster-only", false, "do not examine this machine")
	e.ClusterFlags(cmd)
	return cmd
}

func runDoctor(c *command.Call, m doctor.Machine, args []string) error {
	overrides, err := c.Flags().GetStringArray("override")
	if err != nil {
		return err
	}
	for _, o := range overrides {
		args = append(args, "--override", o)
	}
	a, err := parseServer(args)
	if err != nil {
		return err
	}
	only, err := c.Flags().GetBool("cluster-only")
	if err != nil {
		return err
	}
	var all []doctor.Finding
	if !only {
		all = examineMachine(c, m, a)
	}
	found, err := examineCluster(c, only)
	if err != nil {
		return err
	}
	return c.Findings(append(all, found...))
}

// examineMachine looks at what a server would find here.
func examineMachine(c *command.Call, m doctor.Machine, a serverArguments) []doctor.Finding {
	var notes strings.Builder
	cfg, err := a.config(&notes)
	if err != nil {
		return []doctor.Finding{{Check: "configuration", State: doctor.Failed, Found: err.Error(), Remedy: "\"thalweg config show\" tells where each value comes from"}}
	}
	all := []doctor.Finding{{Check: "configuration", State: doctor.OK, Found: "every key has an effect"}}
	if n := strings.Count(notes.String(), "\n"); n > 0 {
		all[0] = doctor.Finding{Check: "configuration", State: doctor.Warning, Found: fmt.Sprintf("%d keys or variables have no effect", n), Remedy: "\"thalweg config show --given\" says which, and why"}
	}
	dirs := cfg.LogDirs
	if len(dirs) == 0 {
		dirs = []string{broker.DefaultLogDir}
	}
	for _, d := range dirs {
		all = append(all, doctor.Disk(m, d)...)
	}
	all = append(all, doctor.OpenFiles(m), doctor.Clock(m, dirs))
	listeners := cfg.Listeners
	if len(listeners) == 0 {
		if l, err := broker.ParseListener(broker.DefaultListener); err == nil {
			listeners = []broker.Listener{l}
		}
	}
	for _, l := range listeners {
		all = append(all, doctor.Port(c.Context(), "listeners", l.Host, l.Address()))
	}
	if at := cfg.MetricsListener; at != "" {
		if host, _, err := net.SplitHostPort(at); err == nil {
			all = append(all, doctor.Port(c.Context(), "metrics.listener", host, at))
		}
	}
	return all
}

// examineCluster looks at the cluster. That none runs is a failure only for somebody who has asked for one.
func examineCluster(c *command.Call, only bool) ([]doctor.Finding, error) {
	cl, bootstrap, err := c.Cluster()
	switch {
	case err == nil:
		return doctor.Cluster(c.Context(), cl, bootstrap), nil
	case !errors.Is(err, kclient.ErrUnreachable):
		return nil, err
	}
	f := doctor.Finding{Check: "cluster", State: doctor.Failed, Found: err.Error(), Remedy: "start it, or name another with -b HOST:PORT or --profile"}
	if !only && !c.Flags().Changed("bootstrap-server") && !c.Flags().Changed("profile") {
		f = doctor.Finding{Check: "cluster", State: doctor.OK, Found: "none runs at " + bootstrap + "; \"thalweg server\" starts one"}
	}
	return []doctor.Finding{f}, nil
}
