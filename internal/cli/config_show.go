package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/broker"
	"github.com/thalweg-io/thalweg/internal/cli/output"
)

func configShow(s Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show [server.properties]",
		Short: "show the configuration that a server would have, and where each value comes from",
		Long: `Shows every key of the configuration that "thalweg server" would have with the same words: its value, where it comes
from (a line of the file, --override, or the default), and of a key without effect why it has none. Nothing is started; "thalweg
config get broker 1 --all" asks a broker that runs. Secrets are not shown.`,
		Example: "thalweg config show\nthalweg config show config/server.properties --override node.id=7 --given",
		Args:    cobra.ArbitraryArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return runConfigShow(cmd, args, s) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"properties"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	cmd.Flags().StringArray("override", nil, "a `KEY=VALUE` that is stronger than the file")
	cmd.Flags().Bool("given", false, "only the keys that are given")
	return cmd
}

func runConfigShow(cmd *cobra.Command, args []string, s Streams) error {
	text, err := cmd.Flags().GetString("output")
	if err != nil {
		return err
	}
	format, err := output.ParseFormat(text, s.Out)
	if err != nil {
		return usage("%v", err)
	}
	overrides, err := cmd.Flags().GetStringArray("override")
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
	t, err := a.table(cmd.Flags().Changed("given"))
	if err != nil {
		return err
	}
	return t.Write(s.Out, format)
}

// table is the configuration with its sources.
func (a serverArguments) table(onlyGiven bool) (*output.Table, error) {
	props, err := a.properties()
	if err != nil {
		return nil, err
	}
	from, err := a.sources()
	if err != nil {
		return nil, err
	}
	dropped := withoutControllers(props)
	settings, err := broker.Settings(props)
	if err != nil {
		return nil, err
	}
	t := output.New("key", "value", "source", "note")
	for _, set := range settings {
		if onlyGiven && !set.Given {
			continue
		}
		source := "default"
		if set.Given {
			source = from[set.Key]
		}
		t.Add(set.Key, shownSetting(set), source, note(set, dropped))
	}
	return t, nil
}

func shownSetting(set broker.Setting) any {
	switch {
	case set.Secret:
		return "[hidden]"
	case !set.HasValue:
		return nil
	}
	return set.Value
}

// note says why a key has no effect, or not the whole of its value.
func note(set broker.Setting, dropped []string) any {
	switch {
	case set.Instead != "":
		return set.Instead + " counts instead"
	case !set.Effective:
		return strings.TrimPrefix(ignoredKey(set.Key), set.Key+" has ")
	case set.Key == "listeners" && len(dropped) > 0:
		return fmt.Sprintf("without %s: a node here needs no listener for controllers", strings.Join(dropped, ", "))
	}
	return nil
}
