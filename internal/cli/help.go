package cli

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/command"
)

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]...",
		Short: "explain a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			to, rest, err := cmd.Root().Find(args)
			if err == nil && len(rest) > 0 {
				err = command.Unknown(to, rest[0])
			}
			if err != nil {
				return err
			}
			to.InitDefaultHelpFlag()
			return to.Help()
		},
	}
}

// help explains the program or a command.
func help(cmd *cobra.Command) {
	w := cmd.OutOrStdout()
	if cmd.HasParent() {
		command.Help(w, cmd)
		return
	}
	fmt.Fprint(w, `Thalweg, an event-streaming platform that speaks Apache Kafka's protocol.

Usage: thalweg COMMAND [ARGUMENTS]

For a first look, run these in two terminals:

  thalweg server
  thalweg produce greetings hello; thalweg consume greetings

`)
	list(w, cmd, false)
	fmt.Fprint(w, "\nTools by Kafka's names, with Kafka's options and output (also as scripts in bin/):\n\n")
	list(w, cmd, true)
	fmt.Fprint(w, "\n\"thalweg COMMAND --help\" explains a command.\n")
}

func list(w io.Writer, cmd *cobra.Command, tools bool) {
	for _, sub := range sorted(cmd) {
		if !sub.Hidden && (sub.Annotations[kafkaTool] != "") == tools {
			fmt.Fprintf(w, "  %-28s %s\n", sub.Name(), sub.Short)
		}
	}
}

// sorted are the commands below one as they are listed.
func sorted(cmd *cobra.Command) []*cobra.Command {
	all := slices.Clone(cmd.Commands())
	slices.SortStableFunc(all, func(a, b *cobra.Command) int { return rank(a) - rank(b) })
	return all
}

// order is how the commands are listed; those that are not named come after them.
var order = []string{"server", "topic", "produce", "consume", "group", "config", "cluster", "doctor", "profile", "version", "completion"}

func rank(cmd *cobra.Command) int {
	if i := slices.Index(order, cmd.Name()); i >= 0 {
		return i
	}
	return len(order)
}
