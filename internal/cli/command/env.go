package command

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
)

// Env is the world around the commands.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	// ConfigDir is the user's directory of configurations.
	ConfigDir func() (string, error)
	Now       func() time.Time
}

// OS is the world of a process.
func OS(in io.Reader, out, err io.Writer) Env {
	return Env{In: in, Out: out, Err: err, Getenv: os.Getenv, ConfigDir: os.UserConfigDir, Now: time.Now}
}

// Commands are all of them, in the order in which help lists them.
func Commands(e Env) []*cobra.Command {
	return []*cobra.Command{topicCommand(e), produceCommand(e), consumeCommand(e), groupCommand(e), configCommand(e), clusterCommand(e), profileCommand(e), benchCommand(e)}
}

// call is one run of a command.
type call struct {
	Env
	ctx    context.Context // ends with Ctrl-C, or when the time given by --timeout is over
	cmd    *cobra.Command
	format output.Format
	unused string // client properties that were told to have no effect
	closers
}

// closers are what is to be closed at the end of a run, the last first.
type closers []func()

func (c *closers) onEnd(f func()) { *c = append(*c, f) }

func (c closers) close() {
	for i := len(c) - 1; i >= 0; i-- {
		c[i]()
	}
}

// run makes the function that cobra calls. The first Ctrl-C lets the command end in its own way, a second one
// ends it at once.
func (e Env) run(f func(c *call, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		parent := cmd.Context()
		if parent == nil {
			parent = context.Background()
		}
		ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop)
		c := &call{Env: e, ctx: ctx, cmd: cmd}
		if d := c.duration("timeout"); d > 0 {
			var cancel context.CancelFunc
			c.ctx, cancel = context.WithTimeout(ctx, d)
			defer cancel()
		}
		var err error
		if c.format, err = output.ParseFormat(c.text("output"), e.Out); err != nil {
			return Misuse("%v", err)
		}
		defer func() { c.close() }()
		if err := f(c, args); err != nil {
			return interrupted(ctx, err)
		}
		return nil
	}
}

// flag reads a flag that the command may lack.
func (c *call) text(name string) string {
	if f := c.cmd.Flags().Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

func (c *call) duration(name string) time.Duration {
	d, err := c.cmd.Flags().GetDuration(name)
	if err != nil {
		return 0 // it has no such flag
	}
	return d
}

func (c *call) given(name string) bool { return c.cmd.Flags().Changed(name) }

func (c *call) flag(name string) bool {
	v, err := c.cmd.Flags().GetBool(name)
	return err == nil && v
}

func (c *call) number(name string) int {
	v, err := c.cmd.Flags().GetInt(name)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return v
}

func (c *call) list(name string) []string {
	v, err := c.cmd.Flags().GetStringArray(name)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return v
}
