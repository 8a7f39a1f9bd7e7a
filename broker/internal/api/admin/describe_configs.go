package admin

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeConfigs: key 32, versions 1 to 4. Differs from Kafka: no documentation texts;
// no loggers; a resource that is asked for twice is
// answered once, so that the answer is not larger than the cluster.
//
//	1   sources and synonyms (KIP-226)
//	2   throttle first
//	3   types and documentation (KIP-569)
//	4   flexible
func (h *Handlers) DescribeConfigs(r *network.Request) network.Disposition {
	req := kmsg.NewPtrDescribeConfigsRequest()
	if message.Decode(r, req) != nil {
		return network.Hangup
	}
	resp := kmsg.NewPtrDescribeConfigsResponse()
	image := h.Image()
	type key struct {
		kind kmsg.ConfigResourceType
		name string
	}
	seen := make(map[key]bool, len(req.Resources))
	for i := range req.Resources {
		k := key{req.Resources[i].ResourceType, req.Resources[i].ResourceName}
		if seen[k] {
			continue
		}
		seen[k] = true
		d := &description{h: h, image: image, want: &req.Resources[i], synonyms: req.IncludeSynonyms}
		d.out = kmsg.NewDescribeConfigsResponseResource()
		d.out.ResourceType, d.out.ResourceName = d.want.ResourceType, d.want.ResourceName
		d.fill(r)
		resp.Resources = append(resp.Resources, d.out)
	}
	return message.Answer(r, resp)
}

// ServerConfig is a config of this broker as it was started, other than the defaults of topic configs.
type ServerConfig struct {
	Name      string
	Value     *string // nil is null
	Default   *string
	Type      kmsg.ConfigType
	Sensitive bool // the value is not shown
}

// description is one resource of an answer.
type description struct {
	h        *Handlers
	image    *metadata.Image
	want     *kmsg.DescribeConfigsRequestResource
	synonyms bool
	out      kmsg.DescribeConfigsResponseResource
}

func (d *description) refuse(code *kerr.Error, text string) {
	d.out.ErrorCode, d.out.ErrorMessage = code.Code, &text
}

func (d *description) fill(r *network.Request) {
	kind, name := d.want.ResourceType, d.want.ResourceName
	if code, text := d.h.mayConfigure(r, security.OpDescribeConfigs, kind, name); code != nil {
		d.refuse(code, text)
		return
	}
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		d.topic(name)
	case kmsg.ConfigResourceTypeBroker:
		d.broker(name)
	case kmsg.ConfigResourceTypeGroupConfig:
		d.group(name)
	case kmsg.ConfigResourceTypeClientMetrics:
		d.clientMetrics(name)
	case kmsg.ConfigResourceTypeBrokerLogger:
		d.refuse(kerr.InvalidRequest, noLoggers)
	}
}

// group describes what a group of that name has or would have: of each config its own value or the brokers'.
func (d *description) group(name string) {
	if name == "" {
		d.refuse(kerr.InvalidRequest, "Group name must not be empty")
		return
	}
	for def := range metadata.GroupConfigs {
		if def.Hidden || !d.wanted(def.Name) {
			continue
		}
		value, source, ok := d.image.GroupConfig(name, def.Name)
		if source != metadata.SourceGroup {
			source = metadata.SourceDefault // of the group, wherever the broker has it from
		}
		d.addOwn(def.Name, value, ok, def.Type, source)
		if def.Server != "" && ok {
			d.defaultOfGroup(def.Server, source)
		}
	}
}

// defaultOfGroup adds the server key behind a group config to the last config's synonyms; it is the only one if the group has no
// value of its own.
func (d *description) defaultOfGroup(key string, source metadata.Source) {
	last := d.last()
	if source != metadata.SourceGroup {
		last.ConfigSynonyms = nil
	}
	value, _, ok := d.image.ServerConfig(key)
	if !ok || !d.synonyms {
		return
	}
	s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
	s.Name, s.Value, s.Source = key, &value, kmsg.ConfigSource(metadata.SourceDefault)
	last.ConfigSynonyms = append(last.ConfigSynonyms, s)
}

// clientMetrics describes a subscription, whether it exists or not.
func (d *description) clientMetrics(name string) {
	if name == "" {
		d.refuse(kerr.InvalidRequest, "Client metrics subscription name must not be empty")
		return
	}
	for _, def := range metadata.ClientMetricsConfigs {
		if !d.wanted(def.Name) {
			continue
		}
		value, source := def.Default, metadata.SourceDefault
		if v, ok := d.image.Config(metadata.ClientMetricsResource(name), def.Name); ok {
			value, source = v, metadata.SourceClientMetrics
		}
		d.addOwn(def.Name, value, true, def.Type, source)
	}
}

// addOwn appends a config that has one value, or none, under its own name.
func (d *description) addOwn(name, value string, ok bool, kind metadata.ConfigType, source metadata.Source) {
	if !ok {
		d.add(name, nil, kmsg.ConfigType(kind), nil)
		return
	}
	d.add(name, &value, kmsg.ConfigType(kind), []metadata.ConfigSynonym{{Name: name, Value: value, Source: source}})
}

func (d *description) wanted(name string) bool {
	return len(d.want.ConfigNames) == 0 || slices.Contains(d.want.ConfigNames, name)
}

