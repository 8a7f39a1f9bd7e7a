package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

func topicAlter(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "alter NAME...",
		Short:             "add partitions to topics, and change their configs",
		Long:              "Adds partitions to topics, and changes their configs. Everything is checked before the first change is made.",
		Example:           "thalweg topic alter orders -p 24\nthalweg topic alter orders -c retention.ms=86400000 --unset cleanup.policy --dry-run",
		Args:              atLeast(1, "the names of topics"),
		ValidArgsFunction: e.topicNames(),
		RunE:              e.run(runTopicAlter),
	}
	f := cmd.Flags()
	f.IntP("partitions", "p", 0, "how many there shall be; never fewer than there are")
	f.StringArrayP("config", "c", nil, "a config to set, `KEY=VALUE`")
	f.StringArray("unset", nil, "a `KEY` to take away")
	f.Bool("dry-run", false, "only ask whether it could be done")
	_ = cmd.RegisterFlagCompletionFunc("config", completeTopicKeys)
	_ = cmd.RegisterFlagCompletionFunc("unset", completeTopicKeys)
	return cmd
}

func runTopicAlter(c *call, args []string) error {
	n := c.number("partitions")
	if c.given("partitions") && n < 1 {
		return Misuse("--partitions is %d, it must be at least 1", n)
	}
	alter, err := alterations(c.list("config"), c.list("unset"))
	if err != nil {
		return err
	}
	if len(alter) == 0 && n == 0 {
		return Misuse("nothing to change: give -p, -c or --unset")
	}
	adm, err := c.admin()
	if err != nil {
		return err
	}
	if _, err := described(c, adm, args); err != nil {
		return err
	}
	if err := alterTopics(c, adm, n, alter, args, true); err != nil {
		return err
	}
	if !c.flag("dry-run") {
		if err := alterTopics(c, adm, n, alter, args, false); err != nil {
			return err
		}
	}
	return tellEach(c, args, func(name string) (change, error) {
		return change{"topic", name, would(c.flag("dry-run"), "changed"), altered(n, alter)}, nil
	})
}

// alterTopics checks the changes, or makes them.
func alterTopics(c *call, adm *kadm.Client, partitions int, alter []kadm.AlterConfig, names []string, check bool) error {
	if partitions > 0 {
		grow := adm.UpdatePartitions
		if check {
			grow = adm.ValidateUpdatePartitions
		}
		answers, err := grow(c.ctx, partitions, names...)
		if err != nil {
			return failed(err, "add partitions")
		}
		for _, a := range answers.Sorted() {
			if a.Err != nil {
				return failed(said(a.Err, a.ErrMessage), "add partitions to %s", a.Topic)
			}
		}
	}
	if len(alter) == 0 {
		return nil
	}
	set := adm.AlterTopicConfigs
	if check {
		set = adm.ValidateAlterTopicConfigs
	}
	answers, err := set(c.ctx, alter, names...)
	if err != nil {
		return failed(err, "change configs")
	}
	for _, a := range answers {
		if a.Err != nil {
			return failed(said(a.Err, a.ErrMessage), "change configs of topic %s", a.Name)
		}
	}
	return nil
}

// alterations reads what to set (KEY=VALUE) and what to take away (KEY).
func alterations(set, unset []string) (list []kadm.AlterConfig, err error) {
	for _, s := range set {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" {
			return nil, Misuse("%q must be KEY=VALUE", s)
		}
		list = append(list, kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: &value})
	}
	for _, key := range unset {
		list = append(list, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: key})
	}
	return list, nil
}

// altered is what was changed, in words.
func altered(partitions int, alter []kadm.AlterConfig) string {
	var parts []string
	if partitions > 0 {
		parts = append(parts, plural(int64(partitions), "partition"))
	}
	for _, a := range alter {
		if a.Op == kadm.DeleteConfig {
			parts = append(parts, a.Name+" unset")
		} else {
			parts = append(parts, fmt.Sprintf("%s=%s", a.Name, *a.Value))
		}
	}
	return strings.Join(parts, ", ")
}
