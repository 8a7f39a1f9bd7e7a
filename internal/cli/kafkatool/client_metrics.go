package kafkatool

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func clientMetricsParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "list", Help: "List the subscriptions."},
		{Name: "describe", Help: "Show subscriptions."},
		{Name: "alter", Help: "Make or change a subscription."},
		{Name: "delete", Help: "Delete a subscription."},
		{Name: "name", Arg: "name", Help: "The subscription."},
		{Name: "generate-name", Help: "With --alter: make up a name."},
		{Name: "metrics", Arg: "prefix,...", Optional: true, Help: "With --alter: the names of metrics, by how they begin; * for all. Nothing for none."},
		{Name: "interval", Arg: "ms", Optional: true, Help: "With --alter: how often clients push, in milliseconds. Nothing for the default."},
		{Name: "match", Arg: "k=v,...", Optional: true, Help: "With --alter: which clients; keys are client_id, client_instance_id, client_software_name, client_software_version, client_source_address, client_source_port, values are regular expressions."},
	}}
}

func runClientMetrics(c *call) error {
	if err := c.checkClientMetrics(); err != nil {
		return err
	}
	err := c.clientMetrics()
	var m misuse
	if err == nil || errors.As(err, &m) || c.ctx.Err() != nil {
		return err
	}
	c.printf("Error while executing client metrics command : %s\n", kclient.Message(err))
	return errTold
}

func (c *call) checkClientMetrics() error {
	if c.count([]string{"alter", "delete", "describe", "list"}) != 1 {
		return misused("Command must include exactly one action: --alter, --delete, --describe or --list.")
	}
	switch {
	case !c.Has("bootstrap-server"):
		return errors.New("--bootstrap-server must be specified.")
	case c.Has("alter") && c.Has("name") == c.Has("generate-name"):
		return errors.New("One of --name or --generate-name must be specified with --alter.")
	case c.Has("alter") && c.count([]string{"interval", "match", "metrics"}) == 0:
		return errors.New("At least one of --interval, --match or --metrics must be specified with --alter.")
	case c.Has("delete") && !c.Has("name"):
		return errors.New("A client metrics resource name must be specified with --delete.")
	}
	for _, action := range []string{"list", "describe", "delete"} {
		for _, name := range []string{"name", "generate-name", "metrics", "interval", "match"} {
			if name == "name" && action != "list" {
				continue
			}
			if err := c.apart(action, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *call) clientMetrics() error {
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	name := c.Value("name")
	switch {
	case c.Has("list"):
		names, err := c.subscriptions(cl)
		for _, n := range names {
			c.printf("%s\n", n)
		}
		return err
	case c.Has("alter"):
		if c.Has("generate-name") {
			var id [16]byte
			if _, err := rand.Read(id[:]); err != nil {
				return err
			}
			name = base64.RawURLEncoding.EncodeToString(id[:])
		}
		err := c.alterSubscription(cl, name, c.subscriptionChanges())
		if err == nil {
			c.printf("Altered client metrics config for %s.\n", name)
		}
		return err
	case c.Has("delete"):
		return c.deleteSubscription(cl, name)
	}
	return c.describeSubscriptions(cl, name)
}

// subscriptions are the names of all, in the order of the answer.
func (c *call) subscriptions(cl *cluster) (names []string, err error) {
	req := kmsg.NewPtrListConfigResourcesRequest()
	if err := cl.need(req); err != nil {
		return nil, err
	}
	req.ResourceTypes = []int8{int8(kmsg.ConfigResourceTypeClientMetrics)}
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, err
	}
	for _, r := range resp.ConfigResources {
		names = append(names, r.Name)
	}
	return names, nil
}

// subscriptionConfigs are the options and the configs that they set.
var subscriptionConfigs = [][2]string{{"interval", "interval.ms"}, {"metrics", "metrics"}, {"match", "match"}}

// subscriptionChanges are what the command line sets; nil takes a config back to its default.
func (c *call) subscriptionChanges() map[string]*string {
	changes := map[string]*string{}
	for _, pair := range subscriptionConfigs {
		if c.Has(pair[0]) {
			changes[pair[1]] = nil
			if v := c.Value(pair[0]); v != "" {
				changes[pair[1]] = &v
			}
		}
	}
	return changes
}

func (c *call) alterSubscription(cl *cluster, name string, changes map[string]*string) error {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	if err := cl.need(req); err != nil {
		return err
	}
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeClientMetrics, name
	for key, value := range changes {
		e := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		e.Name, e.Value = key, value
		if value == nil {
			e.Op = kmsg.IncrementalAlterConfigOpDelete
		}
		r.Configs = append(r.Configs, e)
	}
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err != nil {
		return err
	}
	for _, r := range resp.Resources {
		if err := kclient.CodeMessage(r.ErrorCode, r.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) describedSubscription(cl *cluster, name string) ([]kmsg.DescribeConfigsResponseResourceConfig, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	if err := cl.need(req); err != nil {
		return nil, err
	}
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeClientMetrics, name
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err != nil {
		return nil, err
	}
	for _, r := range resp.Resources {
		return r.Configs, kclient.CodeMessage(r.ErrorCode, r.ErrorMessage)
	}
	return nil, nil
}

// deleteSubscription takes every config back: a subscription without any is gone.
func (c *call) deleteSubscription(cl *cluster, name string) error {
	changes := map[string]*string{}
	for _, pair := range subscriptionConfigs {
		changes[pair[1]] = nil
	}
	err := c.alterSubscription(cl, name, changes)
	if err == nil {
		c.printf("Deleted client metrics config for %s.\n", name)
	}
	return err
}

func (c *call) describeSubscriptions(cl *cluster, name string) error {
	all, err := c.subscriptions(cl)
	if err != nil {
		return err
	}
	names := all
	if name != "" {
		if !slices.Contains(all, name) {
			c.printf("The client metric resource %s doesn't exist and doesn't have dynamic config.\n", name)
			return nil
		}
		names = []string{name}
	}
	for _, n := range names {
		configs, err := c.describedSubscription(cl, n)
		if err != nil {
			return err
		}
		c.printf("Client metrics configs for %s are:\n", n)
		slices.SortFunc(configs, func(a, b kmsg.DescribeConfigsResponseResourceConfig) int { return strings.Compare(a.Name, b.Name) })
		for _, e := range configs {
			c.printf("  %s=%s\n", e.Name, orNull(e.Value))
		}
	}
	return nil
}
