package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/broker"
)

const completionHelp = `Prints a script with which a shell completes commands, options, and the names of topics and groups, which it
asks of the cluster that the line names so far.

  bash        source <(thalweg completion bash)        (in ~/.bashrc; wants the package bash-completion)
  zsh         source <(thalweg completion zsh)         (in ~/.zshrc, after compinit)
  fish        thalweg completion fish | source         (in ~/.config/fish/config.fish)
  powershell  thalweg completion powershell | Out-String | Invoke-Expression   (in $PROFILE)`

func completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "print a script for completion by bash, zsh, fish or powershell",
		Long:      completionHelp,
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root, w := cmd.Root(), cmd.OutOrStdout()
			switch strings.Join(args, " ") {
			case "bash":
				return root.GenBashCompletionV2(w, true)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(w)
			}
			return usage("completion takes the name of a shell: %s", strings.Join(shells, ", "))
		},
	}
}

// completeServer offers options, keys after --override, and files.
func completeServer(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 && args[len(args)-1] == "--override" {
		var keys []string
		for _, k := range broker.EffectiveKeys() {
			if strings.HasPrefix(k, prefix) {
				keys = append(keys, k+"=")
			}
		}
		return keys, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	if strings.HasPrefix(prefix, "-") {
		return []string{"-daemon", "--override", "--help"}, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"properties"}, cobra.ShellCompDirectiveFilterFileExt
}
