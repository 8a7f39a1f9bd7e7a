package controller

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// change is what is to become of one config of a resource.
type change struct {
	name  string
	op    kmsg.IncrementalAlterConfigOp
	value string
}

// IncrementalAlterConfigs decides an IncrementalAlterConfigs (KIP-339): resources one by one, each with
// all of its changes or none. The api has authorized the resources, refused those that come twice and those
// of other types. The answer is a *kmsg.IncrementalAlterConfigsResponse in order of the request.
func (c *Controller) IncrementalAlterConfigs(req *kmsg.IncrementalAlterConfigsRequest, caller Caller) Decision {
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	d := Decision{Answer: resp}
	for i := range req.Resources {
		wanted := &req.Resources[i]
		var changes []change
		for _, x := range wanted.Configs {
			n := change{name: x.Name, op: x.Op}
			if x.Value != nil {
				n.value = *x.Value
			}
			changes = append(changes, n)
		}
		r := kmsg.NewIncrementalAlterConfigsResponseResource()
		r.ResourceType, r.ResourceName = wanted.ResourceType, wanted.ResourceName
		if err := c.alterConfigs(&d, resource(wanted.ResourceType, wanted.ResourceName), changes); err != nil {
			r.ErrorCode, r.ErrorMessage = codeOf(err), textOf(err)
		}
		resp.Resources = append(resp.Resources, r)
	}
	c.configsDecided(&d, req.ValidateOnly, caller, func(code int16, text *string) {
		for i := range resp.Resources {
			resp.Resources[i].ErrorCode, resp.Resources[i].ErrorMessage = code, text
		}
	})
	return d
}

// AlterConfigs decides the older AlterConfigs: what is not named is deleted. The rest is as in
// IncrementalAlterConfigs. The answer is a *kmsg.AlterConfigsResponse.
func (c *Controller) AlterConfigs(req *kmsg.AlterConfigsRequest, caller Caller) Decision {
	resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
	d := Decision{Answer: resp}
	for i := range req.Resources {
		wanted := &req.Resources[i]
		res := resource(wanted.ResourceType, wanted.ResourceName)
		var changes []change
		named := make(map[string]bool, len(wanted.Configs))
		for _, x := range wanted.Configs {
			n := change{name: x.Name, op: kmsg.IncrementalAlterConfigOpSet}
			if x.Value != nil {
				n.value = *x.Value
			}
			named[x.Name] = true
			changes = append(changes, n)
		}
		for _, v := range c.image().ConfigsOf(res) {
			if !named[v.Name] {
				changes = append(changes, change{name: v.Name, op: kmsg.IncrementalAlterConfigOpDelete})
			}
		}
		r := kmsg.NewAlterConfigsResponseResource()
		r.ResourceType, r.ResourceName = wanted.ResourceType, wanted.ResourceName
		if err := c.alterConfigs(&d, res, changes); err != nil {
			r.ErrorCode, r.ErrorMessage = codeOf(err), textOf(err)
		}
		resp.Resources = append(resp.Resources, r)
	}
	c.configsDecided(&d, req.ValidateOnly, caller, func(code int16, text *string) {
		for i := range resp.Resources {
			resp.Resources[i].ErrorCode, resp.Resources[i].ErrorMessage = code, text
		}
	})
	return d
}

// configsDecided ends a decision; refuseAll is called if it has too many records, which then are dropped.
func (c *Controller) configsDecided(d *Decision, validateOnly bool, caller Caller, refuseAll func(int16, *string)) {
	if len(d.Records) > c.o.MaxRecordsPerOp {
		d.Records = nil
		refuseAll(codeOf(errTooManyRecords), textOf(errTooManyRecords))
	}
	if validateOnly && !plantedValidateWrites {
		d.Records = nil
	}
	if len(d.Records) > 0 {
		c.lg.Info("configs are altered", "principal", caller.Principal, "records", len(d.Records))
	}
}

func resource(kind kmsg.ConfigResourceType, name string) metadata.Resource {
	return metadata.Resource{Type: int8(kind), Name: name}
}

