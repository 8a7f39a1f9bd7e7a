package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/command"
	"github.com/thalweg-io/thalweg/internal/cli/doctor"
	"github.com/thalweg-io/thalweg/internal/cli/kafkatool"
)

// Streams is where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// usage is an error about the words of the call.
func usage(format string, args ...any) error { return command.Misuse(format, args...) }

// Main runs one command line, without the program's name, and returns the exit code.
func Main(args []string, s Streams) int {
	return run(context.Background(), args, s, command.OS(s.In, s.Out, s.Err), doctor.Here())
}

func run(ctx context.Context, args []string, s Streams, e command.Env, m doctor.Machine) int {
	code := command.ExitOK
	root := tree(s, e, m, &code)
	root.SetArgs(args)
	err := unknown(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err != nil {
		return command.Tell(s.Err, err)
	}
	return code
}

// unknown looks for a word that is no command, before the options behind it are taken for wrong ones.
func unknown(root *cobra.Command, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		return nil
	}
	cmd, rest, err := root.Find(args)
	if err == nil && len(command.Below(cmd)) > 0 && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && rest[0] != "help" {
		return command.Unknown(cmd, rest[0])
	}
	return nil
}

// tree is the tree of all commands. A tool by Kafka's name leaves its exit code in code.
func tree(s Streams, e command.Env, m doctor.Machine, code *int) *cobra.Command {
	root := &cobra.Command{
		Use:           "thalweg",
		Short:         "an event-streaming platform that speaks Apache Kafka's protocol",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return command.Unknown(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.AddCommand(passing("server", "run a broker", serverHelp, func(args []string) error { return runServer(args, s) }))
	own := command.Commands(e)
	for _, cmd := range own {
		if cmd.Name() == "config" {
			cmd.AddCommand(configShow(s))
		}
	}
	root.AddCommand(own...)
	root.AddCommand(command.Log(e))
	root.AddCommand(doctorCommand(e, m))
	root.AddCommand(
		passing("kafka-server-stop", "stop the brokers that run on this machine", serverStopHelp, func(args []string) error { return runServerStop(args, s) }),
		passing("version", "print the version", versionHelp, func(args []string) error { return runVersion(args, s) }),
		completionCommand(),
	)
	for _, t := range kafkatool.Tools() {
		root.AddCommand(toolCommand(t, s, code))
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { help(cmd) })
	root.SetHelpCommand(helpCommand())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%s: %v; \"%s --help\" lists the options", cmd.CommandPath(), err, cmd.CommandPath())
	})
	return root
}

// passing is a command that reads its words itself.
func passing(name, summary, text string, f func(args []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: summary, DisableFlagParsing: true, RunE: func(_ *cobra.Command, args []string) error { return f(args) }}
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(cmd.OutOrStdout(), text) })
	if name == "server" {
		cmd.ValidArgsFunction = completeServer
	}
	return cmd
}

// toolCommand is a tool by Kafka's name, which reads its words as Kafka does.
func toolCommand(t kafkatool.Tool, s Streams, code *int) *cobra.Command {
	run := func(args []string) { *code = runTool(t, args, s) }
	cmd := &cobra.Command{
		Use:                t.Name,
		Aliases:            []string{t.Name + ".sh", t.Name + ".bat"},
		Short:              t.Summary,
		DisableFlagParsing: true,
		GroupID:            "",
		Annotations:        map[string]string{kafkaTool: "yes"},
		Run:                func(_ *cobra.Command, args []string) { run(args) },
	}
	cmd.SetHelpFunc(func(*cobra.Command, []string) { run([]string{"--help"}) })
	return cmd
}

// kafkaTool marks the tools by Kafka's names.
const kafkaTool = "kafka"

// runTool runs a tool by Kafka's name. The first Ctrl-C lets it end in its own way, a second one ends it at once.
func runTool(tool kafkatool.Tool, args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return tool.Run(ctx, args, kafkatool.Streams(s))
}
