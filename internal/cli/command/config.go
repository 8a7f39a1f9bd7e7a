package command

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/thalweg-io/thalweg/internal/cli/profile"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func configCommand(e Env) *cobra.Command {
	below := []*cobra.Command{configGet(e), configSet(e)}
	for _, cmd := range below {
		e.clusterFlags(cmd)
		timeoutFlag(cmd)
	}
	cmd := family(&cobra.Command{Use: "config", Short: "read and change configs of topics, brokers and groups"}, below...)
	outputFlag(cmd)
	return cmd
}

// resource is what has configs.
type resource struct {
	kind kmsg.ConfigResourceType
	word string
	name string // "" for the defaults of all brokers
}

// resourceKinds are the words for them.
var resourceKinds = []struct {
	word string
	kind kmsg.ConfigResourceType
}{
	{"topic", kmsg.ConfigResourceTypeTopic},
	{"broker", kmsg.ConfigResourceTypeBroker},
	{"broker-logger", kmsg.ConfigResourceTypeBrokerLogger},
	{"client-metrics", kmsg.ConfigResourceTypeClientMetrics},
	{"group", kmsg.ConfigResourceTypeGroupConfig},
}

const resourceHelp = `A config belongs to a topic, a broker (by its id, or "default" for all of them), a broker-logger,
a group or client-metrics.`

// parseResource reads two words: a kind and a name.
func parseResource(kind, name string) (resource, error) {
	for _, k := range resourceKinds {
		if k.word != kind {
			continue
		}
		r := resource{k.kind, kind, name}
		if k.kind == kmsg.ConfigResourceTypeBroker && name == "default" {
			r.name = ""
			return r, nil
		}
		if _, err := strconv.ParseInt(name, 10, 32); err != nil && strings.HasPrefix(kind, "broker") {
			return r, Misuse("%q is no broker: give its id, or \"default\" for all of them", name)
		}
		return r, nil
	}
	return resource{}, Misuse("%q has no configs; topic, broker, broker-logger, group and client-metrics have", kind)
}

func (r resource) String() string {
	if r.name == "" {
		return "all brokers"
	}
	return r.word + " " + r.name
}

// send asks the broker that a resource belongs to, or any.
func (r resource) send(c *call, cl *kgo.Client, req kmsg.Request) (kmsg.Response, error) {
	if id, err := strconv.ParseInt(r.name, 10, 32); err == nil && strings.HasPrefix(r.word, "broker") {
		return cl.Broker(int(id)).RetriableRequest(c.ctx, req)
	}
	return cl.Request(c.ctx, req)
}

func configGet(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get KIND NAME [KEY]...",
		Short: "show configs and where their values come from",
		Long: "Shows the configs that are set for something, and where each value comes from; --all shows the defaults, too.\n" +
			resourceHelp + " Secrets are not shown.",
		Example:           "thalweg config get topic orders\nthalweg config get topic orders retention.ms\nthalweg config get broker 1 --all\nthalweg config get broker default",
		Args:              atLeast(2, "a kind, a name, and keys if not all are wanted"),
		ValidArgsFunction: e.completeResource,
		RunE:              e.run(runConfigGet),
	}
	cmd.Flags().BoolP("all", "a", false, "defaults, too")
	return cmd
}

func runConfigGet(c *call, args []string) error {
	r, err := parseResource(args[0], args[1])
	if err != nil {
		return err
	}
	cl, err := c.connect(kclient.Admin)
	if err != nil {
		return err
	}
	all, err := c.configs(cl, r)
	if err != nil {
		return failed(err, "read configs of %s", r)
	}
	keys := args[2:]
	for _, k := range keys {
		if !slices.ContainsFunc(all, func(e configEntry) bool { return e.Name == k }) {
			return failed(errNoConfig, "read config %s of %s", k, r)
		}
	}
	t := output.New("key", "value", "source", "read_only")
	for _, e := range all {
		if len(keys) > 0 && !slices.Contains(keys, e.Name) || len(keys) == 0 && !c.flag("all") && !e.set(r) {
			continue
		}
		t.Add(e.Name, e.shown(), e.source(), e.ReadOnly)
	}
	return t.Write(c.Out, c.format)
}

// configEntry is one config as the cluster tells it.
type configEntry kmsg.DescribeConfigsResponseResourceConfig

// set reports whether somebody has given the value, for this resource or in a file.
func (e configEntry) set(r resource) bool {
	switch e.Source {
	case kmsg.ConfigSourceDefaultConfig:
		return false
	case kmsg.ConfigSourceDynamicBrokerConfig, kmsg.ConfigSourceDynamicDefaultBrokerConfig, kmsg.ConfigSourceStaticBrokerConfig:
		return r.kind == kmsg.ConfigResourceTypeBroker
	}
	return true
}

// shown is the value, without secrets.
func (e configEntry) shown() any {
	switch {
	case e.IsSensitive || e.Value != nil && profile.Secret(e.Name) && *e.Value != "":
		return profile.Hidden
	case e.Value == nil:
		return nil
	}
	return *e.Value
}

// source is where the value comes from, in words.
func (e configEntry) source() string {
	switch e.Source {
	case kmsg.ConfigSourceDynamicTopicConfig:
		return "topic"
	case kmsg.ConfigSourceDynamicBrokerConfig:
		return "this broker"
	case kmsg.ConfigSourceDynamicDefaultBrokerConfig:
		return "all brokers"
	case kmsg.ConfigSourceStaticBrokerConfig:
		return "server.properties"
	case kmsg.ConfigSourceDefaultConfig:
		return "default"
	}
	return strings.ToLower(strings.ReplaceAll(e.Source.String(), "_", " "))
}

// configs asks for all configs of a resource, sorted.
func (c *call) configs(cl *kgo.Client, r resource) ([]configEntry, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	rr := kmsg.NewDescribeConfigsRequestResource()
	rr.ResourceType, rr.ResourceName = r.kind, r.name
	req.Resources = append(req.Resources, rr)
	resp, err := r.send(c, cl, req)
	if err != nil {
		return nil, err
	}
	var list []configEntry
	for _, res := range resp.(*kmsg.DescribeConfigsResponse).Resources {
		if err := kclient.CodeMessage(res.ErrorCode, res.ErrorMessage); err != nil {
			return nil, err
		}
		for _, e := range res.Configs {
			list = append(list, configEntry(e))
		}
	}
	slices.SortFunc(list, func(a, b configEntry) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (e Env) completeResource(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0:
		var kinds []string
		for _, k := range resourceKinds {
			kinds = append(kinds, k.word)
		}
		return kinds, cobra.ShellCompDirectiveNoFileComp
	case len(args) == 1 && args[0] == "topic":
		return e.topicNames()(cmd, nil, prefix)
	case len(args) > 1 && args[0] == "topic":
		return completeTopicKeys(cmd, nil, prefix)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}
