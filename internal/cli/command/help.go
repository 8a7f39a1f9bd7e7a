package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Help explains a command: what it does, how it is called, examples, and what comes below it.
func Help(w io.Writer, cmd *cobra.Command) {
	about := cmd.Long
	if about == "" {
		about = strings.ToUpper(cmd.Short[:1]) + cmd.Short[1:] + "."
	}
	fmt.Fprintf(w, "%s\n\nUsage: %s\n", strings.TrimSpace(about), Synopsis(cmd))
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n\n%s\n", indent(cmd.Example))
	}
	if list := Below(cmd); len(list) > 0 {
		fmt.Fprintln(w)
		for _, sub := range list {
			fmt.Fprintf(w, "  %-12s %s\n", sub.Name(), sub.Short)
		}
		fmt.Fprintf(w, "\n\"%s COMMAND --help\" explains one.\n", cmd.CommandPath())
		return
	}
	own, inherited := flagTexts(cmd)
	if own != "" {
		fmt.Fprintf(w, "\nOptions:\n\n%s", own)
	}
	if inherited != "" {
		fmt.Fprintf(w, "\nOptions of every command that talks to a cluster:\n\n%s", inherited)
	}
}

// Synopsis is how a command is called.
func Synopsis(cmd *cobra.Command) string {
	if len(Below(cmd)) > 0 {
		return cmd.CommandPath() + " COMMAND"
	}
	return strings.TrimSpace(cmd.CommandPath() + strings.TrimPrefix(cmd.Use, cmd.Name()))
}

// Below are the commands below one that people are told of.
func Below(cmd *cobra.Command) (list []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		if !sub.Hidden && sub.Name() != "help" {
			list = append(list, sub)
		}
	}
	return list
}

// flagTexts describes the flags of a command, and those that it shares with others.
func flagTexts(cmd *cobra.Command) (own, shared string) {
	a, b := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
	cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		if sharedFlags[f.Name] {
			b.AddFlag(f)
		} else {
			a.AddFlag(f)
		}
	})
	cmd.InheritedFlags().VisitAll(b.AddFlag)
	return a.FlagUsages(), b.FlagUsages()
}

// sharedFlags are the flags of many commands.
var sharedFlags = map[string]bool{"bootstrap-server": true, "profile": true, "command-config": true, "command-property": true,
	"output": true, "timeout": true}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}

// family makes a command that only has others below it.
func family(cmd *cobra.Command, below ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(below...)
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return Unknown(cmd, args[0])
	}
	return cmd
}

// Unknown is the error about a word that is no command, with the one that is probably meant.
func Unknown(cmd *cobra.Command, word string) error {
	if cmd.SuggestionsMinimumDistance == 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	if s := cmd.SuggestionsFor(word); len(s) > 0 {
		return Misuse("there is no command %q; did you mean \"%s %s\"?", word, cmd.CommandPath(), s[0])
	}
	return Misuse("there is no command %q; \"%s --help\" lists them", word, cmd.CommandPath())
}

// exactly wants a number of words.
func exactly(n int, what string) cobra.PositionalArgs { return between(n, n, what) }

// atLeast wants a number of words or more.
func atLeast(n int, what string) cobra.PositionalArgs { return between(n, 1<<30, what) }

func between(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		return Misuse("%s takes %s, not %s; \"%s --help\" explains it", cmd.CommandPath(), what, plural(int64(len(args)), "word"), cmd.CommandPath())
	}
}
