package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func topicDescribe(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe NAME...",
		Short: "show partitions, offsets and configs of topics",
		Long: "Shows of each topic its id, the configs that are set for it, and of each partition its leader, its\n" +
			"replicas (those in sync under isr), the first offset and the one after the last.",
		Example:           "thalweg topic describe greetings\nthalweg topic describe greetings -o json",
		Args:              atLeast(1, "the names of topics"),
		ValidArgsFunction: e.topicNames(),
		RunE:              e.run(runTopicDescribe),
	}
	return cmd
}

// topicFacts is what is shown of a topic.
type topicFacts struct {
	kadm.TopicDetail
	configs    output.Object
	partitions *output.Table
	records    int64
}

func runTopicDescribe(c *call, args []string) error {
	adm, err := c.admin()
	if err != nil {
		return err
	}
	details, err := described(c, adm, args)
	if err != nil {
		return err
	}
	starts, err := adm.ListStartOffsets(c.ctx, args...)
	if err != nil {
		return failed(err, "list offsets")
	}
	ends, err := adm.ListEndOffsets(c.ctx, args...)
	if err != nil {
		return failed(err, "list offsets")
	}
	configs, err := adm.DescribeTopicConfigs(c.ctx, args...)
	if err != nil {
		return failed(err, "describe configs")
	}
	var facts []topicFacts
	for _, d := range details {
		f := topicFacts{TopicDetail: d, configs: overrides(configs, d.Topic)}
		f.addPartitions(starts, ends)
		facts = append(facts, f)
	}
	return writeTopics(c, facts)
}

// overrides are the configs that are set for a topic itself.
func overrides(all kadm.ResourceConfigs, topic string) (o output.Object) {
	o = output.Object{}
	r, err := all.On(topic, nil)
	if err != nil {
		return o
	}
	for _, cfg := range r.Configs {
		if cfg.Source == kmsg.ConfigSourceDynamicTopicConfig {
			o = append(o, output.Member{Key: cfg.Key, Value: cfg.MaybeValue()})
		}
	}
	slices.SortFunc(o, func(a, b output.Member) int { return strings.Compare(a.Key, b.Key) })
	return o
}

func (f *topicFacts) addPartitions(starts, ends kadm.ListedOffsets) {
	t := output.New(">partition", ">leader", "replicas", "isr", ">start_offset", ">end_offset", "error")
	for _, p := range f.Partitions.Sorted() {
		var first, last, problem any
		from, okFrom := starts.Lookup(f.Topic, p.Partition)
		to, okTo := ends.Lookup(f.Topic, p.Partition)
		if okFrom && okTo && from.Err == nil && to.Err == nil {
			first, last = from.Offset, to.Offset
			f.records += to.Offset - from.Offset
		}
		if p.Err != nil {
			problem = p.Err.Error()
		}
		t.Add(p.Partition, p.Leader, p.Replicas, p.ISR, first, last, problem)
	}
	f.partitions = t
}

func (f *topicFacts) object() output.Object {
	return output.Object{{Key: "name", Value: f.Topic}, {Key: "id", Value: topicID(f.ID)}, {Key: "internal", Value: f.IsInternal},
		{Key: "configs", Value: f.configs}, {Key: "partitions", Value: f.partitions.Objects()}}
}

// topicID is the id as Kafka writes it; nil if the cluster has none.
func topicID(id kadm.TopicID) any {
	if id == (kadm.TopicID{}) {
		return nil
	}
	return strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(id.String()), "=")
}

func writeTopics(c *call, facts []topicFacts) error {
	switch c.format {
	case output.AsJSON:
		list := []output.Object{}
		for i := range facts {
			list = append(list, facts[i].object())
		}
		return output.WriteJSON(c.Out, list)
	case output.AsPlain:
		return plainTopics(facts).Write(c.Out, c.format)
	}
	for i, f := range facts {
		if i > 0 {
			fmt.Fprintln(c.Out)
		}
		fmt.Fprintf(c.Out, "topic %s, id %s, %s, at most %s\n", f.Topic, output.Text(topicID(f.ID)), plural(int64(len(f.Partitions)), "partition"), plural(f.records, "record"))
		for _, m := range f.configs {
			fmt.Fprintf(c.Out, "config %s=%v\n", m.Key, m.Value)
		}
		if err := f.partitions.WithoutEmpty("error").Write(c.Out, c.format); err != nil {
			return err
		}
	}
	return nil
}

// plainTopics is one line per partition, with the topic in front.
func plainTopics(facts []topicFacts) *output.Table {
	all := output.New("topic", ">partition", ">leader", "replicas", "isr", ">start_offset", ">end_offset", "error")
	for _, f := range facts {
		for _, row := range f.partitions.Rows {
			all.Add(append([]any{f.Topic}, row...)...)
		}
	}
	return all
}
