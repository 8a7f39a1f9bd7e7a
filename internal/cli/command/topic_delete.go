package command

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
)

func topicDelete(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "delete NAME...",
		Aliases:           []string{"rm"},
		Short:             "delete topics with all their records",
		Long:              "Deletes topics with all their records; there is no way back. A person is asked first, a script is not.",
		Example:           "thalweg topic delete greetings --dry-run\nthalweg topic delete greetings --yes",
		Args:              atLeast(1, "the names of topics"),
		ValidArgsFunction: e.topicNames(),
		RunE:              e.run(runTopicDelete),
	}
	cmd.Flags().Bool("if-exists", false, "a topic that does not exist is no error")
	cmd.Flags().BoolP("yes", "y", false, "do not ask")
	cmd.Flags().Bool("dry-run", false, "only tell what would be deleted")
	return cmd
}

func runTopicDelete(c *call, args []string) error {
	adm, err := c.admin()
	if err != nil {
		return err
	}
	all, err := adm.ListTopicsWithInternal(c.ctx, args...)
	if err != nil {
		return failed(err, "describe topics")
	}
	var there []string
	for _, name := range args {
		if d := all[name]; d.Err == nil {
			there = append(there, name)
		} else if !c.flag("if-exists") {
			return failed(d.Err, "delete topic %s", name)
		}
	}
	if c.flag("dry-run") {
		return tellEach(c, there, func(name string) (change, error) {
			return change{"topic", name, "would be deleted", plural(int64(len(all[name].Partitions)), "partition")}, nil
		})
	}
	if len(there) == 0 {
		return changes{}.write(c)
	}
	if ok, err := c.confirmed("delete %s with all records", strings.Join(there, ", ")); !ok {
		return err
	}
	answers, err := adm.DeleteTopics(c.ctx, there...)
	if err != nil {
		return failed(err, "delete topics")
	}
	return tellEach(c, there, func(name string) (change, error) {
		if a := answers[name]; a.Err != nil {
			return change{}, failed(said(a.Err, a.ErrMessage), "delete topic %s", name)
		}
		return change{kind: "topic", name: name, done: "deleted"}, nil
	})
}

// confirmed asks a person, unless --yes has answered; scripts are not asked.
func (c *call) confirmed(format string, args ...any) (bool, error) {
	if c.flag("yes") || !output.Terminal(c.In) || !output.Terminal(c.Err) {
		return true, nil
	}
	fmt.Fprintf(c.Err, format+"? [y/N] ", args...)
	line := make(chan string, 1)
	go func() { // ends with the answer, or with the process: reading a terminal cannot be broken off
		text, _ := bufio.NewReader(c.In).ReadString('\n')
		line <- text
	}()
	select {
	case text := <-line:
		if a := strings.ToLower(strings.TrimSpace(text)); a == "y" || a == "yes" {
			return true, nil
		}
		fmt.Fprintln(c.Err, "nothing has been changed")
		return false, nil
	case <-c.ctx.Done():
		fmt.Fprintln(c.Err)
		return false, c.ctx.Err()
	}
}
