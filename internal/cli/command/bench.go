package command

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/bench"
	"github.com/thalweg-io/thalweg/internal/cli/output"
)

// Turns and scale of runs: a quick one and one whose results are worth keeping.
const (
	benchTurns, benchScale, benchBudget                = 8, 0.25, 27 * time.Minute
	benchQuickTurns, benchQuickScale, benchQuickBudget = 4, 0.05, 4*time.Minute + 15*time.Second
)

func benchCommand(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "measure what brokers cost, side by side",
		Long: `Starts a broker of this binary, and peers beside it, each with a new directory; gives all of them the same work in turns; and
says what that cost: processor time of the broker's process, as the operating system accounts for it, with the quartiles
over the turns. The first turn does not count. A peer's column is followed by how many times better the first broker was, turn by turn.

The time of a run is dealt out to its scenarios: one that needs longer makes fewer turns, one that needs far too long is ended, and what
has not begun when the time is over is not measured. What fails is told in the table and by the exit code, at the end; --page and
--json are written after each scenario with what there is.

--peer kafka is an Apache Kafka, which is downloaded through Maven once and needs Java 17 or newer; --peer
NAME=BINARY is another binary of ours, so that a change can be held against what was before it. --peer kfake (franz-go's broker for tests)
and --peer nats (JetStream, in its own protocol) are yardsticks for a few rows; they are built once from their modules, with Go.

The driver replays prepared requests over loopback. The table also tells the broker's share of time outside
the kernel, the driver's own time in relation to the broker's, and the system calls per request that read or write.`,
		Example: "thalweg bench --quick\nthalweg bench --peer kafka --peer kfake --peer nats --page table.md\nthalweg bench --only 'P1|F2' --peer before=/tmp/thalweg-before",
		Args:    between(0, 0, ""),
		RunE:    e.run(runBench),
	}
	outputFlag(cmd)
	f := cmd.Flags()
	f.Bool("responder", false, "be what answers at once and does nothing")
	if err := f.MarkHidden("responder"); err != nil {
		panic("BUG: " + err.Error())
	}
	f.StringArray("peer", nil, "another broker: `kafka`, kfake, nats, or NAME=BINARY; may be repeated")
	f.String("binary", "", "the first broker's `FILE`; this binary without it")
	f.String("only", "", "scenarios whose number or title matches a regular expression")
	f.Bool("quick", false, fmt.Sprintf("less of everything: %d turns, a scale of %g, %v, no scenario that takes long", benchQuickTurns, benchQuickScale, benchQuickBudget))
	f.Int("turns", benchTurns, "how often each broker does the work, at most")
	f.Duration("budget", benchBudget, "how long all may take; 0 for no bound")
	f.Float64("scale", benchScale, "how much work a turn is")
	f.String("dir", os.TempDir(), "where the data goes, gigabytes of it; removed at the end")
	f.Lookup("dir").DefValue = "the system's for temporary files"
	f.String("page", "", "write the table to a `FILE` as Markdown, too")
	f.String("plots", "", "draw pictures, SVG, in a `DIR`, too")
	f.String("json", "", "write everything to a `FILE` as JSON, too")
	return cmd
}

func runBench(c *call, _ []string) error {
	if c.flag("responder") {
		return respond(c)
	}
	o, err := benchOptions(c)
	if err != nil {
		return err
	}
	report, err := bench.Run(c.ctx, o)
	if report == nil {
		return err
	}
	return errors.Join(err, tellReport(c, report)) // Ctrl-C ends it with what there is
}

// respond is the process that the rig starts beside the brokers.
func respond(c *call) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Out, "listening on PLAINTEXT://%s\n", l.Addr())
	return bench.Respond(c.ctx, l)
}

// saveReport writes the files that are wanted.
func saveReport(c *call, report *bench.Report) error {
	return errors.Join(writeFile(c.text("page"), report.WriteMarkdown), writeFile(c.text("json"), report.WriteJSON))
}

