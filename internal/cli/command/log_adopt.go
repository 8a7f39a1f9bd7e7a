package command

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/broker/offline"
	"github.com/thalweg-io/thalweg/internal/cli/output"
)

func logAdopt(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adopt FROM INTO",
		Short: "copy a partition's log into another cluster, from or to Apache Kafka",
		Long: "Copies the log of a partition into the directory of an empty partition in another cluster's data directory: of Thalweg or of Apache Kafka, either way. " +
			"Both brokers must have been stopped cleanly, and the topic must exist in the other cluster. The records keep their offsets, times and " +
			"compression; leader epochs become 0, as those of another cluster mean nothing. What is known of idempotent producers is left out, " +
			"since the other cluster gives their ids to others; --keep-producers takes it along. FROM is not changed. Committed offsets of groups do not come along. " +
			"With several replicas, do the same for each of them. Run it as the user that the broker runs as.",
		Example: "thalweg log adopt /var/lib/kafka/orders-0 data/orders-0",
		Args:    between(2, 2, "two directories"),
		RunE:    e.run(runLogAdopt),
	}
	cmd.Flags().Bool("keep-producers", false, "idempotent producers go on with the ids that they have")
	cmd.Flags().Bool("dry-run", false, "only tell what would be done")
	return cmd
}

func runLogAdopt(c *call, args []string) error {
	for i := range args {
		path, err := filepath.Abs(args[i])
		if err != nil {
			return err
		}
		args[i] = path
	}
	a, err := offline.PlanAdoption(args[0], args[1])
	if err != nil {
		return fileError(err)
	}
	a.KeepProducers = c.flag("keep-producers")
	if a.Aborted {
		fmt.Fprintln(c.Err, "there are aborted transactions in the log: a broker without transactions (Thalweg has none yet) gives their records to consumers that read committed, too")
	}
	if !c.flag("dry-run") {
		err = a.Apply()
	}
	if err := errors.Join(err, a.Close()); err != nil {
		return fileError(err)
	}
	t := output.New("log", "into", ">first", ">end", ">segments", ">bytes", "outcome")
	t.Add(filepath.Base(args[0]), args[1], a.Start, a.End, a.Segments, a.Bytes, would(c.flag("dry-run"), "copied"))
	return t.Write(c.Out, c.format)
}
