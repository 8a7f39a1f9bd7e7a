package command

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func topicCreate(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "create NAME...",
		Short:   "create topics",
		Long:    "Creates topics. How many partitions and replicas they get is for the cluster to say, unless it is said here.",
		Example: "thalweg topic create greetings\nthalweg topic create orders payments -p 12 -r 3 -c cleanup.policy=compact",
		Args:    atLeast(1, "the names of topics"),
		RunE:    e.run(runTopicCreate),
	}
	f := cmd.Flags()
	f.IntP("partitions", "p", -1, "partitions (default: the cluster's)")
	f.IntP("replicas", "r", -1, "replicas of each partition (default: the cluster's)")
	f.StringArrayP("config", "c", nil, "a config of the topic, `KEY=VALUE`")
	f.Bool("if-not-exists", false, "a topic that exists is no error")
	f.Bool("dry-run", false, "only ask whether it could be done")
	f.Lookup("partitions").DefValue, f.Lookup("replicas").DefValue = "0", "0" // told in words
	_ = cmd.RegisterFlagCompletionFunc("config", completeTopicKeys)
	return cmd
}

func runTopicCreate(c *call, args []string) error {
	for _, name := range []string{"partitions", "replicas"} {
		if c.given(name) && c.number(name) < 1 {
			return Misuse("--%s is %d, it must be at least 1", name, c.number(name))
		}
	}
	configs, err := configsOf(c.list("config"))
	if err != nil {
		return err
	}
	adm, err := c.admin()
	if err != nil {
		return err
	}
	create := adm.CreateTopics
	if c.flag("dry-run") {
		create = adm.ValidateCreateTopics
	}
	answers, err := create(c.ctx, int32(c.number("partitions")), int16(c.number("replicas")), configs, args...)
	if err != nil {
		return failed(err, "create topics")
	}
	return tellEach(c, args, func(name string) (change, error) { return created(c, answers[name]) })
}

// created is what became of one topic.
func created(c *call, a kadm.CreateTopicResponse) (change, error) {
	done := change{kind: "topic", name: a.Topic, done: would(c.flag("dry-run"), "created")}
	switch {
	case errors.Is(a.Err, kerr.TopicAlreadyExists) && c.flag("if-not-exists"):
		done.done = "exists"
	case a.Err != nil:
		return done, failed(said(a.Err, a.ErrMessage), "create topic %s", a.Topic)
	case a.NumPartitions > 0:
		done.detail = plural(int64(a.NumPartitions), "partition") + ", " + plural(int64(a.ReplicationFactor), "replica")
	}
	return done, nil
}

// tellEach tells what became of each of some things, and then of the first that failed.
func tellEach(c *call, names []string, f func(name string) (change, error)) error {
	var done changes
	var first error
	for _, name := range names {
		ch, err := f(name)
		switch {
		case err == nil:
			done = append(done, ch)
		case first == nil:
			first = err
		default:
			Tell(c.Err, err)
		}
	}
	if len(done) > 0 || first == nil {
		if err := done.write(c); err != nil {
			return err
		}
	}
	return first
}

// said is an error with the broker's own words, if it gave some.
func said(err error, text string) error {
	var k *kerr.Error
	if errors.As(err, &k) && text != "" {
		return kclient.CodeMessage(k.Code, &text)
	}
	return err
}

// configsOf reads KEY=VALUE for the configs of a new topic.
func configsOf(values []string) (map[string]*string, error) {
	pairs, err := pairsOf("config", values)
	if err != nil {
		return nil, err
	}
	configs := map[string]*string{}
	for k, v := range pairs {
		configs[k] = &v
	}
	return configs, nil
}