func tellReport(c *call, report *bench.Report) error {
	if err := saveReport(c, report); err != nil {
		return err
	}
	if dir := c.text("plots"); dir != "" {
		if err := report.WritePlots(dir); err != nil {
			return err
		}
	}
	if c.format == output.AsJSON {
		if err := report.WriteJSON(c.Out); err != nil {
			return err
		}
	} else if err := benchTable(report).Write(c.Out, c.format); err != nil {
		return err
	}
	for _, line := range report.Above() {
		fmt.Fprintf(c.Err, "above no-op: %s\n", line)
	}
	for _, line := range report.Notes() {
		fmt.Fprintf(c.Err, "* %s\n", line)
	}
	if failures := report.Failures(); len(failures) > 0 {
		return fmt.Errorf("not everything could be measured: %s", strings.Join(failures, "; "))
	}
	return nil
}

func benchOptions(c *call) (bench.Options, error) {
	o := bench.Options{Turns: c.number("turns"), Dir: c.text("dir")}
	o.Tell = func(format string, args ...any) { fmt.Fprintf(c.Err, format+"\n", args...) }
	var err error
	if o.Scale, err = c.cmd.Flags().GetFloat64("scale"); err != nil {
		panic("BUG: " + err.Error())
	}
	if o.Budget, err = c.cmd.Flags().GetDuration("budget"); err != nil {
		panic("BUG: " + err.Error())
	}
	o.Quick, o.Save = c.flag("quick"), func(r *bench.Report) error { return saveReport(c, r) }
	if o.Quick && !c.given("budget") {
		o.Budget = benchQuickBudget
	}
	if c.flag("quick") && !c.given("turns") {
		o.Turns = benchQuickTurns
	}
	if c.flag("quick") && !c.given("scale") {
		o.Scale = benchQuickScale
	}
	if o.Turns < 2 || o.Scale <= 0 || o.Budget < 0 {
		return o, Misuse("--turns must be 2 or more, --scale more than 0, --budget not less")
	}
	if only := c.text("only"); only != "" {
		if o.Only, err = regexp.Compile(only); err != nil {
			return o, Misuse("--only: %v", err)
		}
	}
	binary := c.text("binary")
	if binary == "" {
		if binary, err = os.Executable(); err != nil {
			return o, err
		}
	}
	o.Makers = []bench.Maker{bench.Thalweg("thalweg", binary)}
	own, err := os.Executable()
	if err != nil {
		return o, err
	}
	o.Responder = bench.Responder(own, "bench", "--responder")
	for _, peer := range c.list("peer") {
		m, err := benchPeer(c, peer)
		if err != nil {
			return o, err
		}
		o.Makers = append(o.Makers, m)
		if peer == "kafka" {
			o.Tool = bench.KafkaTool
		}
	}
	return o, nil
}

func benchPeer(c *call, peer string) (bench.Maker, error) {
	say := func(line string) { fmt.Fprintln(c.Err, line) }
	switch peer {
	case "kafka":
		return bench.Kafka(c.ctx)
	case "kfake":
		return bench.Kfake(c.ctx, say)
	case "nats":
		return bench.NATS(c.ctx, say)
	}
	name, binary, ok := strings.Cut(peer, "=")
	if !ok || name == "" || binary == "" {
		return bench.Maker{}, Misuse("--peer is %q, it must be kafka, kfake, nats or NAME=BINARY", peer)
	}
	return bench.Thalweg(name, binary), nil
}

// writeFile writes a file, if one is wanted. Whoever reads it meanwhile finds what was there before.
func writeFile(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func benchTable(report *bench.Report) *output.Table {
	columns := []string{"#", "workload", "policy", "unit", ">limit", ">goal", ">no-op"}
	for i, b := range report.Brokers {
		columns = append(columns, ">"+b.Name)
		if i > 0 {
			columns = append(columns, ">vs_"+b.Name)
		}
	}
	t := output.New(append(columns, ">user", ">driver", ">calls")...)
	for _, r := range report.Rows {
		row := []any{r.ID, r.Title, r.Policy, missing(r.Unit)}
		for _, text := range r.Texts(len(columns) - 4 + 3) {
			row = append(row, missing(text))
		}
		t.Add(row...)
	}
	return t
}