// alterConfigs adds the records of one resource's changes, or none if any of them, or what they come
// to together, is refused. A value that stays what it is gets no record, unless it is a broker's: setting
// it again makes brokers read again what it names (SURFACE 28).
func (c *Controller) alterConfigs(d *Decision, res metadata.Resource, changes []change) error {
	if err := checkResource(res); err != nil {
		return err
	}
	next := slices.Clone(c.image().ConfigsOf(res))
	var records []*schema.ConfigRecord
	for _, n := range changes {
		i, found := findValue(next, n.name)
		before := ""
		if found {
			before = next[i].Value
		}
		after, err := n.apply(res, before, found)
		switch {
		case err != nil:
			return err
		case after == nil && found:
			next = slices.Delete(next, i, i+1)
		case after == nil || found && *after == before && res.Type != schema.ResourceBroker:
			continue
		case found:
			next[i].Value = *after
		default:
			next = slices.Insert(next, i, metadata.ConfigValue{Name: n.name, Value: *after})
		}
		records = append(records, &schema.ConfigRecord{ResourceType: res.Type, ResourceName: res.Name, Name: n.name, Value: after})
	}
	if err := c.checkConfigs(res, next, records); err != nil {
		return err
	}
	for _, r := range records {
		d.add(0, r)
	}
	return nil
}

func findValue(values []metadata.ConfigValue, name string) (int, bool) {
	return slices.BinarySearchFunc(values, name, func(v metadata.ConfigValue, n string) int { return strings.Compare(v.Name, n) })
}

// apply is what becomes of a value, which was found or not; nil: it is deleted.
func (n change) apply(res metadata.Resource, before string, found bool) (*string, error) {
	switch n.op {
	case kmsg.IncrementalAlterConfigOpSet:
		return &n.value, nil
	case kmsg.IncrementalAlterConfigOpDelete:
		return nil, nil
	case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
	default:
		return nil, refuse(kerr.InvalidRequest, fmt.Sprintf("Unknown operations type %d", n.op))
	}
	kind, preset := definition(res, n.name)
	if kind != metadata.TypeList {
		return nil, refuse(kerr.InvalidConfig, fmt.Sprintf("Can't %s to key %s because its type is not LIST.", n.op, n.name))
	}
	if !found {
		before = preset
	}
	parts := strings.FieldsFunc(before, func(r rune) bool { return r == ',' })
	for _, v := range strings.Split(n.value, ",") {
		i := slices.Index(parts, v)
		switch {
		case n.op == kmsg.IncrementalAlterConfigOpAppend && i < 0:
			parts = append(parts, v)
		case n.op == kmsg.IncrementalAlterConfigOpSubtract && i >= 0:
			parts = slices.Delete(parts, i, i+1)
		}
	}
	after := strings.Join(parts, ",")
	return &after, nil
}

// definition is the type and the built-in value of a config of a resource; type 0 if there is none of that name.
func definition(res metadata.Resource, name string) (kind metadata.ConfigType, preset string) {
	switch res.Type {
	case schema.ResourceTopic:
		if def := metadata.TopicConfigDefOf(name); def != nil {
			return def.Type, def.Default
		}
	case schema.ResourceGroup:
		if def := metadata.GroupConfigDefOf(name); def != nil {
			return def.Type, def.Default
		}
	case schema.ResourceClientMetrics:
		if def := metadata.ClientMetricsConfigDefOf(name); def != nil {
			return def.Type, def.Default
		}
	case schema.ResourceBroker:
		if def, _ := metadata.ServerKey(name); def != nil {
			return def.Type, def.Default
		}
		if def := metadata.ServerConfigDefOf(name); def != nil {
			return def.Type, def.Default
		}
	}
	return 0, ""
}

