package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/thalweg-io/thalweg/internal/cli/kafkatool"
)

// Streams is where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// command is one word after "thalweg".
type command struct {
	name    string
	summary string
	run     func(args []string, s Streams) error
}

// commands in the order in which help lists them.
func commands() []command {
	return []command{
		{"server", "run a broker", runServer},
		{"kafka-server-stop", "stop the brokers that run on this machine", runServerStop},
		{"version", "print the version", runVersion},
	}
}

// usageError is a mistake in the words of the call.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// Main runs one command line, without the program's name, and returns the exit code.
func Main(args []string, s Streams) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		printHelp(s.Out)
		return exitOK
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return exitCode(c.run(args[1:], s), s)
		}
	}
	if tool, ok := kafkatool.Find(args[0]); ok {
		return runTool(tool, args[1:], s)
	}
	return exitCode(usage("there is no command %q; \"thalweg help\" lists them", args[0]), s)
}

// runTool runs a tool by Kafka's name. The first Ctrl-C lets it end in its own way, a second one ends it at once.
func runTool(tool kafkatool.Tool, args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return tool.Run(ctx, args, kafkatool.Streams(s))
}

func exitCode(err error, s Streams) int {
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(s.Err, "thalweg: %v\n", err)
	var u usageError
	if errors.As(err, &u) {
		return exitUsage
	}
	return exitFailed
}

func printHelp(w io.Writer) {
	fmt.Fprint(w, "Thalweg, an event-streaming platform that speaks Apache Kafka's protocol.\n\nUsage: thalweg COMMAND [ARGUMENTS]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-28s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nTools by Kafka's names, with Kafka's options and output (also as scripts in bin/):\n\n")
	for _, t := range kafkatool.Tools() {
		fmt.Fprintf(w, "  %-28s %s\n", t.Name, t.Summary)
	}
	fmt.Fprint(w, "\n\"thalweg COMMAND --help\" explains a command.\n")
}
