package command

import (
	"path"
	"slices"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/twmb/franz-go/pkg/kadm"
)

func topicCommand(e Env) *cobra.Command {
	cmd := family(&cobra.Command{Use: "topic", Short: "list, create, describe, change and delete topics"},
		topicLs(e), topicCreate(e), topicDescribe(e), topicAlter(e), topicDelete(e))
	e.clusterFlags(cmd)
	outputFlag(cmd)
	timeoutFlag(cmd)
	return cmd
}

func topicLs(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "ls [PATTERN]...",
		Aliases:           []string{"list"},
		Short:             "list topics",
		Long:              "Lists topics by name. A pattern may hold * and ?, and must then stand between quotes.",
		Example:           "thalweg topic ls\nthalweg topic ls 'orders-*' -o json",
		ValidArgsFunction: e.topicNames(),
		RunE:              e.run(runTopicLs),
	}
	cmd.Flags().BoolP("all", "a", false, "internal topics, too")
	return cmd
}

func runTopicLs(c *call, args []string) error {
	adm, err := c.admin()
	if err != nil {
		return err
	}
	all, err := adm.ListTopicsWithInternal(c.ctx)
	if err != nil {
		return failed(err, "list topics")
	}
	t := output.New("name", ">partitions", ">replicas", "internal")
	for _, d := range all.Sorted() {
		if (d.IsInternal && !c.flag("all")) || !matches(args, d.Topic) {
			continue
		}
		t.Add(d.Topic, len(d.Partitions), d.Partitions.NumReplicas(), d.IsInternal)
	}
	return t.Write(c.Out, c.format)
}

// matches reports whether a name matches one of some patterns, or there are none.
func matches(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return p == name || ok && err == nil
	})
}

// described asks for topics that must exist.
func described(c *call, adm *kadm.Client, names []string) ([]kadm.TopicDetail, error) {
	all, err := adm.ListTopicsWithInternal(c.ctx, names...)
	if err != nil {
		return nil, failed(err, "describe topics")
	}
	var list []kadm.TopicDetail
	for _, name := range names {
		d := all[name]
		if d.Err != nil {
			return nil, failed(d.Err, "find topic %s", name)
		}
		list = append(list, d)
	}
	return list, nil
}
