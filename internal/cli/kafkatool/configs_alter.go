package kafkatool

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func (r *configsCall) alter(cl *cluster, add map[string]string, remove []string) error {
	var err error
	switch r.types[0] {
	case ofUsers, ofClients:
		err = r.alterUser(cl, add, remove)
	case ofIPs:
		if unknown := without(slices.Concat(slices.Sorted(maps.Keys(add)), remove), "connection_creation_rate"); len(unknown) > 0 {
			return refused("Only connection quota configs can be added for 'ips' using --bootstrap-server. Unexpected config names: %s", strings.Join(unknown, ","))
		}
		err = r.alterQuotas(cl, add, remove)
	case ofLoggers:
		err = r.alterLoggers(cl, add, remove)
	default:
		err = cl.alterConfigs(r.ctx, configResources[r.types[0]].kind, r.names[0], add, remove)
	}
	if err != nil {
		return err
	}
	if r.names[0] == "" {
		r.printf("Completed updating default config for %s in the cluster.\n", r.types[0])
	} else {
		r.printf("Completed updating config for %s %s.\n", singular(r.types[0]), r.names[0])
	}
	return nil
}

// without are the words that are none of some, in their order.
func without(words []string, some ...string) (rest []string) {
	for _, w := range words {
		if !slices.Contains(some, w) {
			rest = append(rest, w)
		}
	}
	return rest
}

func (r *configsCall) alterLoggers(cl *cluster, add map[string]string, remove []string) error {
	configs, err := cl.describeConfigs(r.ctx, kmsg.ConfigResourceTypeBrokerLogger, r.names[0])
	if err != nil {
		return err
	}
	var known []string
	for _, c := range configs {
		known = append(known, c.Name)
	}
	if unknown := without(slices.Concat(remove, slices.Sorted(maps.Keys(add))), known...); len(unknown) > 0 {
		return refused("Invalid broker logger(s): %s", strings.Join(unknown, ","))
	}
	return cl.alterConfigs(r.ctx, kmsg.ConfigResourceTypeBrokerLogger, r.names[0], add, remove)
}

// describeConfigs reads the configs of one resource with their synonyms, sorted by name.
func (c *cluster) describeConfigs(ctx context.Context, kind kmsg.ConfigResourceType, name string) ([]kmsg.DescribeConfigsResponseResourceConfig, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	if err := c.need(req); err != nil {
		return nil, err
	}
	req.IncludeSynonyms = true
	res := kmsg.NewDescribeConfigsRequestResource()
	res.ResourceType, res.ResourceName = kind, name
	req.Resources = append(req.Resources, res)
	resp, err := req.RequestWith(ctx, c.Client)
	if err != nil {
		return nil, err
	}
	if len(resp.Resources) == 0 {
		return nil, nil
	}
	r := resp.Resources[0]
	if err := kclient.CodeMessage(r.ErrorCode, r.ErrorMessage); err != nil {
		return nil, err
	}
	slices.SortFunc(r.Configs, func(a, b kmsg.DescribeConfigsResponseResourceConfig) int { return strings.Compare(a.Name, b.Name) })
	return r.Configs, nil
}

// alterConfigs sets and takes back configs of one resource, all or none.
func (c *cluster) alterConfigs(ctx context.Context, kind kmsg.ConfigResourceType, name string, add map[string]string, remove []string) error {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	if err := c.need(req); err != nil {
		return err
	}
	res := kmsg.NewIncrementalAlterConfigsRequestResource()
	res.ResourceType, res.ResourceName = kind, name
	for _, k := range slices.Sorted(maps.Keys(add)) {
		cfg := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		cfg.Name, cfg.Op, cfg.Value = k, kmsg.IncrementalAlterConfigOpSet, kmsg.StringPtr(add[k])
		res.Configs = append(res.Configs, cfg)
	}
	for _, k := range remove {
		cfg := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		cfg.Name, cfg.Op, cfg.Value = k, kmsg.IncrementalAlterConfigOpDelete, kmsg.StringPtr("")
		res.Configs = append(res.Configs, cfg)
	}
	req.Resources = append(req.Resources, res)
	resp, err := req.RequestWith(ctx, c.Client)
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

// configResourceNames lists the resources of a type that have configs.
func (c *cluster) configResourceNames(ctx context.Context, kind kmsg.ConfigResourceType) (names []string, err error) {
	req := kmsg.NewPtrListConfigResourcesRequest()
	if err := c.need(req); err != nil {
		return nil, err
	}
	req.ResourceTypes = []int8{int8(kind)}
	resp, err := req.RequestWith(ctx, c.Client)
	if err == nil {
		err = kclient.CodeMessage(resp.ErrorCode, nil)
	}
	if err != nil {
		return nil, err
	}
	for _, r := range resp.ConfigResources {
		if kmsg.ConfigResourceType(r.Type) == kind {
			names = append(names, r.Name)
		}
	}
	return names, nil
}

// groupsOfAnyKind lists the groups, as far as the cluster serves groups.
func (c *cluster) groupsOfAnyKind(ctx context.Context) (names []string, err error) {
	req := kmsg.NewPtrListGroupsRequest()
	if !c.serves[req.Key()] {
		return nil, nil
	}
	resp, err := req.RequestWith(ctx, c.Client)
	if err == nil {
		err = kclient.CodeMessage(resp.ErrorCode, nil)
	}
	if err != nil {
		return nil, err
	}
	for _, g := range resp.Groups {
		names = append(names, g.Group)
	}
	return names, nil
}