func checkResource(res metadata.Resource) error {
	switch res.Type {
	case schema.ResourceTopic:
		if res.Name == "" {
			return refuse(kerr.InvalidRequest, "Default topic resources are not allowed.")
		}
		if err := kafka.CheckTopicName(res.Name); err != nil {
			return refuse(kerr.InvalidTopicException, err.Error())
		}
		return nil
	case schema.ResourceBroker:
		if res.Name == "" {
			return nil
		}
		switch id, err := strconv.ParseInt(res.Name, 10, 32); {
		case err != nil:
			return refuse(kerr.InvalidRequest, "Unable to parse broker name as a base 10 number.")
		case id < 0:
			return refuse(kerr.InvalidRequest, "Invalid negative broker ID.")
		}
		return nil
	case schema.ResourceGroup:
		if res.Name == "" {
			return refuse(kerr.InvalidRequest, "Default group resources are not allowed.")
		}
		return nil
	case schema.ResourceClientMetrics:
		if res.Name == "" {
			return refuse(kerr.InvalidRequest, "Subscription name can't be empty")
		}
		return nil
	}
	return refuse(kerr.InvalidRequest, fmt.Sprintf("Unknown resource type %d", res.Type))
}

// checkConfigs checks that a resource exists and what it would then have: for topics, groups and client metrics all of
// it, for brokers what is new, as others may have written what this build does not know. Groups and client
// metrics need not exist.
func (c *Controller) checkConfigs(res metadata.Resource, values []metadata.ConfigValue, altered []*schema.ConfigRecord) error {
	switch res.Type {
	case schema.ResourceGroup:
		if err := c.image().CheckGroupConfigs(values); err != nil {
			return refuse(kerr.InvalidConfig, err.Error())
		}
		return nil
	case schema.ResourceClientMetrics:
		_, err := metadata.NewMetricsSubscription(res.Name, values)
		switch {
		case errors.Is(err, metadata.ErrConfigRequest):
			return refuse(kerr.InvalidRequest, err.Error())
		case err != nil:
			return refuse(kerr.InvalidConfig, err.Error())
		}
		return nil
	case schema.ResourceTopic:
		if err := c.image().CheckTopicConfigs(values); err != nil {
			return refuse(kerr.InvalidConfig, err.Error())
		}
		if c.image().Topic(res.Name) == nil {
			return refuse(kerr.UnknownTopicOrPartition, fmt.Sprintf("The topic '%s' does not exist.", res.Name))
		}
		return nil
	}
	if err := checkServerKeys(res, altered); err != nil {
		return err
	}
	if id, err := strconv.ParseInt(res.Name, 10, 32); err == nil && c.image().Broker(kafka.BrokerID(id)) == nil {
		return refuse(kerr.BrokerIDNotRegistered, fmt.Sprintf("No node with id %d found.", id))
	}
	return nil
}

// checkServerKeys lets through what can change while brokers run: what Kafka calls cluster-wide, save the keys that this
// build reads once (metadata.ServerConfigDef.Changeable). Of the server keys that set a topic config for all topics
// only the strongest can. What is only for one broker cannot change here, and is refused as a default in Kafka's words.
func checkServerKeys(res metadata.Resource, altered []*schema.ConfigRecord) error {
	var refused, perBroker []string
	for _, r := range altered {
		if r.Value == nil {
			continue
		}
		topicDef, place := metadata.ServerKey(r.Name)
		def := metadata.ServerConfigDefOf(r.Name)
		var err error
		switch {
		case topicDef != nil && place == 0:
			err = topicDef.CheckServerKey(place, *r.Value)
		case topicDef != nil || def == nil:
			refused = append(refused, r.Name)
		case def.Update == metadata.PerBroker && res.Name == "":
			perBroker = append(perBroker, r.Name)
		case !def.Changeable():
			refused = append(refused, r.Name)
		default:
			err = def.Check(*r.Value)
		}
		if err != nil {
			return refuse(kerr.InvalidRequest, err.Error()) // KAFKA-13609: not INVALID_CONFIG
		}
	}
	switch {
	case refused != nil:
		return refuse(kerr.InvalidRequest, "Cannot update these configs dynamically: ["+strings.Join(refused, ", ")+"]")
	case perBroker != nil:
		return refuse(kerr.InvalidRequest, "Cannot update these configs at default cluster level, broker id must be specified: ["+strings.Join(perBroker, ", ")+"]")
	}
	return nil
}