func (d *description) topic(name string) {
	if err := kafka.CheckTopicName(name); err != nil {
		d.refuse(kerr.InvalidTopicException, err.Error())
		return
	}
	if d.image.Topic(name) == nil {
		d.out.ErrorCode = kerr.UnknownTopicOrPartition.Code
		return
	}
	overrides := d.image.ConfigsOf(metadata.TopicResource(name))
	d.image.ResolveTopicConfigs(overrides, func(def *metadata.TopicConfigDef, value string, _ metadata.Source) bool {
		if d.wanted(def.Name) {
			d.add(def.Name, &value, kmsg.ConfigType(def.Type), d.image.TopicConfigSynonyms(name, def))
		}
		return true
	})
}

// broker describes this broker, or with an empty name the dynamic defaults of all brokers.
func (d *description) broker(name string) {
	if name == "" {
		for _, v := range d.image.ConfigsOf(metadata.DefaultBrokerResource) {
			d.defaultOfAll(v)
		}
		return
	}
	switch id, err := strconv.ParseInt(name, 10, 32); {
	case err != nil:
		d.refuse(kerr.InvalidRequest, "Broker id must be an integer, but it is: "+name)
	case int32(id) != int32(d.h.Self):
		d.refuse(kerr.InvalidRequest, fmt.Sprintf("Unexpected broker id, expected %d or empty string, but received %s", d.h.Self, name))
	default:
		d.thisBroker()
	}
}

func (d *description) defaultOfAll(v metadata.ConfigValue) {
	if !d.wanted(v.Name) {
		return
	}
	kind := kmsg.ConfigType(0) // unknown
	if def, place := metadata.ServerKey(v.Name); def != nil {
		kind = kmsg.ConfigType(def.ServerKeyType(place))
	} else if def := metadata.ServerConfigDefOf(v.Name); def != nil {
		kind = kmsg.ConfigType(def.Type)
	}
	d.add(v.Name, &v.Value, kind, []metadata.ConfigSynonym{{Name: v.Name, Value: v.Value, Source: metadata.SourceDynamicDefaultBroker}})
}

func (d *description) thisBroker() {
	metadata.TopicConfigs(func(def *metadata.TopicConfigDef) bool {
		for place, s := range def.Synonyms {
			if !d.wanted(s.Name) {
				continue
			}
			synonyms := d.image.ServerConfigSynonyms(def, s.Name)
			var value *string
			if len(synonyms) > 0 {
				value = &synonyms[0].Value
			}
			d.add(s.Name, value, kmsg.ConfigType(def.ServerKeyType(place)), synonyms)
			d.last().ReadOnly = place > 0 // only the strongest can change while the broker runs
		}
		return true
	})
	acted := make(map[string]bool, len(d.h.Server))
	for _, c := range d.h.Server {
		if acted[c.Name] = true; d.wanted(c.Name) {
			d.server(c)
		}
	}
	for def := range metadata.ServerConfigs {
		if topic, _ := metadata.ServerKey(def.Name); topic == nil && !def.Hidden && !def.DynamicOnly && !acted[def.Name] && d.wanted(def.Name) {
			d.other(def)
		}
	}
}

// other describes a key on which this broker does not act, or not by itself.
func (d *description) other(def *metadata.ServerConfigDef) {
	synonyms := d.image.PlainServerConfigSynonyms(def.Name)
	var value *string
	if len(synonyms) > 0 {
		value = &synonyms[0].Value
	}
	d.add(def.Name, value, kmsg.ConfigType(def.Type), synonyms)
	if d.last().ReadOnly = !def.Changeable(); def.Sensitive() {
		d.hide()
	}
}

// hide keeps the value of the last config to ourselves.
func (d *description) hide() {
	last := d.last()
	last.IsSensitive, last.Value = true, nil
	for i := range last.ConfigSynonyms {
		last.ConfigSynonyms[i].Value = nil
	}
}

func (d *description) server(c ServerConfig) {
	var synonyms []metadata.ConfigSynonym
	add := func(v *string, source metadata.Source) {
		if v != nil {
			synonyms = append(synonyms, metadata.ConfigSynonym{Name: c.Name, Value: *v, Source: source})
		}
	}
	if c.Value != nil && (c.Default == nil || *c.Value != *c.Default) {
		add(c.Value, metadata.SourceStaticBroker)
	}
	add(c.Default, metadata.SourceDefault)
	d.add(c.Name, c.Value, c.Type, synonyms)
	if d.last().ReadOnly = true; c.Sensitive {
		d.hide()
	}
}

func (d *description) last() *kmsg.DescribeConfigsResponseResourceConfig {
	return &d.out.Configs[len(d.out.Configs)-1]
}

// add appends one config. Its source is that of the first synonym.
func (d *description) add(name string, value *string, kind kmsg.ConfigType, synonyms []metadata.ConfigSynonym) {
	c := kmsg.NewDescribeConfigsResponseResourceConfig()
	c.Name, c.Value, c.ConfigType, c.Source = name, value, kind, kmsg.ConfigSource(metadata.SourceDefault)
	if len(synonyms) > 0 {
		c.Source = kmsg.ConfigSource(synonyms[0].Source)
	}
	if d.synonyms {
		for _, s := range synonyms {
			out := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
			out.Name, out.Value, out.Source = s.Name, &s.Value, kmsg.ConfigSource(s.Source)
			c.ConfigSynonyms = append(c.ConfigSynonyms, out)
		}
	}
	d.out.Configs = append(d.out.Configs, c)
}
