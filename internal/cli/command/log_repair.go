package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/broker/offline"
	"github.com/thalweg-io/thalweg/internal/cli/output"
)

func logRepair(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "repair DIRECTORY...",
		Short: "cut damaged logs at their first bad batch",
		Long: "Cuts damaged logs at their first bad batch, so that a broker opens them again: everything from there to the end of the log is lost to " +
			"clients, the good batches after the bad one as well. It says first what that is, and asks. What is cut off is kept in files beside the " +
			"segments, which \"thalweg log dump\" reads. Indexes that are wrong are built anew. A directory is that of a partition, or a data directory with all its " +
			"partitions. The broker must be stopped; run it as the user that the broker runs as. A partition that other brokers have whole is better taken from them: move its directory away and start the broker.",
		Example: "thalweg log repair data --dry-run\nthalweg log repair data/greetings-0 --yes",
		Args:    atLeast(1, "the directories"),
		RunE:    e.run(runLogRepair),
	}
	cmd.Flags().Bool("gaps", false, "gaps between offsets are damage, too: for topics that are not compacted")
	cmd.Flags().BoolP("yes", "y", false, "do not ask")
	cmd.Flags().Bool("dry-run", false, "only tell what would be done")
	return cmd
}

// repairJob is a log and what is to be done to it.
type repairJob struct {
	repair *offline.Repair
	plan   *offline.Plan
}

func runLogRepair(c *call, args []string) error {
	jobs, hopeless, err := planRepairs(c, args)
	if err != nil {
		return err
	}
	damaged := 0
	for _, j := range jobs {
		fmt.Fprint(c.Err, j.plan)
		if j.plan.Damaged() {
			damaged++
		}
	}
	do := !c.flag("dry-run")
	if do && damaged > 0 {
		if do, err = c.mayCut(damaged); err != nil {
			return err
		}
	}
	t := output.New("log", ">first", ">end", ">lost", ">bytes", "state")
	for _, j := range jobs {
		state, lost := "whole", int64(0)
		if j.plan.Damaged() {
			lost = j.plan.LostTo - j.plan.End
		}
		switch {
		case j.plan.Torn != "":
			state = "torn"
		case j.plan.Needed() && do:
			if err := j.repair.Apply(j.plan); err != nil {
				_ = t.Write(c.Out, c.format) // what was done before it
				return fileError(err)
			}
			state = "repaired"
		case j.plan.Needed():
			state = "to be repaired"
			hopeless = hopeless || j.plan.Damaged()
		}
		t.Add(j.plan.Log, j.plan.Start, j.plan.End, lost, j.plan.LostBytes(), state)
	}
	if err := t.Write(c.Out, c.format); err != nil {
		return err
	}
	if hopeless {
		return errTold
	}
	return nil
}

// mayCut asks. Unlike elsewhere a script has to say yes, too: it may have meant something else.
func (c *call) mayCut(logs int) (bool, error) {
	if !c.flag("yes") && (!output.Terminal(c.In) || !output.Terminal(c.Err)) {
		fmt.Fprintln(c.Err, "nothing has been changed: say --yes to cut")
		return false, nil
	}
	return c.confirmed("cut %s", plural(int64(logs), "log"))
}

// planRepairs reads all logs. hopeless: there is one that cannot be repaired so, which has been told. The locks are held until the command ends.
func planRepairs(c *call, args []string) (jobs []repairJob, hopeless bool, err error) {
	open := map[string]*offline.Repair{}
	for _, arg := range args {
		dir, name, err := dataDirOf(arg)
		if err != nil {
			return nil, false, fileError(err)
		}
		r := open[dir]
		if r == nil {
			if r, err = offline.OpenRepair(dir); err != nil {
				return nil, false, fileError(err)
			}
			c.onEnd(func() { _ = r.Close() }) // the process ends
			open[dir] = r
		}
		names := []string{name}
		if name == "" {
			if names, err = r.Logs(); err != nil {
				return nil, false, fileError(err)
			}
		}
		for _, name := range names {
			if c.ctx.Err() != nil {
				return nil, false, c.ctx.Err()
			}
			p, err := r.Plan(name, c.flag("gaps"))
			if errors.Is(err, offline.ErrNoRepair) {
				fmt.Fprintln(c.Err, err)
				hopeless = true
				continue
			}
			if err != nil {
				return nil, false, fileError(err)
			}
			jobs = append(jobs, repairJob{r, p})
		}
	}
	return jobs, hopeless, nil
}

// dataDirOf finds the data directory: the path itself, or the one around that of a partition, whose name then is not empty.
func dataDirOf(path string) (dir, name string, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return "", "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", "", err
	}
	_, err = os.Stat(filepath.Join(path, offline.MetaFile))
	if !errors.Is(err, fs.ErrNotExist) {
		return path, "", err
	}
	return filepath.Dir(path), filepath.Base(path), nil
}
